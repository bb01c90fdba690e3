//! Table `quarantine_decisions`. Whoever writes a row holds the lock of its document.

use ids::{DocumentId, Tenant};
use sqlx::PgConnection;
use time::OffsetDateTime;

use crate::domain::quarantine::{Decision, Outcome};
use crate::domain::{Grounds, Version};

/// Writes a decision; there is one per version.
#[tracing::instrument(name = "db.quarantine_decisions.insert", skip_all)]
pub async fn insert(db: &mut PgConnection, tenant: &Tenant, decision: &Decision) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into quarantine_decisions (tenant, document_id, version, outcome, decided_by, decided_at, reason)
         values ($1, $2, $3, $4, $5, $6, $7)",
        tenant.as_str(),
        decision.document_id.as_uuid(),
        decision.version.number(),
        decision.outcome.as_str(),
        decision.by.as_str(),
        decision.at,
        decision.grounds.as_ref().map(Grounds::as_str),
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Reads what was decided about a document, newest version first.
#[tracing::instrument(name = "db.quarantine_decisions.of_document", skip_all)]
pub async fn of_document(
    db: &mut PgConnection,
    tenant: &Tenant,
    document_id: DocumentId,
) -> sqlx::Result<Vec<Decision>> {
    let rows = sqlx::query_as!(
        Row,
        r#"select document_id as "document_id: DocumentId", version, outcome, decided_by, decided_at, reason
           from quarantine_decisions
           where tenant = $1 and document_id = $2
           order by version desc"#,
        tenant.as_str(),
        document_id.as_uuid(),
    )
    .fetch_all(db)
    .await?;
    rows.into_iter().map(Row::into_decision).collect()
}

/// Forgets what was written about a document.
#[tracing::instrument(name = "db.quarantine_decisions.forget_reasons", skip_all)]
pub async fn forget_reasons(
    db: &mut PgConnection,
    tenant: &Tenant,
    document_id: DocumentId,
) -> sqlx::Result<()> {
    sqlx::query!(
        "update quarantine_decisions set reason = null where tenant = $1 and document_id = $2",
        tenant.as_str(),
        document_id.as_uuid(),
    )
    .execute(db)
    .await?;
    Ok(())
}

/// A row as it is stored.
struct Row {
    document_id: DocumentId,
    version: i32,
    outcome: String,
    decided_by: String,
    decided_at: OffsetDateTime,
    reason: Option<String>,
}

impl Row {
    fn into_decision(self) -> sqlx::Result<Decision> {
        Ok(Decision {
            document_id: self.document_id,
            version: Version::try_from(self.version).map_err(|_| unreadable("version"))?,
            outcome: Outcome::from_name(&self.outcome).ok_or_else(|| unreadable("outcome"))?,
            // The errors are not kept: they may quote what a person wrote.
            by: self.decided_by.parse().map_err(|_| unreadable("decided_by"))?,
            at: self.decided_at,
            grounds: self
                .reason
                .map(|reason| reason.parse())
                .transpose()
                .map_err(|_| unreadable("reason"))?,
        })
    }
}

fn unreadable(column: &'static str) -> sqlx::Error {
    sqlx::Error::Decode(format!("quarantine_decisions.{column} holds a value that the domain refuses").into())
}
