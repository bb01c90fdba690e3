//! PostgreSQL's own load generator, which is the limit of much.

use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context as _, Result, ensure};

use crate::{Env, Made, Process, Sample};

impl Env {
    /// Runs `each` transactions in each of `clients` connections to the database at `url`, with prepared statements; `arguments` say which.
    ///
    /// # Errors
    /// When pgbench cannot be run, or a transaction fails.
    pub fn pgbench(&self, url: &str, clients: u64, each: u64, arguments: &[&str]) -> Result<Sample> {
        let mut command = Command::new(self.postgres_program("pgbench")?);
        command
            .args(["--no-vacuum", "--protocol=prepared", "--jobs=1"])
            .args([format!("--client={clients}"), format!("--transactions={each}")])
            .args(arguments)
            .arg(url)
            // It gives up on the first error, and a login of ours would have it that nobody waits long.
            .env("PGOPTIONS", "-c statement_timeout=0 -c lock_timeout=0")
            .stdin(Stdio::null());
        let (own, server) = (Process::me().ended_children_cpu(), self.postgres.tree_cpu());
        let start = Instant::now();
        let out = command.output().context("cannot run pgbench")?;
        let seconds = start.elapsed().as_secs_f64();
        ensure!(out.status.success(), "pgbench: {}", String::from_utf8_lossy(&out.stderr));
        let (cpu, server_cpu) = (Process::me().ended_children_cpu() - own, self.postgres.tree_cpu() - server);
        // What it needs itself tells nothing.
        let made = Made { cpu, server_cpu: Some(server_cpu), seconds, rss_mib: 0.0 };
        Ok(Sample { rss_mib: None, ..made.sample(clients * each) })
    }
}
