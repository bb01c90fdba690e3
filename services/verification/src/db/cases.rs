//! Tables `cases` and `case_documents`. Whoever changes a row holds its lock.

use ids::{CaseId, DocumentId, Subject, Tenant};
use sqlx::PgConnection;
use sqlx::types::Json;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::domain::{
    Asked, Case, CaseDocument, Claim, Country, DecisionReason, DocumentKind, Pending, Proposal, Status,
    Verdict,
};

/// Name of the sealed column.
pub const APPLICANT: &str = "cases.applicant";

/// Reads cases; `$tail` picks which.
macro_rules! select {
    ($tail:tt, $($argument:expr),+ $(,)?) => {
        sqlx::query_as!(
            Row,
            r#"select id as "id: CaseId", tenant, subject, purpose, policy_version, status, pending, round,
                 asked as "asked: Json<Vec<Asked>>", created_at, updated_at, status_since, due_at, escalated, claimed_by, claimed_until,
                 proposed_by, proposed_verdict, proposed_reasons, decisions
             from cases
             "# + $tail,
            $($argument),+
        )
    };
}

/// Writes a new case. `false` where the person has one of the purpose that is not over.
#[tracing::instrument(name = "db.cases.insert", skip_all)]
pub async fn insert(db: &mut PgConnection, case: &Case, applicant: &[u8]) -> sqlx::Result<bool> {
    let pending: Vec<String> = case.pending.iter().map(|pending| pending.name().to_owned()).collect();
    let inserted = sqlx::query!(
        "insert into cases (id, tenant, subject, purpose, policy_version, status, pending, round, applicant, created_at, updated_at,
             status_since)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10, $10)
         on conflict (tenant, subject, purpose) where status not in ('approved', 'rejected', 'withdrawn') do nothing",
        case.id.as_uuid(),
        case.tenant.as_str(),
        case.subject.as_str(),
        case.purpose,
        case.policy_version,
        case.status.name(),
        &pending,
        case.round,
        applicant,
        case.created_at,
    )
    .execute(db)
    .await?;
    Ok(inserted.rows_affected() == 1)
}

/// Writes how a case stands.
#[tracing::instrument(name = "db.cases.update", skip_all)]
pub async fn update(db: &mut PgConnection, case: &Case) -> sqlx::Result<()> {
    let pending: Vec<String> = case.pending.iter().map(|pending| pending.name().to_owned()).collect();
    let reasons: Option<Vec<String>> = case
        .proposal
        .as_ref()
        .map(|proposal| proposal.reasons.iter().map(|reason| reason.name().to_owned()).collect());
    let updated = sqlx::query!(
        "update cases set status = $3, pending = $4, round = $5, asked = $6, updated_at = $7, status_since = $8, due_at = $9,
             escalated = $10, claimed_by = $11, claimed_until = $12, proposed_by = $13, proposed_verdict = $14, proposed_reasons = $15,
             decisions = $16
         where tenant = $1 and id = $2",
        case.tenant.as_str(),
        case.id.as_uuid(),
        case.status.name(),
        &pending,
        case.round,
        Json(&case.asked) as _,
        case.updated_at,
        case.status_since,
        case.due_at,
        case.escalated,
        case.claim.as_ref().map(|claim| claim.by.as_str()),
        case.claim.as_ref().map(|claim| claim.until),
        case.proposal.as_ref().map(|proposal| proposal.by.as_str()),
        case.proposal.as_ref().map(|proposal| proposal.verdict.name()),
        reasons.as_deref(),
        case.decisions,
    )
    .execute(db)
    .await?;
    if updated.rows_affected() == 1 { Ok(()) } else { Err(sqlx::Error::RowNotFound) }
}

/// Reads a case, of this subject where one is given.
#[tracing::instrument(name = "db.cases.find", skip_all)]
pub async fn find(
    db: &mut PgConnection,
    tenant: &Tenant,
    subjects: Option<&[Subject]>,
    id: CaseId,
) -> sqlx::Result<Option<Case>> {
    let row = select!(
        "where tenant = $1 and id = $2 and ($3::text[] is null or subject = any($3))",
        tenant.as_str(),
        id.as_uuid(),
        subjects as Option<&[Subject]>,
    );
    row.fetch_optional(db).await?.map(Row::into_case).transpose()
}

/// Reads and locks a case, of this subject where one is given.
#[tracing::instrument(name = "db.cases.lock", skip_all)]
pub async fn lock(
    db: &mut PgConnection,
    tenant: &Tenant,
    subjects: Option<&[Subject]>,
    id: CaseId,
) -> sqlx::Result<Option<Case>> {
    let row = select!(
        "where tenant = $1 and id = $2 and ($3::text[] is null or subject = any($3)) for update",
        tenant.as_str(),
        id.as_uuid(),
        subjects as Option<&[Subject]>,
    );
    row.fetch_optional(db).await?.map(Row::into_case).transpose()
}

