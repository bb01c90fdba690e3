//! A database as a service has it, with a table of effects.

use anyhow::{Context as _, Result, ensure};
use pg::{Bootstrap, Db, Urls};
use secrecy::{ExposeSecret as _, SecretString};
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions as _, PgConnection};
use url::Url;

const TABLES: &str = "
create table effects (tenant text not null, number bigint not null, name text not null, primary key (tenant, number));
alter table effects enable row level security;
alter table effects force row level security;
create policy tenant on effects to guildhall_app
    using (tenant = current_setting('app.tenant', true)) with check (tenant = current_setting('app.tenant', true));
grant select, insert on effects to guildhall_app;
-- As wide as a row of the outbox.
create table events (
    tenant text not null, seq bigint generated always as identity primary key, event_id uuid not null, topic text not null,
    key text not null, type text not null, subject text not null, schema text not null, payload bytea not null
);
alter table events enable row level security;
alter table events force row level security;
create policy tenant on events to guildhall_app
    using (tenant = current_setting('app.tenant', true)) with check (tenant = current_setting('app.tenant', true));
grant insert on events to guildhall_app;
-- The limit's: as the library's, without tenants' walls.
create table keys (like idempotency including all);
grant insert on keys to guildhall_app;
";
/// Tasks of the heaviest load, and one to spare.
const CONNECTIONS: u32 = 17;

pub(crate) struct Database {
    admin: PgConnection,
    urls: Urls,
}

impl Database {
    pub(crate) async fn make(server: &str, name: &str) -> Result<Self> {
        let password = || SecretString::from("bench".to_owned());
        let plan = Bootstrap {
            service: name.to_owned(),
            database: name.to_owned(),
            owner_password: password(),
            app_password: password(),
            system_password: password(),
        };
        let admin = SecretString::from(server.to_owned());
        pg::bootstrap(&admin, &plan).await?;
        let urls = plan.urls(&admin)?;
        let migrators = [&idempotency::MIGRATOR, &due::MIGRATOR];
        pg::migrate(&urls.owner, None, &migrators).await?;
        run(&mut connect(urls.owner.expose_secret()).await?, TABLES.to_owned()).await?;
        let mut url = Url::parse(server).context("the administrator's URL")?;
        url.set_path(name);
        Ok(Self { admin: connect(url.as_str()).await?, urls })
    }

    pub(crate) fn db(&self) -> Result<Db> {
        let mut settings = pg::Settings::from_urls(self.urls.clone());
        settings.max_connections = CONNECTIONS;
        Ok(Db::connect(&settings, "bench")?)
    }

    pub(crate) fn app_url(&self) -> &str {
        self.urls.app.expose_secret()
    }

    /// Adds answers of earlier calls that are still kept.
    pub(crate) async fn store(&mut self, rows: usize) -> Result<()> {
        let fill = format!(
            "insert into idempotency (tenant, scope, fingerprint, answer, expires_at)
             select 'riverton', sha256(('stored' || n)::bytea), sha256('request'), sha256('a') || sha256('b'),
                    now() + interval '24 hours' * n / {rows}
               from generate_series(1, {rows}) n;
             vacuum analyze idempotency;"
        );
        for statement in fill.split_inclusive(';') {
            run(&mut self.admin, statement.to_owned()).await?;
        }
        Ok(())
    }

    /// Takes away what earlier rounds made, except answers.
    pub(crate) async fn clear(&mut self) -> Result<()> {
        run(&mut self.admin, "truncate effects, events, keys, due".to_owned()).await?;
        run(&mut self.admin, "checkpoint".to_owned()).await
    }

    /// The gate: as many effects as wanted, none of them twice.
    pub(crate) async fn check(&mut self, wanted: usize) -> Result<()> {
        let count = "select count(*), count(distinct name) from effects";
        let (made, names): (i64, i64) = sqlx::query_as(count).fetch_one(&mut self.admin).await?;
        ensure!(made == names, "{} effects were made twice", made - names);
        ensure!(made == i64::try_from(wanted)?, "{made} effects of {wanted} calls");
        Ok(())
    }
}

async fn connect(url: &str) -> Result<PgConnection> {
    let options: PgConnectOptions = url.parse()?;
    Ok(options.connect().await?)
}

async fn run(connection: &mut PgConnection, statement: String) -> Result<()> {
    sqlx::raw_sql(AssertSqlSafe(statement)).execute(connection).await?;
    Ok(())
}
