//! What the table costs while it is used.

use std::time::Duration;

use sqlx::PgConnection;
use testkit::eventually;
use tokio::time::Instant;

use crate::harness::{LONG, TOPIC, World, by_key};

/// Many events at once, as if an hour had been slept through.
async fn fill(admin: &mut PgConnection, first: i64, count: i64) {
    sqlx::query(
        "insert into outbox (id, tenant, lane, destination, key, type, subject, time, dataschema, payload)
         select (substr(md5(n::text), 1, 12) || '7' || substr(md5(n::text), 14, 3) || '8' || substr(md5(n::text), 18, 15))::uuid,
                'riverton', 'topic', $1, 'k' || n % 7, 't', n::text, now(), 'd', 'payload'
           from generate_series($2, $2 + $3 - 1) n",
    )
    .bind(TOPIC)
    .bind(first)
    .bind(count)
    .execute(admin)
    .await
    .unwrap();
}

/// Waits until the topic has so many records.
async fn published(world: &World, wanted: i64) {
    let progress = || async {
        match world.published_count().await {
            count if count >= wanted => Ok(()),
            count => Err(count),
        }
    };
    eventually(LONG, progress).await.expect("records");
}

/// Index entries that reads of the table walked over, as the server counted them.
async fn entries_read(admin: &mut PgConnection) -> i64 {
    sqlx::query_scalar("select sum(idx_tup_read)::bigint from pg_stat_user_indexes where relname = 'outbox'")
        .fetch_one(admin)
        .await
        .unwrap()
}

#[tokio::test]
async fn a_transaction_left_open_elsewhere_does_not_slow_the_reads() {
    let world = World::new().await;
    let mut admin = world.admin().await;
    // Its snapshot keeps every row that is deleted from now on.
    let mut idle = world.admin().await;
    sqlx::raw_sql("begin isolation level repeatable read; select count(*) from outbox")
        .execute(&mut idle)
        .await
        .unwrap();
    let relay = world.relay();
    for round in 0..12 {
        fill(&mut admin, 1 + round * 2_000, 2_000).await;
        published(&world, (round + 1) * 2_000).await;
    }
    // Its sessions end with it, which is when the server has counted all they did.
    relay.stop().await;
    let entries = entries_read(&mut admin).await;
    sqlx::raw_sql("commit").execute(&mut idle).await.unwrap();
    let keys = by_key(&world.published().await);
    assert_eq!(keys.values().map(Vec::len).sum::<usize>(), 24_000);
    assert!(keys.values().all(|numbers| numbers.is_sorted()));
    // Each is read and deleted once; looks from the first row on alone would read a million.
    assert!(entries < 300_000, "{entries}");
}

#[tokio::test]
async fn dead_rows_stay_bounded_under_a_steady_load() {
    let world = World::new().await;
    let mut admin = world.admin().await;
    let relay = world.relay();
    let until = Instant::now() + Duration::from_secs(8);
    let (mut number, mut pages) = (1, Vec::new());
    while Instant::now() < until {
        fill(&mut admin, number, 2_000).await;
        number += 2_000;
        published(&world, number - 1).await;
        let size = "select pg_relation_size('outbox') / 8192";
        pages.push(sqlx::query_scalar::<_, i64>(size).fetch_one(&mut admin).await.unwrap());
        // What autovacuum does by the number of dead rows, without waiting for its next minute.
        sqlx::raw_sql("vacuum outbox").execute(&mut admin).await.unwrap();
    }
    relay.stop().await;
    let settings: Vec<String> =
        sqlx::query_scalar("select unnest(reloptions) from pg_class where relname = 'outbox'")
            .fetch_all(&mut admin)
            .await
            .unwrap();
    assert!(settings.contains(&"autovacuum_vacuum_threshold=5000".to_owned()), "{settings:?}");
    let largest = pages.iter().max().copied().unwrap();
    // Two rounds' worth at most: a round that is dead, and one that is written meanwhile.
    assert!(largest <= pages[0] * 2 + 64, "{pages:?}");
    assert!(pages.len() > 1, "{pages:?}");
}

#[tokio::test]
async fn a_leader_whose_session_ends_while_it_publishes_is_followed_without_loss() {
    let world = World::new().await;
    let mut admin = world.admin().await;
    fill(&mut admin, 1, 20_000).await;
    let relays = [world.relay(), world.relay()];
    for wanted in [1, 6_000, 12_000] {
        published(&world, wanted).await;
        sqlx::query(
            "select pg_terminate_backend(pid) from pg_locks
              where locktype = 'advisory' and granted and objsubid = 2 and classid = x'67686c64'::int::oid and objid = 1
                and database = (select oid from pg_database where datname = current_database())",
        )
        .execute(&mut admin)
        .await
        .unwrap();
    }
    world.drained().await;
    for relay in relays {
        relay.stop().await;
    }
    let keys = by_key(&world.published().await);
    assert_eq!(keys.values().map(Vec::len).sum::<usize>(), 20_000);
    assert!(keys.values().all(|numbers| numbers.is_sorted()), "first arrivals in order");
}
