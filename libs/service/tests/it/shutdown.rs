use std::convert::Infallible;
use std::error::Error as _;
use std::time::{Duration, Instant};

use service::{Failure, Shutdown};

type Never = Result<(), Infallible>;

#[tokio::test]
async fn tasks_are_waited_for_after_it_was_asked() {
    let shutdown = Shutdown::manual(Duration::from_secs(60));
    let (finish, finished) = tokio::sync::oneshot::channel::<()>();
    let token = shutdown.token();
    shutdown.spawn("relay", async move {
        token.cancelled().await;
        finished.await.unwrap();
        Never::Ok(())
    });
    let guard = shutdown.guard("websocket");
    assert!(!shutdown.is_requested());
    shutdown.request();
    let end = tokio::spawn(shutdown.clone().finished());
    assert!(shutdown.is_requested());
    finish.send(()).unwrap();
    tokio::task::yield_now().await;
    assert!(!end.is_finished(), "the guard holds");
    drop(guard);
    end.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_task_that_fails_ends_early_or_panics_stops_the_service() {
    type Task = std::pin::Pin<Box<dyn Future<Output = std::io::Result<()>> + Send>>;
    let tasks: [(&str, Task); 3] = [
        ("out of luck", Box::pin(async { Err(std::io::Error::other("out of luck")) })),
        ("ended before it was asked to", Box::pin(async { Ok(()) })),
        ("panicked", Box::pin(async { panic!("as asked") })),
    ];
    for (why, task) in tasks {
        let shutdown = Shutdown::manual(Duration::from_secs(60));
        shutdown.spawn("relay", task);
        let failure = tokio::time::timeout(Duration::from_secs(10), shutdown.finished()).await.unwrap();
        let failure = failure.unwrap_err();
        assert_eq!(failure.to_string(), "task `relay` failed");
        assert_eq!(failure.source().unwrap().to_string(), why);
    }
}

#[tokio::test]
async fn what_does_not_finish_in_time_is_cut_and_named() {
    struct Held(std::sync::Arc<()>);
    let shutdown = Shutdown::manual(Duration::from_millis(50));
    let alive = std::sync::Arc::new(());
    let held = Held(alive.clone());
    shutdown.spawn("relay", async move {
        let _held = &held.0;
        std::future::pending::<Never>().await
    });
    let _open = [shutdown.guard("websocket"), shutdown.guard("websocket")];
    let start = Instant::now();
    shutdown.request();
    let failure = shutdown.finished().await.unwrap_err();
    let Failure::Cut { tasks, .. } = &failure else { panic!("{failure}") };
    assert_eq!(tasks, "relay, websocket ×2");
    assert_eq!(std::sync::Arc::strong_count(&alive), 1, "what the task held is dropped");
    assert!(start.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn a_token_that_is_cancelled_elsewhere_does_not_ask() {
    let shutdown = Shutdown::manual(Duration::from_secs(60));
    shutdown.token().cancel();
    assert!(!shutdown.is_requested());
}
