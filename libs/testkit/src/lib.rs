#![doc = include_str!("../README.md")]

mod answered;
mod audit;
pub mod canary;
mod cleanup;
mod control;
mod database;
mod env;
mod eventually;
mod issuer;
mod kms;
mod mail;
pub mod otlp;
pub mod place;
mod port;
mod proxy;
mod s3;
mod sqs;
mod topics;
mod word;

pub use answered::{answered, request};
pub use audit::{SIGNING_KEY, audit};
pub use control::Control;
pub use database::{TestDb, database};
pub use env::{Env, env};
pub use eventually::eventually;
pub use issuer::{Issuer, tokens, tokens_at};
pub use kms::{key_file, kms};
pub use mail::{Caught, Mailbox, mailbox};
pub use otlp::{Otlp, otlp};
pub use port::free_port;
pub use proxy::Proxy;
pub use s3::{TestS3, s3};
pub use sqs::{TestSqs, sqs, sqs_with};
pub use topics::{TestKafka, kafka};
pub use word::has_word;
