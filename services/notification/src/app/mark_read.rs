//! Notes that a recipient has read a notification.

use ids::{NotificationId, Subject};
use pg::Tx;
use time::OffsetDateTime;

use super::feed::{self, Entry};
use crate::domain::status::FeedStatus;
use crate::error::Error;
use crate::{State, db};

/// Marks the subject's notification as read, in the transaction of the idempotency key. Returns when it was first
/// read; reading it again changes nothing.
///
/// # Errors
/// [`Error::NotificationNotFound`], also for what is another tenant's or another person's.
pub async fn mark_read(
    tx: &mut Tx,
    state: &State,
    subject: &Subject,
    id: NotificationId,
) -> Result<OffsetDateTime, Error> {
    let tenant = tx.tenant().clone();
    let found = db::notifications::lock_own(tx, &tenant, id, subject).await?;
    let notification = found.ok_or(Error::NotificationNotFound)?;
    if let Some(read_at) = notification.read_at {
        return Ok(read_at);
    }
    let now = state.clock.now();
    db::notifications::set_read(tx, &tenant, id, now).await?;
    let entry = Entry {
        recipient_id: notification.recipient_id,
        notification_id: id,
        status: FeedStatus::NotificationRead,
        code: "",
        category: &notification.category,
        subject_type: &notification.subject_type,
        subject_id: notification.subject_id,
    };
    feed::append(tx, state, &entry).await?;
    Ok(now)
}
