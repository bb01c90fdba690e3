//! Tokens against a real issuer of our own, over HTTP, and the layer in front of a real gRPC server.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod caller;
mod issuer;
mod keys;
mod layer;
mod permission;
mod token_source;
mod verifier;
