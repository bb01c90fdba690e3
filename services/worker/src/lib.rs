//! The worker: what takes long, waits, or talks to strangers, done outside of the services that want it.
//!
//! One role runs workflows; each of the others receives the jobs of one queue, asks the owner for the job under a lease, does it, and reports the outcome to the
//! owner. It has no database and writes nobody's tables. What has to hold, whatever dies:
//!
//! - A job is done at least once and reported once: the owner keeps the row, the lease and the first report, and sends the
//!   job again while nobody has reported.
//! - A role whose dependencies are down receives nothing ([`queue::Consumer::gate`]), so that an outage delays jobs and
//!   uses up none.
//! - What was claimed is tried again here for as long as the lease lasts ([`persist`]).
//! - An object is never called clean unless clamd has said `OK` to all of its bytes, which are those that were declared.
//! - Files are drawn and their text is read in a child process alone, which is locked down before it reads.
//! - Logs, spans and dead letters hold ids and codes: addresses and texts pass through memory only.
//!
//! - A workflow decides and waits, its activities have the owners do what has to be done ([`workflows`], [`activities`]). Owners ask for
//!   what they want until it was done: Temporal away means later.
//!
//! Where to look: [`scan`], [`mail`], [`preview`], [`printer`] and [`integrity`] are the roles, [`clamd`], [`archive`], [`pdf`], [`sniff`] and
//! [`smtp`] what they do, [`owners`] the calls; [`requests`] starts workflows, which [`temporal`] runs.

pub mod activities;
pub mod archive;
pub mod bill_file;
pub mod clamd;
pub mod config;
pub mod dlq;
pub mod integrity;
pub mod mail;
pub mod owners;
pub mod pdf;
pub mod persist;
pub mod preview;
pub mod printer;
pub mod requests;
mod run;
pub mod scan;
pub mod smtp;
pub mod sniff;
pub mod temporal;
pub mod workflows;

pub use config::{Config, Role};
pub use run::{Running, run, start};
