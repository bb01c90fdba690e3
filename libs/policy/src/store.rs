//! All SQL of the table `policies`.

use std::collections::BTreeMap;

use pg::Tx;
use serde_json::Value;
use sqlx::PgConnection;
use time::OffsetDateTime;

use crate::{Error, Policy, Versioned};

/// A version as it is stored.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Stored {
    pub(crate) version: i32,
    pub(crate) body: Value,
    pub(crate) note: String,
    pub(crate) published_by: String,
    pub(crate) published_at: OffsetDateTime,
}

/// The policy in force in this transaction's tenant: one statement, by the primary key.
///
/// # Errors
/// See [`Error`].
pub async fn current<T: Policy>(tx: &mut Tx) -> Result<Versioned<T>, Error> {
    let tenant = tx.tenant().clone();
    match newest(tx, tenant.as_str(), T::KIND).await? {
        None => Ok(Versioned { version: 0, policy: T::builtin() }),
        Some(stored) => read(&stored),
    }
}

/// What a version of the policy says, also when a newer one is in force; `None` where there is no such version.
///
/// # Errors
/// See [`Error`].
pub async fn at<T: Policy>(tx: &mut Tx, version: i32) -> Result<Option<Versioned<T>>, Error> {
    if version == 0 {
        return Ok(Some(Versioned { version: 0, policy: T::builtin() }));
    }
    let tenant = tx.tenant().clone();
    find(tx, tenant.as_str(), T::KIND, version).await?.map(|stored| read(&stored)).transpose()
}

fn read<T: Policy>(stored: &Stored) -> Result<Versioned<T>, Error> {
    let policy = T::deserialize(&stored.body).map_err(|source| Error::Unreadable {
        kind: T::KIND,
        version: stored.version,
        source,
    })?;
    Ok(Versioned { version: stored.version, policy })
}

pub(crate) async fn newest(
    connection: &mut PgConnection,
    tenant: &str,
    kind: &str,
) -> sqlx::Result<Option<Stored>> {
    sqlx::query_as!(
        Stored,
        "select version, body, note, published_by, published_at from policies
          where tenant = $1 and kind = $2 order by version desc limit 1",
        tenant,
        kind,
    )
    .fetch_optional(connection)
    .await
}

pub(crate) async fn find(
    connection: &mut PgConnection,
    tenant: &str,
    kind: &str,
    version: i32,
) -> sqlx::Result<Option<Stored>> {
    sqlx::query_as!(
        Stored,
        "select version, body, note, published_by, published_at from policies
          where tenant = $1 and kind = $2 and version = $3",
        tenant,
        kind,
        version,
    )
    .fetch_optional(connection)
    .await
}

/// The newest version of each kind that has one.
pub(crate) async fn newest_of_all(
    connection: &mut PgConnection,
    tenant: &str,
) -> sqlx::Result<BTreeMap<String, Stored>> {
    let rows = sqlx::query!(
        "select distinct on (kind) kind, version, body, note, published_by, published_at from policies
          where tenant = $1 order by kind, version desc",
        tenant,
    );
    let rows = rows.fetch_all(connection).await?.into_iter();
    let stored = rows.map(|row| {
        let (version, body, note) = (row.version, row.body, row.note);
        let (published_by, published_at) = (row.published_by, row.published_at);
        (row.kind, Stored { version, body, note, published_by, published_at })
    });
    Ok(stored.collect())
}

/// Versions below `before`, the newest first.
pub(crate) async fn list(
    connection: &mut PgConnection,
    tenant: &str,
    kind: &str,
    before: i32,
    limit: i64,
) -> sqlx::Result<Vec<Stored>> {
    sqlx::query_as!(
        Stored,
        "select version, body, note, published_by, published_at from policies
          where tenant = $1 and kind = $2 and version < $3 order by version desc limit $4",
        tenant,
        kind,
        before,
        limit,
    )
    .fetch_all(connection)
    .await
}

/// Keeps others from publishing in the tenant until the transaction ends: a policy is checked beside the others.
pub(crate) async fn lock(connection: &mut PgConnection, tenant: &str) -> sqlx::Result<()> {
    sqlx::query!("select pg_advisory_xact_lock(hashtextextended('policies ' || $1, 0))", tenant)
        .execute(connection)
        .await?;
    Ok(())
}

pub(crate) async fn insert(
    connection: &mut PgConnection,
    tenant: &str,
    kind: &str,
    stored: &Stored,
) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into policies (tenant, kind, version, body, note, published_by, published_at)
         values ($1, $2, $3, $4, $5, $6, $7)",
        tenant,
        kind,
        stored.version,
        stored.body,
        stored.note,
        stored.published_by,
        stored.published_at,
    )
    .execute(connection)
    .await?;
    Ok(())
}
