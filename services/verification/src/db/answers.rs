//! Table `answers`.

use ids::{AnswerId, CheckId, Tenant};
use sqlx::PgConnection;
use time::OffsetDateTime;

/// Name of the sealed column.
pub const BODY: &str = "answers.body";

/// An answer as it came, sealed.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Its id.
    pub id: AnswerId,
    /// The check.
    pub check_id: CheckId,
    /// Which of its attempts.
    pub attempt: i32,
    /// SHA-256 of the answer under a key of the subject, so that the same is known again.
    pub digest: Vec<u8>,
    /// When it came.
    pub received_at: OffsetDateTime,
    /// The attempt was over by then.
    pub late: bool,
    /// What it says, sealed.
    pub body: Vec<u8>,
}

/// Keeps an answer; the same again is kept once.
#[tracing::instrument(name = "db.answers.insert", skip_all)]
pub async fn insert(db: &mut PgConnection, tenant: &Tenant, answer: &Answer) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into answers (id, tenant, check_id, attempt, digest, received_at, late, body)
         values ($1, $2, $3, $4, $5, $6, $7, $8) on conflict (tenant, check_id, attempt, digest) do nothing",
        answer.id.as_uuid(),
        tenant.as_str(),
        answer.check_id.as_uuid(),
        answer.attempt,
        answer.digest,
        answer.received_at,
        answer.late,
        answer.body,
    )
    .execute(db)
    .await?;
    Ok(())
}
