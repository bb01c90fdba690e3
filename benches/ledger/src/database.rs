//! Databases: a ledger as the payment service has it, with work that waits, and what pgbench and the peer have of their own.

use anyhow::{Context as _, Result, anyhow, ensure};
use bench_report::Env;
use ids::Tenant;
use pg::{Bootstrap, Db, Urls};
use secrecy::{ExposeSecret as _, SecretString};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use url::Url;

/// The payment service's database, of so many towns.
pub(crate) struct Ledger {
    admin: PgConnection,
    pub(crate) urls: Urls,
    db: Db,
    pub(crate) towns: u64,
    /// The number of the next payment.
    next: u64,
}

impl Ledger {
    /// Makes it, with so many payments that were charged.
    pub(crate) async fn make(env: &Env, name: &str, towns: u64, stored: u64) -> Result<Self> {
        let password = || SecretString::from("bench".to_owned());
        let plan = Bootstrap {
            service: name.to_owned(),
            database: name.to_owned(),
            owner_password: password(),
            app_password: password(),
            system_password: password(),
        };
        let server = SecretString::from(env.postgres_url.clone());
        pg::bootstrap(&server, &plan).await?;
        let urls = plan.urls(&server)?;
        pg::migrate(&urls.owner, None, payment::MIGRATORS).await?;
        let mut admin = PgConnection::connect(superuser(env, name)?.as_str()).await?;
        run(&mut admin, include_str!("setup.sql").to_owned()).await?;
        run(&mut admin, format!("call found({towns})")).await?;
        let db = Db::connect(&pg::Settings::from_urls(urls.clone()), "bench")?;
        let mut ledger = Self { admin, urls, db, towns, next: 0 };
        ledger.fill(stored, true).await?;
        Ok(ledger)
    }

    pub(crate) fn app_url(&self) -> &str {
        self.urls.app.expose_secret()
    }

    /// Adds payments that are under way, and writes out what was before; gives the number of the first.
    pub(crate) async fn work(&mut self, amount: u64) -> Result<u64> {
        let first = self.next;
        let clear = "truncate outbox, idempotency; update balances set amount = 0 where amount <> 0";
        run(&mut self.admin, clear.to_owned()).await?;
        self.fill(amount, false).await?;
        for statement in ["vacuum analyze", "checkpoint"] {
            run(&mut self.admin, statement.to_owned()).await?;
        }
        Ok(first)
    }

    async fn fill(&mut self, amount: u64, charged: bool) -> Result<()> {
        // Row by row, triggers would take longer than what is measured; the check after each turn looks at all of it.
        let fill = format!(
            "set session_replication_role = replica; call fill({}, {amount}, {}, {charged}); reset session_replication_role",
            self.next, self.towns
        );
        self.next += amount;
        run(&mut self.admin, fill).await
    }

    /// The gate: what was under way is charged, posted and told once, and the books of every town are right.
    pub(crate) async fn check_charged(&mut self, first: u64, amount: u64) -> Result<()> {
        let (charged, noted, posted, waiting): (i64, i64, i64, i64) = sqlx::query_as(
            "select
                 (select count(*) from payments
                  where status = 'completed' and captured = 10000 and id between bench_id(2, $1) and bench_id(2, $2)),
                 (select count(*) from payment_entries
                  where name = 'completed' and payment_id between bench_id(2, $1) and bench_id(2, $2)),
                 (select count(*) from ledger_entries
                  where kind = 'payment_captured' and subject_id between bench_id(2, $1) and bench_id(2, $2)),
                 (select count(*) from due where subject between bench_id(2, $1) and bench_id(2, $2))",
        )
        .bind(i64::try_from(first)?)
        .bind(i64::try_from(first + amount)? - 1)
        .fetch_one(&mut self.admin)
        .await?;
        let all = i64::try_from(amount)?;
        ensure!(charged == all, "{charged} of {all} payments are charged");
        ensure!(noted == all, "{noted} of {all} payments have it in their history");
        ensure!(posted == all, "{posted} of {all} payments are posted");
        ensure!(waiting == 0, "{waiting} payments are still to be looked at");
        // The payment's, the bill's, and the job that makes the receipt.
        self.check_told(3 * amount).await
    }

    /// How many adjustments are posted.
    pub(crate) async fn adjustments(&mut self) -> Result<i64> {
        self.count("select count(*) from ledger_entries where kind = 'adjustment'").await
    }

    /// The gate of postings under a key, of which there were some before: each has its entry, its event and its answer.
    pub(crate) async fn check_posted(&mut self, before: i64, amount: u64) -> Result<()> {
        let (posted, all) = (self.adjustments().await? - before, i64::try_from(amount)?);
        ensure!(posted == all, "{posted} of {all} are posted");
        let kept = self.count("select count(*) from idempotency").await?;
        ensure!(kept == all, "{kept} of {all} answers are kept");
        self.check_told(amount).await
    }

