//! Table `case_documents`.

use ids::{DocumentId, Subject, Tenant};
use sqlx::PgConnection;
use time::OffsetDateTime;

use crate::domain::CaseRef;

/// Writes that a document belongs to a case, unless it does.
#[tracing::instrument(name = "db.case_documents.attach", skip_all)]
pub async fn attach(
    db: &mut PgConnection,
    tenant: &Tenant,
    case_ref: &CaseRef,
    document_id: DocumentId,
    by: &Subject,
    now: OffsetDateTime,
) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into case_documents (tenant, case_ref, document_id, attached_by, attached_at)
         values ($1, $2, $3, $4, $5)
         on conflict (tenant, case_ref, document_id) do nothing",
        tenant.as_str(),
        case_ref.as_str(),
        document_id.as_uuid(),
        by.as_str(),
        now,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Deletes that a document belongs to a case, if it does.
#[tracing::instrument(name = "db.case_documents.detach", skip_all)]
pub async fn detach(
    db: &mut PgConnection,
    tenant: &Tenant,
    case_ref: &CaseRef,
    document_id: DocumentId,
) -> sqlx::Result<()> {
    sqlx::query!(
        "delete from case_documents where tenant = $1 and case_ref = $2 and document_id = $3",
        tenant.as_str(),
        case_ref.as_str(),
        document_id.as_uuid(),
    )
    .execute(db)
    .await?;
    Ok(())
}
