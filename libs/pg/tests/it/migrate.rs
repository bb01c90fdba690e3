use pg::Error;
use secrecy::ExposeSecret;
use settings::Env;
use sqlx::migrate::MigrateError;

use crate::harness::migrator;

async fn version(database: &testkit::TestDb, table: &str) -> Vec<i64> {
    let query = format!("select version from {table} order by version");
    sqlx::query_scalar(sqlx::AssertSqlSafe(query)).fetch_all(&mut database.admin().await).await.unwrap()
}

const ONE: (i64, &str) = (1, "create table one (id integer)");
const TWO: (i64, &str) = (2, "create table two (id integer)");
const THREE: (i64, &str) = (3, "create table three (id integer)");

#[tokio::test]
async fn each_step_is_done_once_also_by_many_at_once() {
    let database = testkit::database("pg", &[]).await;
    let ours = migrator("_migrations_a", &[ONE, TWO]);
    let theirs = migrator("_migrations_b", &[(1, "create table other (id integer)")]);
    let runs = (0..4).map(|_| async { pg::migrate(&database.urls.owner, None, &[&ours, &theirs]).await });
    for run in futures::future::join_all(runs).await {
        run.unwrap();
    }
    assert_eq!(version(&database, "_migrations_a").await, [1, 2]);
    assert_eq!(version(&database, "_migrations_b").await, [1]);
    pg::migrate(&database.urls.owner, None, &[&ours]).await.unwrap();
}

#[tokio::test]
async fn a_changed_step_is_refused() {
    let database = testkit::database("pg", &[]).await;
    pg::migrate(&database.urls.owner, None, &[&migrator("_migrations_a", &[ONE])]).await.unwrap();
    let changed = migrator("_migrations_a", &[(1, "create table one (id bigint)"), TWO]);
    let error = pg::migrate(&database.urls.owner, None, &[&changed]).await.unwrap_err();
    assert!(matches!(error, Error::Migrate(MigrateError::VersionMismatch(1))), "{error:?}");
    assert_eq!(version(&database, "_migrations_a").await, [1]);
}

#[tokio::test]
async fn a_step_missing_in_the_middle_is_refused() {
    let database = testkit::database("pg", &[]).await;
    pg::migrate(&database.urls.owner, None, &[&migrator("_migrations_a", &[ONE, TWO])]).await.unwrap();
    let gap = migrator("_migrations_a", &[ONE, THREE]);
    let error = pg::migrate(&database.urls.owner, None, &[&gap]).await.unwrap_err();
    assert!(matches!(error, Error::Migrate(MigrateError::VersionMissing(2))), "{error:?}");
    assert_eq!(version(&database, "_migrations_a").await, [1, 2]);
}

#[tokio::test]
async fn an_older_release_leaves_newer_steps_alone() {
    let database = testkit::database("pg", &[]).await;
    pg::migrate(&database.urls.owner, None, &[&migrator("_migrations_a", &[ONE, TWO, THREE])]).await.unwrap();
    pg::migrate(&database.urls.owner, None, &[&migrator("_migrations_a", &[ONE])]).await.unwrap();
    assert_eq!(version(&database, "_migrations_a").await, [1, 2, 3]);
}

#[tokio::test]
async fn a_failing_step_leaves_nothing_and_can_be_mended() {
    let database = testkit::database("pg", &[]).await;
    let broken = migrator("_migrations_a", &[ONE, (2, "create table two (id integer); select 1 / 0")]);
    pg::migrate(&database.urls.owner, None, &[&broken]).await.unwrap_err();
    assert_eq!(version(&database, "_migrations_a").await, [1]);
    pg::migrate(&database.urls.owner, None, &[&migrator("_migrations_a", &[ONE, TWO])]).await.unwrap();
    assert_eq!(version(&database, "_migrations_a").await, [1, 2]);
}

#[tokio::test]
async fn the_command_needs_the_owners_url_and_looks_at_nothing_else() {
    let database = testkit::database("pg", &[]).await;
    let ours = migrator("_migrations_a", &[ONE]);
    let env = |owner: &str| {
        let only_serve_reads = [("DOCUMENT__KAFKA__BROKERS", "nowhere"), ("DOCUMENT__COLOUR", "red")];
        Env::from_pairs("DOCUMENT", only_serve_reads.into_iter().chain([("DOCUMENT__DB__OWNER_URL", owner)]))
    };
    for wrong in ["", "mysql://root@db/document"] {
        let error = pg::migrate_command(env(wrong), &[&ours]).await.unwrap_err();
        let listed =
            error.downcast_ref::<settings::Error>().expect("exit code 64 goes by the type").to_string();
        assert!(listed.contains("DOCUMENT__DB__OWNER_URL"), "{listed}");
        assert!(!listed.contains("KAFKA") && !listed.contains("COLOUR"), "{listed}");
    }
    pg::migrate_command(env(database.urls.owner.expose_secret()), &[&ours]).await.unwrap();
    assert_eq!(version(&database, "_migrations_a").await, [1]);
}
