//! Table `refunds`. Whoever changes a row holds the lock of its payment's.

use grounds::Grounds;
use ids::{PaymentId, RefundId, Tenant};
use sqlx::PgConnection;
use time::OffsetDateTime;

use crate::domain::{Refund, RefundState};

/// Writes a new refund, which is under way.
#[tracing::instrument(name = "db.refunds.insert", skip_all)]
pub async fn insert(db: &mut PgConnection, refund: &Refund) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into refunds (id, tenant, payment_id, amount, status, reason, requested_by, created_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8)",
        refund.id.as_uuid(),
        refund.tenant.as_str(),
        refund.payment_id.as_uuid(),
        refund.amount,
        refund.state.name(),
        refund.reason.as_ref().map(Grounds::as_str),
        refund.requested_by.as_str(),
        refund.created_at,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Writes how far a refund has come.
#[tracing::instrument(name = "db.refunds.update", skip_all)]
pub async fn update(db: &mut PgConnection, refund: &Refund) -> sqlx::Result<()> {
    let updated = sqlx::query!(
        "update refunds set status = $3, provider_id = $4, finished_at = $5 where tenant = $1 and id = $2",
        refund.tenant.as_str(),
        refund.id.as_uuid(),
        refund.state.name(),
        refund.provider_id,
        refund.finished_at,
    )
    .execute(db)
    .await?;
    if updated.rows_affected() == 1 { Ok(()) } else { Err(sqlx::Error::RowNotFound) }
}

/// Reads the refunds of a payment, oldest first. There are 100 at most.
#[tracing::instrument(name = "db.refunds.of_payment", skip_all)]
pub async fn of_payment(
    db: &mut PgConnection,
    tenant: &Tenant,
    payment_id: PaymentId,
) -> sqlx::Result<Vec<Refund>> {
    let rows = sqlx::query_as!(
        Row,
        r#"select id as "id: RefundId", tenant, payment_id as "payment_id: PaymentId", amount, status, provider_id, reason,
             requested_by, created_at, finished_at
         from refunds where tenant = $1 and payment_id = $2 order by id"#,
        tenant.as_str(),
        payment_id.as_uuid(),
    );
    rows.fetch_all(db).await?.into_iter().map(Row::into_refund).collect()
}

struct Row {
    id: RefundId,
    tenant: String,
    payment_id: PaymentId,
    amount: i64,
    status: String,
    provider_id: Option<String>,
    reason: Option<String>,
    requested_by: String,
    created_at: OffsetDateTime,
    finished_at: Option<OffsetDateTime>,
}

impl Row {
    fn into_refund(self) -> sqlx::Result<Refund> {
        let state = match &*self.status {
            "submitted" => RefundState::Submitted,
            "completed" => RefundState::Completed,
            "failed" => RefundState::Failed,
            _ => return Err(unreadable("status")),
        };
        Ok(Refund {
            id: self.id,
            tenant: self.tenant.parse().map_err(|_| unreadable("tenant"))?,
            payment_id: self.payment_id,
            amount: self.amount,
            state,
            provider_id: self.provider_id,
            // The error is not kept: it may quote what a person wrote.
            reason: self.reason.map(|text| text.parse()).transpose().map_err(|_| unreadable("reason"))?,
            requested_by: self.requested_by.parse().map_err(|_| unreadable("requested_by"))?,
            created_at: self.created_at,
            finished_at: self.finished_at,
        })
    }
}

fn unreadable(column: &'static str) -> sqlx::Error {
    sqlx::Error::Decode(format!("refunds.{column} holds a value that the domain refuses").into())
}
