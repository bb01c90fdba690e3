use testkit::eventually;

use crate::harness::{LONG, TOPIC, World};

#[tokio::test]
async fn a_partition_that_waits_shows_its_lag_until_it_is_taken_away() {
    let world = World::new().await;
    world.send_to(&world.event("a", 0), Some(1)).await;
    world.script.away(1);
    for number in 1..=5 {
        world.send_to(&world.event("a", number), Some(1)).await;
    }
    let running = world.start();
    let of_partition = format!(r#"partition="1",topic="{}""#, world.kafka.topic(TOPIC));
    let shown = async |wanted: &[(&str, Option<&str>)]| {
        let right = || async {
            let text = telemetry::metrics_text();
            let shown = |name: &str| {
                let mut lines = text.lines().filter(|line| line.starts_with(name));
                let line = lines.find(|line| line.contains(&of_partition))?;
                line.rsplit_once(' ').map(|(_, value)| value.to_owned())
            };
            let differs = |(name, value): &&(&str, Option<&str>)| {
                let shown = shown(name);
                // `Some("")`: any value.
                if *value == Some("") { shown.is_none() } else { shown.as_deref() != *value }
            };
            match wanted.iter().find(differs) {
                None => Ok(()),
                Some((name, wanted)) => Err(format!("{name} is not {wanted:?} in {text}")),
            }
        };
        eventually(LONG, right).await.unwrap();
    };
    shown(&[("consumer_lag{", Some("5")), ("consumer_delay_seconds{", Some(""))]).await;
    world.script.back(1);
    world.wait_for("effects", 6).await;
    shown(&[("consumer_lag{", Some("0"))]).await;
    let text = telemetry::metrics_text();
    for name in ["consumer_events_total", "consumer_retries_total", "consumer_batch_records_bucket"] {
        assert!(text.contains(name), "{name}");
    }
    running.stop().await;
    shown(&[("consumer_lag{", None), ("consumer_delay_seconds{", None)]).await;
}
