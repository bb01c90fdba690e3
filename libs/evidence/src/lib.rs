#![doc = include_str!("../README.md")]

pub mod archive;
mod chain;
mod checkpoint;
mod keys;
mod manifest;
mod proof;
mod signed;
mod verifier;

pub use chain::{Chain, Digest, Entry, Event, Sha256, sha256};
pub use checkpoint::Checkpoint;
pub use keys::{Invalid, PublicKeys, Settings, Signer};
pub use manifest::{Access, Document, Hold, Manifest, Version};
pub use proof::{Hex, Proof, Shown};
pub use signed::{Check, Finding, MANIFEST, SIGNATURE, Summary, TIME_STAMP, digest, sign, verify, write};
pub use verifier::{Fault, Mismatch, Verified, Verifier};
