use std::sync::{Arc, Mutex};

use kafka::Record;
use kafka::rdkafka::consumer::{Consumer as _, StreamConsumer};
use kafka::rdkafka::message::OwnedHeaders;
use kafka::rdkafka::{Offset, TopicPartitionList};
use testkit::eventually;
use tokio_util::sync::CancellationToken;

use crate::harness::{LONG, READY, TOPIC, World};

#[tokio::test]
async fn events_are_forwarded_and_poison_goes_to_the_topic_of_dead_letters() {
    let world = World::new().await;
    let forwarded = Arc::new(Mutex::new(Vec::new()));
    let (script, seen) = (world.script.clone(), Arc::clone(&forwarded));
    let consumer = consumer::forward(&world.kafka.settings, &world.clock, "worker", &[TOPIC]).unwrap().on(
        READY,
        move |event| {
            let (script, seen) = (script.clone(), Arc::clone(&seen));
            Box::pin(async move {
                let number: u32 = event.subject.parse().unwrap();
                script.verdict(number)?;
                seen.lock().unwrap().push(number);
                Ok(())
            })
        },
    );
    world.script.poison(2);
    world.script.panic(4);
    world.script.away(5);
    let poison = world.event("a", 2);
    world.send_to(&world.event("a", 1), Some(0)).await;
    world.send_to(&poison, Some(0)).await;
    world.raw(Some(0), Some(b"k"), None, OwnedHeaders::new()).await;
    for number in 3..=6 {
        world.send_to(&world.event("a", number), Some(0)).await;
    }
    let stop = CancellationToken::new();
    let running = tokio::spawn(consumer.run(stop.clone()));
    world.script.tried(5, 3).await;
    assert_eq!(*forwarded.lock().unwrap(), [1, 3], "the partition waits for what is away");
    world.script.back(5);
    let all = || async {
        let seen = forwarded.lock().unwrap().clone();
        if seen == [1, 3, 5, 6] { Ok(()) } else { Err(seen) }
    };
    eventually(LONG, all).await.unwrap();
    stop.cancel();
    running.await.unwrap();
    assert_eq!(world.behind("worker").await, []);

    let letters = letters(&world, 3).await;
    let why: Vec<_> = letters.iter().map(|letter| letter.header("dlq-reason").unwrap()).collect();
    assert_eq!(why, ["TOLD_TO", "EVENT_HEADER_MISSING", "HANDLER_PANICKED"]);
    let first = &letters[0];
    assert_eq!(kafka::CloudEvent::parse(first).unwrap(), poison, "as it came");
    let topic = world.kafka.topic(TOPIC);
    for (name, value) in [
        ("dlq-group", "worker"),
        ("dlq-topic", topic.as_str()),
        ("dlq-partition", "0"),
        ("dlq-offset", "1"),
        ("dlq-attempts", "1"),
    ] {
        assert_eq!(first.header(name), Some(value), "{name}");
    }
    assert_eq!((letters[1].key.as_deref(), letters[1].payload.as_deref()), (Some(&b"k"[..]), None));
}

async fn letters(world: &World, count: usize) -> Vec<Record> {
    let topic = kafka::dead_letter_topic(&world.kafka.topic(TOPIC));
    let consumer: StreamConsumer = world.kafka.settings.consumer("reader").create().unwrap();
    let mut start = TopicPartitionList::new();
    start.add_partition_offset(&topic, 0, Offset::Beginning).unwrap();
    consumer.assign(&start).unwrap();
    let mut letters = Vec::new();
    while letters.len() < count {
        let message = tokio::time::timeout(LONG, consumer.recv()).await.expect("dead letters").unwrap();
        letters.push(Record::from_message(&message));
    }
    letters
}
