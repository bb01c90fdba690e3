//! Events in: one file per event type. To add one, copy a file and name it here.

mod subject_erasure_requested;

use consumer::{Failure, Inbox};
use topology::topics;

use crate::{Error, State};

/// Name of the consumer group.
pub const GROUP: &str = "verification";

/// The consumer of what others ask of this service.
///
/// # Errors
/// When the connection to Kafka cannot be prepared.
pub fn inbox(state: &State, kafka: &kafka::Settings) -> Result<Inbox, consumer::Error> {
    Ok(consumer::inbox(&state.db, kafka, &state.clock, GROUP, &[topics::SUBJECT])?
        .on(subject_erasure_requested::TYPE, subject_erasure_requested::handler(state)))
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        match error {
            Error::Database(error) => error.into(),
            // Everything else is about this event, and will not go away by itself.
            other => Self::poison("ERASURE_IMPOSSIBLE", other),
        }
    }
}
