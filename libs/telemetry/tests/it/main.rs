//! One binary for all tests of telemetry.

mod capture;
mod context;
mod export;
mod grpc;
mod log;
mod process;
mod settings;
