//! What every call has at hand.

use std::time::Duration;

use tokio::sync::watch;

use crate::callback::Callback;
use crate::calls::Calls;
use crate::error::Error;
use crate::id::CallbackId;
use crate::store::Store;

/// How long anything is waited for that a delivery has to bring about.
const PATIENCE: Duration = Duration::from_secs(30);
/// How often the clock is looked at: a test may have moved it, and that tells nobody.
pub(crate) const TICK: Duration = Duration::from_millis(50);

#[derive(Debug)]
pub(crate) struct App {
    pub(crate) store: Store,
    pub(crate) client: reqwest::Client,
    /// Checks that are kept.
    pub(crate) limit: usize,
    pub(crate) calls: Calls,
    /// Counts how often hanging calls were let go.
    pub(crate) released: watch::Sender<u64>,
}

impl App {
    /// Waits until `holds`, which is asked after each change.
    pub(crate) async fn until(&self, holds: impl FnMut() -> Result<bool, Error>) -> Result<(), Error> {
        tokio::time::timeout(PATIENCE, self.until_ever(holds)).await.unwrap_or(Err(Error::Late))
    }

    /// The same, however long it takes.
    pub(crate) async fn until_ever(
        &self,
        mut holds: impl FnMut() -> Result<bool, Error>,
    ) -> Result<(), Error> {
        let mut changes = self.store.watch();
        loop {
            changes.mark_unchanged();
            if holds()? {
                return Ok(());
            }
            let _ = tokio::time::timeout(TICK, changes.changed()).await;
        }
    }

    /// Waits until a callback was sent more than `before` times.
    pub(crate) async fn until_sent(&self, id: &CallbackId, before: u32) -> Result<(), Error> {
        self.until(|| self.callback(id).map(|callback| callback.sent > before)).await
    }

    pub(crate) fn callback(&self, id: &CallbackId) -> Result<Callback, Error> {
        self.store.read(|world, _| world.callback(id).cloned())?
    }
}
