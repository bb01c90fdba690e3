//! The idempotent producer of the topic lane, and what it reports.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use clock::Clock;
use kafka::rdkafka::ClientContext;
use kafka::rdkafka::client::OAuthToken;
use kafka::rdkafka::config::RDKafkaLogLevel;
use kafka::rdkafka::error::{KafkaError, RDKafkaErrorCode};
use kafka::rdkafka::producer::{
    BaseRecord, DeliveryResult, NoCustomPartitioner, Producer as _, ProducerContext, ThreadedProducer,
};
use kafka::{Apart, CloudEvent, Connection, Tracing};
use time::OffsetDateTime;
use tokio::sync::Notify;
use tracing::Span;

use crate::metrics::Metrics;
use crate::relay::Relay;
use crate::topic_lane::LANE;

/// How long a producer may take to end once what it had is sent or given up.
const CLOSE: Duration = Duration::from_secs(10);

/// What became of one record.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) seq: i64,
    pub(crate) bytes: usize,
    pub(crate) result: Result<(), KafkaError>,
}

/// Reports that the lane has not seen yet: one wake-up for all that come in meanwhile.
#[derive(Debug, Default)]
pub(crate) struct Reports {
    list: Mutex<Vec<Outcome>>,
    ready: Notify,
}

impl Reports {
    fn push(&self, outcome: Outcome) {
        let mut list = self.list.lock().unwrap_or_else(PoisonError::into_inner);
        list.push(outcome);
        if list.len() == 1 {
            drop(list);
            self.ready.notify_one();
        }
    }

    /// Exchanges what has come in for `empty`.
    pub(crate) fn swap(&self, empty: &mut Vec<Outcome>) {
        std::mem::swap(&mut *self.list.lock().unwrap_or_else(PoisonError::into_inner), empty);
    }

    pub(crate) async fn ready(&self) {
        self.ready.notified().await;
    }
}

/// One producer's life.
pub(crate) struct Producer {
    client: Apart<ThreadedProducer<Context>>,
    pub(crate) reports: Arc<Reports>,
}

impl Producer {
    pub(crate) fn start(relay: &Relay) -> Result<Self, KafkaError> {
        let reports = Arc::<Reports>::default();
        let context = Context {
            connection: relay.connection.clone(),
            reports: reports.clone(),
            clock: relay.clock.clone(),
            metrics: relay.metrics.clone(),
        };
        Ok(Self { client: Apart::new(relay.kafka.producer().create_with_context(context)?), reports })
    }

    /// Hands a record over; returns its size.
    pub(crate) fn send(&self, seq: i64, topic: &str, event: &CloudEvent) -> Result<usize, KafkaError> {
        let span = span(topic, event);
        let through = span.in_scope(telemetry::context::traceparent);
        let headers = event.headers(through.as_deref().map_or(Tracing::AsIs, Tracing::Through));
        let bytes = event.payload.len() + event.key.len();
        let delivery = Box::new(Delivery { seq, bytes, appended: event.time, _span: span });
        let record = BaseRecord::with_opaque_to(topic, delivery)
            .key(&event.key)
            .payload(&event.payload)
            .headers(headers);
        self.client.send(record).map_err(|(error, _)| error)?;
        Ok(bytes)
    }

    /// Ends it: waits for what is on its way, then drops what is left. Every record is reported on.
    pub(crate) async fn end(self, patience: Duration) {
        let flush = move |client: &ThreadedProducer<Context>| {
            if let Err(error) = client.flush(patience) {
                tracing::debug!(%error, "events on their way at the end of an outbox producer");
            }
        };
        if !self.client.close(patience + CLOSE, flush).await {
            tracing::error!("outbox producer did not end in time; what it had is published again");
        }
    }
}

/// Only a record of a trace that is kept gets a span: the others would be made and thrown away by the thousand.
fn span(topic: &str, event: &CloudEvent) -> Span {
    let Some(traceparent) = event.traceparent.as_deref().filter(|parent| is_sampled(parent)) else {
        return Span::none();
    };
    let span = tracing::info_span!(
        "outbox.publish",
        otel.kind = "producer",
        messaging.destination.name = topic,
        event.id = %event.id,
        event.type = event.type_,
        tenant = %event.tenant,
    );
    telemetry::context::set_parent(&span, traceparent);
    span
}

/// The last digit of W3C's flags is odd.
fn is_sampled(traceparent: &str) -> bool {
    traceparent.as_bytes().last().is_some_and(|flags| flags % 2 == 1 && flags.is_ascii_digit())
        || traceparent.as_bytes().last().is_some_and(|flags| matches!(flags, b'b' | b'd' | b'f'))
}

/// Why a record cannot be published, if it may be its own fault: a name for rows and metrics.
pub(crate) fn own_fault(error: &KafkaError) -> Option<&'static str> {
    match error.rdkafka_error_code()? {
        RDKafkaErrorCode::MessageSizeTooLarge | RDKafkaErrorCode::InvalidMessageSize => {
            Some("RECORD_TOO_LARGE")
        }
        RDKafkaErrorCode::InvalidRecord | RDKafkaErrorCode::InvalidMessage => Some("RECORD_INVALID"),
        RDKafkaErrorCode::InvalidTimestamp => Some("RECORD_TIMESTAMP_INVALID"),
        RDKafkaErrorCode::PolicyViolation => Some("RECORD_AGAINST_POLICY"),
        RDKafkaErrorCode::UnsupportedForMessageFormat => Some("RECORD_FORMAT_UNSUPPORTED"),
        _ => None,
    }
}

/// What the producer carries along with a record; the span ends with it.
struct Delivery {
    seq: i64,
    bytes: usize,
    appended: OffsetDateTime,
    _span: Span,
}

struct Context {
    connection: Connection,
    reports: Arc<Reports>,
    clock: Clock,
    metrics: Metrics,
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
}

impl ProducerContext<NoCustomPartitioner> for Context {
    type DeliveryOpaque = Box<Delivery>;

    fn delivery(&self, result: &DeliveryResult<'_>, delivery: Self::DeliveryOpaque) {
        let result = result.as_ref().map(|_| ()).map_err(|(error, _)| error.clone());
        if result.is_ok() {
            self.metrics.lag(LANE, (self.clock.now() - delivery.appended).as_seconds_f64());
        }
        self.reports.push(Outcome { seq: delivery.seq, bytes: delivery.bytes, result });
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn only_what_is_kept_is_traced() {
        let traceparent =
            |flags: &str| format!("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-{flags}");
        for (flags, sampled) in [("01", true), ("00", false), ("03", true), ("02", false), ("ff", true)] {
            assert_eq!(super::is_sampled(&traceparent(flags)), sampled, "{flags}");
        }
        assert!(!super::is_sampled(""));
    }
}
