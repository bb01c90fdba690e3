//! Whether entries are those that were signed: decided by looking, without IO.

use std::collections::BTreeMap;

use crate::{Chain, Digest, Entry};

/// How an entry differs from what was signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It is not there, or not in its place.
    Missing,
    /// It was put in: its place was taken already.
    Inserted,
    /// What happened is not what its digest says.
    Altered,
    /// It does not follow the entry before it, or its hash is not its own.
    Unlinked,
    /// Everything up to it fits together and is not what was signed: it was rewritten.
    Rewritten,
}

/// The first entries that are not those that were signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("entries {from} to {to} are not those that were signed: {fault:?}")]
pub struct Mismatch {
    /// The first that may be concerned.
    pub from: i64,
    /// The last that is; where nothing was rewritten, `from`.
    pub to: i64,
    /// How it differs.
    pub fault: Fault,
}

/// What a whole chain came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verified {
    /// The newest entry.
    pub seq: i64,
    /// The newest entry that a checkpoint covers; those behind it fit together, and nobody has signed them yet.
    pub sealed: i64,
}

/// Takes a chain's entries in their order and compares them with checkpoints that were found genuine.
#[derive(Clone, Debug)]
pub struct Verifier {
    chain: Chain,
    checkpoints: BTreeMap<i64, Digest>,
    /// The last entry that was good, and its hash.
    seq: i64,
    hash: Digest,
    /// The last checkpoint that was met.
    sealed: i64,
}

impl Verifier {
    /// From the first entry on.
    #[must_use]
    pub fn new(chain: Chain, checkpoints: BTreeMap<i64, Digest>) -> Self {
        let hash = chain.genesis();
        Self { chain, checkpoints, seq: 0, hash, sealed: 0 }
    }

    /// From a checkpoint on: what it covers is not looked at.
    #[must_use]
    pub fn after(chain: Chain, checkpoints: BTreeMap<i64, Digest>, seq: i64, hash: Digest) -> Self {
        Self { chain, checkpoints, seq, hash, sealed: seq }
    }

    /// The last entry that was good.
    #[must_use]
    pub fn seq(&self) -> i64 {
        self.seq
    }

    /// Its hash.
    #[must_use]
    pub fn hash(&self) -> Digest {
        self.hash
    }

    /// The last entry that was good and that a checkpoint covers.
    #[must_use]
    pub fn sealed(&self) -> i64 {
        self.sealed
    }

    /// Looks at the next entry.
    ///
    /// # Errors
    /// The first mismatch; nothing behind it says anything.
    pub fn push(&mut self, entry: &Entry) -> Result<(), Mismatch> {
        let seq = self.seq + 1;
        let at = |fault| Err(Mismatch { from: seq, to: seq, fault });
        if entry.seq > seq {
            return at(Fault::Missing);
        }
        if entry.seq < seq {
            return at(Fault::Inserted);
        }
        if entry.event.digest() != entry.digest {
            return at(Fault::Altered);
        }
        let hash = self.chain.link(seq, &entry.prev, &entry.digest);
        if entry.prev != self.hash || entry.hash != hash {
            return at(Fault::Unlinked);
        }
        if let Some(signed) = self.checkpoints.get(&seq) {
            if *signed != hash {
                return Err(Mismatch { from: self.sealed + 1, to: seq, fault: Fault::Rewritten });
            }
            self.sealed = seq;
        }
        (self.seq, self.hash) = (seq, hash);
        Ok(())
    }

    /// There are no more entries.
    ///
    /// # Errors
    /// When a checkpoint says that there were.
    pub fn finish(self) -> Result<Verified, Mismatch> {
        match self.checkpoints.last_key_value() {
            Some((sealed, _)) if *sealed > self.seq => {
                Err(Mismatch { from: self.seq + 1, to: *sealed, fault: Fault::Missing })
            }
            _ => Ok(Verified { seq: self.seq, sealed: self.sealed }),
        }
    }
}
