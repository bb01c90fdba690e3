#![doc = include_str!("../README.md")]

pub mod asn1;
mod client;
mod response;
mod settings;
mod signed;
mod token;
mod trusted;

pub use client::{Error, Stamped, Tsa};
pub use response::Refusal;
pub use settings::Settings;
pub use token::{Invalid, Stamp, verify};
pub use trusted::{NotTrusted, Trusted};
