//! Tells a recipient that something happened: a notification, its feed row, and an e-mail where the status asks for it.

use ids::{DeliveryId, EventId, JobId, NotificationId, RecipientId, Subject};
use pg::Tx;
use uuid::Uuid;

use super::ask_for_delivery;
use super::feed::{self, Entry};
use crate::domain::delivery::Delivery;
use crate::domain::status::FeedStatus;
use crate::error::Error;
use crate::{State, db};

/// Code of a delivery that was not tried for want of an address.
pub(crate) const NO_ADDRESS: &str = "NO_ADDRESS";

/// What happened, and to whom.
#[derive(Clone, Debug)]
pub struct Notice {
    /// The event that says so; a second notice of the same event changes nothing.
    pub event_id: EventId,
    /// Who is told.
    pub owner: Subject,
    /// What happened.
    pub status: FeedStatus,
    /// Machine code that refines the status; empty where there is none.
    pub code: &'static str,
    /// What it is about, for example `document`.
    pub category: &'static str,
    /// Kind of the thing it is about.
    pub subject_type: &'static str,
    /// Id of the thing it is about.
    pub subject_id: Uuid,
}

/// Tells the owner, in the transaction of the event that is consumed.
///
/// # Errors
/// The database's.
pub async fn notify(tx: &mut Tx, state: &State, notice: &Notice) -> Result<(), Error> {
    let tenant = tx.tenant().clone();
    let now = state.clock.now();
    let (recipient_id, has_address) = lock_recipient(tx, state, &notice.owner).await?;
    let new = db::notifications::NewNotification {
        id: NotificationId::mint(&state.clock),
        recipient_id,
        event_id: notice.event_id,
        category: notice.category,
        status: notice.status.as_str(),
        code: notice.code,
        subject_type: notice.subject_type,
        subject_id: notice.subject_id,
        template_version: state.templates.current(notice.status),
    };
    if !db::notifications::insert(tx, &tenant, &new, now).await? {
        return Ok(());
    }
    let entry = Entry {
        recipient_id,
        notification_id: new.id,
        status: notice.status,
        code: notice.code,
        category: notice.category,
        subject_type: notice.subject_type,
        subject_id: notice.subject_id,
    };
    feed::append(tx, state, &entry).await?;
    if notice.status.is_mailed() {
        deliver(tx, state, &entry, has_address).await?;
    }
    Ok(())
}

/// Takes the lock under which the feed grows. Whoever never signed in gets a recipient without an address.
async fn lock_recipient(tx: &mut Tx, state: &State, owner: &Subject) -> Result<(RecipientId, bool), Error> {
    let tenant = tx.tenant().clone();
    if let Some(found) = db::recipients::lock(tx, &tenant, owner).await? {
        return Ok(found);
    }
    let id = RecipientId::mint(&state.clock);
    db::recipients::insert_unreachable(tx, &tenant, id, owner, state.clock.now()).await?;
    db::recipients::lock(tx, &tenant, owner).await?.ok_or(Error::RecipientNotFound)
}

async fn deliver(tx: &mut Tx, state: &State, told: &Entry<'_>, has_address: bool) -> Result<(), Error> {
    let tenant = tx.tenant().clone();
    let now = state.clock.now();
    let id = DeliveryId::mint(&state.clock);
    let delivery = Delivery::create(has_address);
    db::deliveries::insert(tx, &tenant, id, told.notification_id, delivery, now).await?;
    let (status, code) = if delivery == Delivery::Suppressed {
        (FeedStatus::DeliverySuppressed, NO_ADDRESS)
    } else {
        let job = JobId::mint(&state.clock);
        db::deliveries::insert_job(tx, &tenant, job, id, 1, now).await?;
        ask_for_delivery::ask(tx, state, job, id).await?;
        (FeedStatus::DeliveryQueued, "")
    };
    feed::append(tx, state, &Entry { status, code, ..told.clone() }).await?;
    Ok(())
}
