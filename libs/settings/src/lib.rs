#![doc = include_str!("../README.md")]

mod env;
mod error;

pub use env::{Env, Var};
pub use error::{EXIT_CODE, Error, Problem};
pub use secrecy::{ExposeSecret, SecretString as Secret};
