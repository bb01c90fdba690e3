//! The limit: PostgreSQL's own load generator, with the statement that a key cannot do without, and with ours.

use anyhow::{Context as _, Result};
use bench_report::{Env, Sample};

use crate::database::Database;

/// One statement per transaction.
pub(crate) const INSERT: &str = "
insert into keys (tenant, scope, fingerprint, answer, expires_at)
values ('riverton', sha256(random()::text::bytea), '\\x6c84fb9012c411e1840d6c84fb9012c411e1840d6c84fb9012c411e1840d0000', 'answer',
        now() + interval '24 hours')
on conflict do nothing;
";

/// Runs `script` as the app role; connections as many as callers elsewhere.
pub(crate) fn pgbench(env: &Env, database: &Database, script: &str, calls: usize) -> Result<Sample> {
    std::fs::create_dir_all(&env.out)?;
    let file = env.out.join("idempotency-limit.sql");
    std::fs::write(&file, script)?;
    let file = file.to_str().context("the result's folder has a name that is no text")?;
    env.pgbench(database.app_url(), 4, u64::try_from(calls / 4)?, &["--file", file])
}
