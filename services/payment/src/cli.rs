//! The command line.

use clap::{Parser, Subcommand};

use crate::{books, settlements};

/// The command line.
#[derive(Debug, Parser)]
#[command(version, about = "Bills, payments, refunds and the ledger. Settings come from the environment.")]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What the binary can be asked to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// What every service can be asked to do
    #[command(flatten)]
    Service(service::Command),
    /// Prove the books, or write them out
    #[command(subcommand)]
    Ledger(books::Command),
    /// Fetch what providers have settled
    #[command(subcommand)]
    Settlement(settlements::Command),
    /// Ask whether what has happened is still what was signed
    #[command(subcommand)]
    Audit(audit::command::Command),
}
