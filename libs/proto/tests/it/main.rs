//! One binary for all tests of the generated code.

mod generate;
mod generated;
mod operations;
