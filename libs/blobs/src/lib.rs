#![doc = include_str!("../README.md")]

mod error;
mod settings;
mod sign;
mod store;

pub use error::Error;
pub use settings::Settings;
pub use sign::{SignedGet, SignedPut, Upload};
pub use store::{Blobs, Body, Bucket, Copied, Head};
