use std::time::Duration;

use clap::Parser;
use clock::Clock;
use ids::{EventId, JobId};
use kafka::rdkafka::consumer::{BaseConsumer, Consumer as _};
use kafka::rdkafka::message::{Header, OwnedHeaders};
use kafka::rdkafka::producer::{FutureProducer, FutureRecord};
use kafka::rdkafka::{Offset, TopicPartitionList};
use kafka::{CloudEvent, Record, Tracing};
use queue::{Job, Outgoing, Sqs, dead_letter_queue};
use testkit::{TestKafka, eventually};
use topology::queues::SCAN;
use topology::topics::DOCUMENT;
use worker::dlq::{self, DeadTopic, Operations, Reach};

use crate::harness::{SOON, TestApp};

#[derive(Parser)]
struct Cli {
    #[command(flatten)]
    args: dlq::Args,
}

async fn run(sqs: &Sqs, line: &[&str]) -> String {
    on(Reach::Jobs(sqs.clone()), line).await.unwrap()
}

async fn on(reach: Reach, line: &[&str]) -> Result<String, dlq::Error> {
    let cli = Cli::try_parse_from(std::iter::once(&"dlq").chain(line)).unwrap();
    let mut out = Vec::new();
    dlq::on(reach, cli.args, &mut out).await?;
    Ok(String::from_utf8(out).unwrap())
}

#[tokio::test]
async fn dead_letters_are_listed_shown_and_sent_back() {
    let test = testkit::sqs().await;
    let jobs = [(); 2].map(|()| Job::new(JobId::mint(&Clock::system()), "riverton".parse().unwrap(), "scan"));
    for job in &jobs {
        let message = Outgoing::job(job).attribute("x-request-id", "r-9");
        test.sqs.send(&dead_letter_queue(SCAN), &message, Duration::ZERO).await.unwrap();
    }
    let id = jobs[1].job_id.to_string();
    let listed = run(&test.sqs, &["list", SCAN]).await;
    assert!(listed.contains(&id) && listed.contains("riverton"), "{listed}");
    assert!(listed.ends_with("2 in guildhall-scan-dlq\n"), "{listed}");
    let shown = run(&test.sqs, &["show", SCAN, &id]).await;
    assert!(shown.contains(&jobs[1].to_json()) && shown.contains("x-request-id: r-9"), "{shown}");
    assert!(!shown.contains(&jobs[0].job_id.to_string()), "{shown}");
    assert_eq!(run(&test.sqs, &["redrive", SCAN, &id]).await, "1 sent back to guildhall-scan\n");
    assert_eq!(run(&test.sqs, &["redrive", SCAN]).await, "1 sent back to guildhall-scan\n");
    assert_eq!(test.sqs.depth(SCAN).await.unwrap().waiting, 2);
}

#[tokio::test]
async fn an_unknown_queue_is_refused_with_the_list() {
    let refused = Cli::try_parse_from(["dlq", "list", "guildhall-scan-dlq"]).err().unwrap().to_string();
    assert!(refused.contains("guildhall-scan, guildhall-mail"), "{refused}");
    assert!(Cli::try_parse_from(["dlq", "show", SCAN, "not-an-id"]).is_err());
}

#[test]
fn a_place_is_a_queue_a_service_or_a_topic() {
    let parse = |line: &str| Cli::try_parse_from(line.split(' ')).map(drop);
    for line in [
        "dlq list guildhall-scan --json",
        "dlq list --service notification --tenant riverton",
        "dlq list --service payment --tenant riverton",
        "dlq list --service document --without-tenant --url http://127.0.0.1:1",
        "dlq redrive --topic guildhall.document.v1 --all",
    ] {
        parse(line).unwrap();
    }
    for line in [
        "dlq list",
        "dlq list guildhall-scan --service notification",
        "dlq list --service notification --topic guildhall.document.v1",
        "dlq list --service billing --tenant riverton",
        "dlq list --service notification --tenant riverton --without-tenant",
        "dlq list --tenant riverton",
        "dlq list --topic guildhall.notification.v1",
        "dlq redrive --topic guildhall.document.v1 --all --key a",
        "dlq discard --service notification --tenant riverton --id inbox-1",
    ] {
        parse(line).unwrap_err();
    }
}

