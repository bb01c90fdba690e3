//! What is done with records, in either mode.

use std::ops::Range;
use std::sync::Arc;

use kafka::{CloudEvent, Malformed};
use tracing::Span;

use crate::Failure;
use crate::failure::BoxError;
use crate::forward::Forwarding;
use crate::inbox::Applying;
use crate::item::Item;
use crate::lane::{Bounds, Cause};

/// Where records go.
pub(crate) enum Mode {
    /// Effects in a database of one's own.
    Inbox(Applying),
    /// Effects elsewhere.
    Forward(Forwarding),
}

/// How many records of a batch ended how. In each case their offsets may be stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    /// The effect is committed.
    pub(crate) applied: u64,
    /// It was applied or parked before.
    pub(crate) repeated: u64,
    /// It is kept for an operator.
    pub(crate) parked: u64,
    /// It is kept behind an earlier one of its key.
    pub(crate) behind_parked: u64,
}

/// Nothing of a batch was kept.
#[derive(Debug)]
pub(crate) struct Broken {
    /// The places in the batch of the records that may be why; `None`: any.
    pub(crate) at: Option<Range<usize>>,
    pub(crate) failure: Failure,
}

impl Broken {
    pub(crate) fn at(at: Range<usize>, failure: Failure) -> Self {
        Self { at: Some(at), failure }
    }

    pub(crate) fn any(failure: Failure) -> Self {
        Self { at: None, failure }
    }

    pub(crate) fn cause(&self) -> Cause {
        match &self.failure {
            Failure::Poison { .. } => Cause::Poison,
            Failure::Retry(source) => match source.downcast_ref::<pg::Error>() {
                Some(
                    pg::Error::Unreachable(_)
                    | pg::Error::Busy(_)
                    | pg::Error::Closed
                    | pg::Error::CommitUnknown(_),
                ) => Cause::Away,
                _ => Cause::Retry,
            },
        }
    }
}

impl From<pg::Error> for Broken {
    fn from(error: pg::Error) -> Self {
        Self::any(error.into())
    }
}

impl Mode {
    pub(crate) fn handles(&self, type_: &str) -> bool {
        match self {
            Self::Inbox(inbox) => inbox.handlers.handles(type_),
            Self::Forward(forward) => forward.handles(type_),
        }
    }

    /// How much is taken at a time.
    pub(crate) fn bounds(&self) -> Bounds {
        let records = match self {
            Self::Inbox(_) => 4_096,
            Self::Forward(_) => 1,
        };
        Bounds { records, weight: 4 * 1024 * 1024, room: 128 * 1024 }
    }

    /// Applies events of one tenant, or one record alone; all or nothing.
    pub(crate) async fn apply(&self, batch: &[Arc<Item>]) -> Result<Tally, Broken> {
        match self {
            Self::Inbox(inbox) => inbox.apply(batch).await,
            Self::Forward(forward) => forward.apply(batch).await,
        }
    }

    /// Keeps a record for an operator, or says what was away.
    pub(crate) async fn park(
        &self,
        item: &Arc<Item>,
        reason: &'static str,
        attempts: u32,
    ) -> Result<Tally, BoxError> {
        match self {
            Self::Inbox(inbox) => inbox.park(item, reason, attempts).await,
            Self::Forward(forward) => forward.bury(&item.record(), reason, attempts).await,
        }
    }
}

/// A record that is no event will never be one.
pub(crate) fn refused(malformed: &Malformed) -> Broken {
    Broken::at(0..1, Failure::poison(malformed.reason(), malformed.clone()))
}

/// The span of one event below that of its sender; none where the sender's trace is not kept.
pub(crate) fn span(item: &Item, event: &CloudEvent) -> Span {
    let sampled = |traceparent: &&String| {
        traceparent.bytes().last().is_some_and(|flags| char::from(flags).to_digit(16).unwrap_or(0) & 1 == 1)
    };
    let Some(traceparent) = event.traceparent.as_ref().filter(sampled) else { return Span::none() };
    let span = tracing::info_span!(
        "consumer.event",
        otel.kind = "consumer",
        messaging.destination.name = &*item.place.0,
        messaging.destination.partition.id = item.place.1,
        messaging.kafka.offset = item.offset,
        event.id = %event.id,
        event.type = event.type_,
        tenant = %event.tenant,
    );
    telemetry::context::set_parent(&span, traceparent);
    span
}
