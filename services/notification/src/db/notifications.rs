//! Table `notifications`.

use ids::{EventId, NotificationId, RecipientId, Subject, Tenant};
use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

/// A notification to be stored.
#[derive(Clone, Debug)]
pub struct NewNotification {
    /// Its id.
    pub id: NotificationId,
    /// Who is told.
    pub recipient_id: RecipientId,
    /// The event that says so.
    pub event_id: EventId,
    /// What it is about, for example `document`.
    pub category: &'static str,
    /// What happened, for example `document.ready`.
    pub status: &'static str,
    /// Machine code that refines the status; empty where there is none.
    pub code: &'static str,
    /// Kind of the thing it is about.
    pub subject_type: &'static str,
    /// Id of the thing it is about.
    pub subject_id: Uuid,
    /// Version of its templates.
    pub template_version: i16,
}

/// A stored notification, as far as a feed row needs it.
#[derive(Clone, Debug)]
pub struct Notification {
    /// Its id.
    pub id: NotificationId,
    /// Who is told.
    pub recipient_id: RecipientId,
    /// What it is about.
    pub category: String,
    /// Kind of the thing it is about.
    pub subject_type: String,
    /// Id of the thing it is about.
    pub subject_id: Uuid,
    /// When it was first read.
    pub read_at: Option<OffsetDateTime>,
}

/// Stores a notification. `false`: the event has one already.
#[tracing::instrument(name = "db.notifications.insert", skip_all)]
pub async fn insert(
    connection: &mut PgConnection,
    tenant: &Tenant,
    new: &NewNotification,
    now: OffsetDateTime,
) -> Result<bool, pg::Error> {
    let done = sqlx::query!(
        "insert into notifications (id, tenant, recipient_id, event_id, category, status, code, subject_type,
             subject_id, template_version, created_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
         on conflict (tenant, event_id) do nothing",
        new.id as NotificationId,
        tenant as &Tenant,
        new.recipient_id as RecipientId,
        new.event_id as EventId,
        new.category,
        new.status,
        new.code,
        new.subject_type,
        new.subject_id,
        new.template_version,
        now,
    )
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Locks a notification, if it is the subject's own.
#[tracing::instrument(name = "db.notifications.lock", skip_all)]
pub async fn lock_own(
    connection: &mut PgConnection,
    tenant: &Tenant,
    id: NotificationId,
    subject: &Subject,
) -> Result<Option<Notification>, pg::Error> {
    Ok(sqlx::query_as!(
        Notification,
        r#"select n.id as "id: NotificationId", n.recipient_id as "recipient_id: RecipientId", n.category,
               n.subject_type, n.subject_id, n.read_at
           from notifications n join recipients r on r.id = n.recipient_id and r.tenant = n.tenant
           where n.tenant = $1 and n.id = $2 and r.subject = $3
           for no key update of n"#,
        tenant as &Tenant,
        id as NotificationId,
        subject as &Subject,
    )
    .fetch_optional(connection)
    .await?)
}

/// Notes when a notification was read.
#[tracing::instrument(name = "db.notifications.set_read", skip_all)]
pub async fn set_read(
    connection: &mut PgConnection,
    tenant: &Tenant,
    id: NotificationId,
    now: OffsetDateTime,
) -> Result<(), pg::Error> {
    sqlx::query!(
        "update notifications set read_at = $3 where tenant = $1 and id = $2",
        tenant as &Tenant,
        id as NotificationId,
        now,
    )
    .execute(connection)
    .await?;
    Ok(())
}
