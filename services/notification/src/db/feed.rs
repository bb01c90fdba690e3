//! Table `feed`.

use ids::{NotificationId, RecipientId, Tenant};
use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

/// A row to be added to a feed.
#[derive(Clone, Debug)]
pub struct NewRow<'a> {
    /// Whose feed.
    pub recipient_id: RecipientId,
    /// The notification it belongs to.
    pub notification_id: NotificationId,
    /// What happened.
    pub status: &'static str,
    /// Machine code that refines the status; empty where there is none.
    pub code: &'a str,
    /// Version of its template.
    pub template_version: i16,
}

/// A row of a feed, with what it shows of its notification.
#[derive(Clone, Debug)]
pub struct Row {
    /// Its number.
    pub seq: i64,
    /// The notification it belongs to.
    pub notification_id: NotificationId,
    /// What happened.
    pub status: String,
    /// Machine code that refines the status; empty where there is none.
    pub code: String,
    /// Version of its template.
    pub template_version: i16,
    /// When it happened.
    pub created_at: OffsetDateTime,
    /// What the notification is about.
    pub category: String,
    /// Kind of the thing the notification is about.
    pub subject_type: String,
    /// Id of the thing the notification is about.
    pub subject_id: Uuid,
    /// When the notification was first read.
    pub read_at: Option<OffsetDateTime>,
}

/// Adds a row with the feed's next number and returns the number; `None` when there is no such recipient.
///
/// The recipient's row stays locked until the transaction ends, so that numbers are handed out one transaction after
/// the other, and one that is rolled back takes its number back with it: no gap, no repeat.
#[tracing::instrument(name = "db.feed.append", skip_all)]
pub async fn append(
    connection: &mut PgConnection,
    tenant: &Tenant,
    row: &NewRow<'_>,
    now: OffsetDateTime,
) -> Result<Option<i64>, pg::Error> {
    Ok(sqlx::query_scalar!(
        "with head as (
             update recipients set feed_seq = feed_seq + 1 where tenant = $1 and id = $2 returning feed_seq
         )
         insert into feed (tenant, recipient_id, seq, notification_id, status, code, template_version, created_at)
         select $1, $2, head.feed_seq, $3, $4, $5, $6, $7 from head
         returning seq",
        tenant as &Tenant,
        row.recipient_id as RecipientId,
        row.notification_id as NotificationId,
        row.status,
        row.code,
        row.template_version,
        now,
    )
    .fetch_optional(connection)
    .await?)
}

/// Rows numbered above `after` up to `head`, oldest first, at most `limit`.
#[tracing::instrument(name = "db.feed.list", skip_all)]
pub async fn list(
    connection: &mut PgConnection,
    tenant: &Tenant,
    recipient: RecipientId,
    after: i64,
    head: i64,
    limit: i64,
) -> Result<Vec<Row>, pg::Error> {
    Ok(sqlx::query_as!(
        Row,
        r#"select f.seq, f.notification_id as "notification_id: NotificationId", f.status, f.code,
               f.template_version, f.created_at, n.category, n.subject_type, n.subject_id, n.read_at
           from feed f join notifications n on n.id = f.notification_id and n.tenant = f.tenant
           where f.tenant = $1 and f.recipient_id = $2 and f.seq > $3 and f.seq <= $4
           order by f.seq
           limit $5"#,
        tenant as &Tenant,
        recipient as RecipientId,
        after,
        head,
        limit,
    )
    .fetch_all(connection)
    .await?)
}
