//! Table `access_grants`.

use ids::{DocumentId, GrantId, Subject, Tenant};
use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::domain::{Act, CaseRef, ClientId, Grant, Grantee, Grounds, Target};

/// Reads grants; `$tail` picks which.
macro_rules! select {
    ($tail:tt, $($argument:expr),+ $(,)?) => {
        sqlx::query_as!(
            Row,
            r#"select g.id as "id: GrantId", g.tenant, g.document_id as "document_id: DocumentId", g.case_ref,
                 g.grantee_subject, g.grantee_client, g.purpose, g.until, g.reason, g.granted_by, g.granted_at,
                 g.revoked_by, g.revoked_at, g.revoke_reason
             from access_grants g
             "# + $tail,
            $($argument),+
        )
    };
}

/// Whose grants count: those of a person, and of the client that calls with its own credentials.
#[derive(Debug, Clone)]
pub struct Asking {
    /// The caller's subject.
    pub subject: Subject,
    /// The client; `None` where a person uses it.
    pub client: Option<ClientId>,
}

impl Asking {
    fn client(&self) -> Option<&str> {
        self.client.as_ref().map(ClientId::as_str)
    }
}

/// Writes a new grant.
#[tracing::instrument(name = "db.access_grants.insert", skip_all)]
pub async fn insert(db: &mut PgConnection, grant: &Grant) -> sqlx::Result<()> {
    let (document_id, case_ref) = match &grant.target {
        Target::Document(id) => (Some(*id), None),
        Target::Case(case_ref) => (None, Some(case_ref)),
    };
    let (subject, client) = match &grant.grantee {
        Grantee::Person(subject) => (Some(subject), None),
        Grantee::Client(client) => (None, Some(client)),
    };
    sqlx::query!(
        "insert into access_grants (id, tenant, document_id, case_ref, grantee_subject, grantee_client, purpose, until,
             reason, granted_by, granted_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
        grant.id.as_uuid(),
        grant.tenant.as_str(),
        document_id.map(Uuid::from),
        case_ref.map(CaseRef::as_str),
        subject.map(Subject::as_str),
        client.map(ClientId::as_str),
        grant.purpose.as_str(),
        grant.until,
        grant.given.grounds.as_ref().map(Grounds::as_str),
        grant.given.by.as_str(),
        grant.given.at,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Writes that a grant is revoked; its row must be locked.
#[tracing::instrument(name = "db.access_grants.set_revoked", skip_all)]
pub async fn set_revoked(db: &mut PgConnection, tenant: &Tenant, id: GrantId, act: &Act) -> sqlx::Result<()> {
    let updated = sqlx::query!(
        "update access_grants set revoked_by = $3, revoked_at = $4, revoke_reason = $5
         where tenant = $1 and id = $2",
        tenant.as_str(),
        id.as_uuid(),
        act.by.as_str(),
        act.at,
        act.grounds.as_ref().map(Grounds::as_str),
    )
    .execute(db)
    .await?;
    if updated.rows_affected() == 1 { Ok(()) } else { Err(sqlx::Error::RowNotFound) }
}

/// Reads a grant.
#[tracing::instrument(name = "db.access_grants.find", skip_all)]
pub async fn find(db: &mut PgConnection, tenant: &Tenant, id: GrantId) -> sqlx::Result<Option<Grant>> {
    let row = select!("where g.tenant = $1 and g.id = $2", tenant.as_str(), id.as_uuid());
    row.fetch_optional(db).await?.map(Row::into_grant).transpose()
}

/// Reads a grant and keeps others from changing it, and from reading by it, until the transaction ends.
#[tracing::instrument(name = "db.access_grants.lock", skip_all)]
pub async fn lock(db: &mut PgConnection, tenant: &Tenant, id: GrantId) -> sqlx::Result<Option<Grant>> {
    let row = select!("where g.tenant = $1 and g.id = $2 for no key update", tenant.as_str(), id.as_uuid());
    row.fetch_optional(db).await?.map(Row::into_grant).transpose()
}

/// Reads a grant and keeps others from changing it until the transaction ends; others may read by it meanwhile.
#[tracing::instrument(name = "db.access_grants.share", skip_all)]
pub async fn share(db: &mut PgConnection, tenant: &Tenant, id: GrantId) -> sqlx::Result<Option<Grant>> {
    let row = select!("where g.tenant = $1 and g.id = $2 for share", tenant.as_str(), id.as_uuid());
    row.fetch_optional(db).await?.map(Row::into_grant).transpose()
}

/// Reads which grants of a document are not revoked. The document's row must be locked, so that there come no more.
#[tracing::instrument(name = "db.access_grants.unrevoked", skip_all)]
pub async fn unrevoked(
    db: &mut PgConnection,
    tenant: &Tenant,
    document_id: DocumentId,
) -> sqlx::Result<Vec<GrantId>> {
    sqlx::query_scalar!(
        r#"select id as "id: GrantId" from access_grants
           where tenant = $1 and document_id = $2 and revoked_at is null order by id"#,
        tenant.as_str(),
        document_id.as_uuid(),
    )
    .fetch_all(db)
    .await
}

/// Forgets what was written about a grant; its row must be locked.
#[tracing::instrument(name = "db.access_grants.forget_reasons", skip_all)]
pub async fn forget_reasons(db: &mut PgConnection, tenant: &Tenant, id: GrantId) -> sqlx::Result<()> {
    sqlx::query!(
        "update access_grants set reason = null, revoke_reason = null where tenant = $1 and id = $2",
        tenant.as_str(),
        id.as_uuid(),
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Forgets what was written about the grants of a document, and of the cases that it belongs to. The document's row
/// must be locked.
#[tracing::instrument(name = "db.access_grants.forget_reasons_about", skip_all)]
pub async fn forget_reasons_about(
    db: &mut PgConnection,
    tenant: &Tenant,
    document_id: DocumentId,
) -> sqlx::Result<()> {
    // In one order, as two documents of a case may go at once.
    sqlx::query!(
        "with about as (
             select g.id from access_grants g
             where g.tenant = $1 and coalesce(g.reason, g.revoke_reason) is not null
                 and (g.document_id = $2 or exists (
                     select from case_documents c
                     where c.tenant = $1 and c.document_id = $2 and c.case_ref = g.case_ref))
             order by g.id
             for no key update)
         update access_grants g set reason = null, revoke_reason = null from about
         where g.tenant = $1 and g.id = about.id",
        tenant.as_str(),
        document_id.as_uuid(),
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Reads the grant by which somebody may read a document, or could: one that stands before one that does not, one for
/// `purpose` before others, and the one that ends last. A case's covers what was attached before it was over.
#[tracing::instrument(name = "db.access_grants.covering", skip_all)]
pub async fn covering(
    db: &mut PgConnection,
    tenant: &Tenant,
    asking: &Asking,
    document_id: DocumentId,
    purpose: &str,
    now: OffsetDateTime,
) -> sqlx::Result<Option<Grant>> {
    let row = select!(
        "where g.tenant = $1 and (g.grantee_subject = $2 or g.grantee_client = $3)
             and (g.document_id = $4 or exists (
                 select from case_documents c
                 where c.tenant = $1 and c.document_id = $4 and c.case_ref = g.case_ref
                     and c.attached_at < least(g.until, g.revoked_at)))
         order by (g.revoked_at is null and g.until > $5) desc, (g.purpose = $6) desc, g.until desc, g.id desc
         limit 1",
        tenant.as_str(),
        asking.subject.as_str(),
        asking.client(),
        document_id.as_uuid(),
        now,
        purpose,
    );
    row.fetch_optional(db).await?.map(Row::into_grant).transpose()
}

/// Reads the grants that stand by which somebody may read any of these documents, with the document of each; where
/// several cover one, that which ends last.
#[tracing::instrument(name = "db.access_grants.covering_each", skip_all)]
pub async fn covering_each(
    db: &mut PgConnection,
    tenant: &Tenant,
    asking: &Asking,
    documents: &[Uuid],
    now: OffsetDateTime,
) -> sqlx::Result<Vec<Covered>> {
    sqlx::query_as!(
        Covered,
        r#"select distinct on (d.id) d.id as "document_id!: DocumentId", g.id as "grant_id: GrantId", g.purpose, g.until
           from unnest($4::uuid[]) as d(id)
           join access_grants g on g.document_id = d.id or exists (
               select from case_documents c
               where c.tenant = $1 and c.document_id = d.id and c.case_ref = g.case_ref)
           where g.tenant = $1 and (g.grantee_subject = $2 or g.grantee_client = $3)
               and g.revoked_at is null and g.until > $5
           order by d.id, g.until desc, g.id desc"#,
        tenant.as_str(),
        asking.subject.as_str(),
        asking.client(),
        documents,
        now,
    )
    .fetch_all(db)
    .await
}

/// Which document is read by which grant.
#[derive(Debug, Clone)]
pub struct Covered {
    /// The document.
    pub document_id: DocumentId,
    /// The grant.
    pub grant_id: GrantId,
    /// What it was given for.
    pub purpose: String,
    /// When it ends by itself.
    pub until: OffsetDateTime,
}

/// Whether a document belongs to a case. The document's row must be locked, so that it stays so.
#[tracing::instrument(name = "db.access_grants.is_of_case", skip_all)]
pub async fn is_of_case(
    db: &mut PgConnection,
    tenant: &Tenant,
    case_ref: &CaseRef,
    document_id: DocumentId,
) -> sqlx::Result<bool> {
    sqlx::query_scalar!(
        r#"select exists (
               select from case_documents where tenant = $1 and case_ref = $2 and document_id = $3) as "there!""#,
        tenant.as_str(),
        case_ref.as_str(),
        document_id.as_uuid(),
    )
    .fetch_one(db)
    .await
}

/// Which grants to list; what is given narrows the list.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Of this document.
    pub document_id: Option<DocumentId>,
    /// Of this case.
    pub case_ref: Option<CaseRef>,
    /// Given to this person or client.
    pub grantee: Option<Grantee>,
    /// Only those that stand at this time.
    pub standing_at: Option<OffsetDateTime>,
}

/// Reads up to `limit` grants, newest first, beginning after `before`.
#[tracing::instrument(name = "db.access_grants.list", skip_all)]
pub async fn list(
    db: &mut PgConnection,
    tenant: &Tenant,
    filter: &Filter,
    before: Option<Uuid>,
    limit: i64,
) -> sqlx::Result<Vec<Grant>> {
    let (subject, client) = match &filter.grantee {
        Some(Grantee::Person(subject)) => (Some(subject.as_str()), None),
        Some(Grantee::Client(client)) => (None, Some(client.as_str())),
        None => (None, None),
    };
    let rows = select!(
        "where g.tenant = $1 and g.id < $2 and ($3::uuid is null or g.document_id = $3)
             and ($4::text is null or g.case_ref = $4)
             and ($5::text is null or g.grantee_subject = $5) and ($6::text is null or g.grantee_client = $6)
             and ($7::timestamptz is null or (g.revoked_at is null and g.until > $7))
         order by g.id desc limit $8",
        tenant.as_str(),
        before.unwrap_or(Uuid::max()),
        filter.document_id.map(Uuid::from),
        filter.case_ref.as_ref().map(CaseRef::as_str),
        subject,
        client,
        filter.standing_at,
        limit,
    );
    rows.fetch_all(db).await?.into_iter().map(Row::into_grant).collect()
}

/// A row as it is stored.
struct Row {
    id: GrantId,
    tenant: String,
    document_id: Option<DocumentId>,
    case_ref: Option<String>,
    grantee_subject: Option<String>,
    grantee_client: Option<String>,
    purpose: String,
    until: OffsetDateTime,
    reason: Option<String>,
    granted_by: String,
    granted_at: OffsetDateTime,
    revoked_by: Option<String>,
    revoked_at: Option<OffsetDateTime>,
    revoke_reason: Option<String>,
}

impl Row {
    fn into_grant(self) -> sqlx::Result<Grant> {
        let revoked = match (self.revoked_by, self.revoked_at) {
            (Some(by), Some(at)) => Some(act(&by, at, self.revoke_reason)?),
            _ => None,
        };
        Ok(Grant {
            id: self.id,
            tenant: read("tenant", self.tenant.parse())?,
            target: match (self.document_id, self.case_ref) {
                (Some(id), _) => Target::Document(id),
                (None, Some(case_ref)) => Target::Case(read("case_ref", case_ref.parse())?),
                (None, None) => return Err(unreadable("document_id")),
            },
            grantee: match (self.grantee_subject, self.grantee_client) {
                (Some(subject), _) => Grantee::Person(read("grantee_subject", subject.parse())?),
                (None, Some(client)) => Grantee::Client(read("grantee_client", client.parse())?),
                (None, None) => return Err(unreadable("grantee_subject")),
            },
            purpose: read("purpose", self.purpose.parse())?,
            until: self.until,
            given: act(&self.granted_by, self.granted_at, self.reason)?,
            revoked,
        })
    }
}

fn act(by: &str, at: OffsetDateTime, grounds: Option<String>) -> sqlx::Result<Act> {
    let by: Subject = read("…_by", by.parse())?;
    let grounds = read("…reason", grounds.map(|grounds| grounds.parse()).transpose())?;
    Ok(Act { by, at, grounds })
}

fn read<T, E>(column: &'static str, parsed: Result<T, E>) -> sqlx::Result<T> {
    // The error is not kept: it may quote what a person wrote.
    parsed.map_err(|_| unreadable(column))
}

fn unreadable(column: &'static str) -> sqlx::Error {
    sqlx::Error::Decode(format!("access_grants.{column} holds a value that the domain refuses").into())
}
