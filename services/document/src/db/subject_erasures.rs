//! Table `subject_erasures`, and what is left of a subject in the others.

use ids::{DocumentId, ErasureId, GrantId, Subject, Tenant};
use sqlx::PgConnection;
use time::OffsetDateTime;

/// The erasure of a subject.
#[derive(Debug, Clone)]
pub struct SubjectErasure {
    /// Its id.
    pub id: ErasureId,
    /// Who is erased.
    pub subject: Subject,
    /// What was reported last; `None` before, and when it is asked for again.
    pub reported: Option<Report>,
    /// Whether the subject's key was destroyed.
    pub finished: bool,
}

/// What was done about an erasure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Documents of which nothing is left.
    pub erased: i64,
    /// Documents of which something is kept.
    pub kept: i64,
    /// Why, each once, sorted.
    pub kept_reasons: Vec<String>,
}

/// What is left of a subject.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Summary {
    /// Documents of which nothing is left.
    pub erased: i64,
    /// Documents of which something is left.
    pub kept: i64,
    /// How many of these a hold keeps.
    pub held: i64,
    /// How many of these a class of the law's keeps.
    pub lawful: i64,
    /// Documents whose due row will erase them, and grants whose due row will end them.
    pub under_way: i64,
    /// Documents of which erased versions, or erased exports, may be in the store still.
    pub stored: i64,
}

/// Reads erasures; `$tail` picks which.
macro_rules! select {
    ($tail:tt, $($argument:expr),+ $(,)?) => {
        sqlx::query_as!(
            Row,
            r#"select id as "id: ErasureId", subject as "subject: Subject", erased, kept, kept_reasons, finished_at
             from subject_erasures
             "# + $tail,
            $($argument),+
        )
    };
}

/// Writes that a subject is to be erased. Where they are already, what was reported counts no longer, and a new id is the
/// erasure's from now on: whoever asks was restored to a time before they asked.
#[tracing::instrument(name = "db.subject_erasures.begin", skip_all)]
pub async fn begin(
    db: &mut PgConnection,
    tenant: &Tenant,
    id: ErasureId,
    subject: &Subject,
    now: OffsetDateTime,
) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into subject_erasures (id, tenant, subject, requested_at) values ($1, $2, $3, $4)
         on conflict (tenant, subject) do update
            set id = excluded.id, reported_at = null, erased = null, kept = null, kept_reasons = null",
        id.as_uuid(),
        tenant.as_str(),
        subject.as_str(),
        now,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Reads an erasure, and keeps others from changing it until the transaction ends.
#[tracing::instrument(name = "db.subject_erasures.lock", skip_all)]
pub async fn lock(
    db: &mut PgConnection,
    tenant: &Tenant,
    id: ErasureId,
) -> sqlx::Result<Option<SubjectErasure>> {
    let row = select!("where tenant = $1 and id = $2 for no key update", tenant.as_str(), id.as_uuid());
    Ok(row.fetch_optional(db).await?.map(Row::into_erasure))
}

/// Reads the erasure of a subject.
#[tracing::instrument(name = "db.subject_erasures.find_by_subject", skip_all)]
pub async fn find_by_subject(
    db: &mut PgConnection,
    tenant: &Tenant,
    subject: &Subject,
) -> sqlx::Result<Option<SubjectErasure>> {
    let row = select!("where tenant = $1 and subject = $2", tenant.as_str(), subject.as_str());
    Ok(row.fetch_optional(db).await?.map(Row::into_erasure))
}

