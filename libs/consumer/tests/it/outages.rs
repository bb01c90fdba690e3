use std::time::Duration;

use kafka::rdkafka::consumer::{BaseConsumer, Consumer as _};
use sqlx::Connection as _;
use tokio::time::Instant;

use crate::harness::{GROUP, LONG, World};

/// The group's generation shows in its members' ids: a member that was evicted comes back under another.
async fn members(world: &World) -> Vec<String> {
    let client: BaseConsumer = world.kafka.settings.client().create().unwrap();
    let group = world.kafka.settings.topic(GROUP);
    tokio::task::spawn_blocking(move || {
        let groups = client.fetch_group_list(Some(&group), LONG).unwrap();
        groups.groups()[0].members().iter().map(|member| member.id().to_owned()).collect()
    })
    .await
    .unwrap()
}

#[tokio::test]
async fn a_partition_waits_for_what_is_away_without_eviction_while_others_go_on() {
    let world = World::new().await;
    let shortest = Duration::from_secs(6);
    world.script.away(1);
    let inbox = world.inbox().client_property("max.poll.interval.ms", &shortest.as_millis().to_string());
    let running = world.start_with(inbox);
    world.send_to(&world.event("a", 1), Some(0)).await;
    world.send_to(&world.event("a", 2), Some(0)).await;
    world.script.tried(1, 1).await;
    let before = members(&world).await;
    assert_eq!(before.len(), 1);
    let started = Instant::now();
    let mut number = 100;
    while started.elapsed() < 2 * shortest {
        world.send_to(&world.event("b", number), Some(1)).await;
        number += 1;
        world.wait_for("effects", i64::from(number - 100)).await;
    }
    assert_eq!(members(&world).await, before, "still the same member");
    assert_eq!(world.count("parked").await, 0);
    assert_eq!(world.script.tries(2), 0, "later ones of the partition wait");
    world.script.back(1);
    world.wait_for("effects where key = 'a'", 2).await;
    running.stop().await;
    assert_eq!(world.effects().await["a"], [1, 2]);
}

#[tokio::test]
async fn a_database_that_is_away_parks_nothing_and_loses_nothing() {
    let world = World::new().await;
    let running = world.start();
    world.send(&world.event("a", 0)).await;
    world.wait_for("effects", 1).await;
    let mut server = sqlx::PgConnection::connect(&testkit::env().pg_admin_url()).await.unwrap();
    let name = &world.database.name;
    let run = async |statement: String, server: &mut sqlx::PgConnection| {
        sqlx::raw_sql(sqlx::AssertSqlSafe(statement)).execute(server).await.unwrap();
    };
    run(format!("alter database {name} allow_connections false"), &mut server).await;
    run(
        format!("select pg_terminate_backend(pid) from pg_stat_activity where datname = '{name}'"),
        &mut server,
    )
    .await;
    for number in 1..50 {
        world.send(&world.event("a", number)).await;
    }
    run(format!("alter database {name} allow_connections true"), &mut server).await;
    world.wait_for("effects", 50).await;
    running.stop().await;
    assert_eq!(world.effects().await["a"], (0..50).collect::<Vec<u32>>());
    assert_eq!(world.count("parked").await, 0);
}

#[tokio::test]
async fn shutting_down_does_not_wait_for_what_is_away() {
    let world = World::new().await;
    world.script.away(1);
    let running = world.start();
    world.send(&world.event("a", 1)).await;
    world.script.tried(1, 2).await;
    let started = Instant::now();
    running.stop().await;
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
    world.script.back(1);
    let running = world.start();
    world.wait_for("effects", 1).await;
    running.stop().await;
}
