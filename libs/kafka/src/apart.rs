//! The end of a client, on a thread of its own.

use std::ops::Deref;
use std::thread::Builder;
use std::time::Duration;

use tokio::sync::oneshot;

/// A consumer or producer that is closed on a thread of its own, however it comes to its end.
///
/// librdkafka's close waits for the broker and for callbacks, and there are states in which it never returns (a group
/// left while it is being joined is one). Where that happens in a task or on tokio's threads for blocking work, the
/// runtime can never be dropped; here it costs one thread.
pub struct Apart<C: Send + 'static>(Option<C>);

impl<C: Send + 'static> Apart<C> {
    /// Takes the client over.
    #[must_use]
    pub fn new(client: C) -> Self {
        Self(Some(client))
    }

    /// Does `last` with the client and closes it. Whether all of that came to its end within `patience`; it goes on
    /// where it did not.
    pub async fn close(mut self, patience: Duration, last: impl FnOnce(&C) + Send + 'static) -> bool {
        let Some(client) = self.0.take() else { return true };
        let (done, closed) = oneshot::channel();
        apart(move || {
            last(&client);
            drop(client);
            // Whoever asked may have lost patience.
            let _ = done.send(());
        });
        matches!(tokio::time::timeout(patience, closed).await, Ok(Ok(())))
    }
}

impl<C: Send + 'static> Deref for Apart<C> {
    type Target = C;

    fn deref(&self) -> &C {
        self.0.as_ref().expect("only what ends it takes it out")
    }
}

impl<C: Send + 'static> Drop for Apart<C> {
    fn drop(&mut self) {
        if let Some(client) = self.0.take() {
            apart(move || drop(client));
        }
    }
}

fn apart(work: impl FnOnce() + Send + 'static) {
    if let Err(error) = Builder::new().name("kafka-close".to_owned()).spawn(work) {
        // The work was dropped here, and the client with it.
        tracing::warn!(%error, "no thread to close a kafka client on");
    }
}
