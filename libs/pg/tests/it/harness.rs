//! A database with one tenant table, and the verbs of these tests.

use std::borrow::Cow;
use std::time::Duration;

use ids::Tenant;
use pg::{Db, Error};
use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::{PgConnection, SqlSafeStr};
use testkit::TestDb;

const NOTE: &str = "
create table note (tenant text not null, id integer not null, primary key (tenant, id) deferrable);
alter table note enable row level security;
alter table note force row level security;
create policy tenant on note to guildhall_app
    using (tenant = current_setting('app.tenant', true)) with check (tenant = current_setting('app.tenant', true));
create policy system on note to guildhall_system using (true);
grant select, insert, update, delete on note to guildhall_app;
grant select on note to guildhall_system;
create function note_count(out notes bigint, out transaction text) language sql
    as 'select count(*), pg_current_xact_id()::text from public.note';
grant execute on function note_count to guildhall_app;
";

pub(crate) fn migrator(table: &'static str, migrations: &[(i64, &'static str)]) -> Migrator {
    let migrations = migrations.iter().map(|(version, sql)| {
        Migration::new(*version, Cow::Borrowed("test"), MigrationType::Simple, sql.into_sql_str(), false)
    });
    let mut migrator = Migrator::with_migrations(migrations.collect());
    migrator.table_name = table.into();
    migrator
}

pub(crate) async fn database() -> TestDb {
    testkit::database("pg", &[&migrator("_migrations_note", &[(1, NOTE)])]).await
}

/// For the whole run, so that a unit of work can be named before it is awaited.
pub(crate) fn tenant(name: &str) -> &'static Tenant {
    Box::leak(Box::new(name.parse().unwrap()))
}

pub(crate) fn riverton() -> &'static Tenant {
    tenant("riverton")
}

pub(crate) async fn insert(connection: &mut PgConnection, tenant: &str, id: i32) -> Result<(), Error> {
    let insert = sqlx::query("insert into note (tenant, id) values ($1, $2)").bind(tenant).bind(id);
    insert.execute(connection).await?;
    Ok(())
}

pub(crate) async fn ids(connection: &mut PgConnection) -> Result<Vec<i32>, Error> {
    Ok(sqlx::query_scalar("select id from note order by id").fetch_all(connection).await?)
}

/// What a tenant sees.
pub(crate) async fn seen(db: &Db, tenant: &Tenant) -> Vec<i32> {
    db.tenant(tenant, |tx| Box::pin(async move { ids(tx).await })).await.unwrap()
}

/// What is stored, whoever's.
pub(crate) async fn stored(database: &TestDb) -> Vec<i32> {
    ids(&mut database.admin().await).await.unwrap()
}

/// Transactions left open by connections called `name`.
pub(crate) async fn open_transactions(admin: &mut PgConnection, name: &str) -> i64 {
    sqlx::query_scalar(
        "select count(*) from pg_stat_activity where application_name = $1 and state like 'idle in transaction%'",
    )
    .bind(name)
    .fetch_one(admin)
    .await
    .unwrap()
}

pub(crate) const SOON: Duration = Duration::from_secs(10);
