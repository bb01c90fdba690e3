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
        run(&mut self.admin, "truncate outbox, idempotency".to_owned()).await?;
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
    pub(crate) async fn check_charged(&mut self, amount: u64) -> Result<()> {
        let all = i64::try_from(self.next)?;
        let counted = self
            .count("select count(*) from payments where status = 'completed' and captured = 10000")
            .await?;
        ensure!(counted == all, "{counted} of {all} payments are charged");
        let noted = self.count("select count(*) from payment_entries where name = 'completed'").await?;
        ensure!(noted == all, "{noted} of {all} payments have it in their history");
        let posted =
            self.count("select count(*) from ledger_entries where kind = 'payment_captured'").await?;
        ensure!(posted == all, "{posted} of {all} payments are posted");
        let reminders = self.count("select count(*) from due where kind = 'payment_step'").await?;
        ensure!(reminders == 0, "{reminders} payments are still to be looked at");
        self.check_told(2 * amount).await
    }

    /// The gate of postings under a key: each has its entry, its event and its answer.
    pub(crate) async fn check_posted(&mut self, amount: u64, all: u64) -> Result<()> {
        let posted = self.count("select count(*) from ledger_entries where kind = 'adjustment'").await?;
        ensure!(posted == i64::try_from(all)?, "{posted} of {all} are posted");
        let kept = self.count("select count(*) from idempotency").await?;
        ensure!(kept == i64::try_from(amount)?, "{kept} of {amount} answers are kept");
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

    /// The gate of balances in rows: they come to zero, and to what was posted since they are kept.
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

    /// The gate of cala-ledger: so many transactions, and balances that come to zero and to their amounts.
    pub(crate) async fn check_cala(&mut self, transactions: u64) -> Result<()> {
        let (posted, debits, credits): (i64, i64, i64) = sqlx::query_as(
            "select (select count(*) from cala_transactions),
                 coalesce(sum((latest_values -> 'settled' ->> 'dr_balance')::numeric), 0)::bigint,
                 coalesce(sum((latest_values -> 'settled' ->> 'cr_balance')::numeric), 0)::bigint
             from cala_current_balances",
        )
        .fetch_one(&mut self.admin)
        .await?;
        let wanted = i64::try_from(transactions)?;
        ensure!(posted == wanted, "{posted} of {wanted} transactions are posted");
        ensure!(debits == credits && debits == 100 * wanted, "debits come to {debits}, credits to {credits}");
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
