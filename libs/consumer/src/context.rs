//! What the client calls back for: logs, tokens, rebalances, commits and statistics.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use kafka::Connection;
use kafka::rdkafka::client::OAuthToken;
use kafka::rdkafka::config::RDKafkaLogLevel;
use kafka::rdkafka::consumer::{BaseConsumer, CommitMode, Consumer as _, ConsumerContext, Rebalance};
use kafka::rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use kafka::rdkafka::statistics::Statistics;
use kafka::rdkafka::{ClientContext, TopicPartitionList};

use crate::assigned::Assigned;
use crate::metrics::Metrics;
use crate::partition::Place;

pub(crate) struct Context {
    pub(crate) connection: Connection,
    pub(crate) assigned: Arc<Assigned>,
    pub(crate) metrics: Metrics,
}

impl ClientContext for Context {
    const ENABLE_REFRESH_OAUTH_TOKEN: bool = true;

    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        self.connection.log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.connection.error(error, reason);
    }

    fn generate_oauth_token(&self, config: Option<&str>) -> Result<OAuthToken, Box<dyn std::error::Error>> {
        self.connection.generate_oauth_token(config)
    }

    fn stats(&self, statistics: Statistics) {
        let mut lags = Vec::new();
        for topic in statistics.topics.values() {
            for partition in topic.partitions.values().filter(|partition| partition.desired) {
                // Nothing is stored until the first record after an assignment is dealt with.
                let lag = match partition.consumer_lag_stored {
                    unknown if unknown < 0 => partition.consumer_lag,
                    lag => lag,
                };
                if let Ok(lag) = u64::try_from(lag) {
                    lags.push((self.assigned.place(&topic.topic, partition.partition), lag));
                }
            }
        }
        self.metrics.lags(lags);
    }
}

impl ConsumerContext for Context {
    fn pre_rebalance(&self, consumer: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        if let Rebalance::Revoke(revoked) = rebalance {
            tracing::info!(partitions = revoked.count(), "kafka partitions taken away");
            let places = self.places(revoked);
            self.metrics.forget(&places);
            self.assigned.stop(places.into_iter());
            self.metrics.paused(self.assigned.paused());
            failpoint!("consumer::revoked");
            // An assignment that was lost belongs to others by now; what is not committed comes again and is dropped
            // by its id.
            if !consumer.assignment_lost() {
                match consumer.commit_consumer_state(CommitMode::Sync) {
                    Ok(()) => failpoint!("consumer::offsets_committed"),
                    Err(KafkaError::ConsumerCommit(RDKafkaErrorCode::NoOffset)) => {}
                    Err(error) => tracing::warn!(%error, "offsets not committed before a rebalance"),
                }
            }
        }
    }

    fn post_rebalance(&self, consumer: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        if let Rebalance::Assign(assigned) = rebalance {
            tracing::info!(partitions = assigned.count(), "kafka partitions assigned");
            // The client remembers that it was told to pause one when it had it before.
            if let Err(error) = consumer.resume(assigned) {
                tracing::debug!(%error, "partitions could not be resumed");
            }
        }
    }

    fn commit_callback(&self, result: KafkaResult<()>, _offsets: &TopicPartitionList) {
        match result {
            Ok(()) => failpoint!("consumer::offsets_committed"),
            Err(KafkaError::ConsumerCommit(RDKafkaErrorCode::NoOffset)) => {}
            Err(error) => {
                self.assigned.uncommitted.store(true, Ordering::SeqCst);
                tracing::warn!(%error, "offsets not committed, trying again");
            }
        }
    }
}

impl Context {
    fn places(&self, list: &TopicPartitionList) -> Vec<Place> {
        let elements = list.elements();
        elements.iter().map(|element| self.assigned.place(element.topic(), element.partition())).collect()
    }
}
