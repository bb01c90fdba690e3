//! Whether a chain is what was signed: decided by looking at what was read, without IO.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use evidence::{Chain, Checkpoint, Digest, Mismatch, PublicKeys, Verifier};

use crate::{Head, Row, StoredCheckpoint};

/// Something that does not match.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// Entries are not those that were signed.
    Entries(Mismatch),
    /// The head is not the last entry.
    Head,
    /// A checkpoint in the database is not the one in the bucket, by its place.
    Checkpoint(i64),
    /// A checkpoint of the bucket is not in the database, by its place.
    CheckpointMissing(i64),
    /// An object in the bucket is no checkpoint of the chain that a known key has signed; by its key.
    Object(String),
    /// Two checkpoints in the bucket, both signed by us, say different things of one place.
    Forked(i64),
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Entries(mismatch) => write!(f, "{mismatch}"),
            Self::Head => write!(f, "the head is not the last entry"),
            Self::Checkpoint(seq) => {
                write!(f, "checkpoint {seq} in the database is not the one in the bucket")
            }
            Self::CheckpointMissing(seq) => write!(f, "checkpoint {seq} is missing from the database"),
            Self::Object(key) => write!(f, "{key}: no checkpoint of this chain that a known key has signed"),
            Self::Forked(seq) => write!(f, "two checkpoints of entry {seq} in the bucket differ"),
        }
    }
}

/// What an inspection came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inspected {
    /// The last entry that was good.
    pub seq: i64,
    /// The last entry that a checkpoint of the bucket covers and that was good.
    pub sealed: i64,
    /// Genuine checkpoints of the bucket.
    pub checkpoints: usize,
    /// What does not match; of entries the first only, since nothing behind it says anything.
    pub findings: Vec<Finding>,
}

/// Takes a chain's rows in their order and compares them with its checkpoints.
#[derive(Debug)]
pub struct Inspector {
    verifier: Verifier,
    checkpoints: usize,
    findings: Vec<Finding>,
    stopped: bool,
}

impl Inspector {
    /// `bucket` has everything that lies in the bucket under the chain's name: keys, and what could be read of each; it is
    /// believed as far as `keys` have signed it. `stored` are the database's checkpoints, read before, and not believed.
    #[must_use]
    pub fn new(
        chain: Chain,
        keys: &PublicKeys,
        bucket: Vec<(String, Option<Checkpoint>)>,
        stored: &[StoredCheckpoint],
    ) -> Self {
        let (mut genuine, mut findings) = (BTreeMap::<i64, Digest>::new(), Vec::new());
        for (key, checkpoint) in bucket {
            match checkpoint.filter(|checkpoint| checkpoint.is_genuine(keys, &chain)) {
                None => findings.push(Finding::Object(key)),
                Some(checkpoint) => {
                    let hash = genuine.entry(checkpoint.seq).or_insert(checkpoint.hash);
                    if *hash != checkpoint.hash {
                        findings.push(Finding::Forked(checkpoint.seq));
                    }
                }
            }
        }
        for stored in stored {
            let copy = stored.checkpoint(&chain).filter(|checkpoint| checkpoint.is_genuine(keys, &chain));
            if copy.is_none_or(|copy| genuine.get(&copy.seq) != Some(&copy.hash)) {
                findings.push(Finding::Checkpoint(stored.seq));
            }
        }
        // One that is newer than all in the database was signed since these were read, or is about to be copied.
        let known: BTreeSet<i64> = stored.iter().map(|stored| stored.seq).collect();
        let newest = known.last().copied().unwrap_or(0);
        let missing = genuine.keys().copied().filter(|seq| *seq < newest && !known.contains(seq));
        findings.extend(missing.map(Finding::CheckpointMissing));
        let checkpoints = genuine.len();
        Self { verifier: Verifier::new(chain, genuine), checkpoints, findings, stopped: false }
    }

    /// The place of the last entry that was good.
    #[must_use]
    pub fn seq(&self) -> i64 {
        self.verifier.seq()
    }

    /// Looks at the next row. False once one does not match: nothing behind it says anything.
    pub fn push(&mut self, row: Row) -> bool {
        if self.stopped {
            return false;
        }
        if let Err(mismatch) = look(&mut self.verifier, row) {
            self.findings.push(Finding::Entries(mismatch));
            self.stopped = true;
        }
        !self.stopped
    }

    /// There are no more rows; `head` was read before it was seen that there are none.
    #[must_use]
    pub fn finish(mut self, head: Option<Head>) -> Inspected {
        let (seq, sealed) = (self.verifier.seq(), self.verifier.sealed());
        if !self.stopped {
            let last = Head { seq, hash: self.verifier.hash() };
            if head.unwrap_or(Head { seq: 0, hash: last.hash }) != last {
                self.findings.push(Finding::Head);
            }
            if let Err(mismatch) = self.verifier.finish() {
                self.findings.push(Finding::Entries(mismatch));
            }
        }
        Inspected { seq, sealed, checkpoints: self.checkpoints, findings: self.findings }
    }
}

/// Looks at a row, which is altered where it is not even of an entry's shape.
pub(crate) fn look(verifier: &mut Verifier, row: Row) -> Result<(), Mismatch> {
    let seq = verifier.seq() + 1;
    match row.entry() {
        Some(entry) => verifier.push(&entry),
        None => Err(Mismatch { from: seq, to: seq, fault: evidence::Fault::Altered }),
    }
}
