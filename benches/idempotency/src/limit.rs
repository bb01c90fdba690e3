//! The limit: PostgreSQL's own load generator, with the statement that a key cannot do without, and with ours.

use std::process::Stdio;

use anyhow::{Result, ensure};
use bench_report::{Env, Sample};
use tokio::process::Command;

use crate::database::Database;
use crate::load::Meter;

/// One statement per transaction.
pub(crate) const INSERT: &str = "
insert into keys (tenant, scope, fingerprint, answer, expires_at)
values ('riverton', sha256(random()::text::bytea), '\\x6c84fb9012c411e1840d6c84fb9012c411e1840d6c84fb9012c411e1840d0000', 'answer',
        now() + interval '24 hours')
on conflict do nothing;
";

/// Runs `script` as the app role; connections as many as callers elsewhere.
pub(crate) async fn pgbench(env: &Env, database: &Database, script: &str, calls: usize) -> Result<Sample> {
    std::fs::create_dir_all(&env.out)?;
    let file = env.out.join("idempotency-limit.sql");
    std::fs::write(&file, script)?;
    let meter = Meter::start(env);
    let status = Command::new(env.postgres_program("pgbench")?)
        .args(["--no-vacuum", "--protocol=prepared", "--client=4", "--jobs=1"])
        .arg(format!("--transactions={}", calls / 4))
        .arg("--file")
        .arg(&file)
        .arg(database.app_url())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .await?;
    ensure!(status.success(), "pgbench ended: {status}");
    meter.stop(calls)
}
