//! Two runners, or a runner and a request, at the same row.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use due::{Next, Runner, Tick};
use pg::Error;
use tokio::sync::oneshot;

use crate::harness::{NOON, Setup, effect, once, ran, setup, subject};

/// A runner whose handler writes its effect and then waits; what to await for it to have begun, and how to let it go.
fn slow(setup: &Setup) -> (Runner, oneshot::Receiver<()>, oneshot::Sender<()>) {
    let (begun, has_begun) = oneshot::channel();
    let (go, wait) = oneshot::channel::<()>();
    let channels = Arc::new(Mutex::new(Some((begun, wait))));
    let runner = setup.runner().on("job", move |tx, row| {
        let channels = channels.lock().unwrap().take();
        Box::pin(async move {
            effect(tx, row.subject, "slow").await?;
            if let Some((begun, wait)) = channels {
                let _ = begun.send(());
                let _ = wait.await;
            }
            Ok::<_, Error>(Next::Done)
        })
    });
    (runner, has_begun, go)
}

#[tokio::test]
async fn a_runner_that_outstays_its_lease_does_not_commit() {
    let setup = setup().await;
    setup.schedule("riverton", "job", 1, NOON).await;
    let (first, begun, go) = slow(&setup);
    let first = tokio::spawn(async move { first.tick().await.unwrap() });
    begun.await.unwrap();
    let second = setup.runner().on("job", once);
    assert_eq!(second.tick().await.unwrap().taken, 0, "the lease holds");
    setup.clock.advance(Duration::from_secs(5 * 60));
    assert_eq!(second.tick().await.unwrap(), Tick { taken: 1, ran: 1, ..Tick::default() });
    go.send(()).unwrap();
    assert_eq!(first.await.unwrap(), Tick { taken: 1, fenced: 1, ..Tick::default() });
    assert_eq!(setup.effects().await, [ran("riverton", 1)]);
    assert_eq!(setup.rows().await, []);
}

#[tokio::test]
async fn a_run_that_was_rescheduled_meanwhile_is_rolled_back_and_the_schedule_stays() {
    let setup = setup().await;
    setup.schedule("riverton", "job", 1, NOON).await;
    let (runner, begun, go) = slow(&setup);
    let run = tokio::spawn(async move { runner.tick().await.unwrap() });
    begun.await.unwrap();
    let later = NOON + time::Duration::hours(1);
    setup.schedule("riverton", "job", 1, later).await;
    go.send(()).unwrap();
    assert_eq!(run.await.unwrap().fenced, 1);
    assert_eq!(setup.effects().await, []);
    assert_eq!(setup.rows().await, [(1, later, 0)]);
}

#[tokio::test]
async fn a_run_that_was_cancelled_meanwhile_is_rolled_back() {
    let setup = setup().await;
    setup.schedule("riverton", "job", 1, NOON).await;
    let (runner, begun, go) = slow(&setup);
    let run = tokio::spawn(async move { runner.tick().await.unwrap() });
    begun.await.unwrap();
    setup.cancel("riverton", "job", 1).await;
    go.send(()).unwrap();
    assert_eq!(run.await.unwrap().fenced, 1);
    assert_eq!(setup.effects().await, []);
}

#[tokio::test]
async fn a_handler_may_cancel_or_reschedule_its_own_row_and_others() {
    let setup = setup().await;
    let later = NOON + time::Duration::hours(1);
    let runner = setup.runner().on("own", move |tx, row| {
        Box::pin(async move {
            effect(tx, row.subject, "ran").await?;
            match row.subject.as_u128() {
                1 => due::cancel(tx, "own", row.subject).await?,
                2 => due::schedule(tx, "own", row.subject, later).await?,
                3 => {
                    due::cancel(tx, "own", row.subject).await?;
                    due::schedule(tx, "own", row.subject, later).await?;
                }
                4 => {
                    due::schedule(tx, "own", row.subject, later).await?;
                    due::cancel(tx, "own", row.subject).await?;
                }
                _ => {
                    due::schedule(tx, "other", row.subject, later).await?;
                    due::schedule(tx, "own", subject(6), later).await?;
                }
            }
            Ok::<_, Error>(Next::At(later + time::Duration::hours(1)))
        })
    });
    for number in 1..=5 {
        setup.schedule("riverton", "own", number, NOON).await;
    }
    assert_eq!(runner.tick().await.unwrap(), Tick { taken: 5, ran: 5, ..Tick::default() });
    assert_eq!(setup.effects().await.len(), 5);
    let mut rows: Vec<_> =
        setup.rows().await.into_iter().map(|(number, at, _)| (number, (at - NOON).whole_hours())).collect();
    rows.sort_unstable();
    assert_eq!(rows, [(2, 1), (3, 1), (5, 1), (5, 2), (6, 1)]);
}

#[tokio::test]
async fn a_handler_that_was_overtaken_cannot_settle_its_row() {
    let setup = setup().await;
    setup.schedule("riverton", "job", 1, NOON).await;
    let (begun, has_begun) = oneshot::channel::<()>();
    let (go, wait) = oneshot::channel::<()>();
    let channels = Arc::new(Mutex::new(Some((begun, wait))));
    let runner = setup.runner().on("job", move |tx, row| {
        let channels = channels.lock().unwrap().take();
        Box::pin(async move {
            effect(tx, row.subject, "overtaken").await?;
            if let Some((begun, wait)) = channels {
                let _ = begun.send(());
                let _ = wait.await;
            }
            due::cancel(tx, "job", row.subject).await?;
            Ok::<_, Error>(Next::Done)
        })
    });
    let run = tokio::spawn(async move { runner.tick().await.unwrap() });
    has_begun.await.unwrap();
    setup.clock.advance(Duration::from_secs(5 * 60));
    assert_eq!(setup.runner().on("job", once).tick().await.unwrap().ran, 1);
    go.send(()).unwrap();
    assert_eq!(run.await.unwrap().fenced, 1);
    assert_eq!(setup.effects().await, [ran("riverton", 1)]);
}

#[tokio::test]
async fn many_runners_run_each_row_once() {
    let setup = setup().await;
    for number in 0..40 {
        setup.schedule("riverton", "job", number, NOON).await;
    }
    let ticks = (0..16).map(|_| {
        let runner = setup.runner().on("job", once);
        tokio::spawn(async move { runner.tick().await.unwrap() })
    });
    let ticks = futures::future::join_all(ticks).await;
    let ran: usize = ticks.into_iter().map(|tick| tick.unwrap().ran).sum();
    assert_eq!(ran, 40);
    let mut numbers: Vec<_> = setup.effects().await.into_iter().map(|(_, number, _)| number).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (0..40).collect::<Vec<_>>());
}