/// Reads up to `limit` cases, newest first, beginning after `before`.
#[tracing::instrument(name = "db.cases.list", skip_all)]
pub async fn list(
    db: &mut PgConnection,
    tenant: &Tenant,
    subjects: Option<&[Subject]>,
    status: Option<Status>,
    before: Option<Uuid>,
    limit: i64,
) -> sqlx::Result<Vec<Case>> {
    let rows = select!(
        "where tenant = $1 and id < $2 and ($3::text[] is null or subject = any($3)) and ($4::text is null or status = $4)
         order by id desc limit $5",
        tenant.as_str(),
        before.unwrap_or(Uuid::max()),
        subjects as Option<&[Subject]>,
        status.map(Status::name),
        limit,
    );
    rows.fetch_all(db).await?.into_iter().map(Row::into_case).collect()
}

/// Reads up to `limit` cases that wait for a person, the earliest due first, beginning after `after`; those that nobody has now, or this
/// person, and that are not about them, where one is given.
#[tracing::instrument(name = "db.cases.in_review", skip_all)]
pub async fn in_review(
    db: &mut PgConnection,
    tenant: &Tenant,
    available_to: Option<&Subject>,
    now: OffsetDateTime,
    after: Option<(OffsetDateTime, Uuid)>,
    limit: i64,
) -> sqlx::Result<Vec<Case>> {
    let (due_at, id) = after.map_or((None, None), |(at, id)| (Some(at), Some(id)));
    let rows = select!(
        "where tenant = $1 and status = 'needs_review' and ($2::timestamptz is null or (due_at, id) > ($2, $3))
             and ($4::text is null or (subject <> $4 and proposed_by is distinct from $4
                 and (claimed_by is null or claimed_by = $4 or claimed_until <= $5)))
         order by due_at, id limit $6",
        tenant.as_str(),
        due_at,
        id,
        available_to.map(Subject::as_str),
        now,
        limit,
    );
    rows.fetch_all(db).await?.into_iter().map(Row::into_case).collect()
}

/// Locks the first case that nobody has and this person may decide; those that others lock at the moment are passed over.
#[tracing::instrument(name = "db.cases.lock_first_in_review", skip_all)]
pub async fn lock_first_in_review(
    db: &mut PgConnection,
    tenant: &Tenant,
    by: &Subject,
    now: OffsetDateTime,
) -> sqlx::Result<Option<Case>> {
    let row = select!(
        "where tenant = $1 and status = 'needs_review' and subject <> $2 and proposed_by is distinct from $2
             and (claimed_by is null or claimed_until <= $3)
         order by due_at, id limit 1 for update skip locked",
        tenant.as_str(),
        by.as_str(),
        now,
    );
    row.fetch_optional(db).await?.map(Row::into_case).transpose()
}

/// Cases of a person that are not over.
#[tracing::instrument(name = "db.cases.lock_open_of", skip_all)]
pub async fn lock_open_of(
    db: &mut PgConnection,
    tenant: &Tenant,
    subject: &Subject,
) -> sqlx::Result<Vec<Case>> {
    let rows = select!(
        "where tenant = $1 and subject = $2 and status not in ('approved', 'rejected', 'withdrawn') order by id for update",
        tenant.as_str(),
        subject.as_str(),
    );
    rows.fetch_all(db).await?.into_iter().map(Row::into_case).collect()
}

/// What somebody has said of themselves, sealed; `None` once they are erased.
#[tracing::instrument(name = "db.cases.applicant", skip_all)]
pub async fn applicant(db: &mut PgConnection, tenant: &Tenant, id: CaseId) -> sqlx::Result<Option<Vec<u8>>> {
    let found = sqlx::query_scalar!(
        "select applicant from cases where tenant = $1 and id = $2",
        tenant.as_str(),
        id.as_uuid()
    );
    Ok(found.fetch_optional(db).await?.flatten())
}

/// Forgets everything that is sealed for a person. Says how many cases they had.
#[tracing::instrument(name = "db.cases.forget", skip_all)]
pub async fn forget(db: &mut PgConnection, tenant: &Tenant, subject: &Subject) -> sqlx::Result<i64> {
    sqlx::query!(
        "delete from answers where tenant = $1 and check_id in (
             select checks.id from checks join cases on cases.tenant = checks.tenant and cases.id = checks.case_id
             where cases.tenant = $1 and cases.subject = $2)",
        tenant.as_str(),
        subject.as_str(),
    )
    .execute(&mut *db)
    .await?;
    sqlx::query!(
        "update notes set body = null
         where tenant = $1 and body is not null and case_id in (select id from cases where tenant = $1 and subject = $2)",
        tenant.as_str(),
        subject.as_str(),
    )
    .execute(&mut *db)
    .await?;
    let forgotten = sqlx::query!(
        "update cases set applicant = null where tenant = $1 and subject = $2",
        tenant.as_str(),
        subject.as_str(),
    )
    .execute(db)
    .await?;
    Ok(i64::try_from(forgotten.rows_affected()).unwrap_or(i64::MAX))
}

