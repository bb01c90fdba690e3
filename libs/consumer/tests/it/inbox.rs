use testkit::eventually;

use crate::harness::{GROUP, LONG, World};

#[tokio::test]
async fn each_key_is_applied_in_its_order() {
    let world = World::new().await;
    for number in 0..40 {
        for key in ["a", "b", "c", "d"] {
            world.send(&world.event(key, number)).await;
        }
    }
    let running = world.start();
    world.wait_for("effects", 160).await;
    running.stop().await;
    let effects = world.effects().await;
    for key in ["a", "b", "c", "d"] {
        assert_eq!(effects[key], (0..40).collect::<Vec<u32>>());
    }
    assert_eq!(world.count("parked").await, 0);
}

#[tokio::test]
async fn an_event_that_comes_again_changes_nothing() {
    let world = World::new().await;
    let first = world.event("a", 1);
    for _ in 0..3 {
        world.send(&first).await;
    }
    world.send(&world.event("a", 2)).await;
    let running = world.start();
    world.wait_for("effects", 2).await;
    running.stop().await;
    // Everything again, as after a crash before the offsets were committed.
    world.rewind(GROUP).await;
    world.send(&world.event("a", 3)).await;
    let running = world.start();
    world.wait_for("effects", 3).await;
    running.stop().await;
    assert_eq!(world.effects().await["a"], [1, 2, 3]);
    assert_eq!(world.script.tries(1), 1);
    assert_eq!(world.count("inbox").await, 3);
}

#[tokio::test]
async fn shutting_down_commits_the_offsets() {
    let world = World::new().await;
    for number in 0..30 {
        world.send(&world.event(&number.to_string(), number)).await;
    }
    let running = world.start();
    world.wait_for("effects", 30).await;
    running.stop().await;
    assert_eq!(world.behind(GROUP).await, []);
}

#[tokio::test]
async fn offsets_are_committed_while_it_runs() {
    let world = World::new().await;
    let running = world.start();
    for number in 0..30 {
        world.send(&world.event(&number.to_string(), number)).await;
    }
    let committed = || async {
        match world.behind(GROUP).await {
            behind if behind.is_empty() => Ok(()),
            behind => Err(behind),
        }
    };
    eventually(LONG, committed).await.expect("offsets");
    assert_eq!(world.count("effects").await, 30, "not before their effects");
    running.stop().await;
}

#[tokio::test]
async fn types_without_a_handler_write_nothing() {
    let world = World::new().await;
    let mut other = world.event("a", 1);
    other.type_ = "guildhall.document.accessed.v1".to_owned();
    world.send(&other).await;
    // Not even when they are broken beyond their type.
    let headers = crate::harness::headers_but(&other, &[("ce_id", None)]);
    world.raw(None, Some(b"a"), Some(b""), headers).await;
    world.send(&world.event("a", 2)).await;
    let running = world.start();
    world.wait_for("effects", 1).await;
    running.stop().await;
    assert_eq!((world.count("inbox").await, world.count("parked").await), (1, 0));
    assert_eq!(world.behind(GROUP).await, []);
}

#[tokio::test]
async fn a_handler_sees_its_events_tenant_only() {
    let world = World::new().await;
    let mut event = world.event("a", 1);
    event.tenant = "lakeside".parse().unwrap();
    world.send(&event).await;
    let running = world.start();
    world.wait_for("effects", 1).await;
    running.stop().await;
    let tenants: Vec<(String, String)> =
        sqlx::query_as("select e.tenant, i.tenant from effects e join inbox i using (event_id)")
            .fetch_all(&mut world.admin().await)
            .await
            .unwrap();
    assert_eq!(tenants, [("lakeside".to_owned(), "lakeside".to_owned())]);
}

#[tokio::test]
async fn more_than_a_partitions_queue_holds_is_applied_in_order() {
    let world = World::new().await;
    // Held back until the queue of the partition is full and it was paused: 6000 records of 1 KiB.
    world.script.away(0);
    let running = world.start();
    let sends = (0..6_000).map(|number| {
        let mut event = world.event("a", number);
        event.payload = vec![0; 1_024];
        event
    });
    let events: Vec<_> = sends.collect();
    for chunk in events.chunks(500) {
        // In one go each: the producer keeps the order in which the futures are first polled.
        futures::future::join_all(chunk.iter().map(|event| world.send_to(event, Some(0)))).await;
    }
    world.script.tried(0, 4).await;
    world.script.back(0);
    world.wait_for("effects", 6_000).await;
    running.stop().await;
    assert_eq!(world.effects().await["a"], (0..6_000).collect::<Vec<u32>>());
    assert_eq!(world.behind(GROUP).await, []);
}

#[tokio::test]
async fn the_tables_keep_tenants_apart() {
    let world = World::new().await;
    let mut admin = world.admin().await;
    sqlx::raw_sql("drop table effects").execute(&mut admin).await.unwrap();
    assert_eq!(pg::catalog::violations(&mut admin).await.unwrap(), Vec::<String>::new());
}
