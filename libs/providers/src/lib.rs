#![doc = include_str!("../README.md")]

mod account_name;
pub mod file;
pub mod http;
pub mod signature;

pub use account_name::{AccountName, NoAccountName};
