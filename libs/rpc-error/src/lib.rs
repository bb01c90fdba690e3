#![doc = include_str!("../README.md")]

mod chain;
mod code;
mod error;
mod problem;
pub mod reason;
mod status;

pub use chain::Chain;
pub use code::Code;
pub use error::{Error, Violation};
pub use problem::Problem;
pub use reason::Reason;
pub use status::DOMAIN;
