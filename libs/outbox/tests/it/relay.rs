use std::time::Duration;

use futures::future::join_all;
use outbox::Event;
use testkit::eventually;
use tokio::sync::oneshot;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::harness::{LONG, World, by_key, closed_port, event, open};

/// A transaction that has appended and waits to be told to commit.
async fn held(world: &World, event: Event) -> (oneshot::Sender<()>, tokio::task::JoinHandle<()>) {
    let (appended, is_appended) = oneshot::channel();
    let (commit, may_commit) = oneshot::channel();
    let (db, tenant, clock) = (world.db.clone(), world.tenant.clone(), world.clock.clone());
    let task = tokio::spawn(async move {
        db.tenant(&tenant, move |tx| {
            Box::pin(async move {
                outbox::append(tx, &clock, event).await?;
                appended.send(()).unwrap();
                may_commit.await.unwrap();
                Ok::<_, pg::Error>(())
            })
        })
        .await
        .unwrap();
    });
    is_appended.await.unwrap();
    (commit, task)
}

#[tokio::test]
async fn interleaved_transactions_lose_nothing() {
    let world = World::new().await;
    let relay = world.relay();
    // Numbers are taken in the order 1, 2, 3 and committed in the order 3, 1, 2.
    let (commit_first, first) = held(&world, event("a", 1)).await;
    let (commit_second, second) = held(&world, event("b", 2)).await;
    for (number, key) in [(3, "c"), (4, "d")] {
        world.append(key, number).await;
        let later =
            || async { if world.published().await.len() == number as usize - 2 { Ok(()) } else { Err(()) } };
        eventually(LONG, later).await.unwrap();
    }
    commit_first.send(()).unwrap();
    first.await.unwrap();
    let third = || async { if world.published().await.len() == 3 { Ok(()) } else { Err(()) } };
    eventually(LONG, third).await.unwrap();
    commit_second.send(()).unwrap();
    second.await.unwrap();
    world.drained().await;
    relay.stop().await;
    let mut subjects: Vec<_> = world.published().await.into_iter().map(|event| event.subject).collect();
    subjects.sort();
    assert_eq!(subjects, ["1", "2", "3", "4"]);
}

#[tokio::test]
async fn writers_that_commit_at_random_lose_nothing() {
    let world = World::new().await;
    let relay = world.relay();
    let writers = (0..8_u32).map(|writer| {
        let world = &world;
        async move {
            for batch in 0..25 {
                let (db, clock) = (world.db.clone(), world.clock.clone());
                db.tenant(&world.tenant, move |tx| {
                    Box::pin(async move {
                        for n in 0..20 {
                            let number = writer * 1_000 + batch * 20 + n;
                            outbox::append(tx, &clock, event(&format!("w{writer}"), number)).await?;
                            // Others commit in between.
                            tokio::task::yield_now().await;
                        }
                        Ok::<_, pg::Error>(())
                    })
                })
                .await
                .unwrap();
            }
        }
    });
    join_all(writers).await;
    world.drained().await;
    relay.stop().await;
    let keys = by_key(&world.published().await);
    for writer in 0..8 {
        let wanted: Vec<u32> = (writer * 1_000..writer * 1_000 + 500).collect();
        assert_eq!(keys[&format!("w{writer}")], wanted);
    }
}

#[tokio::test]
async fn a_key_keeps_its_order_while_relays_come_and_go() {
    let world = World::new().await;
    let enough = CancellationToken::new();
    let writing = join_all((0..10_u32).map(|key| {
        let (world, enough) = (&world, &enough);
        async move {
            let mut written = 0;
            while !enough.is_cancelled() {
                world.append(&format!("k{key}"), written).await;
                written += 1;
            }
            written
        }
    }));
    let restarting = async {
        let mut standby = world.relay();
        for round in 0..8 {
            let leader = std::mem::replace(&mut standby, world.relay());
            let seen = world.published_count().await;
            let more = || async { if world.published_count().await > seen { Ok(()) } else { Err(seen) } };
            eventually(LONG, more).await.expect("progress");
            if round % 2 == 0 { leader.abort().await } else { leader.stop().await }
        }
        enough.cancel();
        standby
    };
    let (relay, written) = tokio::join!(restarting, writing);
    world.drained().await;
    relay.stop().await;
    let events = world.published().await;
    let keys = by_key(&events);
    for (key, written) in written.into_iter().enumerate() {
        assert_eq!(keys[&format!("k{key}")], (0..written).collect::<Vec<u32>>(), "key {key}");
    }
}

#[tokio::test]
async fn events_wait_for_the_brokers() {
    let world = World::new().await;
    let port = closed_port().await;
    let mut away = world.kafka.settings.clone();
    away.brokers = port.to_string();
    let relay = world.relay_with(away, world.sqs.sqs.clone());
    for number in 0..50 {
        world.append("a", number).await;
    }
    assert_eq!(world.rows().await, 50);
    let _open = open(port, world.kafka.settings.brokers.clone()).await;
    world.drained().await;
    relay.stop().await;
    assert_eq!(by_key(&world.published().await)["a"], (0..50).collect::<Vec<u32>>());
}

#[tokio::test]
async fn an_event_is_published_within_moments_of_its_commit() {
    let world = World::new().await;
    let relay = world.relay();
    world.append("warm", 0).await;
    world.drained().await;
    let mut fastest = LONG;
    for number in 1..=20 {
        let started = Instant::now();
        world.append("a", number).await;
        world.drained().await;
        fastest = fastest.min(started.elapsed());
    }
    // By polling alone each would wait for most of 250 ms, since the relay looked just before.
    assert!(fastest < Duration::from_millis(125), "{fastest:?}");
    relay.stop().await;
}
