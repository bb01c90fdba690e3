//! Table `callbacks`.

use ids::{CallbackId, PaymentId, Tenant};
use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::domain::AccountName;

/// Old ones that go when a new one comes.
const SWEPT: i64 = 20;

/// A callback as it came.
#[derive(Clone, Debug)]
pub struct Callback {
    /// Its id here.
    pub id: CallbackId,
    /// Who was called.
    pub account: AccountName,
    /// What the provider calls it.
    pub provider_event: String,
    /// What it says has happened, in the provider's words.
    pub event_type: String,
    /// What the provider calls the thing it is about.
    pub provider_reference: Option<String>,
    /// When it came.
    pub received_at: OffsetDateTime,
    /// The payment it is about, if it is one of ours.
    pub payment_id: Option<PaymentId>,
    /// What it says; nothing of somebody who is erased.
    pub body: Option<Vec<u8>>,
}

/// A callback that is about no payment of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownCallback {
    /// Its id here.
    pub id: CallbackId,
    /// Who was called.
    pub account: String,
    /// When it came.
    pub received_at: OffsetDateTime,
    /// What it says has happened; nothing where it came before that was noted.
    pub event_type: Option<String>,
    /// What the provider calls the thing it is about.
    pub provider_reference: Option<String>,
}

/// Stores a callback. `false` where it had come before.
#[tracing::instrument(name = "db.callbacks.insert", skip_all)]
pub async fn insert(db: &mut PgConnection, tenant: &Tenant, callback: &Callback) -> sqlx::Result<bool> {
    let inserted = sqlx::query!(
        "insert into callbacks (id, tenant, account, provider_event, received_at, payment_id, body, event_type, provider_reference)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
         on conflict (tenant, account, provider_event) do nothing",
        callback.id.as_uuid(),
        tenant.as_str(),
        callback.account.as_str(),
        callback.provider_event,
        callback.received_at,
        callback.payment_id.map(Uuid::from),
        callback.body,
        callback.event_type,
        callback.provider_reference,
    )
    .execute(db)
    .await?;
    Ok(inserted.rows_affected() == 1)
}

/// Lists those that are about no payment of ours, the newest first, before `before`.
#[tracing::instrument(name = "db.callbacks.list_unknown", skip_all)]
pub async fn list_unknown(
    db: &mut PgConnection,
    tenant: &Tenant,
    before: Option<Uuid>,
    limit: i64,
) -> sqlx::Result<Vec<UnknownCallback>> {
    sqlx::query_as!(
        UnknownCallback,
        r#"select id as "id: CallbackId", account, received_at, event_type, provider_reference
         from callbacks
         where tenant = $1 and payment_id is null and ($2::uuid is null or id < $2)
         order by id desc limit $3"#,
        tenant.as_str(),
        before,
        limit,
    )
    .fetch_all(db)
    .await
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
