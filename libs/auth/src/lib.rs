#![doc = include_str!("../README.md")]

mod caller;
mod claims;
pub mod client;
mod error;
mod keys;
mod layer;
mod metadata;
pub mod permission;
mod provider;
mod settings;
mod token_source;
mod verifier;

pub use caller::{Caller, CallerKind, Identity, Role, Token};
pub use error::{Error, Invalid};
pub use layer::{Layer, Service, caller};
pub use provider::FetchError;
pub use settings::{Client, Settings};
pub use token_source::TokenSource;
pub use verifier::Verifier;
