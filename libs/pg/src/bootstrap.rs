use secrecy::{ExposeSecret, SecretString};
use sqlx::{AssertSqlSafe, ConnectOptions, PgConnection};
use url::Url;

use crate::Error;
use crate::settings::{LIMITS, options};

/// Serialises bootstraps of one server; advisory locks are per database, and all run in the admin's.
const LOCK: i64 = 0x6775_696c_6468_616c;

/// One service's logins and its database, to be made by an administrator before the service is first migrated.
#[derive(Clone, Debug)]
pub struct Bootstrap {
    /// The service: its logins are `<service>_owner`, `<service>_app` and `<service>_system`.
    pub service: String,
    /// The database; in production the service's name.
    pub database: String,
    /// Password of `<service>_owner`, which owns the tables and runs migrations.
    pub owner_password: SecretString,
    /// Password of `<service>_app`, a member of `guildhall_app`.
    pub app_password: SecretString,
    /// Password of `<service>_system`, a member of `guildhall_system`.
    pub system_password: SecretString,
}

impl Bootstrap {
    /// The URLs of the owner, the app and the system login, on the server of `admin_url`.
    ///
    /// # Errors
    /// [`Error::Invalid`] when `admin_url` is not a URL with a host.
    pub fn urls(&self, admin_url: &SecretString) -> Result<Urls, Error> {
        let url = |role: &str, password: &SecretString| {
            let invalid =
                Error::Invalid("the administrator's URL must be postgres://user:password@host:port/database");
            let Ok(mut url) = Url::parse(admin_url.expose_secret()) else { return Err(invalid) };
            let set = url.set_username(&format!("{}_{role}", self.service));
            let set = set.and_then(|()| url.set_password(Some(password.expose_secret())));
            if set.is_err() {
                return Err(invalid);
            }
            url.set_path(&self.database);
            Ok(SecretString::from(String::from(url)))
        };
        Ok(Urls {
            owner: url("owner", &self.owner_password)?,
            app: url("app", &self.app_password)?,
            system: url("system", &self.system_password)?,
        })
    }
}

/// Where the three logins of a service sign in.
#[derive(Clone, Debug)]
pub struct Urls {
    /// For migrations.
    pub owner: SecretString,
    /// For tenant transactions.
    pub app: SecretString,
    /// For sweeps, relays and look-ups.
    pub system: SecretString,
}

/// Makes the group roles `guildhall_app` and `guildhall_system`, the service's logins and its database, or brings
/// what is there in line (passwords, time limits, memberships, who may connect). Safe to repeat and to run twice at
/// once. `admin_url` needs CREATEROLE and CREATEDB, not superuser.
///
/// # Errors
/// [`Error::Invalid`] for a name outside `[a-z][a-z0-9_]*` of at most 48 bytes; otherwise what the server says.
pub async fn bootstrap(admin_url: &SecretString, plan: &Bootstrap) -> Result<(), Error> {
    for name in [&plan.service, &plan.database] {
        let first = name.bytes().next().is_some_and(|byte| byte.is_ascii_lowercase());
        let rest =
            name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
        if !first || !rest || name.len() > 48 {
            return Err(Error::Invalid(
                "a service or database name must be 1 to 48 of a-z, 0-9, '_', a letter first",
            ));
        }
    }
    let admin = options(admin_url, None)?.application_name("bootstrap");
    let mut server = admin.connect().await?;
    sqlx::query("select pg_advisory_lock($1)").bind(LOCK).execute(&mut server).await?;

    let app = format!("{}_app", plan.service);
    let system = format!("{}_system", plan.service);
    let owner = format!("{}_owner", plan.service);
    for group in ["guildhall_app", "guildhall_system"] {
        if !role_exists(&mut server, group).await? {
            run(&mut server, "create role %I nologin", &[group]).await?;
        }
    }
    login(&mut server, &owner, &plan.owner_password).await?;
    for (login_name, password, group) in
        [(&app, &plan.app_password, "guildhall_app"), (&system, &plan.system_password, "guildhall_system")]
    {
        login(&mut server, login_name, password).await?;
        run(&mut server, "grant %I to %I", &[group, login_name]).await?;
        for (name, value) in LIMITS {
            run(&mut server, "alter role %I set %I = %L", &[login_name, name, value]).await?;
        }
    }
    // Giving a database to another role takes membership in it, unless one is superuser.
    run(&mut server, "grant %I to current_user", &[&owner]).await?;
    let exists: bool = sqlx::query_scalar("select exists (select from pg_database where datname = $1)")
        .bind(&plan.database)
        .fetch_one(&mut server)
        .await?;
    if !exists {
        let create = "create database %I owner %I encoding 'UTF8' template template0";
        run(&mut server, create, &[&plan.database, &owner]).await?;
    }
    run(&mut server, "revoke all on database %I from public", &[&plan.database]).await?;
    run(&mut server, "grant connect on database %I to %I, %I", &[&plan.database, &app, &system]).await?;

    let mut database = admin.database(&plan.database).connect().await?;
    for statement in [
        "alter schema public owner to %I",
        "revoke all on schema public from public",
        "grant usage on schema public to guildhall_app, guildhall_system",
        "alter default privileges for role %I revoke execute on functions from public",
    ] {
        run(&mut database, statement, &[&owner]).await?;
    }
    // The lock goes with its connection.
    Ok(())
}

async fn login(server: &mut PgConnection, name: &str, password: &SecretString) -> Result<(), Error> {
    let verb = if role_exists(server, name).await? { "alter" } else { "create" };
    run(server, &format!("{verb} role %I login password %L"), &[name, password.expose_secret()]).await
}

async fn role_exists(server: &mut PgConnection, name: &str) -> Result<bool, Error> {
    let exists = sqlx::query_scalar("select exists (select from pg_roles where rolname = $1)");
    Ok(exists.bind(name).fetch_one(server).await?)
}

/// Runs a statement that takes no parameters; the server itself quotes names (`%I`) and texts (`%L`).
async fn run(connection: &mut PgConnection, statement: &str, arguments: &[&str]) -> Result<(), Error> {
    let quoted: String = sqlx::query_scalar("select format($1, variadic $2::text[])")
        .bind(statement)
        .bind(arguments)
        .fetch_one(&mut *connection)
        .await?;
    sqlx::raw_sql(AssertSqlSafe(quoted)).execute(connection).await?;
    Ok(())
}
