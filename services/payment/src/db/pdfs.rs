//! Table `pdfs`.

use ids::{BillId, JobId, PaymentId, Tenant};
use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::domain::Pdf;

/// Writes a PDF that is to be made, which nobody has claimed. `false` where it was asked for before.
#[tracing::instrument(name = "db.pdfs.insert", skip_all)]
pub async fn insert(
    db: &mut PgConnection,
    tenant: &Tenant,
    pdf: &Pdf,
    now: OffsetDateTime,
) -> sqlx::Result<bool> {
    let inserted = sqlx::query!(
        "insert into pdfs (id, tenant, bill_id, payment_id, created_at) values ($1, $2, $3, $4, $5)
         on conflict (tenant, bill_id, payment_id) do nothing",
        pdf.id.as_uuid(),
        tenant.as_str(),
        pdf.bill_id.as_uuid(),
        pdf.payment_id.map(Uuid::from),
        now,
    )
    .execute(db)
    .await?;
    Ok(inserted.rows_affected() == 1)
}

/// Reads a PDF, whoever changes it meanwhile.
#[tracing::instrument(name = "db.pdfs.find", skip_all)]
pub async fn find(db: &mut PgConnection, tenant: &Tenant, id: JobId) -> sqlx::Result<Option<Pdf>> {
    sqlx::query_as!(
        Pdf,
        r#"select id as "id: JobId", bill_id as "bill_id: BillId", payment_id as "payment_id: PaymentId", sent, lease_expires_at,
             finished_at
         from pdfs where tenant = $1 and id = $2"#,
        tenant.as_str(),
        id.as_uuid(),
    )
    .fetch_optional(db)
    .await
}

/// Reads and locks a PDF; after bill and payment, where those are locked too.
#[tracing::instrument(name = "db.pdfs.lock", skip_all)]
pub async fn lock(db: &mut PgConnection, tenant: &Tenant, id: JobId) -> sqlx::Result<Option<Pdf>> {
    sqlx::query_as!(
        Pdf,
        r#"select id as "id: JobId", bill_id as "bill_id: BillId", payment_id as "payment_id: PaymentId", sent, lease_expires_at,
             finished_at
         from pdfs where tenant = $1 and id = $2 for update"#,
        tenant.as_str(),
        id.as_uuid(),
    )
    .fetch_optional(db)
    .await
}

/// Writes how far a PDF has come, whose row is locked.
#[tracing::instrument(name = "db.pdfs.update", skip_all)]
pub async fn update(db: &mut PgConnection, tenant: &Tenant, pdf: &Pdf) -> sqlx::Result<()> {
    let updated = sqlx::query!(
        "update pdfs set sent = $3, lease_expires_at = $4, finished_at = $5 where tenant = $1 and id = $2",
        tenant.as_str(),
        pdf.id.as_uuid(),
        pdf.sent,
        pdf.lease_expires_at,
        pdf.finished_at,
    )
    .execute(db)
    .await?;
    if updated.rows_affected() == 1 { Ok(()) } else { Err(sqlx::Error::RowNotFound) }
}
