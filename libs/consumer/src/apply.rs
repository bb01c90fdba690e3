//! What is done with one record, in either mode.

use std::sync::Arc;

use kafka::{CloudEvent, Malformed, Record};
use tracing::{Instrument as _, Span};

use crate::Failure;
use crate::failure::BoxError;
use crate::forward::Forwarding;
use crate::inbox::Applying;

/// Where records go.
pub(crate) enum Mode {
    /// Effects in a database of one's own.
    Inbox(Applying),
    /// Effects elsewhere.
    Forward(Forwarding),
}

/// What became of a record. In each case its offset may be stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The effect is committed.
    Applied,
    /// It was applied or parked before.
    Repeated,
    /// Its type has no handler; nothing was written.
    Ignored,
    /// It is kept for an operator.
    Parked,
    /// It is kept behind an earlier one of its key.
    BehindParked,
}

impl Outcome {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Applied => "applied",
            Self::Repeated => "repeated",
            Self::Ignored => "ignored",
            Self::Parked => "parked",
            Self::BehindParked => "behind_parked",
        }
    }
}

impl Mode {
    fn handles(&self, type_: &str) -> bool {
        match self {
            Self::Inbox(inbox) => inbox.handles(type_),
            Self::Forward(forward) => forward.handles(type_),
        }
    }

    /// Deals with a record for good, or says what was away; `attempts` counts this one.
    pub(crate) async fn apply(&self, record: &Arc<Record>, attempts: u32) -> Result<Outcome, BoxError> {
        // By the type alone, so that a group parks nothing that it would not have applied.
        if record.header("ce_type").is_some_and(|type_| !self.handles(type_)) {
            return Ok(Outcome::Ignored);
        }
        match CloudEvent::parse(record) {
            Ok(event) => {
                let span = span(record, &event);
                self.event(record, Arc::new(event), attempts).instrument(span).await
            }
            Err(malformed) => self.malformed(record, &malformed, attempts).await,
        }
    }

    async fn event(
        &self,
        record: &Arc<Record>,
        event: Arc<CloudEvent>,
        attempts: u32,
    ) -> Result<Outcome, BoxError> {
        let result = match self {
            Self::Inbox(inbox) => inbox.apply(record, &event, attempts).await,
            Self::Forward(forward) => forward.apply(&event).await,
        };
        let (reason, source) = match result {
            Ok(outcome) => return Ok(outcome),
            Err(Failure::Retry(source)) => return Err(source),
            Err(Failure::Poison { reason, source }) => (reason, source),
        };
        tracing::error!(
            reason,
            attempts,
            error = crate::chain(&*source),
            "event cannot be applied, parking it"
        );
        match self {
            Self::Inbox(inbox) => inbox.park(record, &event, reason, attempts).await,
            Self::Forward(forward) => forward.bury(record, reason, attempts).await,
        }
    }

    async fn malformed(
        &self,
        record: &Arc<Record>,
        malformed: &Malformed,
        attempts: u32,
    ) -> Result<Outcome, BoxError> {
        tracing::error!(
            topic = record.topic,
            partition = record.partition,
            offset = record.offset,
            reason = malformed.reason(),
            error = %malformed,
            "record is no event, parking it"
        );
        match self {
            Self::Inbox(inbox) => inbox.park_malformed(record, malformed, attempts).await,
            Self::Forward(forward) => forward.bury(record, malformed.reason(), attempts).await,
        }
    }
}

fn span(record: &Record, event: &CloudEvent) -> Span {
    let span = tracing::info_span!(
        "consumer.event",
        otel.kind = "consumer",
        messaging.destination.name = record.topic,
        messaging.destination.partition.id = record.partition,
        messaging.kafka.offset = record.offset,
        event.id = %event.id,
        event.type = event.type_,
        tenant = %event.tenant,
    );
    if let Some(traceparent) = &event.traceparent {
        telemetry::context::set_parent(&span, traceparent);
    }
    span
}
