use kafka::rdkafka::message::OwnedHeaders;
use sqlx::Row as _;

use crate::harness::{GROUP, TOPIC, World, headers_but};
use crate::wire;

fn row(key: &str, reason: &str, attempts: i32) -> (String, String, String, i32) {
    ("riverton".to_owned(), key.to_owned(), reason.to_owned(), attempts)
}

#[tokio::test]
async fn poison_is_parked_with_what_its_key_has_later_while_other_keys_go_on() {
    let world = World::new().await;
    world.script.poison(2);
    for (key, number) in [("a", 1), ("a", 2), ("b", 10), ("a", 3), ("b", 11), ("a", 4)] {
        world.send_to(&world.event(key, number), Some(0)).await;
    }
    let running = world.start();
    world.wait_for("parked", 3).await;
    world.wait_for("effects", 3).await;
    running.stop().await;
    let effects = world.effects().await;
    assert_eq!((&effects["a"], &effects["b"]), (&vec![1], &vec![10, 11]));
    let parked = world.parked().await;
    assert_eq!(parked, [row("a", "TOLD_TO", 1), row("a", "BEHIND_PARKED", 1), row("a", "BEHIND_PARKED", 1)]);
    assert_eq!(world.script.tries(3), 0, "never shown to the handler");
    // Another tenant's key of the same name is another key.
    let mut other = world.event("a", 5);
    other.tenant = "lakeside".parse().unwrap();
    world.send_to(&other, Some(0)).await;
    let running = world.start();
    world.wait_for("effects", 4).await;
    running.stop().await;
}

#[tokio::test]
async fn a_parked_record_is_kept_as_it_came() {
    let world = World::new().await;
    world.script.poison(7);
    let mut event = world.event("a", 7);
    event.traceparent = Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".to_owned());
    world.send_to(&event, Some(1)).await;
    let running = world.start();
    world.wait_for("parked", 1).await;
    running.stop().await;
    let parked = sqlx::query("select * from parked").fetch_one(&mut world.admin().await).await.unwrap();
    assert_eq!(parked.get::<String, _>("consumer_group"), GROUP);
    assert_eq!(parked.get::<i32, _>("partition"), 1);
    assert_eq!(parked.get::<i64, _>("offset"), 0);
    let record = kafka::Record {
        topic: parked.get("topic"),
        partition: parked.get("partition"),
        offset: parked.get("offset"),
        key: parked.get("key"),
        payload: parked.get("payload"),
        headers: parked
            .get::<Vec<String>, _>("header_names")
            .into_iter()
            .zip(parked.get::<Vec<Option<Vec<u8>>>, _>("header_values"))
            .collect(),
        headers_lost: false,
    };
    assert_eq!(kafka::CloudEvent::parse(&record).unwrap(), event);
    assert_eq!(world.count("effects").await, 0, "what the handler wrote before it failed is undone");
}

#[tokio::test]
async fn what_is_parked_is_parked_once() {
    let world = World::new().await;
    world.script.poison(1);
    let event = world.event("a", 1);
    world.send(&event).await;
    world.send(&event).await;
    world.raw(Some(2), None, None, OwnedHeaders::new()).await;
    let running = world.start();
    world.wait_for("parked", 2).await;
    running.stop().await;
    world.rewind(GROUP).await;
    world.send(&world.event("b", 2)).await;
    let running = world.start();
    world.wait_for("effects", 1).await;
    running.stop().await;
    assert_eq!(world.behind(GROUP).await, []);
    assert_eq!(world.count("parked").await, 2);
}

#[tokio::test]
async fn a_handler_that_panics_is_poison() {
    let world = World::new().await;
    world.script.panic(1);
    world.send_to(&world.event("a", 1), Some(0)).await;
    world.send_to(&world.event("b", 2), Some(0)).await;
    let running = world.start();
    world.wait_for("effects", 1).await;
    running.stop().await;
    assert_eq!(world.parked().await, [row("a", "HANDLER_PANICKED", 1)]);
}

#[tokio::test]
async fn a_statement_that_the_event_breaks_is_poison() {
    let world = World::new().await;
    // The column is an integer: what fits into `u32` need not fit there.
    sqlx::raw_sql("alter table effects add check (number < 1000)")
        .execute(&mut world.admin().await)
        .await
        .unwrap();
    world.send_to(&world.event("a", 1_000), Some(0)).await;
    world.send_to(&world.event("b", 2), Some(0)).await;
    let running = world.start();
    world.wait_for("effects", 1).await;
    running.stop().await;
    assert_eq!(world.parked().await, [row("a", "STATEMENT_FAILED", 1)]);
}

#[tokio::test]
async fn a_record_that_is_no_event_is_parked_and_stops_nothing() {
    let world = World::new().await;
    let event = world.event("a", 1);
    // Without a tenant, with one, without anything, and with bytes for text.
    let tenantless = headers_but(&event, &[("ce_tenant", None)]);
    world.raw(Some(0), Some(b"a"), Some(b"x"), tenantless).await;
    let idless = headers_but(&event, &[("ce_id", Some(b"ada@example.org"))]);
    world.raw(Some(0), Some(b"b"), Some(b"x"), idless).await;
    world.raw(Some(0), None, None, OwnedHeaders::new()).await;
    let bytes = headers_but(&event, &[("ce_type", Some(&[0xff, 0x00])), ("ce_subject", Some(b"\0"))]);
    world.raw(Some(0), Some(&[0xff]), Some(b"x"), bytes).await;
    world.send_to(&world.event("b", 2), Some(0)).await;
    world.send_to(&world.event("c", 3), Some(0)).await;
    let running = world.start();
    world.wait_for("effects", 1).await;
    running.stop().await;
    let parked = world.parked().await;
    let wanted = [
        ("-", "a", "EVENT_HEADER_MISSING"),
        ("riverton", "b", "EVENT_HEADER_INVALID"),
        ("-", "?", "EVENT_HEADER_MISSING"),
        ("riverton", "\\377", "EVENT_HEADER_INVALID"),
        ("riverton", "b", "BEHIND_PARKED"),
    ];
    let found: Vec<_> = parked.iter().map(|(t, k, r, _)| (t.as_str(), k.as_str(), r.as_str())).collect();
    assert_eq!(found, wanted);
    let details: Vec<Option<String>> = sqlx::query_scalar("select detail from parked order by id")
        .fetch_all(&mut world.admin().await)
        .await
        .unwrap();
    assert!(!format!("{details:?}").contains("ada@"), "{details:?}");
    assert_eq!(world.behind(GROUP).await, []);
}

#[tokio::test]
async fn not_even_a_header_whose_name_is_not_text_stops_the_partition() {
    let world = World::new().await;
    let (brokers, topic) = (&world.kafka.settings.brokers, world.kafka.topic(TOPIC));
    wire::produce(brokers, &topic, 0, b"a", &[b'x', 0xff, 0xfe]).await;
    world.send_to(&world.event("b", 2), Some(0)).await;
    let running = world.start();
    world.wait_for("effects", 1).await;
    running.stop().await;
    let parked = world.parked().await;
    assert_eq!(parked, [("-".to_owned(), "a".to_owned(), "EVENT_HEADER_INVALID".to_owned(), 1)]);
}
