//! Which recipients are connected here, and how far each feed is known to have come.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ids::{RecipientId, Tenant};
use kafka::CloudEvent;
use prost::Message as _;
use proto::notification::v1::{FeedEvent, ListFeedResponse};
use rpc_error::Error;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::services::Services;

/// Heads are asked for this often, for hints that were lost.
const REPAIR_EVERY: Duration = Duration::from_secs(30);

/// Recipients in one repair call, as `FeedHeads` allows.
const REPAIR_BATCH: usize = 1000;

/// The connected recipients of this replica.
#[derive(Debug, Clone)]
pub struct Hub {
    services: Services,
    feeds: Arc<Mutex<HashMap<RecipientId, Feed>>>,
}

#[derive(Debug)]
struct Feed {
    tenant: Tenant,
    head: watch::Sender<i64>,
    /// One `ListFeed` in flight per recipient, however many tabs are open.
    listing: Arc<tokio::sync::Mutex<()>>,
}

/// A connection's place in the [`Hub`]; dropping it leaves.
#[derive(Debug)]
pub struct Subscription {
    hub: Hub,
    tenant: Tenant,
    recipient: RecipientId,
    head: Option<watch::Receiver<i64>>,
    listing: Arc<tokio::sync::Mutex<()>>,
}

impl Hub {
    /// An empty hub.
    #[must_use]
    pub fn new(services: Services) -> Self {
        Self { services, feeds: Arc::default() }
    }

    fn feeds(&self) -> std::sync::MutexGuard<'_, HashMap<RecipientId, Feed>> {
        // The map is valid after every statement, so a panic elsewhere does not spoil it.
        self.feeds.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Registers a connection.
    #[must_use]
    pub fn subscribe(&self, tenant: Tenant, recipient: RecipientId) -> Subscription {
        let mut feeds = self.feeds();
        let feed = feeds.entry(recipient).or_insert_with(|| Feed {
            tenant: tenant.clone(),
            head: watch::Sender::new(0),
            listing: Arc::default(),
        });
        Subscription {
            hub: self.clone(),
            tenant,
            recipient,
            head: Some(feed.head.subscribe()),
            listing: feed.listing.clone(),
        }
    }

    /// Says that a feed has come at least this far.
    pub fn hint(&self, recipient: RecipientId, seq: i64) {
        if let Some(feed) = self.feeds().get(&recipient) {
            feed.head.send_if_modified(|head| {
                let grown = seq > *head;
                *head = (*head).max(seq);
                grown
            });
        }
    }

    /// How many recipients are connected.
    #[must_use]
    pub fn connected(&self) -> usize {
        self.feeds().len()
    }

    /// Follows the notification topic until `stop`.
    pub async fn follow(self, mut events: consumer::Tail, stop: CancellationToken) {
        while let Some(event) = stop.run_until_cancelled(events.next()).await.flatten() {
            self.take(&event);
        }
    }

    fn take(&self, event: &CloudEvent) {
        let parsed = FeedEvent::decode(event.payload.as_ref())
            .ok()
            .and_then(|row| row.recipient_id.parse().ok().map(|recipient| (recipient, row.seq)));
        match parsed {
            Some((recipient, seq)) => self.hint(recipient, seq),
            // The repair finds the row all the same.
            None => tracing::warn!(event_id = %event.id, "feed hint cannot be read"),
        }
    }

    /// Asks for the heads of all connected feeds now and then, until `stop`.
    pub async fn repair(self, stop: CancellationToken) {
        let mut ticks = tokio::time::interval(REPAIR_EVERY);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        while stop.run_until_cancelled(ticks.tick()).await.is_some() {
            if let Err(error) = self.repair_once().await {
                tracing::warn!(reason = error.reason(), "feed heads not read");
            }
        }
    }

    /// Asks for the heads of all connected feeds once.
    ///
    /// # Errors
    ///
    /// Those of `FeedHeads`.
    pub async fn repair_once(&self) -> Result<(), Error> {
        let mut tenants: HashMap<Tenant, Vec<RecipientId>> = HashMap::new();
        for (recipient, feed) in self.feeds().iter() {
            tenants.entry(feed.tenant.clone()).or_default().push(*recipient);
        }
        for (tenant, recipients) in tenants {
            for batch in recipients.chunks(REPAIR_BATCH) {
                for head in self.services.feed_heads(&tenant, batch).await? {
                    if let Ok(recipient) = head.recipient_id.parse() {
                        self.hint(recipient, head.seq);
                    }
                }
            }
        }
        Ok(())
    }
}

impl Subscription {
    /// The rows above `after`, as soon as there are any. Dropping the future loses nothing.
    ///
    /// # Errors
    ///
    /// Those of `ListFeed`.
    pub async fn next(&mut self, after: i64) -> Result<ListFeedResponse, Error> {
        if let Some(head) = &mut self.head {
            // An error means that the hub is gone, which ends the connection by its own token.
            let _gone = head.wait_for(|head| *head > after).await;
        }
        self.list(after).await
    }

    /// The rows above `after` that there are now.
    ///
    /// # Errors
    ///
    /// Those of `ListFeed`.
    pub async fn list(&self, after: i64) -> Result<ListFeedResponse, Error> {
        let _one = self.listing.lock().await;
        let answer = self.hub.services.list_feed(&self.tenant, self.recipient, after).await?;
        self.hub.hint(self.recipient, answer.head_seq);
        Ok(answer)
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        let mut feeds = self.hub.feeds();
        // Ours must be gone before we count the others.
        self.head = None;
        if feeds.get(&self.recipient).is_some_and(|feed| feed.head.receiver_count() == 0) {
            feeds.remove(&self.recipient);
        }
    }
}
