//! Hazard 8: a connection that dies during COMMIT. Whoever calls must learn that the outcome is unknown, and must
//! never be told "failed" about what is stored, or "done" about what is not.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use pg::{Db, Error};

use crate::harness::{SOON, database, insert, riverton, seen, stored};
use crate::proxy::{COMMIT, Cut, through};

async fn commit(database: &testkit::TestDb, cut: Cut, id: i32) -> (Result<(), Error>, usize) {
    let mut settings = database.settings();
    let (url, wire) = through(&settings.url, cut).await;
    settings.url = url;
    let db = Db::connect(&settings, "commit").unwrap();
    let result =
        db.tenant(riverton(), move |tx| Box::pin(async move { insert(tx, "riverton", id).await })).await;
    (result, wire.answered.load(Ordering::SeqCst))
}

#[tokio::test]
async fn a_commit_cut_at_any_byte_of_the_request_is_unknown_and_not_stored() {
    let database = database().await;
    for bytes in 0..COMMIT.len() {
        let (result, _) = commit(&database, Cut::Request(bytes), 1).await;
        assert!(matches!(result, Err(Error::CommitUnknown(_))), "after {bytes} bytes: {result:?}");
    }
    assert_eq!(stored(&database).await, [0; 0]);
}

#[tokio::test]
async fn a_commit_cut_at_any_byte_of_the_answer_is_unknown_though_stored() {
    let database = database().await;
    let (result, length) = commit(&database, Cut::Nowhere, 0).await;
    result.unwrap();
    assert!(length > 20, "an answer of {length} bytes");
    let mut expected = vec![0];
    for bytes in 0..length {
        let id = i32::try_from(bytes).unwrap() + 1;
        let (result, _) = commit(&database, Cut::Answer(bytes), id).await;
        assert!(matches!(result, Err(Error::CommitUnknown(_))), "after {bytes} bytes: {result:?}");
        expected.push(id);
    }
    // The server got each COMMIT whole.
    let all = testkit::eventually(SOON, || async {
        let stored = stored(&database).await;
        if stored == expected { Ok(()) } else { Err(stored) }
    });
    all.await.unwrap();
}

#[tokio::test]
async fn a_commit_that_is_swallowed_is_unknown_after_ten_seconds() {
    let database = database().await;
    let mut settings = database.settings();
    let (url, wire) = through(&settings.url, Cut::Nowhere).await;
    settings.url = url;
    let db = Db::connect(&settings, "swallowed").unwrap();
    let silenced = wire.clone();
    let started = Instant::now();
    let result = db.tenant(riverton(), move |tx| {
        Box::pin(async move {
            insert(tx, "riverton", 1).await?;
            silenced.silent.store(true, Ordering::SeqCst);
            Ok::<_, Error>(())
        })
    });
    let error = result.await.unwrap_err();
    assert!(matches!(error, Error::CommitUnknown(_)), "{error:?}");
    assert!(started.elapsed() < Duration::from_secs(14));
    wire.silent.store(false, Ordering::SeqCst);
    assert_eq!(seen(&db, riverton()).await, [0; 0]);
}

#[tokio::test]
async fn idle_connections_that_went_silent_are_given_up_after_seconds() {
    let database = database().await;
    let mut settings = database.settings();
    let (url, wire) = through(&settings.url, Cut::Nowhere).await;
    settings.url = url;
    let db = Db::connect(&settings, "silent").unwrap();
    futures::future::join_all((0..8).map(|_| seen(&db, riverton()))).await;
    wire.silent.store(true, Ordering::SeqCst);
    let started = Instant::now();
    let error = db
        .tenant(riverton(), |tx| Box::pin(async move { insert(tx, "riverton", 1).await }))
        .await
        .unwrap_err();
    assert!(matches!(error, Error::Unreachable(_) | Error::Busy(_)), "{error:?}");
    assert!(started.elapsed() < Duration::from_secs(9), "{:?}", started.elapsed());
    // What was sent into the silence is lost; these sessions are of no use any more, and are not waited for long.
    wire.silent.store(false, Ordering::SeqCst);
    let healed = Instant::now();
    testkit::eventually(SOON, || db.ping()).await.unwrap();
    assert!(healed.elapsed() < SOON);
}
