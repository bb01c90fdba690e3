//! What is done about events of each type.

use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use kafka::CloudEvent;
use pg::Tx;

use crate::Failure;

type One = dyn for<'c> Fn(&'c mut Tx, &'c CloudEvent) -> BoxFuture<'c, Result<(), Failure>> + Send + Sync;
type Many =
    dyn for<'c> Fn(&'c mut Tx, &'c [&'c CloudEvent]) -> BoxFuture<'c, Result<(), Failure>> + Send + Sync;

/// What applies events of a type.
#[derive(Clone)]
pub(crate) enum Handler {
    /// One after the other.
    One(Arc<One>),
    /// Those that follow each other together.
    Many(Arc<Many>),
}

/// The handlers of a consumer, by type of event. Cheap to clone once they are complete.
#[derive(Clone, Default)]
pub(crate) struct Handlers {
    by_type: Arc<HashMap<String, Handler>>,
    /// For types that have none of their own.
    rest: Option<Handler>,
}

impl Handlers {
    pub(crate) fn insert(&mut self, type_: &str, handler: Handler) {
        Arc::make_mut(&mut self.by_type).insert(type_.to_owned(), handler);
    }

    pub(crate) fn insert_rest(&mut self, handler: Handler) {
        self.rest = Some(handler);
    }

    pub(crate) fn get(&self, type_: &str) -> Option<&Handler> {
        self.by_type.get(type_).or(self.rest.as_ref())
    }

    pub(crate) fn handles(&self, type_: &str) -> bool {
        self.get(type_).is_some()
    }

    /// Whether events of both types are for the same handler.
    pub(crate) fn together(&self, one: &str, other: &str) -> bool {
        one == other || !(self.by_type.contains_key(one) || self.by_type.contains_key(other))
    }
}

impl Handler {
    /// Applies events that are all for it, in order.
    pub(crate) async fn apply(&self, tx: &mut Tx, events: &[&CloudEvent]) -> Result<(), Failure> {
        match self {
            Self::One(handler) => {
                for event in events {
                    caught(handler(tx, event)).await?;
                }
                Ok(())
            }
            Self::Many(handler) => caught(handler(tx, events)).await,
        }
    }
}

/// A handler that panics is a defect which these events lay bare; the next ones may be fine.
pub(crate) async fn caught(handled: BoxFuture<'_, Result<(), Failure>>) -> Result<(), Failure> {
    match AssertUnwindSafe(handled).catch_unwind().await {
        Ok(result) => result,
        Err(_) => Err(Failure::poison("HANDLER_PANICKED", "the handler panicked")),
    }
}
