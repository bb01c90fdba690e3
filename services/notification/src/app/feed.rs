//! Adds a row to a feed and tells the world, in the caller's transaction.

use ids::{NotificationId, RecipientId};
use outbox::Event;
use pg::Tx;
use proto::notification::v1::FeedEvent;
use topology::topics;
use uuid::Uuid;

use crate::domain::status::FeedStatus;
use crate::error::Error;
use crate::{State, db};

/// What a row says.
#[derive(Clone, Debug)]
pub struct Entry<'a> {
    /// Whose feed.
    pub recipient_id: RecipientId,
    /// The notification it belongs to.
    pub notification_id: NotificationId,
    /// What happened.
    pub status: FeedStatus,
    /// Machine code that refines the status; empty where there is none.
    pub code: &'a str,
    /// What the notification is about.
    pub category: &'a str,
    /// Kind of the thing the notification is about.
    pub subject_type: &'a str,
    /// Id of the thing the notification is about.
    pub subject_id: Uuid,
}

/// Adds the row with the feed's next number, and the event that announces it. Returns the number.
///
/// The event is appended while the recipient's row is locked, so that a recipient's events leave in the order of their
/// numbers.
///
/// # Errors
/// [`Error::RecipientNotFound`] and the database's.
pub async fn append(tx: &mut Tx, state: &State, entry: &Entry<'_>) -> Result<i64, Error> {
    let tenant = tx.tenant().clone();
    let row = db::feed::NewRow {
        recipient_id: entry.recipient_id,
        notification_id: entry.notification_id,
        status: entry.status.as_str(),
        code: entry.code,
        template_version: state.templates.current(entry.status),
    };
    let seq =
        db::feed::append(tx, &tenant, &row, state.clock.now()).await?.ok_or(Error::RecipientNotFound)?;
    let payload = FeedEvent {
        recipient_id: entry.recipient_id.to_string(),
        seq,
        notification_id: entry.notification_id.to_string(),
        category: entry.category.to_owned(),
        status: entry.status.as_str().to_owned(),
        subject_type: entry.subject_type.to_owned(),
        subject_id: entry.subject_id.to_string(),
    };
    let event = Event::new(
        topics::NOTIFICATION,
        entry.status.event_type(),
        entry.recipient_id,
        entry.notification_id,
        &payload,
    );
    outbox::append(tx, &state.clock, event).await?;
    Ok(seq)
}
