//! Table `callbacks`.

use ids::{CallbackId, CheckId, Tenant};
use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::domain::AccountName;

/// Old ones that go when a new one comes.
const SWEPT: i64 = 20;

/// A callback that came.
#[derive(Clone, Debug)]
pub struct Callback {
    /// Its id here.
    pub id: CallbackId,
    /// Who was called.
    pub account: AccountName,
    /// What the provider calls it.
    pub provider_event: String,
    /// What the provider calls the thing it is about.
    pub provider_id: String,
    /// When it came.
    pub received_at: OffsetDateTime,
    /// The attempt it is about, if it is one of ours.
    pub about: Option<(CheckId, i32)>,
}

/// Stores a callback. `false` where it had come before.
#[tracing::instrument(name = "db.callbacks.insert", skip_all)]
pub async fn insert(db: &mut PgConnection, tenant: &Tenant, callback: &Callback) -> sqlx::Result<bool> {
    let inserted = sqlx::query!(
        "insert into callbacks (id, tenant, account, provider_event, provider_id, received_at, check_id, attempt)
         values ($1, $2, $3, $4, $5, $6, $7, $8)
         on conflict (tenant, account, provider_event) do nothing",
        callback.id.as_uuid(),
        tenant.as_str(),
        callback.account.as_str(),
        callback.provider_event,
        callback.provider_id,
        callback.received_at,
        callback.about.map(|(check, _)| Uuid::from(check)),
        callback.about.map(|(_, attempt)| attempt),
    )
    .execute(db)
    .await?;
    Ok(inserted.rows_affected() == 1)
}

/// The attempts of a check that were called about since they were last asked about.
#[tracing::instrument(name = "db.callbacks.unhandled", skip_all)]
pub async fn unhandled(
    db: &mut PgConnection,
    tenant: &Tenant,
    check: CheckId,
) -> sqlx::Result<Vec<(CallbackId, i32)>> {
    let rows = sqlx::query!(
        r#"select id as "id: CallbackId", attempt as "attempt!" from callbacks
         where tenant = $1 and check_id = $2 and not handled order by id limit 20"#,
        tenant.as_str(),
        check.as_uuid(),
    );
    Ok(rows.fetch_all(db).await?.into_iter().map(|row| (row.id, row.attempt)).collect())
}

/// Notes that the provider was asked since.
#[tracing::instrument(name = "db.callbacks.handled", skip_all)]
pub async fn handled(db: &mut PgConnection, tenant: &Tenant, ids: &[CallbackId]) -> sqlx::Result<()> {
    let ids: Vec<Uuid> = ids.iter().map(|id| id.as_uuid()).collect();
    sqlx::query!(
        "update callbacks set handled = true where tenant = $1 and id = any($2)",
        tenant.as_str(),
        &ids
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Deletes some of those that came before `before`, more than come.
#[tracing::instrument(name = "db.callbacks.sweep", skip_all)]
pub async fn sweep(db: &mut PgConnection, tenant: &Tenant, before: OffsetDateTime) -> sqlx::Result<()> {
    sqlx::query!(
        "delete from callbacks where id in (
             select id from callbacks where tenant = $1 and received_at < $2
             order by received_at limit $3 for update skip locked)",
        tenant.as_str(),
        before,
        SWEPT,
    )
    .execute(db)
    .await?;
    Ok(())
}
