//! Records that can never be published.

use std::collections::BTreeSet;

use outbox::{DeadLetters, Redriven, Selection};
use testkit::eventually;

use crate::harness::{LONG, TOPIC, World, by_key, event};

/// An event of `bytes` that do not compress.
fn large(key: &str, number: u32, bytes: usize) -> outbox::Event {
    let mut state = 88_172_645_463_325_252_u64;
    let payload = std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[0]
    });
    outbox::Event { payload: payload.take(bytes).collect(), ..event(key, number) }
}

async fn append(world: &World, event: outbox::Event) {
    let clock = world.clock.clone();
    let appended = world
        .db
        .tenant(&world.tenant, move |tx| Box::pin(async move { outbox::append(tx, &clock, event).await }));
    appended.await.unwrap();
}

/// Waits until so many rows are parked and no other is there.
async fn only_parked(world: &World, wanted: i64) {
    let state = || async {
        let state: (i64, i64) = sqlx::query_as("select count(*), count(parked_reason) from outbox")
            .fetch_one(&mut world.admin().await)
            .await
            .unwrap();
        if state == (wanted, wanted) { Ok(()) } else { Err(state) }
    };
    eventually(LONG, state).await.expect("only parked rows are left");
}

#[tokio::test]
async fn what_the_brokers_refuse_is_parked_with_its_key_and_nothing_else_waits() {
    let world = World::new().await;
    world.kafka.limit_size(TOPIC, 20_000).await;
    for number in 0..10 {
        world.append("a", number).await;
    }
    append(&world, large("bad", 1, 50_000)).await;
    for number in 10..20 {
        world.append("a", number).await;
        world.append("bad", number).await;
    }
    let relay = world.relay();
    only_parked(&world, 11).await;
    world.append("bad", 20).await;
    world.append("b", 0).await;
    only_parked(&world, 12).await;
    let keys = by_key(&world.published().await);
    assert_eq!(keys["a"], (0..20).collect::<Vec<u32>>());
    assert_eq!(keys["b"], [0]);
    assert!(!keys.contains_key("bad"));

    let letters = DeadLetters::new(&world.db);
    let found = letters.list(&world.tenant, None, 0, 100).await.unwrap();
    assert_eq!(found.len(), 12);
    assert_eq!((found[0].reason.as_str(), found[0].payload_bytes), ("RECORD_TOO_LARGE", 50_000));
    assert!(found[1..].iter().all(|letter| letter.reason == "BEHIND_PARKED" && letter.key == "bad"));
    let other = "lakeside".parse().unwrap();
    assert_eq!(letters.list(&other, None, 0, 100).await.unwrap(), []);
    assert_eq!(letters.show(&other, found[0].id).await.unwrap(), None);
    assert_eq!(letters.redrive(&other, Selection::All, 100).await.unwrap(), Redriven::default());
    let (shown, contents) = letters.show(&world.tenant, found[0].id).await.unwrap().unwrap();
    assert_eq!((&shown, contents.payload.len()), (&found[0], 50_000));
    let header = |name: &str| {
        let found = contents.headers.iter().find(|(header, _)| header == name);
        found.map(|(_, value)| value.as_str()).unwrap_or_default()
    };
    assert_eq!(header("ce_id"), shown.event_id.to_string());
    assert_eq!((header("ce_tenant"), header("ce_dataschema")), ("riverton", shown.dataschema.as_str()));

    // Nothing has changed: it is refused again, and the others are still behind it.
    let all = Redriven { rows: 12, left: 0 };
    assert_eq!(letters.redrive(&world.tenant, Selection::Key("bad".to_owned()), 100).await.unwrap(), all);
    only_parked(&world, 12).await;
    assert!(!by_key(&world.published().await).contains_key("bad"));

    world.kafka.limit_size(TOPIC, 1_000_000).await;
    assert_eq!(letters.redrive(&world.tenant, Selection::Ids(vec![found[5].id]), 100).await.unwrap(), all);
    world.append("bad", 21).await;
    world.drained().await;
    relay.stop().await;
    let keys = by_key(&world.published().await);
    assert_eq!(keys["bad"], std::iter::once(1).chain(10..22).collect::<Vec<u32>>(), "in order");
}

#[tokio::test]
async fn a_row_that_is_no_event_is_parked_alone() {
    let world = World::new().await;
    // Not written by `append`: its id is no UUIDv7.
    sqlx::query(
        "insert into outbox (id, tenant, lane, destination, key, type, subject, time, dataschema, payload)
         values (gen_random_uuid(), 'riverton', 'topic', $1, 'k', 't', 's', now(), 'd', '')",
    )
    .bind(TOPIC)
    .execute(&mut world.admin().await)
    .await
    .unwrap();
    world.append("a", 1).await;
    let relay = world.relay();
    only_parked(&world, 1).await;
    let letters = DeadLetters::new(&world.db);
    let [found] = letters.list(&world.tenant, None, 0, 100).await.unwrap().try_into().unwrap();
    assert_eq!(found.reason, "EVENT_UNREADABLE");
    world.append("k", 2).await;
    world.append("k", 3).await;
    only_parked(&world, 3).await;
    // What is discarded does not let later ones pass: they wait for an operator.
    assert_eq!(letters.discard(&world.tenant, found.id).await.unwrap(), Some(found));
    world.append("k", 4).await;
    only_parked(&world, 3).await;
    let reasons =
        letters.list(&world.tenant, None, 0, 100).await.unwrap().into_iter().map(|letter| letter.reason);
    let reasons: Vec<_> = reasons.collect();
    assert_eq!(reasons, ["PREDECESSOR_DISCARDED", "BEHIND_PARKED", "BEHIND_PARKED"]);
    letters.redrive(&world.tenant, Selection::All, 100).await.unwrap();
    world.drained().await;
    relay.stop().await;
    let keys = by_key(&world.published().await);
    assert_eq!(keys["k"], [2, 3, 4]);
    assert_eq!(keys.keys().map(String::as_str).collect::<BTreeSet<_>>(), BTreeSet::from(["a", "k"]));
}
