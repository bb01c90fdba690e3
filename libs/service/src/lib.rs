#![doc = include_str!("../README.md")]

pub mod admin;
pub mod channel;
mod cli;
pub mod context;
mod deadline;
mod drain;
pub mod grpc;
pub mod healthcheck;
pub mod http;
mod layers;
mod listen;
pub mod request_id;
mod shutdown;

pub use cli::{Command, cli, main, parse};
pub use request_id::RequestId;
pub use shutdown::{Failure, GRACE, Guard, Shutdown};

/// Any error, for what only logs it.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;
