use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use clock::Clock;
use ids::EventId;
use kafka::rdkafka::ClientContext;
use kafka::rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use kafka::rdkafka::client::DefaultClientContext;
use kafka::rdkafka::consumer::{BaseConsumer, Consumer as _, ConsumerContext, StreamConsumer};
use kafka::rdkafka::error::{KafkaError, RDKafkaErrorCode};
use kafka::rdkafka::producer::{FutureProducer, FutureRecord};
use kafka::{CloudEvent, Connection, Record, Security, Settings, Tracing};
use testkit::eventually;

use crate::broker::{Broker, PASSWORD, USERNAME};

const LONG: Duration = Duration::from_secs(90);

fn settings(host: &str, port: u16, password: &str, ca: PathBuf) -> Settings {
    Settings {
        security: Security::ScramTls {
            username: USERNAME.to_owned(),
            password: password.to_owned().into(),
            ca: Some(ca),
        },
        ..Settings::plaintext(format!("{host}:{port}"), "")
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn scram_over_tls_proves_both_sides() {
    let broker = Broker::start();
    let good = settings("localhost", broker.port, PASSWORD, broker.ca.clone());
    let made = eventually(LONG, || make_topic(&good)).await;
    made.unwrap_or_else(|error| panic!("{error}\n{}", broker.log()));
    round_trip(&good).await;

    let wrong_password = settings("localhost", broker.port, "wrong", broker.ca.clone());
    let stranger = settings("localhost", broker.port, PASSWORD, broker.other_ca.clone());
    // The certificate names `localhost` only.
    let other_name = settings("127.0.0.1", broker.port, PASSWORD, broker.ca.clone());
    for (settings, wanted) in [
        (wrong_password, RDKafkaErrorCode::Authentication),
        (stranger, RDKafkaErrorCode::SSL),
        (other_name, RDKafkaErrorCode::SSL),
    ] {
        assert_eq!(refusal(&settings).await, wanted, "{}", settings.brokers);
    }
}

async fn make_topic(settings: &Settings) -> Result<(), KafkaError> {
    let admin: AdminClient<DefaultClientContext> = settings.client().create()?;
    let topic = NewTopic::new("events", 1, TopicReplication::Fixed(1));
    let options = AdminOptions::new().request_timeout(Some(Duration::from_secs(5)));
    match admin.create_topics(&[topic], &options).await?.remove(0) {
        Ok(_) | Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => Ok(()),
        Err((_, code)) => Err(KafkaError::AdminOp(code)),
    }
}

async fn round_trip(settings: &Settings) {
    let clock = Clock::system();
    let event = CloudEvent {
        id: EventId::mint(&clock),
        type_: "guildhall.document.ready.v1".to_owned(),
        source: "/guildhall/document".to_owned(),
        subject: "d".to_owned(),
        time: clock.now(),
        tenant: "riverton".parse().unwrap(),
        dataschema: "proto:guildhall.document.v1.DocumentReady".to_owned(),
        traceparent: None,
        key: "d".to_owned(),
        payload: vec![1, 2, 3],
    };
    let connection = Connection::new(settings, &clock).unwrap();
    let producer: FutureProducer<_> = settings.producer().create_with_context(connection.clone()).unwrap();
    let record = FutureRecord::to("events")
        .key(&event.key)
        .payload(&event.payload)
        .headers(event.headers(Tracing::AsIs));
    tokio::time::timeout(LONG, producer.send(record, Duration::ZERO)).await.unwrap().unwrap();

    let consumer: StreamConsumer<_> = settings.consumer("readers").create_with_context(connection).unwrap();
    consumer.subscribe(&["events"]).unwrap();
    let message = tokio::time::timeout(LONG, consumer.recv()).await.unwrap().unwrap();
    assert_eq!(CloudEvent::parse(&Record::from_message(&message)).unwrap(), event);
}

/// Why the broker is not talked to.
async fn refusal(settings: &Settings) -> RDKafkaErrorCode {
    let errors = Errors::default();
    let client: BaseConsumer<Errors> = settings.client().create_with_context(errors.clone()).unwrap();
    let named = || async {
        // Errors are reported where the client is polled.
        while client.poll(Duration::ZERO).is_some() {}
        let codes = errors.0.lock().unwrap().clone();
        let refused = |code: &&RDKafkaErrorCode| {
            matches!(code, RDKafkaErrorCode::Authentication | RDKafkaErrorCode::SSL)
        };
        codes.iter().find(refused).copied().ok_or(codes)
    };
    eventually(LONG, named).await.expect("a refusal")
}

#[derive(Clone, Default)]
struct Errors(Arc<Mutex<Vec<RDKafkaErrorCode>>>);

impl ClientContext for Errors {
    fn error(&self, error: KafkaError, _reason: &str) {
        self.0.lock().unwrap().extend(error.rdkafka_error_code());
    }
}

impl ConsumerContext for Errors {}
