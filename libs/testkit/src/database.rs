//! A fresh database per test, cloned from a template that was migrated once.

use pg::{Bootstrap, Urls};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use sqlx::migrate::Migrator;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, PgConnection};

use crate::cleanup::{on_own_thread, unique};
use crate::env::env;

/// Change it when what `pg::bootstrap` does changes: templates of before are then made anew.
const GENERATION: &str = "1";

/// A database with the schema and the three roles of a service. It is dropped with this value.
#[derive(Debug)]
pub struct TestDb {
    /// Its name.
    pub name: String,
    /// Where owner, app and system role sign in.
    pub urls: Urls,
    admin: SecretString,
}

/// Makes a database as `service` has it in production: the same migrations, and an owner, an app and a system role of
/// which only the owner owns tables. The roles are called `test_<service>_owner` …, so that a stack of the same server
/// keeps its own.
///
/// # Panics
/// When the server does not answer or a migration fails.
pub async fn database(service: &str, migrators: &[&Migrator]) -> TestDb {
    let admin = SecretString::from(env().pg_admin_url());
    let plan = plan(service, &format!("test_{service}_{}", unique()));
    let mut server = connect(&admin).await;
    let template = Box::pin(template(&admin, &mut server, service, migrators)).await;
    let owner = format!("test_{service}_owner");
    for statement in [
        format!("create database {} template {template} owner {owner}", plan.database),
        // What a database allows whom is not part of a template.
        format!("revoke all on database {} from public", plan.database),
        format!("grant connect on database {} to test_{service}_app, test_{service}_system", plan.database),
    ] {
        run(&mut server, statement).await;
    }
    server.close().await.expect("close");
    let urls = plan.urls(&admin).expect("the administrator's URL");
    TestDb { name: plan.database, urls, admin }
}

impl TestDb {
    /// Settings of `pg` for it.
    #[must_use]
    pub fn settings(&self) -> pg::Settings {
        pg::Settings {
            url: self.urls.app.clone(),
            system_url: self.urls.system.clone(),
            owner_url: Some(self.urls.owner.clone()),
            max_connections: 10,
            tls_ca: None,
            pooler: false,
        }
    }

    /// What a service's process is told of it, without its prefix.
    #[must_use]
    pub fn variables(&self) -> Vec<(&'static str, String)> {
        vec![
            ("DB__URL", self.urls.app.expose_secret().to_owned()),
            ("DB__SYSTEM_URL", self.urls.system.expose_secret().to_owned()),
            // Opening one costs a build without optimisation a good part of a second.
            ("DB__MAX_CONNECTIONS", "3".to_owned()),
        ]
    }

    /// Both pools of a service on it.
    ///
    /// # Panics
    /// Never: the URLs were made here.
    #[must_use]
    pub fn connect(&self) -> pg::Db {
        pg::Db::connect(&self.settings(), "test").expect("URLs made by testkit")
    }

    /// A connection of the superuser, who sees every row: for looking at what happened, never for what is tested.
    ///
    /// # Panics
    /// When the server does not answer.
    pub async fn admin(&self) -> PgConnection {
        let mut url = url::Url::parse(self.admin.expose_secret()).expect("the administrator's URL");
        url.set_path(&self.name);
        connect(&String::from(url).into()).await
    }
}

impl Drop for TestDb {
    fn drop(&mut self) {
        let (admin, name) = (self.admin.clone(), self.name.clone());
        on_own_thread(|| async move {
            if let Ok(mut server) = options(&admin).connect().await {
                let drop = AssertSqlSafe(format!("drop database if exists {name} with (force)"));
                let _ = sqlx::raw_sql(drop).execute(&mut server).await;
                let _ = server.close().await;
            }
        });
    }
}

/// Name of the template for these migrations; made by whoever comes first, under a lock. As long as `server` is open
/// nobody removes it.
async fn template(
    admin: &SecretString,
    server: &mut PgConnection,
    service: &str,
    migrators: &[&Migrator],
) -> String {
    let mut hash = Sha256::new();
    hash.update(GENERATION);
    for migrator in migrators {
        hash.update(migrator.table_name.as_bytes());
        for migration in migrator.iter() {
            hash.update(migration.version.to_be_bytes());
            hash.update(&migration.checksum);
        }
    }
    let hash = hash.finalize();
    // Tests of one crate may ask for different sets of tables; a new version of a set replaces that set alone.
    let set: Vec<&str> = migrators.iter().map(|m| m.table_name.as_ref()).collect();
    let family = format!("template_{service}_{}_", hex::encode(&Sha256::digest(set.join(","))[..3]));
    let name = format!("{family}{}", hex::encode(&hash[..5]));

    // One lock per set, so that nobody removes a template that another is making or copying.
    let lock = Sha256::digest(&family);
    let lock = i64::from_be_bytes(lock[..8].try_into().expect("eight bytes"));
    sqlx::query("select pg_advisory_lock($1)").bind(lock).execute(&mut *server).await.expect("lock");
    let databases: Vec<String> = sqlx::query_scalar("select datname::text from pg_database")
        .fetch_all(&mut *server)
        .await
        .expect("list of databases");
    if !databases.contains(&name) {
        for old in databases.iter().filter(|d| d.starts_with(&family)) {
            run(server, format!("drop database if exists {old} with (force)")).await;
        }
        let making = plan(service, &format!("{family}making"));
        pg::bootstrap(admin, &making).await.expect("bootstrap");
        let urls = making.urls(admin).expect("the administrator's URL");
        pg::migrate(&urls.owner, None, migrators).await.expect("migrations");
        // Only a finished template gets the name; a half-made one is dropped by the next who comes.
        run(server, format!("alter database {} rename to {name}", making.database)).await;
    }
    for statement in ["select pg_advisory_lock_shared($1)", "select pg_advisory_unlock($1)"] {
        sqlx::query(statement).bind(lock).execute(&mut *server).await.expect("lock");
    }
    name
}

fn plan(service: &str, database: &str) -> Bootstrap {
    let password = || SecretString::from("test".to_owned());
    Bootstrap {
        service: format!("test_{service}"),
        database: database.to_owned(),
        owner_password: password(),
        app_password: password(),
        system_password: password(),
    }
}

fn options(url: &SecretString) -> sqlx::postgres::PgConnectOptions {
    url.expose_secret().parse().expect("the administrator's URL")
}

async fn connect(url: &SecretString) -> PgConnection {
    options(url).application_name("testkit").connect().await.expect("PostgreSQL of the test servers")
}

async fn run(server: &mut PgConnection, statement: String) {
    let shown = statement.clone();
    if let Err(error) = sqlx::raw_sql(AssertSqlSafe(statement)).execute(server).await {
        panic!("{shown}: {error}");
    }
}
