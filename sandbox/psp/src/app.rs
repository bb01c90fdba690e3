//! What every call has at hand.

use std::time::Duration;

use tokio::sync::watch;

use crate::error::Error;
use crate::event::Event;
use crate::id::EventId;
use crate::requests::Requests;
use crate::store::Store;

/// How long anything is waited for that a delivery has to bring about.
const PATIENCE: Duration = Duration::from_secs(30);

#[derive(Debug)]
pub(crate) struct App {
    pub(crate) store: Store,
    pub(crate) client: reqwest::Client,
    /// Where payers find the checkout, without a `/` at the end.
    pub(crate) base: String,
    /// Payments that are kept.
    pub(crate) limit: usize,
    pub(crate) requests: Requests,
    /// Counts how often hanging calls were let go.
    pub(crate) released: watch::Sender<u64>,
}

impl App {
    /// Waits until `holds`, which is asked after each change.
    pub(crate) async fn until(&self, mut holds: impl FnMut() -> Result<bool, Error>) -> Result<(), Error> {
        let mut changes = self.store.watch();
        let waited = tokio::time::timeout(PATIENCE, async {
            loop {
                changes.mark_unchanged();
                if holds()? {
                    return Ok(());
                }
                // The clock may make it hold too, and that tells nobody.
                let _ = tokio::time::timeout(Duration::from_millis(50), changes.changed()).await;
            }
        });
        waited.await.unwrap_or(Err(Error::Late))
    }

    /// Waits until an event was sent more than `before` times.
    pub(crate) async fn until_sent(&self, id: &EventId, before: u32) -> Result<(), Error> {
        self.until(|| self.event(id).map(|event| event.sent > before)).await
    }

    pub(crate) fn event(&self, id: &EventId) -> Result<Event, Error> {
        self.store.read(|world, _| world.event(id).cloned())?
    }
}
