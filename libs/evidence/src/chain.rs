//! What is hashed, and how.

use aws_lc_rs::digest::{Context, SHA256};
use ids::{EventId, Tenant};
use time::OffsetDateTime;

/// A SHA-256.
pub type Digest = [u8; 32];

/// Something that happened, as the chain keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// The event's id.
    pub id: EventId,
    /// Its type, for example `guildhall.document.ready.v1`.
    pub type_: String,
    /// Id of the thing that it is about.
    pub subject: String,
    /// When it happened, to the microsecond.
    pub time: OffsetDateTime,
    /// Which message the body is.
    pub schema: String,
    /// The message.
    pub body: Vec<u8>,
}

/// A row of the chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its place, from 1 without gaps.
    pub seq: i64,
    /// What happened.
    pub event: Event,
    /// Digest of the event.
    pub digest: Digest,
    /// Hash of the entry before.
    pub prev: Digest,
    /// Hash of this one.
    pub hash: Digest,
}

/// Whose chain it is: hashes of one say nothing in another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chain {
    /// The service whose events they are.
    pub service: String,
    /// The tenant whose they are.
    pub tenant: Tenant,
}

impl Event {
    /// SHA-256 over every field.
    #[must_use]
    pub fn digest(&self) -> Digest {
        let micros = self.time.unix_timestamp_nanos() / 1_000;
        hash(
            "guildhall.audit.event.v1",
            &[
                self.id.as_uuid().as_bytes(),
                self.type_.as_bytes(),
                self.subject.as_bytes(),
                &micros.to_be_bytes(),
                self.schema.as_bytes(),
                &self.body,
            ],
        )
    }
}

impl Chain {
    /// The hash that the first entry follows.
    #[must_use]
    pub fn genesis(&self) -> Digest {
        hash("guildhall.audit.genesis.v1", &[self.service.as_bytes(), self.tenant.as_str().as_bytes()])
    }

    /// The hash of an entry.
    #[must_use]
    pub fn link(&self, seq: i64, prev: &Digest, digest: &Digest) -> Digest {
        let (service, tenant) = (self.service.as_bytes(), self.tenant.as_str().as_bytes());
        hash("guildhall.audit.entry.v1", &[service, tenant, &seq.to_be_bytes(), prev, digest])
    }

    /// The entry that an event becomes.
    #[must_use]
    pub fn entry(&self, seq: i64, prev: Digest, event: Event) -> Entry {
        let digest = event.digest();
        let hash = self.link(seq, &prev, &digest);
        Entry { seq, event, digest, prev, hash }
    }
}

/// SHA-256 of bytes as they are.
#[must_use]
pub fn sha256(bytes: &[u8]) -> Digest {
    let mut hash = Sha256::new();
    hash.update(bytes);
    hash.finish()
}

/// SHA-256 of bytes that come in pieces.
#[derive(Clone)]
pub struct Sha256(Context);

impl Sha256 {
    /// Of nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self(Context::new(&SHA256))
    }

    /// The next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// There are no more.
    #[must_use]
    pub fn finish(self) -> Digest {
        finished(self.0)
    }
}

impl Default for Sha256 {
    fn default() -> Self {
        Self::new()
    }
}

impl std::fmt::Debug for Sha256 {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Sha256")
    }
}

fn finished(context: Context) -> Digest {
    let mut digest = [0; 32];
    digest.copy_from_slice(context.finish().as_ref());
    digest
}

/// SHA-256 over parts that cannot run into each other: each has its length before it, and the purpose comes first.
pub(crate) fn hash(purpose: &str, parts: &[&[u8]]) -> Digest {
    let mut context = Context::new(&SHA256);
    for part in std::iter::once(purpose.as_bytes()).chain(parts.iter().copied()) {
        context.update(&(part.len() as u64).to_be_bytes());
        context.update(part);
    }
    finished(context)
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    fn event() -> Event {
        Event {
            id: "01890a5d-ac96-774b-bcce-b302099a8057".parse().unwrap(),
            type_: "guildhall.document.ready.v1".into(),
            subject: "d-1".into(),
            time: datetime!(2030-01-01 12:00 UTC),
            schema: "proto:guildhall.document.v1.DocumentReady".into(),
            body: vec![1, 2, 3],
        }
    }

    #[test]
    fn what_is_hashed_never_changes() {
        let chain = Chain { service: "document".into(), tenant: "riverton".parse().unwrap() };
        let entry = chain.entry(1, chain.genesis(), event());
        assert_eq!(hex::encode(entry.digest), GOLDEN[0]);
        assert_eq!(hex::encode(entry.prev), GOLDEN[1]);
        assert_eq!(hex::encode(entry.hash), GOLDEN[2]);
    }

    /// As another implementation computes them.
    const GOLDEN: [&str; 3] = [
        "8b1cbbd3ae1d39599c6aa85b6185bd17240fc535d097169fcf8bfbffa81121ab",
        "5cc9b70659e24f2ca410fbdd191187e6a1b379ae9beb7a63d83c321b0d20b15c",
        "71ac7e808a519346737ec58e9dd83c4b32aff6ed49ec3ffb39bac48d2cf7a260",
    ];

    #[test]
    fn parts_do_not_run_into_each_other() {
        assert_ne!(hash("p", &[b"ab", b"c"]), hash("p", &[b"a", b"bc"]));
        assert_ne!(hash("p", &[b"a"]), hash("pa", &[]));
        assert_ne!(hash("p", &[b"a", b""]), hash("p", &[b"a"]));
    }
}