/// Writes what was handed in for the round of a case.
#[tracing::instrument(name = "db.cases.insert_documents", skip_all)]
pub async fn insert_documents(
    db: &mut PgConnection,
    case: &Case,
    documents: &[CaseDocument],
) -> sqlx::Result<()> {
    let numbers: Vec<i32> = (1..).take(documents.len()).collect();
    let ids: Vec<Uuid> = documents.iter().map(|document| document.id.as_uuid()).collect();
    let kinds: Vec<String> = documents.iter().map(|document| document.kind.name().to_owned()).collect();
    let countries: Vec<Option<String>> =
        documents.iter().map(|document| document.country.map(|country| country.to_string())).collect();
    let digests: Vec<Vec<u8>> = documents.iter().map(|document| document.sha256.clone()).collect();
    sqlx::query!(
        "insert into case_documents (tenant, case_id, round, number, document_id, kind, country, sha256)
         select $1, $2, $3, number, document_id, kind, country, sha256
         from unnest($4::integer[], $5::uuid[], $6::text[], $7::text[], $8::bytea[])
             as given (number, document_id, kind, country, sha256)",
        case.tenant.as_str(),
        case.id.as_uuid(),
        case.round,
        &numbers,
        &ids,
        &kinds,
        &countries as &[Option<String>],
        &digests,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// What was handed in for a round, in its order.
#[tracing::instrument(name = "db.cases.documents", skip_all)]
pub async fn documents(
    db: &mut PgConnection,
    tenant: &Tenant,
    id: CaseId,
    round: i32,
) -> sqlx::Result<Vec<CaseDocument>> {
    let rows = sqlx::query!(
        r#"select document_id as "document_id: DocumentId", kind, country, sha256 from case_documents
         where tenant = $1 and case_id = $2 and round = $3 order by number"#,
        tenant.as_str(),
        id.as_uuid(),
        round,
    );
    let read = |row: (DocumentId, String, Option<String>, Vec<u8>)| {
        let (id, kind, country, sha256) = row;
        let kind = DocumentKind::named(&kind).ok_or_else(|| unreadable("kind"))?;
        let country: Option<Country> =
            country.map(|code| code.parse()).transpose().map_err(|_| unreadable("country"))?;
        Ok(CaseDocument { id, kind, country, sha256 })
    };
    let rows = rows.fetch_all(db).await?;
    rows.into_iter().map(|row| read((row.document_id, row.kind, row.country, row.sha256))).collect()
}

struct Row {
    id: CaseId,
    tenant: String,
    subject: String,
    purpose: String,
    policy_version: i32,
    status: String,
    pending: Vec<String>,
    round: i32,
    asked: Json<Vec<Asked>>,
    created_at: OffsetDateTime,
    updated_at: OffsetDateTime,
    status_since: OffsetDateTime,
    due_at: Option<OffsetDateTime>,
    escalated: bool,
    claimed_by: Option<String>,
    claimed_until: Option<OffsetDateTime>,
    proposed_by: Option<String>,
    proposed_verdict: Option<String>,
    proposed_reasons: Option<Vec<String>>,
    decisions: i32,
}

impl Row {
    fn into_case(self) -> sqlx::Result<Case> {
        let claim = match (self.claimed_by, self.claimed_until) {
            (Some(by), Some(until)) => {
                Some(Claim { by: by.parse().map_err(|_| unreadable("claimed_by"))?, until })
            }
            _ => None,
        };
        let proposal = match (self.proposed_by, self.proposed_verdict) {
            (Some(by), Some(verdict)) => Some(Proposal {
                by: by.parse().map_err(|_| unreadable("proposed_by"))?,
                verdict: Verdict::named(&verdict).ok_or_else(|| unreadable("proposed_verdict"))?,
                reasons: self
                    .proposed_reasons
                    .unwrap_or_default()
                    .iter()
                    .map(|name| DecisionReason::named(name).ok_or_else(|| unreadable("proposed_reasons")))
                    .collect::<sqlx::Result<_>>()?,
            }),
            _ => None,
        };
        let pending =
            self.pending.iter().map(|name| Pending::named(name).ok_or_else(|| unreadable("pending")));
        Ok(Case {
            id: self.id,
            tenant: self.tenant.parse().map_err(|_| unreadable("tenant"))?,
            subject: self.subject.parse().map_err(|_| unreadable("subject"))?,
            purpose: self.purpose,
            policy_version: self.policy_version,
            status: Status::named(&self.status).ok_or_else(|| unreadable("status"))?,
            pending: pending.collect::<sqlx::Result<_>>()?,
            round: self.round,
            asked: self.asked.0,
            created_at: self.created_at,
            updated_at: self.updated_at,
            status_since: self.status_since,
            due_at: self.due_at,
            escalated: self.escalated,
            claim,
            proposal,
            decisions: self.decisions,
        })
    }
}

fn unreadable(column: &'static str) -> sqlx::Error {
    sqlx::Error::Decode(format!("cases.{column} holds a value that the domain refuses").into())
}
