//! The tables: ours as a service has them, and the same without tenants' walls for everybody else.

use anyhow::{Context as _, Result, ensure};
use pg::{Bootstrap, Urls};
use secrecy::{ExposeSecret as _, SecretString};
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions as _, PgConnection};
use url::Url;

const COUNTERS: &str = "
create table counters (
    tenant text not null,
    key text not null,
    n bigint not null,
    -- Numbers of the first and the last event of the latest batch.
    first bigint not null,
    last bigint not null,
    -- Events that did not follow the one before them.
    disordered bigint not null,
    primary key (tenant, key)
);
";
const WALLS: &str = "
alter table counters enable row level security;
alter table counters force row level security;
create policy tenant on counters to guildhall_app
    using (tenant = current_setting('app.tenant', true)) with check (tenant = current_setting('app.tenant', true));
grant select, insert, update on counters to guildhall_app;
";
const INBOX: &str = "
create table inbox (
    consumer_group text not null,
    event_id uuid not null,
    tenant text not null,
    applied_at timestamptz not null,
    primary key (consumer_group, event_id)
);
create index inbox_applied_at on inbox using brin (applied_at);
";

/// The partitions of the weeks that rows are stored of, as they were made when those weeks came.
const WEEKS: &str =
    "select inbox_roll(now() - week * interval '7 days', '60 days', 0) from generate_series(2, 0, -1) week";

/// A database and how far it is.
pub(crate) struct Database {
    admin: PgConnection,
    urls: Urls,
}

impl Database {
    /// As a service has it.
    pub(crate) async fn ours(server: &str, name: &str) -> Result<Self> {
        let (admin, plan) = (SecretString::from(server.to_owned()), plan(name));
        pg::bootstrap(&admin, &plan).await?;
        let urls = plan.urls(&admin)?;
        pg::migrate(&urls.owner, None, &[&consumer::MIGRATOR]).await?;
        run(&mut connect(urls.owner.expose_secret()).await?, format!("{COUNTERS}{WALLS}")).await?;
        let mut database = Self::of(server, name, urls).await?;
        run(&mut database.admin, WEEKS.to_owned()).await?;
        Ok(database)
    }

    /// As others would have it.
    pub(crate) async fn plain(server: &str, name: &str) -> Result<Self> {
        let (admin, plan) = (SecretString::from(server.to_owned()), plan(name));
        pg::bootstrap(&admin, &plan).await?;
        let urls = plan.urls(&admin)?;
        run(&mut connect(urls.owner.expose_secret()).await?, format!("{COUNTERS}{INBOX}")).await?;
        let owner = urls.owner.clone();
        Self::of(server, name, Urls { app: owner.clone(), system: owner.clone(), owner }).await
    }

    async fn of(server: &str, name: &str, urls: Urls) -> Result<Self> {
        let mut url = Url::parse(server).context("the administrator's URL")?;
        url.set_path(name);
        Ok(Self { admin: connect(url.as_str()).await?, urls })
    }

    pub(crate) fn app_url(&self) -> &str {
        self.urls.app.expose_secret()
    }

    pub(crate) fn system_url(&self) -> &str {
        self.urls.system.expose_secret()
    }

    /// Adds rows of events that were applied over the last two weeks.
    pub(crate) async fn store(&mut self, rows: usize) -> Result<()> {
        let fill = format!(
            "insert into inbox (consumer_group, event_id, tenant, applied_at)
             select 'stored',
                    (lpad(to_hex((extract(epoch from at) * 1000)::bigint), 12, '0') || '7' || substr(noise, 1, 3)
                        || '8' || substr(noise, 4, 15))::uuid,
                    'tenant-0', at
               from (select now() - interval '14 days' * (1 - n::float8 / {rows}) as at,
                            md5(random()::text) as noise
                       from generate_series(1, {rows}) n) event;
             analyze inbox;"
        );
        run(&mut self.admin, fill).await
    }

    /// Takes away what an earlier run left; stored rows stay.
    pub(crate) async fn clear(&mut self) -> Result<()> {
        let stored = "select exists (select from inbox where consumer_group = 'stored')";
        let stored: bool = sqlx::query_scalar(stored).fetch_one(&mut self.admin).await?;
        let inbox =
            if stored { "delete from inbox where consumer_group <> 'stored'" } else { "truncate inbox" };
        run(&mut self.admin, format!("truncate counters; {inbox}")).await?;
        for statement in ["vacuum inbox", "checkpoint"] {
            run(&mut self.admin, statement.to_owned()).await?;
        }
        Ok(())
    }

    /// How many events are counted and committed.
    pub(crate) async fn applied(&mut self) -> Result<u64> {
        let sum = sqlx::query_scalar::<_, i64>("select coalesce(sum(n), 0)::bigint from counters");
        Ok(u64::try_from(sum.fetch_one(&mut self.admin).await?)?)
    }

    /// The gate: every counter counted its events once and in their order, and the inbox has a row for each.
    pub(crate) async fn check(&mut self) -> Result<u64> {
        let (events, wrong, disordered): (i64, i64, i64) = sqlx::query_as(
            "select coalesce(sum(n), 0)::bigint, count(*) filter (where n <> last), coalesce(sum(disordered), 0)::bigint
               from counters",
        )
        .fetch_one(&mut self.admin)
        .await?;
        let noted =
            sqlx::query_scalar::<_, i64>("select count(*) from inbox where consumer_group <> 'stored'");
        let noted = noted.fetch_one(&mut self.admin).await?;
        ensure!(wrong == 0, "{wrong} counters lost events or counted them twice");
        ensure!(disordered == 0, "{disordered} events were applied out of order");
        ensure!(noted == events, "{noted} events are noted, {events} counted");
        Ok(u64::try_from(events)?)
    }
}

fn plan(name: &str) -> Bootstrap {
    let password = || SecretString::from("bench".to_owned());
    Bootstrap {
        service: name.to_owned(),
        database: name.to_owned(),
        owner_password: password(),
        app_password: password(),
        system_password: password(),
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
