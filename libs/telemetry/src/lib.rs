#![doc = include_str!("../README.md")]

pub mod context;
mod export;
pub mod grpc;
mod init;
mod log;
mod metrics;
mod settings;

pub use init::{Guard, init, metrics_text, subscriber};
pub use metrics::Metrics;
pub use settings::Settings;
