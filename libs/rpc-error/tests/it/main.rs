//! One binary for all tests of the error.

mod log;
mod pages;
mod problem;
mod reasons;
mod round_trip;
