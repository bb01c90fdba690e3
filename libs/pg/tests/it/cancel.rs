//! Hazard 1: a caller that goes away in the middle must neither cut a transaction nor spoil a connection.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use pg::{Db, Error};
use testkit::eventually;

use crate::harness::{SOON, database, insert, open_transactions, riverton, seen};

/// Lets a future run for this long, then drops it. Spins: timers are a hundred times too coarse.
async fn cancel_after<T>(patience: Duration, future: impl Future<Output = T>) -> Option<T> {
    let mut future = pin!(future);
    let deadline = Instant::now() + patience;
    while Instant::now() < deadline {
        if let Poll::Ready(value) = future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            return Some(value);
        }
        tokio::task::yield_now().await;
    }
    None
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cancelling_anywhere_poisons_no_connection_and_cuts_no_transaction() {
    const CANCELLATIONS: i32 = 4_000;
    let database = database().await;
    let mut settings = database.settings();
    settings.max_connections = 1;
    let db = Db::connect(&settings, "cancel").unwrap();
    seen(&db, riverton()).await;
    let started = Instant::now();
    for _ in 0..20 {
        seen(&db, riverton()).await;
    }
    let typical = started.elapsed() / 20;
    let (began, ended) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)));
    let mut answered = 0;
    for round in 0..CANCELLATIONS {
        let (began, ended) = (began.clone(), ended.clone());
        let unit = db.tenant(riverton(), move |tx| {
            Box::pin(async move {
                began.fetch_add(1, Ordering::SeqCst);
                insert(tx, "riverton", 2 * round).await?;
                insert(tx, "riverton", 2 * round + 1).await?;
                ended.fetch_add(1, Ordering::SeqCst);
                Ok::<_, Error>(())
            })
        });
        // Spread evenly from before the first poll to after the last.
        let share = round.unsigned_abs().wrapping_mul(2_654_435_761) >> 16;
        let patience = typical * 2 * share / 65_536;
        answered += usize::from(cancel_after(patience, unit).await.is_some());
    }
    let rows = eventually(SOON, || async {
        let rows = seen(&db, riverton()).await.len();
        if began.load(Ordering::SeqCst) == ended.load(Ordering::SeqCst) { Ok(rows) } else { Err(rows) }
    });
    let rows = rows.await.expect("every unit that began ends");
    let ended = ended.load(Ordering::SeqCst) as usize;
    assert_eq!(rows, 2 * ended, "each unit that began is whole");
    assert!(answered > 0 && answered < CANCELLATIONS as usize, "{answered} of {CANCELLATIONS} were answered");
    assert!(
        ended > answered,
        "{ended} units ran, {answered} were answered: none was cut by a dropped caller"
    );

    let mut admin = database.admin().await;
    let open = eventually(SOON, || async {
        match open_transactions(&mut database.admin().await, "cancel").await {
            0 => Ok(()),
            open => Err(open),
        }
    });
    open.await.expect("no transaction is left open");
    let sessions: i64 =
        sqlx::query_scalar("select sessions from pg_stat_database where datname = current_database()")
            .fetch_one(&mut admin)
            .await
            .unwrap();
    assert!(sessions < 50, "{sessions} sessions: connections were closed instead of reused");
}