    async fn check_told(&mut self, events: u64) -> Result<()> {
        let told = self.count("select count(*) from outbox").await?;
        ensure!(told == i64::try_from(events)?, "{told} of {events} events wait for the relay");
        for town in 0..self.towns {
            let (tenant, mut out): (Tenant, _) = (format!("town-{town}").parse()?, Vec::new());
            let proven = payment::books::verify(&self.db, &tenant, &mut out).await;
            proven.map_err(|error| anyhow!("{error}: {}", String::from_utf8_lossy(&out)))?;
        }
        Ok(())
    }

    /// The gate of balances in rows, which are nothing at the beginning of a turn: they come to zero, and to what was posted.
    pub(crate) async fn check_balances(&mut self, charged: u64) -> Result<()> {
        let sum = self.count("select sum(amount)::bigint from balances").await?;
        ensure!(sum == 0, "balances come to {sum}");
        let clearing = self.count("select sum(amount)::bigint from balances where amount > 0").await?;
        ensure!(clearing == 10_000 * i64::try_from(charged)?, "{clearing} is to be had from the provider");
        Ok(())
    }

    async fn count(&mut self, sql: &'static str) -> Result<i64> {
        sqlx::query_scalar(sql).fetch_one(&mut self.admin).await.context(sql)
    }
}

/// A database of the superuser's own.
pub(crate) struct Plain {
    admin: PgConnection,
    pub(crate) url: Url,
}

impl Plain {
    pub(crate) async fn make(env: &Env, name: &str) -> Result<Self> {
        let mut server = PgConnection::connect(&env.postgres_url).await?;
        run(&mut server, format!("create database {name}")).await?;
        let url = superuser(env, name)?;
        Ok(Self { admin: PgConnection::connect(url.as_str()).await?, url })
    }

    /// Writes out what was before, so that nobody pays for somebody else's turn.
    pub(crate) async fn rest(&mut self) -> Result<()> {
        for statement in ["vacuum analyze", "checkpoint"] {
            run(&mut self.admin, statement.to_owned()).await?;
        }
        Ok(())
    }

    /// pgbench's own gate: what accounts, tellers and branches have come to is what the history says.
    pub(crate) async fn check_tpcb(&mut self) -> Result<()> {
        let sums: (i64, i64, i64, i64) = sqlx::query_as(
            "select (select sum(abalance) from pgbench_accounts)::bigint, (select sum(tbalance) from pgbench_tellers)::bigint,
                 (select sum(bbalance) from pgbench_branches)::bigint, (select coalesce(sum(delta), 0) from pgbench_history)::bigint",
        )
        .fetch_one(&mut self.admin)
        .await?;
        let (accounts, tellers, branches, history) = sums;
        ensure!(
            accounts == tellers && tellers == branches && branches == history,
            "pgbench's sums differ: {sums:?}"
        );
        Ok(())
    }

    /// What cala-ledger has posted: transactions, and what debits and credits come to.
    pub(crate) async fn cala(&mut self) -> Result<[i64; 3]> {
        let (posted, debits, credits) = sqlx::query_as(
            "select (select count(*) from cala_transactions),
                 coalesce(sum((latest_values -> 'settled' ->> 'dr_balance')::numeric), 0)::bigint,
                 coalesce(sum((latest_values -> 'settled' ->> 'cr_balance')::numeric), 0)::bigint
             from cala_current_balances",
        )
        .fetch_one(&mut self.admin)
        .await?;
        Ok([posted, debits, credits])
    }

    /// Its gate, when that was `before`: so many transactions of 100 euros more.
    pub(crate) async fn check_cala(&mut self, before: [i64; 3], transactions: u64) -> Result<()> {
        let (after, all) = (self.cala().await?, i64::try_from(transactions)?);
        let [posted, debits, credits] = [0, 1, 2].map(|figure| after[figure] - before[figure]);
        ensure!(posted == all, "{posted} of {all} transactions are posted");
        ensure!(debits == 100 * all && credits == debits, "debits come to {debits}, credits to {credits}");
        ensure!(after[1] == after[2], "debits and credits differ: {after:?}");
        Ok(())
    }
}

fn superuser(env: &Env, database: &str) -> Result<Url> {
    let mut url = Url::parse(&env.postgres_url).context("the administrator's URL")?;
    url.set_path(database);
    Ok(url)
}

async fn run(connection: &mut PgConnection, statement: String) -> Result<()> {
    sqlx::raw_sql(AssertSqlSafe(statement)).execute(connection).await?;
    Ok(())
}
