//! The command line.

use clap::{Parser, Subcommand};

use crate::{reconcile, verify};

/// The command line.
#[derive(Debug, Parser)]
#[command(version, about = "Documents and their verdicts. Settings come from the environment.")]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What the binary can be asked to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// What needs settings and a runtime
    #[command(flatten)]
    Online(Online),
    /// Check an exported case, without settings and without a network: exit 0 when everything matches, 1 when not
    Verify(verify::Args),
}

/// What needs settings and a runtime.
#[derive(Debug, Subcommand)]
pub enum Online {
    /// What every service can be asked to do
    #[command(flatten)]
    Service(service::Command),
    /// Compare rows and objects now, and mend what can be: exit 0 when all agree, 1 when something remains
    Reconcile(reconcile::Args),
    /// Ask whether what has happened is still what was signed
    #[command(subcommand)]
    Audit(audit::command::Command),
}
