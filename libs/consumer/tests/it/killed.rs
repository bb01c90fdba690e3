use std::process::{Child, Command};
use std::time::Duration;

use secrecy::ExposeSecret as _;
use tokio::time::Instant;

use crate::harness::World;

/// A member in a process of its own, killed at the latest when dropped.
struct Member(Child);

impl Member {
    fn start(world: &World, instance_id: &str) -> Self {
        let tests = std::env::current_exe().unwrap();
        let member = tests.ancestors().nth(2).unwrap().join("examples/member");
        let urls = &world.database.urls;
        let child = Command::new(member)
            .args([urls.app.expose_secret(), urls.system.expose_secret(), &world.kafka.settings.brokers])
            .args([&world.kafka.settings.topic_prefix, instance_id])
            .spawn()
            .unwrap();
        Self(child)
    }

    /// Without a goodbye to anybody.
    fn kill(mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        // It may be dead already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// How long it takes until a first event is applied when a member is killed at work and one of the other name starts.
async fn gap(world: &World, round: u32, killed: &str, next: &str) -> Duration {
    let (first, second) = (round * 2, round * 2 + 1);
    let member = Member::start(world, killed);
    world.send(&world.event("a", first)).await;
    world.wait_for("effects", i64::from(first) + 1).await;
    member.kill();
    world.send(&world.event("a", second)).await;
    let started = Instant::now();
    let member = Member::start(world, next);
    world.wait_for("effects", i64::from(second) + 1).await;
    let gap = started.elapsed();
    member.kill();
    gap
}

#[tokio::test]
async fn a_killed_member_is_back_at_work_within_two_seconds_under_its_name() {
    let world = World::new().await;
    // The best of some: how long the machine lets a process wait is no property of ours.
    let mut best = Duration::MAX;
    for round in 0..4 {
        best = best.min(gap(&world, round, "notification-0", "notification-0").await);
    }
    assert!(best <= Duration::from_secs(2), "{best:?}");
    assert_eq!(world.effects().await["a"], (0..8).collect::<Vec<u32>>());
}

#[tokio::test]
async fn under_another_name_it_takes_the_session_timeout_and_two_seconds() {
    let world = World::new().await;
    let mut best = Duration::MAX;
    for round in 0..2 {
        let (one, other) = (format!("notification-{round}"), format!("other-{round}"));
        best = best.min(gap(&world, round, &one, &other).await);
    }
    assert!(best <= Duration::from_secs(6 + 2), "{best:?}");
    assert_eq!(world.effects().await["a"], (0..4).collect::<Vec<u32>>());
}
