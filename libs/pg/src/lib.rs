#![doc = include_str!("../README.md")]

mod bootstrap;
mod call;
pub mod catalog;
mod db;
mod error;
mod failpoint;
mod migrate;
mod settings;
mod tx;
mod unit;

pub use bootstrap::{Bootstrap, Urls, bootstrap};
pub use call::Call;
pub use db::Db;
pub use error::Error;
pub use futures::future::BoxFuture;
pub use migrate::{migrate, migrate_command};
pub use settings::Settings;
pub use tx::{SystemTx, Tx};
