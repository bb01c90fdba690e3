//! A database with a table of effects, a runner whose handler writes there, and the verbs of these tests.

use std::borrow::Cow;
use std::time::Duration;

use clock::Clock;
use due::{Next, Row, Runner};
use ids::Tenant;
use pg::{Db, Error, Tx};
use sqlx::SqlSafeStr;
use sqlx::migrate::{Migration, MigrationType, Migrator};
use testkit::TestDb;
use time::OffsetDateTime;
use time::macros::datetime;
use uuid::Uuid;

const EFFECT: &str = "
create table effect (tenant text not null, subject uuid not null, note text not null);
alter table effect enable row level security;
alter table effect force row level security;
create policy tenant on effect to guildhall_app
    using (tenant = current_setting('app.tenant', true)) with check (tenant = current_setting('app.tenant', true));
grant select, insert on effect to guildhall_app;
";

pub(crate) const NOON: OffsetDateTime = datetime!(2030-01-01 12:00 UTC);
pub(crate) const SOON: Duration = Duration::from_secs(10);

pub(crate) struct Setup {
    pub(crate) database: TestDb,
    pub(crate) db: Db,
    pub(crate) clock: Clock,
}

pub(crate) async fn setup() -> Setup {
    let migration =
        Migration::new(1, Cow::Borrowed("effect"), MigrationType::Simple, EFFECT.into_sql_str(), false);
    let mut effect = Migrator::with_migrations(vec![migration]);
    effect.table_name = "_migrations_effect".into();
    let database = testkit::database("due", &[&due::MIGRATOR, &effect]).await;
    let db = database.connect();
    Setup { database, db, clock: Clock::frozen(NOON) }
}

/// For the whole run, so that a unit of work can be named before it is awaited.
pub(crate) fn tenant(name: &str) -> &'static Tenant {
    Box::leak(Box::new(name.parse().unwrap()))
}

pub(crate) fn subject(number: u128) -> Uuid {
    Uuid::from_u128(number)
}

pub(crate) async fn effect(tx: &mut Tx, subject: Uuid, note: &str) -> Result<(), Error> {
    let insert = sqlx::query("insert into effect (tenant, subject, note) values ($1, $2, $3)")
        .bind(tx.tenant().to_string())
        .bind(subject)
        .bind(note);
    insert.execute(&mut **tx).await?;
    Ok(())
}

/// A handler that writes one effect and is done.
pub(crate) fn once<'t>(tx: &'t mut Tx, row: Row) -> pg::BoxFuture<'t, Result<Next, Error>> {
    Box::pin(async move {
        effect(tx, row.subject, "ran").await?;
        Ok(Next::Done)
    })
}

impl Setup {
    pub(crate) fn runner(&self) -> Runner {
        Runner::new(self.db.clone(), self.clock.clone())
    }

    pub(crate) async fn schedule(&self, name: &str, kind: &'static str, number: u128, at: OffsetDateTime) {
        let unit = self.db.tenant(tenant(name), move |tx| {
            Box::pin(async move { due::schedule(tx, kind, subject(number), at).await })
        });
        unit.await.unwrap();
    }

    pub(crate) async fn cancel(&self, name: &str, kind: &'static str, number: u128) {
        let unit = self.db.tenant(tenant(name), move |tx| {
            Box::pin(async move { due::cancel(tx, kind, subject(number)).await })
        });
        unit.await.unwrap();
    }

    /// Tenant and number of each effect, in order of writing.
    pub(crate) async fn effects(&self) -> Vec<(String, u128, String)> {
        let rows: Vec<(String, Uuid, String)> =
            sqlx::query_as("select tenant, subject, note from effect order by ctid")
                .fetch_all(&mut self.database.admin().await)
                .await
                .unwrap();
        rows.into_iter().map(|(tenant, subject, note)| (tenant, subject.as_u128(), note)).collect()
    }

    /// When each row will be looked at, and its failures.
    pub(crate) async fn rows(&self) -> Vec<(u128, OffsetDateTime, i32)> {
        let rows: Vec<(Uuid, OffsetDateTime, i32)> =
            sqlx::query_as("select subject, at, attempts from due order by subject")
                .fetch_all(&mut self.database.admin().await)
                .await
                .unwrap();
        rows.into_iter().map(|(subject, at, attempts)| (subject.as_u128(), at, attempts)).collect()
    }
}

pub(crate) fn ran(tenant: &str, number: u128) -> (String, u128, String) {
    (tenant.to_owned(), number, "ran".to_owned())
}
