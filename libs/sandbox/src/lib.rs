#![doc = include_str!("../README.md")]

pub mod journal;
mod signature;

pub use signature::{NoSecret, WebhookSecret};
