//! Table `disputes`. Whoever changes a row holds the lock of its payment's.

use ids::{DisputeId, PaymentId, Tenant};
use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::domain::{Currency, Dispute, DisputeReason, DisputeState};

/// Writes a new dispute.
#[tracing::instrument(name = "db.disputes.insert", skip_all)]
pub async fn insert(db: &mut PgConnection, dispute: &Dispute) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into disputes (id, tenant, payment_id, provider_id, amount, status, reason, opened_at, respond_by, created_at,
             finished_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
        dispute.id.as_uuid(),
        dispute.tenant.as_str(),
        dispute.payment_id.as_uuid(),
        dispute.provider_id,
        dispute.amount,
        dispute.state.name(),
        dispute.reason.name(),
        dispute.opened_at,
        dispute.respond_by,
        dispute.created_at,
        dispute.finished_at,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Writes how far a dispute has come.
#[tracing::instrument(name = "db.disputes.update", skip_all)]
pub async fn update(db: &mut PgConnection, dispute: &Dispute) -> sqlx::Result<()> {
    let updated = sqlx::query!(
        "update disputes set status = $3, respond_by = $4, finished_at = $5 where tenant = $1 and id = $2",
        dispute.tenant.as_str(),
        dispute.id.as_uuid(),
        dispute.state.name(),
        dispute.respond_by,
        dispute.finished_at,
    )
    .execute(db)
    .await?;
    if updated.rows_affected() == 1 { Ok(()) } else { Err(sqlx::Error::RowNotFound) }
}

/// Reads the disputes of a payment, oldest first.
#[tracing::instrument(name = "db.disputes.of_payment", skip_all)]
pub async fn of_payment(
    db: &mut PgConnection,
    tenant: &Tenant,
    payment_id: PaymentId,
) -> sqlx::Result<Vec<Dispute>> {
    let rows = sqlx::query_as!(
        Row,
        r#"select id as "id: DisputeId", tenant, payment_id as "payment_id: PaymentId", provider_id, amount, status, reason,
             opened_at, respond_by, created_at, finished_at
         from disputes where tenant = $1 and payment_id = $2 order by id"#,
        tenant.as_str(),
        payment_id.as_uuid(),
    );
    rows.fetch_all(db).await?.into_iter().map(Row::into_dispute).collect()
}

/// Which disputes to list; what is given narrows the list.
#[derive(Debug, Clone, Copy, Default)]
pub struct Filter {
    /// Of this payment.
    pub payment_id: Option<PaymentId>,
    /// Which stand so.
    pub state: Option<DisputeState>,
}

/// Reads up to `limit` disputes with their currencies, newest first, beginning after `before`.
#[tracing::instrument(name = "db.disputes.list", skip_all)]
pub async fn list(
    db: &mut PgConnection,
    tenant: &Tenant,
    filter: Filter,
    before: Option<Uuid>,
    limit: i64,
) -> sqlx::Result<Vec<(Dispute, Currency)>> {
    let rows = sqlx::query!(
        r#"select d.id as "id: DisputeId", d.tenant, d.payment_id as "payment_id: PaymentId", d.provider_id, d.amount, d.status,
             d.reason, d.opened_at, d.respond_by, d.created_at, d.finished_at, p.currency
         from disputes d join payments p on p.tenant = $1 and p.id = d.payment_id
         where d.tenant = $1 and d.id < $2 and ($3::uuid is null or d.payment_id = $3) and ($4::text is null or d.status = $4)
         order by d.id desc limit $5"#,
        tenant.as_str(),
        before.unwrap_or(Uuid::max()),
        filter.payment_id.map(Uuid::from),
        filter.state.map(DisputeState::name),
        limit,
    );
    let rows = rows.fetch_all(db).await?.into_iter();
    rows.map(|row| {
        let currency = row.currency.parse().map_err(|_| unreadable("currency"))?;
        let row = Row {
            id: row.id,
            tenant: row.tenant,
            payment_id: row.payment_id,
            provider_id: row.provider_id,
            amount: row.amount,
            status: row.status,
            reason: row.reason,
            opened_at: row.opened_at,
            respond_by: row.respond_by,
            created_at: row.created_at,
            finished_at: row.finished_at,
        };
        Ok((row.into_dispute()?, currency))
    })
    .collect()
}

struct Row {
    id: DisputeId,
    tenant: String,
    payment_id: PaymentId,
    provider_id: String,
    amount: i64,
    status: String,
    reason: String,
    opened_at: OffsetDateTime,
    respond_by: Option<OffsetDateTime>,
    created_at: OffsetDateTime,
    finished_at: Option<OffsetDateTime>,
}

impl Row {
    fn into_dispute(self) -> sqlx::Result<Dispute> {
        Ok(Dispute {
            id: self.id,
            tenant: self.tenant.parse().map_err(|_| unreadable("tenant"))?,
            payment_id: self.payment_id,
            provider_id: self.provider_id,
            amount: self.amount,
            state: DisputeState::of(&self.status).ok_or_else(|| unreadable("status"))?,
            reason: DisputeReason::of(&self.reason),
            opened_at: self.opened_at,
            respond_by: self.respond_by,
            created_at: self.created_at,
            finished_at: self.finished_at,
        })
    }
}

fn unreadable(column: &'static str) -> sqlx::Error {
    sqlx::Error::Decode(format!("disputes.{column} holds a value that the domain refuses").into())
}
