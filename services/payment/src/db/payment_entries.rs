//! Table `payment_entries`. Whoever adds a row holds the lock of its payment's.

use ids::{DisputeId, PaymentId, RefundId, Tenant};
use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

/// Something that happened to a payment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PaymentEntry {
    /// When.
    pub at: OffsetDateTime,
    /// What, as in `guildhall.payment.v1.PaymentEntry`.
    pub name: String,
    /// Which refund it is about.
    pub refund_id: Option<RefundId>,
    /// Which dispute it is about.
    pub dispute_id: Option<DisputeId>,
}

/// What something is about beside its payment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum About {
    /// Nothing else.
    Payment,
    /// A refund of it.
    Refund(RefundId),
    /// A dispute of it.
    Dispute(DisputeId),
}

/// How many are told.
const MOST: i64 = 500;

/// Adds what happened now.
#[tracing::instrument(name = "db.payment_entries.insert", skip_all)]
pub async fn insert(
    db: &mut PgConnection,
    tenant: &Tenant,
    payment_id: PaymentId,
    at: OffsetDateTime,
    name: &'static str,
    about: About,
) -> sqlx::Result<()> {
    let (refund_id, dispute_id) = match about {
        About::Payment => (None, None),
        About::Refund(id) => (Some(id), None),
        About::Dispute(id) => (None, Some(id)),
    };
    sqlx::query!(
        "insert into payment_entries (tenant, payment_id, number, at, name, refund_id, dispute_id)
         select $1, $2, coalesce(max(number), 0) + 1, $3, $4, $5, $6
         from payment_entries where tenant = $1 and payment_id = $2",
        tenant.as_str(),
        payment_id.as_uuid(),
        at,
        name,
        refund_id.map(Uuid::from),
        dispute_id.map(Uuid::from),
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Reads what happened to a payment, oldest first.
#[tracing::instrument(name = "db.payment_entries.list", skip_all)]
pub async fn list(
    db: &mut PgConnection,
    tenant: &Tenant,
    payment_id: PaymentId,
) -> sqlx::Result<Vec<PaymentEntry>> {
    sqlx::query_as!(
        PaymentEntry,
        r#"select at, name, refund_id as "refund_id: RefundId", dispute_id as "dispute_id: DisputeId"
         from payment_entries where tenant = $1 and payment_id = $2 order by number limit $3"#,
        tenant.as_str(),
        payment_id.as_uuid(),
        MOST,
    )
    .fetch_all(db)
    .await
}
