//! Table `recipients`.

use ids::{RecipientId, Subject, Tenant};
use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::domain::locale::Locale;

/// What addresses are sealed for.
pub const EMAIL: &str = "recipients.email";

/// A recipient, without what only a delivery may see.
#[derive(Clone, Debug)]
pub struct Recipient {
    /// Its id.
    pub id: RecipientId,
    /// Language it reads; `None` for the tenant's default.
    pub locale: Option<String>,
    /// Highest number of its feed, 0 when it is empty.
    pub feed_seq: i64,
}

/// How to reach somebody.
#[derive(Debug)]
pub struct Contact<'a> {
    /// Sealed as [`EMAIL`].
    pub email: Option<&'a [u8]>,
    /// Language they read.
    pub locale: Option<&'a Locale>,
    /// Whom the office knows them as.
    pub person: Option<&'a Subject>,
}

/// Creates the recipient of a subject, or replaces how to reach it. Returns the id it has, which is `id` only when it is new.
#[tracing::instrument(name = "db.recipients.upsert", skip_all)]
pub async fn upsert(
    connection: &mut PgConnection,
    tenant: &Tenant,
    id: RecipientId,
    subject: &Subject,
    contact: &Contact<'_>,
    now: OffsetDateTime,
) -> Result<RecipientId, pg::Error> {
    let locale = contact.locale.map(ToString::to_string);
    let id = sqlx::query_scalar!(
        r#"insert into recipients (id, tenant, subject, email, locale, created_at, updated_at, person)
           values ($1, $2, $3, $4, $5, $6, $6, $7)
           on conflict (tenant, subject) do update
               set email = excluded.email, locale = excluded.locale, updated_at = excluded.updated_at, person = excluded.person
           returning id as "id: RecipientId""#,
        id as RecipientId,
        tenant as &Tenant,
        subject as &Subject,
        contact.email,
        locale,
        now,
        contact.person as Option<&Subject>,
    )
    .fetch_one(connection)
    .await?;
    Ok(id)
}

/// Takes away how to reach a subject.
#[tracing::instrument(name = "db.recipients.forget", skip_all)]
pub async fn forget(
    connection: &mut PgConnection,
    tenant: &Tenant,
    subject: &Subject,
    now: OffsetDateTime,
) -> Result<(), pg::Error> {
    sqlx::query!(
        "update recipients set email = null, locale = null, updated_at = $3 where tenant = $1 and subject = $2",
        tenant as &Tenant,
        subject as &Subject,
        now,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Creates a recipient that nobody can reach yet, unless the subject has one.
#[tracing::instrument(name = "db.recipients.insert", skip_all)]
pub async fn insert_unreachable(
    connection: &mut PgConnection,
    tenant: &Tenant,
    id: RecipientId,
    subject: &Subject,
    now: OffsetDateTime,
) -> Result<(), pg::Error> {
    sqlx::query!(
        "insert into recipients (id, tenant, subject, created_at, updated_at) values ($1, $2, $3, $4, $4)
         on conflict (tenant, subject) do nothing",
        id as RecipientId,
        tenant as &Tenant,
        subject as &Subject,
        now,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Takes the lock under which a recipient's feed grows, and says whether mail to it goes anywhere. What is for somebody whom the office
/// knows is for who signed in as them, if anybody has: the last who did.
#[tracing::instrument(name = "db.recipients.lock", skip_all)]
pub async fn lock(
    connection: &mut PgConnection,
    tenant: &Tenant,
    subject: &Subject,
) -> Result<Option<(RecipientId, bool)>, pg::Error> {
    let row = sqlx::query!(
        r#"select id as "id: RecipientId", email is not null as "has_address!"
             from recipients
            where tenant = $1 and (subject = $2 or person = $2)
            order by coalesce(person = $2, false) desc, updated_at desc
            limit 1
              for no key update"#,
        tenant as &Tenant,
        subject as &Subject,
    )
    .fetch_optional(connection)
    .await?;
    Ok(row.map(|row| (row.id, row.has_address)))
}

/// The recipient of a subject.
#[tracing::instrument(name = "db.recipients.find", skip_all)]
pub async fn find_by_subject(
    connection: &mut PgConnection,
    tenant: &Tenant,
    subject: &Subject,
) -> Result<Option<Recipient>, pg::Error> {
    Ok(sqlx::query_as!(
        Recipient,
        r#"select id as "id: RecipientId", locale, feed_seq from recipients where tenant = $1 and subject = $2"#,
        tenant as &Tenant,
        subject as &Subject,
    )
    .fetch_optional(connection)
    .await?)
}

/// A recipient.
#[tracing::instrument(name = "db.recipients.find", skip_all)]
pub async fn find(
    connection: &mut PgConnection,
    tenant: &Tenant,
    id: RecipientId,
) -> Result<Option<Recipient>, pg::Error> {
    Ok(sqlx::query_as!(
        Recipient,
        r#"select id as "id: RecipientId", locale, feed_seq from recipients where tenant = $1 and id = $2"#,
        tenant as &Tenant,
        id as RecipientId,
    )
    .fetch_optional(connection)
    .await?)
}

/// How far the feeds of those recipients have come that exist.
#[tracing::instrument(name = "db.recipients.heads", skip_all)]
pub async fn heads(
    connection: &mut PgConnection,
    tenant: &Tenant,
    ids: &[RecipientId],
) -> Result<Vec<(RecipientId, i64)>, pg::Error> {
    let ids: Vec<Uuid> = ids.iter().map(|id| id.as_uuid()).collect();
    let rows = sqlx::query!(
        r#"select id as "id: RecipientId", feed_seq from recipients where tenant = $1 and id = any($2)"#,
        tenant as &Tenant,
        &ids,
    )
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(|row| (row.id, row.feed_seq)).collect())
}
