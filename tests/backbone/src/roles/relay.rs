//! Publishes.

use anyhow::Result;
use clock::Clock;
use failpoint::CrashAt;
use outbox::Relay;
use tokio_util::sync::CancellationToken;

use crate::place::Place;

pub(super) async fn run(place: &Place, shutdown: CancellationToken) -> Result<()> {
    let db = place.db("relay")?;
    let relay = Relay::new(db.clone(), place.kafka("relay"), place.sqs().await?, Clock::system())?;
    relay.run(shutdown).await;
    db.close().await;
    Ok(())
}

/// Says when this relay has published for the first time since it came to lead. The point where it is to be killed is
/// left alone.
#[cfg(feature = "failpoints")]
pub(super) fn tell_of_work(crash_at: Option<&CrashAt>) -> Result<()> {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::Said;

    let works = Arc::new(AtomicBool::new(false));
    let is_free = |point: &str| crash_at.is_none_or(|crash_at| crash_at.point != point);
    for point in ["outbox::acked", "outbox::deleted"].into_iter().filter(|point| is_free(point)) {
        let works = Arc::clone(&works);
        let publishes = move || {
            if !works.swap(true, Ordering::SeqCst) {
                Said::Works.say();
            }
        };
        fail::cfg_callback(point, publishes).map_err(anyhow::Error::msg)?;
    }
    if is_free("outbox::led") {
        let leads = move || works.store(false, Ordering::SeqCst);
        fail::cfg_callback("outbox::led", leads).map_err(anyhow::Error::msg)?;
    }
    Ok(())
}

/// Without points there is nothing to say it by.
#[cfg(not(feature = "failpoints"))]
pub(super) fn tell_of_work(_crash_at: Option<&CrashAt>) -> Result<()> {
    Ok(())
}
