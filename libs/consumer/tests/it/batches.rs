use std::sync::{Arc, Mutex};

use consumer::{CloudEvent, Failure};
use futures::future::join_all;

use crate::harness::{GROUP, READY, TOPIC, World};

/// A consumer that writes all events of a call with one statement, and how many each call had.
fn batched(world: &World) -> (consumer::Inbox, Arc<Mutex<Vec<usize>>>) {
    let (script, calls) = (world.script.clone(), Arc::new(Mutex::new(Vec::new())));
    let seen = Arc::clone(&calls);
    let inbox = consumer::inbox(&world.db, &world.kafka.settings, &world.clock, GROUP, &[TOPIC])
        .unwrap()
        .on_batch(READY, move |tx, events| {
            seen.lock().unwrap().push(events.len());
            let script = script.clone();
            Box::pin(async move {
                let tenant = tx.tenant().to_string();
                let ids: Vec<_> = events.iter().map(|event| event.id.as_uuid()).collect();
                let keys: Vec<_> = events.iter().map(|event| event.key.clone()).collect();
                let numbers: Vec<i32> = events.iter().map(|event| event.subject.parse().unwrap()).collect();
                let write = "insert into effects (tenant, event_id, key, number)
                             select $1, * from unnest($2::uuid[], $3::text[], $4::int[])";
                sqlx::query(write)
                    .bind(tenant)
                    .bind(ids)
                    .bind(keys)
                    .bind(&numbers)
                    .execute(&mut **tx)
                    .await?;
                numbers.iter().try_for_each(|number| script.verdict(u32::try_from(*number).unwrap()))
            })
        });
    (inbox, calls)
}

async fn send_all(world: &World, events: &[CloudEvent], partition: i32) {
    // In one go: the producer keeps the order in which the futures are first polled.
    join_all(events.iter().map(|event| world.send_to(event, Some(partition)))).await;
}

#[tokio::test]
async fn a_batch_handler_gets_many_at_a_time_in_the_order_of_their_keys() {
    let world = World::new().await;
    let events: Vec<_> =
        (0..500).map(|number| world.event(["a", "b", "c"][number as usize % 3], number)).collect();
    send_all(&world, &events, 0).await;
    let (inbox, calls) = batched(&world);
    let running = world.start_with(inbox);
    world.wait_for("effects", 500).await;
    running.stop().await;
    for (first, key) in ["a", "b", "c"].into_iter().enumerate() {
        let wanted: Vec<u32> = (0..500).skip(first).step_by(3).collect();
        assert_eq!(world.effects().await[key], wanted);
    }
    assert!(calls.lock().unwrap().len() < 50, "{calls:?}");
    assert_eq!(world.behind(GROUP).await, []);
}

#[tokio::test]
async fn the_poison_of_a_batch_is_found_and_parked_while_the_others_are_applied() {
    let world = World::new().await;
    let events: Vec<_> = (0..200).map(|number| world.event(&format!("k{}", number % 10), number)).collect();
    send_all(&world, &events, 0).await;
    world.script.poison(57);
    world.script.panic(123);
    let (inbox, calls) = batched(&world);
    let running = world.start_with(inbox);
    // Behind 57 wait 67, 77, … 197 and behind 123 wait 133, … 193.
    world.wait_for("parked", 1 + 14 + 1 + 7).await;
    world.wait_for("effects", 200 - 15 - 8).await;
    running.stop().await;
    let parked = world.parked().await;
    let first: Vec<_> = parked.iter().filter(|row| row.2 != "BEHIND_PARKED").collect();
    assert_eq!(first.len(), 2);
    assert_eq!((first[0].1.as_str(), first[0].2.as_str(), first[0].3), ("k7", "TOLD_TO", 1));
    assert_eq!((first[1].1.as_str(), first[1].2.as_str(), first[1].3), ("k3", "HANDLER_PANICKED", 1));
    let effects = world.effects().await;
    assert_eq!(effects["k7"], [7, 17, 27, 37, 47]);
    assert_eq!(effects["k0"], (0..200).step_by(10).collect::<Vec<u32>>());
    assert!(calls.lock().unwrap().len() < 60, "{calls:?}");
    assert_eq!((world.count("inbox").await, world.behind(GROUP).await), (200, vec![]));
}

