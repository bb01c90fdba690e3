use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use due::{Next, Tick};
use pg::Error;
use time::Duration;

use crate::harness::{NOON, effect, once, ran, setup};

#[derive(Debug, thiserror::Error)]
enum HandlerError {
    #[error("the mail server is away")]
    Away,
    #[error(transparent)]
    Database(#[from] Error),
}

#[tokio::test]
async fn a_failed_run_leaves_nothing_and_is_tried_again_later_and_later() {
    let setup = setup().await;
    let failures = Arc::new(AtomicU32::new(0));
    let count = failures.clone();
    let runner = setup.runner().on("mail", move |tx, row| {
        let count = count.clone();
        Box::pin(async move {
            assert_eq!(row.due_at, NOON);
            assert_eq!(row.attempts, count.load(Ordering::SeqCst));
            effect(tx, row.subject, "ran").await?;
            if count.fetch_add(1, Ordering::SeqCst) < 3 { Err(HandlerError::Away) } else { Ok(Next::Done) }
        })
    });
    setup.schedule("riverton", "mail", 1, NOON).await;
    let mut waits = Vec::new();
    for attempt in 1..=3 {
        assert_eq!(runner.tick().await.unwrap(), Tick { taken: 1, failed: 1, ..Tick::default() });
        assert_eq!(setup.effects().await, []);
        let rows = setup.rows().await;
        let [(1, at, attempts)] = rows[..] else { panic!("{rows:?}") };
        assert_eq!(attempts, attempt);
        waits.push(at - setup.clock.now());
        setup.clock.set(at - Duration::microseconds(1));
        assert_eq!(runner.tick().await.unwrap().taken, 0);
        setup.clock.set(at);
    }
    for (wait, seconds) in waits.iter().zip([2.0, 4.0, 8.0]) {
        assert!((0.8..=1.2).contains(&(wait.as_seconds_f64() / seconds)), "{waits:?}");
    }
    assert_eq!(runner.tick().await.unwrap(), Tick { taken: 1, ran: 1, ..Tick::default() });
    assert_eq!(setup.effects().await, [ran("riverton", 1)]);
    assert_eq!(failures.load(Ordering::SeqCst), 4);
}

#[tokio::test]
async fn one_rows_failure_or_panic_does_not_hold_the_others() {
    let setup = setup().await;
    let runner = setup.runner().on("mixed", |tx, row| {
        Box::pin(async move {
            effect(tx, row.subject, "ran").await?;
            match row.subject.as_u128() {
                1 => Err(HandlerError::Away),
                2 => panic!("on purpose"),
                3 => {
                    sqlx::query("select 1 / 0").execute(&mut **tx).await.map_err(Error::from)?;
                    Ok(Next::Done)
                }
                _ => Ok(Next::Done),
            }
        })
    });
    for number in 1..=6 {
        setup.schedule("riverton", "mixed", number, NOON).await;
    }
    assert_eq!(runner.tick().await.unwrap(), Tick { taken: 6, ran: 3, failed: 3, ..Tick::default() });
    let mut effects = setup.effects().await;
    effects.sort();
    assert_eq!(effects, [ran("riverton", 4), ran("riverton", 5), ran("riverton", 6)]);
    let rows = setup.rows().await;
    assert!(rows.iter().all(|(_, at, attempts)| *attempts == 1 && *at > NOON), "{rows:?}");
}

#[tokio::test]
async fn scheduling_again_forgets_failures() {
    let setup = setup().await;
    let failing = setup.runner().on("mail", |_, _| Box::pin(async { Err::<Next, _>(HandlerError::Away) }));
    setup.schedule("riverton", "mail", 1, NOON).await;
    failing.tick().await.unwrap();
    setup.schedule("riverton", "mail", 1, NOON).await;
    assert_eq!(setup.rows().await, [(1, NOON, 0)]);
    assert_eq!(setup.runner().on("mail", once).tick().await.unwrap().ran, 1);
}