fn event(key: &str, number: u8) -> CloudEvent {
    CloudEvent {
        id: EventId::mint(&Clock::system()),
        type_: "guildhall.document.ready.v1".to_owned(),
        source: "/guildhall/document".to_owned(),
        subject: key.to_owned(),
        time: Clock::system().now(),
        tenant: "riverton".parse().unwrap(),
        dataschema: "proto:guildhall.document.v1.DocumentReady".to_owned(),
        traceparent: None,
        key: key.to_owned(),
        payload: vec![number],
    }
}

async fn send(kafka: &TestKafka, topic: &str, event: &CloudEvent, headers: OwnedHeaders) {
    let producer: FutureProducer = kafka.settings.producer().create().unwrap();
    let topic = kafka.topic(topic);
    let record = FutureRecord::to(&topic).key(&event.key).payload(&event.payload).headers(headers);
    producer.send(record, SOON).await.unwrap();
}

/// Everything on the topic of documents.
async fn records(kafka: &TestKafka) -> Vec<Record> {
    let (settings, topic) = (kafka.settings.clone(), kafka.topic(DOCUMENT));
    tokio::task::spawn_blocking(move || {
        let consumer: BaseConsumer = settings.consumer("reader").create().unwrap();
        let metadata = consumer.fetch_metadata(Some(&topic), SOON).unwrap();
        let (mut list, mut missing) = (TopicPartitionList::new(), 0);
        for partition in metadata.topics()[0].partitions() {
            missing += consumer.fetch_watermarks(&topic, partition.id(), SOON).unwrap().1;
            list.add_partition_offset(&topic, partition.id(), Offset::Beginning).unwrap();
        }
        consumer.assign(&list).unwrap();
        (0..missing).map(|_| Record::from_message(&consumer.poll(SOON).unwrap().unwrap())).collect()
    })
    .await
    .unwrap()
}

