//! Events in: one file per event type, or per topic where all of its events have one message. To add one, copy a file and name it here.

mod bills;
mod document_erased;
mod document_expired;
mod document_granted;
mod document_quarantined;
mod document_ready;
mod document_rejected;
mod document_scanning;
mod document_subject_erased;
mod document_uploaded;
mod payment_subject_erased;
mod payments;

use consumer::{CloudEvent, Failure, Inbox};
use ids::DocumentId;
use topology::topics;

use crate::app::notify::Notice;
use crate::domain::status::FeedStatus;
use crate::{Error, State};

/// Name of the consumer group.
pub const GROUP: &str = "notification";

/// The consumer of everything that recipients are told about.
///
/// # Errors
/// When the connection to Kafka cannot be prepared.
pub fn inbox(state: &State, kafka: &kafka::Settings) -> Result<Inbox, consumer::Error> {
    let topics = [topics::DOCUMENT, topics::BILLING, topics::PAYMENT];
    let inbox = consumer::inbox(&state.db, kafka, &state.clock, GROUP, &topics)?
        .on(document_uploaded::TYPE, document_uploaded::handler(state))
        .on(document_scanning::TYPE, document_scanning::handler(state))
        .on(document_quarantined::TYPE, document_quarantined::handler(state))
        .on(document_ready::TYPE, document_ready::handler(state))
        .on(document_rejected::TYPE, document_rejected::handler(state))
        .on(document_expired::TYPE, document_expired::handler(state))
        .on(document_granted::TYPE, document_granted::handler(state))
        .on(document_subject_erased::TYPE, document_subject_erased::handler(state))
        .on(document_erased::TYPE, document_erased::handler(state))
        .on(payment_subject_erased::TYPE, payment_subject_erased::handler(state));
    let inbox = bills::TYPES
        .into_iter()
        .fold(inbox, |inbox, (event_type, status)| inbox.on(event_type, bills::handler(state, status)));
    let inbox = payments::OF_PAYMENTS.into_iter().fold(inbox, |inbox, (event_type, status)| {
        inbox.on(event_type, payments::of_payments(state, status))
    });
    Ok(payments::OF_REFUNDS
        .into_iter()
        .fold(inbox, |inbox, (event_type, status)| inbox.on(event_type, payments::of_refunds(state, status))))
}

/// What an event of a document tells its owner.
fn document_notice(
    event: &CloudEvent,
    document_id: &str,
    owner: &str,
    status: FeedStatus,
    code: &'static str,
) -> Result<Notice, Failure> {
    let unreadable = |error: ids::Error| Failure::poison("ID_UNREADABLE", error);
    let document: DocumentId = document_id.parse().map_err(unreadable)?;
    Ok(Notice {
        event_id: event.id,
        owner: owner.parse().map_err(unreadable)?,
        status,
        code,
        category: "document",
        subject_type: "document",
        subject_id: document.into(),
    })
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        match error {
            Error::Database(error) => error.into(),
            // Everything else is about this event, and will not go away by itself.
            other => Self::poison("NOTICE_IMPOSSIBLE", other),
        }
    }
}
