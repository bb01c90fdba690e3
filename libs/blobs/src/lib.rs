#![doc = include_str!("../README.md")]

mod copy;
mod derived;
mod error;
pub mod large;
mod lock;
mod multipart;
mod settings;
mod sign;
mod store;
mod versions;
mod walk;

pub use copy::Copied;
pub use error::Error;
pub use lock::{LockMode, LockState, Retention};
pub use multipart::{Composite, OpenUpload, Part, StoredPart};
pub use settings::Settings;
pub use sign::{SignedGet, SignedPut, Upload};
pub use store::{Blobs, Body, Bucket, Head};
pub use versions::{Object, Version};
pub use walk::Kept;