#[tokio::test]
async fn records_of_a_topic_are_listed_shown_and_published_again_as_they_were() {
    let kafka = testkit::kafka().await;
    let events = [event("a", 1), event("b", 2), event("a", 3)];
    for event in &events {
        let buried = [("dlq-reason", "TOLD_TO"), ("dlq-group", "export"), ("dlq-attempts", "2")];
        let headers = buried.into_iter().fold(event.headers(Tracing::AsIs), |headers, (key, value)| {
            headers.insert(Header { key, value: Some(value) })
        });
        send(&kafka, &kafka::dead_letter_topic(DOCUMENT), event, headers).await;
    }
    let topic = || Reach::Topic(DeadTopic::new(kafka.settings.clone(), Clock::system(), DOCUMENT));
    let dlq = async |line: &[&str]| on(topic(), &[line, &["--topic", DOCUMENT]].concat()).await;
    let listed = dlq(&["list"]).await.unwrap();
    assert!(listed.ends_with("3 in guildhall.document.v1.worker.dlq\n"), "{listed}");
    assert!(listed.contains("TOLD_TO") && listed.contains("export"), "{listed}");
    let of_b = dlq(&["list", "--key", "b", "--json"]).await.unwrap();
    let of_b: serde_json::Value = serde_json::from_str(of_b.trim_end()).unwrap();
    let id = of_b["id"].as_str().unwrap();
    let shown = dlq(&["show", "--id", id]).await.unwrap();
    assert!(shown.contains(&events[1].id.to_string()) && shown.contains("dlq-attempts: 2"), "{shown}");
    assert!(dlq(&["show", "--id", "0-99"]).await.is_err());

    assert_eq!(dlq(&["redrive", "--id", id]).await.unwrap(), format!("1 published again to {DOCUMENT}\n"));
    let again = records(&kafka).await;
    assert_eq!(again.len(), 1);
    assert_eq!(CloudEvent::parse(&again[0]).unwrap(), events[1]);
    assert!(again[0].headers.iter().all(|(name, _)| !name.starts_with("dlq-")), "{again:?}");

    assert_eq!(dlq(&["redrive", "--all"]).await.unwrap(), format!("3 published again to {DOCUMENT}\n"));
    let again = records(&kafka).await;
    let of_a: Vec<_> = again.iter().filter(|record| record.key.as_deref() == Some(b"a")).collect();
    let payloads: Vec<_> = of_a.iter().map(|record| record.payload.clone().unwrap()).collect();
    assert_eq!(payloads, [[1], [3]], "in order");
    assert_eq!(dlq(&["list"]).await.unwrap(), "0 in guildhall.document.v1.worker.dlq\n");
    assert_eq!(dlq(&["redrive", "--all"]).await.unwrap(), format!("0 published again to {DOCUMENT}\n"));
    assert!(matches!(dlq(&["redrive"]).await, Err(dlq::Error::Usage(_))));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_service_has_parked_is_listed_shown_tried_and_discarded() {
    let app = TestApp::start().await;
    // Its schema says what its bytes are not.
    let broken = event("a-document", 0xff);
    send(&app.kafka, DOCUMENT, &broken, broken.headers(Tracing::AsIs)).await;
    let auth = app.config().auth;
    let dlq = async |line: &[&str], tenant: Option<&str>| {
        let whose = tenant.map(|tenant| tenant.parse().unwrap());
        let operations = Operations::new(&app.notification, &auth, Clock::system(), whose).unwrap();
        let place = match tenant {
            Some(tenant) => vec!["--service", "notification", "--tenant", tenant],
            None => vec!["--service", "notification", "--without-tenant"],
        };
        on(Reach::Service(operations), &[line, &place].concat()).await
    };
    let riverton = Some("riverton");
    let listed = eventually(SOON, || async {
        let listed = dlq(&["list"], riverton).await.unwrap();
        if listed.ends_with("1 parked\n") { Ok(listed) } else { Err(listed) }
    });
    let listed = listed.await.unwrap();
    assert!(listed.contains("PAYLOAD_UNREADABLE") && listed.contains("a-document"), "{listed}");
    let json = dlq(&["list", "--json"], riverton).await.unwrap();
    let letter: serde_json::Value = serde_json::from_str(json.trim_end()).unwrap();
    let id = letter["id"].as_str().unwrap();
    assert_eq!(letter["event_id"], broken.id.to_string());
    let shown = dlq(&["show", "--id", id], riverton).await.unwrap();
    assert!(
        shown.contains("payload is no message of ours") && shown.contains("ce_tenant: riverton"),
        "{shown}"
    );
    for (line, tenant) in [(["list", "--key", "other"], riverton), (["list", "--key", "a-document"], None)] {
        assert_eq!(dlq(&line, tenant).await.unwrap(), "0 parked\n");
    }
    assert!(matches!(dlq(&["show", "--id", id], Some("lakeside")).await, Err(dlq::Error::Service(_))));
    let tried = dlq(&["redrive", "--all"], riverton).await.unwrap();
    assert!(tried.contains("PAYLOAD_UNREADABLE") && tried.ends_with("0 redriven, 1 left\n"), "{tried}");
    let discarded = dlq(&["discard", "--id", id, "--reason", "OPS-1"], riverton).await.unwrap();
    assert_eq!(discarded, format!("{id} discarded\n"));
    assert_eq!(dlq(&["list"], riverton).await.unwrap(), "0 parked\n");
    let usage = dlq(&["redrive"], riverton).await;
    assert!(matches!(usage, Err(dlq::Error::Usage(_))), "{usage:?}");
}
