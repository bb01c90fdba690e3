//! Parsers of the services, and of libraries that have a client too, compiled from their files: a target has what it reads,
//! and not the coverage counters of the store, the broker and the database that its service speaks to.

#[path = "../services/document/src"]
pub mod document {
    pub mod domain;
}

#[path = "../services/worker/src"]
pub mod worker {
    pub mod archive;
    pub mod pdf;
    pub mod sniff;
}

#[path = "../libs/timestamp/src"]
pub mod timestamp {
    pub mod asn1;
    #[expect(dead_code, reason = "what the client alone asks")]
    mod response;
    mod signed;
    pub mod token;
    pub mod trusted;

    /// The token in an answer.
    pub fn answered(bytes: &[u8]) -> Option<Vec<u8>> {
        response::token(bytes).ok()
    }
}

pub use document::domain;
pub use worker::{archive, pdf, sniff};

/// The bytes in parts of a size that they decide themselves, so that an input needs no place for it.
pub fn parts(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let size = usize::try_from(crc32fast::hash(bytes) % 61).unwrap_or(0) + 1;
    bytes.chunks(size)
}
