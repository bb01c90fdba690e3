#![doc = include_str!("../README.md")]

mod api;
mod diff;
mod error;
mod kinds;
mod pointer;
mod store;

pub use api::{Api, server};
pub use error::Error;
pub use kinds::{Kinds, Set};
pub use store::{at, current};

use serde::Serialize;
use serde::de::DeserializeOwned;
use sqlx::migrate::Migrator;

/// The table `policies`.
pub static MIGRATOR: Migrator = pg::migrator!("_migrations_policy");

/// A kind of policy: data that a tenant's staff publish in versions, and the service obeys.
pub trait Policy: Serialize + DeserializeOwned + Send + Sync + 'static {
    /// Its name in calls, paths and the table: `[a-z][a-z0-9_]*`, at most 63.
    const KIND: &'static str;

    /// What is in force where nothing was published: version 0.
    fn builtin() -> Self;

    /// The rules it breaks by itself; none is right.
    fn check(&self) -> Vec<Violation>;

    /// The rules it breaks beside the service's other policies, for example by a name that they do not have.
    fn check_beside(&self, _others: &Set) -> Vec<Violation> {
        Vec::new()
    }
}

/// A policy and which version of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Versioned<T> {
    /// 0 is built in; published ones count from 1 by kind.
    pub version: i32,
    /// What it says.
    pub policy: T,
}

/// A rule that a policy breaks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Where: a JSON Pointer (RFC 6901); behind `<kind>:` where it is in another policy.
    pub pointer: String,
    /// The rule, never the value.
    pub rule: String,
}

impl Violation {
    /// A rule broken at the place that these segments lead to.
    #[must_use]
    pub fn at(path: &[&str], rule: impl Into<String>) -> Self {
        Self { pointer: pointer::of(path), rule: rule.into() }
    }
}
