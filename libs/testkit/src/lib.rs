#![doc = include_str!("../README.md")]

mod audit;
pub mod canary;
mod cleanup;
mod database;
mod env;
mod eventually;
mod issuer;
mod kms;
mod mail;
pub mod otlp;
mod proxy;
mod s3;
mod sqs;
mod topics;
mod word;

pub use audit::{SIGNING_KEY, audit};
pub use database::{TestDb, database};
pub use env::{Env, env};
pub use eventually::eventually;
pub use issuer::{Issuer, tokens, tokens_at};
pub use kms::{key_file, kms};
pub use mail::{Caught, Mailbox, mailbox};
pub use otlp::{Otlp, otlp};
pub use proxy::Proxy;
pub use s3::{TestS3, s3};
pub use sqs::{TestSqs, sqs, sqs_with};
pub use topics::{TestKafka, kafka};
pub use word::has_word;
