//! The task that publishes what was appended.

use std::time::Duration;

use backoff::Backoff;
use clock::Clock;
use pg::Db;
use queue::Sqs;
use rpc_error::Chain;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, sleep};
use tokio_util::sync::CancellationToken;

use crate::failpoint::failpoint;
use crate::leader::{BEAT, Candidate};
use crate::metrics::Metrics;
use crate::{backlog, queue_lane, topic_lane};

/// How often an idle lane looks by itself, for rows that another process appended.
pub(crate) const POLL: Duration = Duration::from_millis(250);
/// How often a relay that does not lead tries to.
const CANDIDACY: Duration = Duration::from_millis(500);

/// The relay cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The connection to Kafka cannot be prepared.
    #[error("the relay cannot prepare its connection to Kafka")]
    Kafka(#[from] kafka::MskIamError),
}

/// Publishes what was appended to one database. Every replica of a service runs one; one of them leads.
#[derive(Clone, Debug)]
pub struct Relay {
    pub(crate) db: Db,
    pub(crate) kafka: kafka::Settings,
    pub(crate) connection: kafka::Connection,
    pub(crate) sqs: Sqs,
    pub(crate) clock: Clock,
    pub(crate) metrics: Metrics,
}

impl Relay {
    /// Connects to nothing yet.
    ///
    /// # Errors
    /// When the thread that signs MSK's tokens cannot be started.
    pub fn new(db: Db, kafka: kafka::Settings, sqs: Sqs, clock: Clock) -> Result<Self, Error> {
        let connection = kafka::Connection::new(&kafka, &clock)?;
        Ok(Self { db, kafka, connection, sqs, clock, metrics: Metrics::new() })
    }

    /// Publishes until `shutdown`, whenever this relay leads. Never fails: whatever is away is waited for.
    pub async fn run(self, shutdown: CancellationToken) {
        let mut backoff = Backoff::up_to(Duration::from_secs(2));
        while !shutdown.is_cancelled() {
            let Err(error) = self.lead_once(&shutdown, &mut backoff).await else { continue };
            self.metrics.leader(false);
            tracing::warn!(error = %Chain(&error), "outbox relay lost its database, trying again");
            shutdown.run_until_cancelled(sleep(backoff.fail())).await;
        }
    }

    /// Waits for the lock, then publishes while it is held.
    async fn lead_once(&self, shutdown: &CancellationToken, backoff: &mut Backoff) -> Result<(), pg::Error> {
        let mut candidate = Candidate::connect(&self.db).await?;
        while !candidate.try_lead().await? {
            let ended = candidate.end_silent_holder().await?;
            if ended > 0 {
                tracing::warn!(ended, "outbox leader was silent, its session was ended");
                continue;
            }
            if shutdown.run_until_cancelled(sleep(CANDIDACY)).await.is_none() {
                candidate.resign().await;
                return Ok(());
            }
        }
        backoff.reset();
        self.metrics.leader(true);
        failpoint!("outbox::led");
        tracing::info!("outbox relay leads");
        let result = self.publish(&mut candidate, shutdown).await;
        candidate.resign().await;
        self.metrics.leader(false);
        result
    }

    /// Runs the lanes until `shutdown`, or until the lock's session is gone; then they stop at once.
    async fn publish(&self, leader: &mut Candidate, shutdown: &CancellationToken) -> Result<(), pg::Error> {
        let stop = shutdown.child_token();
        let mut lanes = JoinSet::new();
        lanes.spawn(topic_lane::run(self.clone(), stop.clone(), shutdown.clone()));
        lanes.spawn(queue_lane::run(self.clone(), stop.clone()));
        lanes.spawn(backlog::sample(self.clone(), stop.clone()));
        let mut beats = interval(BEAT);
        beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let result = loop {
            tokio::select! {
                () = stop.cancelled() => break Ok(()),
                // A lane ends by itself only by a panic; a new term starts it afresh.
                _ = lanes.join_next() => break Ok(()),
                _ = beats.tick() => if let Err(error) = leader.beat().await { break Err(error) },
            }
        };
        stop.cancel();
        while let Some(ended) = lanes.join_next().await {
            if let Err(error) = ended {
                tracing::error!(%error, "outbox lane ended abnormally");
            }
        }
        result
    }
}
