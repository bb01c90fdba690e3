//! Real servers and clients on ports of their own, and a process that is killed.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod admin;
mod api;
mod channel;
mod grpc;
mod http;
mod lines;
mod process;
mod shutdown;
