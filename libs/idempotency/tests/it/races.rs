use std::sync::Arc;

use futures::future::join_all;
use idempotency::{Error as KeyError, KEEP};
use testkit::eventually;
use tokio::sync::oneshot;

use crate::harness::{Error, SOON, document, effect, first, replayed, request, scope, setup};

/// `GUILDHALL_RACES`: keys for which 64 calls race; 5 when it is not there.
fn rounds() -> usize {
    std::env::var("GUILDHALL_RACES").map_or(5, |rounds| rounds.parse().expect("a number"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_64_calls_at_once_one_makes_the_effect_and_all_get_its_answer() {
    let setup = Arc::new(setup().await);
    for round in 0..rounds() {
        let (key, name) = (format!("key-{round}"), format!("effect-{round}"));
        let calls = (0..64).map(|_| {
            let (setup, key, name) = (setup.clone(), key.clone(), name.clone());
            tokio::spawn(async move {
                // As a client does: again after `IN_FLIGHT`, and after nothing else.
                let call = eventually(SOON, || async {
                    match setup.call(&key, &name).await {
                        Err(Error::Key(KeyError::InFlight)) => Err("in flight"),
                        other => Ok(other),
                    }
                });
                call.await.unwrap()
            })
        });
        let mut firsts = 0;
        for call in join_all(calls).await {
            // An effect that ran a second time would fail: its row is unique.
            let outcome = call.unwrap().unwrap();
            assert_eq!(outcome.value, document(&name));
            firsts += u32::from(!outcome.replayed);
        }
        assert_eq!(firsts, 1);
    }
    assert_eq!(setup.effects().await.len(), rounds());
    assert_eq!(usize::try_from(setup.stored().await).unwrap(), rounds());
}

#[tokio::test]
async fn while_the_first_call_runs_others_are_told_so() {
    let setup = setup().await;
    let (begun, has_begun) = oneshot::channel::<()>();
    let (go, wait) = oneshot::channel::<()>();
    let running = tokio::spawn({
        let (db, clock) = (setup.db.clone(), setup.clock.clone());
        async move {
            let (key, request) = (scope("k"), request("one"));
            let call = idempotency::run(&db, &clock, &key, &request, KEEP, move |tx| {
                Box::pin(async move {
                    let _ = begun.send(());
                    let _ = wait.await;
                    effect("one")(tx).await
                })
            });
            call.await
        }
    });
    has_begun.await.unwrap();
    for name in ["one", "two"] {
        let error = setup.call("k", name).await.unwrap_err();
        assert!(matches!(error, Error::Key(KeyError::InFlight)), "{error:?}");
    }
    assert_eq!(setup.call("other", "two").await.unwrap(), first("two"));
    go.send(()).unwrap();
    assert_eq!(running.await.unwrap().unwrap(), first("one"));
    assert_eq!(setup.call("k", "one").await.unwrap(), replayed("one"));
    assert_eq!(setup.effects().await, ["riverton/one", "riverton/two"]);
}

#[tokio::test]
async fn a_caller_that_leaves_finds_its_effect_made_once() {
    let setup = setup().await;
    let (begun, has_begun) = oneshot::channel::<()>();
    let (go, wait) = oneshot::channel::<()>();
    let (scope, request) = (scope("k"), request("one"));
    let call = idempotency::run(&setup.db, &setup.clock, &scope, &request, KEEP, move |tx| {
        Box::pin(async move {
            let _ = begun.send(());
            let _ = wait.await;
            effect("one")(tx).await
        })
    });
    tokio::select! {
        outcome = call => panic!("{:?}", outcome as crate::harness::Result),
        begun = has_begun => begun.unwrap(),
    }
    go.send(()).unwrap();
    let outcome = eventually(SOON, || async { setup.call("k", "one").await });
    assert_eq!(outcome.await.unwrap(), replayed("one"));
    assert_eq!(setup.effects().await, ["riverton/one"]);
}