#[tokio::test]
async fn tenants_that_take_turns_share_no_transaction_but_fill_their_batches() {
    let world = World::new().await;
    let tenants = ["riverton", "lakeside", "hillcrest", "old-town"];
    let events: Vec<_> = (0..400)
        .map(|number| {
            let mut event = world.event(tenants[number as usize % 4], number);
            event.tenant = tenants[number as usize % 4].parse().unwrap();
            event
        })
        .collect();
    send_all(&world, &events, 0).await;
    let (inbox, calls) = batched(&world);
    let running = world.start_with(inbox);
    world.wait_for("effects", 400).await;
    running.stop().await;
    for (first, tenant) in tenants.into_iter().enumerate() {
        let wanted: Vec<u32> = (0..400).skip(first).step_by(4).collect();
        assert_eq!(world.effects().await[tenant], wanted);
        assert_eq!(world.count(&format!("effects where tenant = '{tenant}'")).await, 100);
        assert_eq!(world.count(&format!("effects where tenant <> key and key = '{tenant}'")).await, 0);
    }
    assert!(calls.lock().unwrap().len() < 60, "{calls:?}");
    assert_eq!(world.behind(GROUP).await, []);
}

#[tokio::test]
async fn an_id_that_is_twice_in_one_batch_is_applied_once() {
    let world = World::new().await;
    let mut events: Vec<_> = (0..100).map(|number| world.event("a", number)).collect();
    events.splice(50..50, events[10..60].to_vec());
    send_all(&world, &events, 0).await;
    let (inbox, _) = batched(&world);
    let running = world.start_with(inbox);
    world.wait_for("effects", 100).await;
    running.stop().await;
    assert_eq!(world.effects().await["a"], (0..100).collect::<Vec<u32>>());
    assert_eq!(world.behind(GROUP).await, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn partitions_that_deadlock_get_on() {
    let world = World::new().await;
    let schema =
        "create table hot (name text primary key, tenant text not null, hits integer not null default 0);
                  insert into hot select 'h' || n, 'riverton' from generate_series(0, 9) n;
                  grant select, update on hot to guildhall_app";
    sqlx::raw_sql(schema).execute(&mut world.admin().await).await.unwrap();
    // One partition touches the rows upwards, the other downwards.
    let up: Vec<_> = (0..100).map(|number| world.event(&format!("h{}", number % 10), number)).collect();
    let down: Vec<_> = (0..100).map(|number| world.event(&format!("h{}", 9 - number % 10), number)).collect();
    tokio::join!(send_all(&world, &up, 0), send_all(&world, &down, 1));
    let inbox = consumer::inbox(&world.db, &world.kafka.settings, &world.clock, GROUP, &[TOPIC]).unwrap().on(
        READY,
        |tx, event| {
            Box::pin(async move {
                let hit = "update hot set hits = hits + 1 where name = $1";
                sqlx::query(hit).bind(&event.key).execute(&mut **tx).await?;
                Ok::<_, Failure>(())
            })
        },
    );
    let running = world.start_with(inbox);
    world.wait_for("inbox", 200).await;
    running.stop().await;
    assert_eq!(world.count("hot where hits = 20").await, 10);
    assert_eq!(world.count("parked").await, 0);
}

#[tokio::test]
async fn a_handler_of_every_type_gets_together_what_has_none_of_its_own() {
    let world = World::new().await;
    let types = [READY, "guildhall.document.expired.v1", "guildhall.document.of_tomorrow.v1"];
    let events: Vec<_> = (0..300)
        .map(|number| {
            let mut event = world.event("a", number);
            event.type_ = types[number as usize % 3].to_owned();
            event
        })
        .collect();
    send_all(&world, &events, 0).await;
    let calls = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&calls);
    let inbox = world.inbox().on_every_batch(move |tx, events| {
        seen.lock().unwrap().push(events.iter().map(|event| event.type_.clone()).collect::<Vec<_>>());
        Box::pin(async move {
            let tenant = tx.tenant().to_string();
            for event in events {
                let number: i32 = event.subject.parse().unwrap();
                sqlx::query("insert into effects (tenant, event_id, key, number) values ($1, $2, $3, $4)")
                    .bind(&tenant)
                    .bind(event.id)
                    .bind(&event.key)
                    .bind(number)
                    .execute(&mut **tx)
                    .await?;
            }
            Ok(())
        })
    });
    let running = world.start_with(inbox);
    world.wait_for("effects", 300).await;
    running.stop().await;
    assert_eq!(world.effects().await["a"], (0..300).collect::<Vec<u32>>());
    let calls = calls.lock().unwrap();
    assert!(calls.iter().all(|types| !types.contains(&READY.to_owned())), "{calls:?}");
    assert!(calls.iter().filter(|called| called.as_slice() == &types[1..]).count() > 50, "{calls:?}");
}
