#![doc = include_str!("../README.md")]

mod code;
mod error;
mod problem;
pub mod reason;
mod status;

pub use code::Code;
pub use error::{Error, Violation};
pub use problem::Problem;
pub use reason::Reason;
pub use status::DOMAIN;
