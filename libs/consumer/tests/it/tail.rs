use std::time::Duration;

use kafka::rdkafka::message::OwnedHeaders;
use tokio::net::{TcpListener, TcpStream};

use crate::harness::{LONG, TOPIC, World};

#[tokio::test]
async fn a_tail_sees_what_comes_from_now_on() {
    let world = World::new().await;
    for number in 0..10 {
        world.send(&world.event("old", number)).await;
    }
    let mut tails = Vec::new();
    for _ in 0..2 {
        let mut tail = consumer::tail(&world.kafka.settings, &world.clock, TOPIC).unwrap();
        tail.ready().await;
        assert!(tail.is_ready());
        tails.push(tail);
    }
    // What is no event is skipped.
    world.raw(Some(0), Some(b"a"), None, OwnedHeaders::new()).await;
    let mut sent = Vec::new();
    for number in 0..30 {
        let event = world.event(&format!("k{}", number % 5), number);
        world.send(&event).await;
        sent.push(event.id);
    }
    sent.sort();
    for tail in &mut tails {
        let mut seen = Vec::new();
        for _ in 0..30 {
            seen.push(tokio::time::timeout(LONG, tail.next()).await.expect("an event").unwrap().id);
        }
        seen.sort();
        assert_eq!(seen, sent);
    }
}

#[tokio::test]
async fn a_tail_waits_for_the_brokers() {
    let world = World::new().await;
    let port = TcpListener::bind(("127.0.0.1", 0)).await.unwrap().local_addr().unwrap();
    let mut away = world.kafka.settings.clone();
    let server = std::mem::replace(&mut away.brokers, port.to_string());
    let mut tail = consumer::tail(&away, &world.clock, TOPIC).unwrap();
    tokio::time::timeout(Duration::from_millis(500), tail.ready()).await.expect_err("nobody listens");
    let listener = TcpListener::bind(port).await.unwrap();
    let passing = tokio::spawn(async move {
        loop {
            let (mut client, _) = listener.accept().await.unwrap();
            let mut server = TcpStream::connect(&server).await.unwrap();
            tokio::spawn(async move { tokio::io::copy_bidirectional(&mut client, &mut server).await });
        }
    });
    tokio::time::timeout(LONG, tail.ready()).await.expect("the broker is there");
    let event = world.event("a", 1);
    world.send(&event).await;
    assert_eq!(tail.next().await.unwrap(), event);
    passing.abort();
}
