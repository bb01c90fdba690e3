//! The command line.

use clap::{Parser, Subcommand};

/// The command line.
#[derive(Debug, Parser)]
#[command(version, about = "Whether people are who they say. Settings come from the environment.")]
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
    /// Ask whether what has happened is still what was signed
    #[command(subcommand)]
    Audit(audit::command::Command),
}
