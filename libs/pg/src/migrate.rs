use std::path::Path;

use secrecy::SecretString;
use settings::Env;
use sqlx::migrate::{Migrate, MigrateError, Migrator};
use sqlx::{ConnectOptions, Connection, PgConnection};

use crate::Error;
use crate::settings::Owner;

/// The migrations in the calling crate's `migrations/`, recorded in the table named here, so that the libraries of
/// one database do not mix their numbers: `pub static MIGRATOR: Migrator = pg::migrator!("_migrations_outbox");`
#[macro_export]
macro_rules! migrator {
    ($table:literal) => {{
        const BASE: &::sqlx::migrate::Migrator = &::sqlx::migrate!();
        ::sqlx::migrate::Migrator {
            migrations: match &BASE.migrations {
                ::std::borrow::Cow::Borrowed(migrations) => ::std::borrow::Cow::Borrowed(*migrations),
                ::std::borrow::Cow::Owned(_) => unreachable!(),
            },
            table_name: ::std::borrow::Cow::Borrowed($table),
            create_schemas: ::std::borrow::Cow::Borrowed(&[]),
            ignore_missing: false,
            locking: true,
            no_tx: false,
        }
    }};
}

/// Applies what is missing of each migrator, in order, as the owner of the tables.
///
/// Forward only, each under the server's advisory lock, so that two runs at once do each step once. Versions that a
/// newer release applied are left alone: going back to an older image must not fail at its migration step.
///
/// # Errors
/// [`Error::Migrate`] when an applied migration differs from the one here, or is older than ours and missing here.
pub async fn migrate(
    owner_url: &SecretString,
    tls_ca: Option<&Path>,
    migrators: &[&Migrator],
) -> Result<(), Error> {
    let options = crate::settings::options(owner_url, tls_ca)?.application_name("migrate");
    let mut connection = options.connect().await?;
    // Held until the connection ends.
    connection.lock().await?;
    for migrator in migrators {
        refuse_gaps(&mut connection, migrator).await?;
        let migrator = Migrator {
            migrations: migrator.migrations.clone(),
            table_name: migrator.table_name.clone(),
            ignore_missing: true,
            locking: false,
            ..Migrator::with_migrations(Vec::new())
        };
        migrator.run_direct(None, &mut connection, false).await?;
    }
    Ok(connection.close().await?)
}

/// A service's `migrate` command: [`migrate`] as the owner that `DB__OWNER_URL` names, with `DB__TLS_CA`. It reads these
/// two; what else the service reads to serve may be in the environment or not.
///
/// # Errors
/// A [`settings::Error`] with everything wrong with the two; otherwise what [`migrate`] returns.
pub async fn migrate_command(
    mut env: Env,
    migrators: &[&Migrator],
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let owner = Owner::load(&mut env);
    let owner = env.finish_part(owner)?;
    Ok(migrate(&owner.url, owner.tls_ca.as_deref(), migrators).await?)
}

/// What was applied and is older than our newest must be ours.
async fn refuse_gaps(connection: &mut PgConnection, migrator: &Migrator) -> Result<(), Error> {
    connection.ensure_migrations_table(&migrator.table_name).await?;
    let newest = migrator.iter().map(|migration| migration.version).max().unwrap_or(0);
    for applied in connection.list_applied_migrations(&migrator.table_name).await? {
        if applied.version < newest && !migrator.version_exists(applied.version) {
            return Err(MigrateError::VersionMissing(applied.version).into());
        }
    }
    Ok(())
}