/// Writes what is reported.
#[tracing::instrument(name = "db.subject_erasures.report", skip_all)]
pub async fn report(
    db: &mut PgConnection,
    tenant: &Tenant,
    id: ErasureId,
    report: &Report,
    now: OffsetDateTime,
) -> sqlx::Result<()> {
    sqlx::query!(
        "update subject_erasures set reported_at = $3, erased = $4, kept = $5, kept_reasons = $6
         where tenant = $1 and id = $2",
        tenant.as_str(),
        id.as_uuid(),
        now,
        report.erased,
        report.kept,
        &report.kept_reasons,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Writes that nothing is kept and the key was destroyed.
#[tracing::instrument(name = "db.subject_erasures.finish", skip_all)]
pub async fn finish(
    db: &mut PgConnection,
    tenant: &Tenant,
    id: ErasureId,
    now: OffsetDateTime,
) -> sqlx::Result<()> {
    sqlx::query!(
        "update subject_erasures set finished_at = $3 where tenant = $1 and id = $2",
        tenant.as_str(),
        id.as_uuid(),
        now,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Reads up to `limit` documents of a subject of which something can go and which no due row is about: a version that neither
/// a hold nor, until its time, one of the `lawful` classes keeps, or what staff wrote about a document that is erased.
#[tracing::instrument(name = "db.subject_erasures.going", skip_all)]
pub async fn going(
    db: &mut PgConnection,
    tenant: &Tenant,
    subject: &Subject,
    lawful: &[String],
    now: OffsetDateTime,
    limit: i64,
) -> sqlx::Result<Vec<DocumentId>> {
    sqlx::query_scalar!(
        r#"select d.id as "id: DocumentId"
           from documents d
           where d.tenant = $1 and d.owner = $2
             and not exists (select from due where due.tenant = d.tenant and due.kind = 'subject_document' and due.subject = d.id)
             and (exists (
                    select from document_versions v
                    where v.tenant = d.tenant and v.document_id = d.id and v.status <> 'erased'
                      and not (d.retention_class = any ($3) and coalesce(v.retain_until > $4, false))
                      and not exists (
                          select from legal_holds h
                          where h.tenant = d.tenant and h.document_id = d.id and h.released_at is null
                            and (h.version is null or h.version = v.version)))
                  or (d.erased_at is not null and d.reasons_gone_at is null))
           order by d.id
           limit $5"#,
        tenant.as_str(),
        subject.as_str(),
        lawful,
        now,
        limit,
    )
    .fetch_all(db)
    .await
}

/// Writes that what staff wrote about a document of a subject is forgotten. The document's row must be locked.
#[tracing::instrument(name = "db.documents.set_reasons_gone", skip_all)]
pub async fn set_reasons_gone(
    db: &mut PgConnection,
    tenant: &Tenant,
    document_id: DocumentId,
    now: OffsetDateTime,
) -> sqlx::Result<()> {
    sqlx::query!(
        "update documents set reasons_gone_at = $3 where tenant = $1 and id = $2",
        tenant.as_str(),
        document_id.as_uuid(),
        now,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Reads up to `limit` grants to a subject that are not revoked or say why, and which no due row is about.
#[tracing::instrument(name = "db.subject_erasures.going_grants", skip_all)]
pub async fn going_grants(
    db: &mut PgConnection,
    tenant: &Tenant,
    subject: &Subject,
    limit: i64,
) -> sqlx::Result<Vec<GrantId>> {
    sqlx::query_scalar!(
        r#"select g.id as "id: GrantId"
           from access_grants g
           where g.tenant = $1 and g.grantee_subject = $2
             and (g.revoked_at is null or coalesce(g.reason, g.revoke_reason) is not null)
             and not exists (select from due where due.tenant = g.tenant and due.kind = 'subject_grant' and due.subject = g.id)
           order by g.id
           limit $3"#,
        tenant.as_str(),
        subject.as_str(),
        limit,
    )
    .fetch_all(db)
    .await
}

/// Counts what is left of a subject.
#[tracing::instrument(name = "db.subject_erasures.summary", skip_all)]
pub async fn summary(
    db: &mut PgConnection,
    tenant: &Tenant,
    subject: &Subject,
    lawful: &[String],
    now: OffsetDateTime,
) -> sqlx::Result<Summary> {
    sqlx::query_as!(
        Summary,
        r#"select
             count(*) filter (where d.erased_at is not null) as "erased!",
             count(*) filter (where d.erased_at is null) as "kept!",
             count(*) filter (where d.erased_at is null and exists (
                 select from legal_holds h
                 where h.tenant = d.tenant and h.document_id = d.id and h.released_at is null)) as "held!",
             count(*) filter (where d.erased_at is null and d.retention_class = any ($3) and exists (
                 select from document_versions v
                 where v.tenant = d.tenant and v.document_id = d.id and v.status <> 'erased' and v.retain_until > $4))
                 as "lawful!",
             count(*) filter (where exists (
                 select from due
                 where due.tenant = d.tenant and due.kind = 'subject_document' and due.subject = d.id))
                 + (select count(*) from access_grants g
                    join due on due.tenant = g.tenant and due.kind = 'subject_grant' and due.subject = g.id
                    where g.tenant = $1 and g.grantee_subject = $2) as "under_way!",
             count(*) filter (where exists (
                 select from document_versions v
                 where v.tenant = d.tenant and v.document_id = d.id and v.status = 'erased'
                   and v.objects_gone_at is null) or exists (
                 select from case_export_versions e join case_exports x on x.tenant = e.tenant and x.id = e.export_id
                 where e.tenant = d.tenant and e.document_id = d.id and x.state = 'erased' and x.gone_at is null))
                 as "stored!"
           from documents d
           where d.tenant = $1 and d.owner = $2"#,
        tenant.as_str(),
        subject.as_str(),
        lawful,
        now,
    )
    .fetch_one(db)
    .await
}

/// A row as it is stored.
struct Row {
    id: ErasureId,
    subject: Subject,
    erased: Option<i64>,
    kept: Option<i64>,
    kept_reasons: Option<Vec<String>>,
    finished_at: Option<OffsetDateTime>,
}

impl Row {
    fn into_erasure(self) -> SubjectErasure {
        let reported = self.erased.zip(self.kept).zip(self.kept_reasons);
        SubjectErasure {
            id: self.id,
            subject: self.subject,
            reported: reported.map(|((erased, kept), kept_reasons)| Report { erased, kept, kept_reasons }),
            finished: self.finished_at.is_some(),
        }
    }
}
