use std::time::Duration;

use testkit::eventually;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::harness::{GROUP, LONG, World};

#[tokio::test(flavor = "multi_thread")]
async fn members_that_come_and_go_lose_nothing_and_double_nothing() {
    let world = World::new().await;
    let enough = CancellationToken::new();
    let writing = async {
        let mut number = 0;
        while !enough.is_cancelled() {
            for key in 0..20 {
                world.send(&world.event(&format!("k{key}"), number)).await;
            }
            number += 1;
        }
        number
    };
    let coming_and_going = async {
        let mut standby = world.start();
        for _ in 0..6 {
            let leaving = std::mem::replace(&mut standby, world.start());
            let seen = world.count("effects").await;
            let progress =
                || async { if world.count("effects").await > seen + 200 { Ok(()) } else { Err(seen) } };
            eventually(LONG, progress).await.expect("progress");
            leaving.stop().await;
        }
        enough.cancel();
        standby
    };
    let (running, written) = tokio::join!(coming_and_going, writing);
    world.wait_for("effects", i64::from(written) * 20).await;
    running.stop().await;
    let effects = world.effects().await;
    for key in 0..20 {
        assert_eq!(effects[&format!("k{key}")], (0..written).collect::<Vec<u32>>(), "key {key}");
    }
    assert_eq!(world.behind(GROUP).await, []);
    assert_eq!(world.count("parked").await, 0);
}

#[tokio::test]
async fn a_member_that_comes_back_under_its_name_goes_on_at_once() {
    let mut world = World::new().await;
    world.kafka.settings.instance_id = Some("notification-0".to_owned());
    let running = world.start();
    world.send(&world.event("a", 1)).await;
    world.wait_for("effects", 1).await;
    running.stop().await;
    world.send(&world.event("a", 2)).await;
    let started = Instant::now();
    let running = world.start();
    world.wait_for("effects", 2).await;
    // Another name would have to wait until the old one's session has timed out, after 6 s.
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
    running.stop().await;
}

#[tokio::test]
async fn a_member_whose_name_was_taken_starts_again_once_it_is_free() {
    let mut world = World::new().await;
    world.kafka.settings.instance_id = Some("notification-0".to_owned());
    let first = world.start();
    world.send(&world.event("a", 0)).await;
    world.wait_for("effects", 1).await;
    // The broker fences the first, which its client takes for fatal; both try again, and fence each other.
    let second = world.start();
    let fenced = || async {
        world.send(&world.event("a", 1)).await;
        if world.count("effects").await > 1 { Ok(()) } else { Err(()) }
    };
    eventually(LONG, fenced).await.expect("one of them is at work");
    second.stop().await;
    let seen = world.count("effects").await;
    world.send(&world.event("b", 0)).await;
    let applied = || async {
        let effects = world.effects().await;
        if effects.contains_key("b") { Ok(()) } else { Err(effects.len()) }
    };
    eventually(LONG, applied).await.expect("the first is at work again");
    assert!(world.count("effects").await > seen);
    first.stop().await;
    assert_eq!(world.count("parked").await, 0);
}
