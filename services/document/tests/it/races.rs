//! Many at once, one effect.

use std::collections::BTreeMap;
use std::sync::Arc;

use clock::Clock;
use document::app::expire_upload;
use document::domain::document::UPLOAD_WINDOW;
use futures::future::join_all;
use proto::document::v1::{self, DocumentStatus, RejectionReason};
use rpc_error::{Code, Error, reason};
use testkit::eventually;
use tokio::sync::Notify;

use crate::harness::{File, Result, SOON, TestApp, assert_refused, is_replayed};

const CALLERS: usize = 64;

/// How many calls ended how: `ok`, or the reason.
fn tally<T>(results: &[Result<T>]) -> BTreeMap<String, usize> {
    let mut tally = BTreeMap::new();
    for result in results {
        let outcome = result.as_ref().map_or_else(|error| error.reason().to_owned(), |_| "ok".to_owned());
        *tally.entry(outcome).or_default() += 1;
    }
    tally
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_confirmations_one_counts() {
    let app = TestApp::start().await;
    let ada = app.ada();
    let id = app.sent(&ada, &File::pdf("Ada")).await;
    let results = join_all((0..CALLERS).map(|_| ada.confirm(&id))).await;
    let expected = [("ok", 1), (reason::UPLOAD_ALREADY_CONFIRMED, CALLERS - 1)];
    assert_eq!(tally(&results), expected.map(|(outcome, n)| (outcome.to_owned(), n)).into());
    assert_eq!(app.count("select count(*) from scan_jobs").await, 1);
    assert_eq!(app.event_names(&id).await, ["initiated", "uploaded"]);
    assert_eq!(app.take_jobs().await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_confirmations_under_one_key_one_counts_and_the_rest_repeat_it() {
    let app = TestApp::start().await;
    let ada = app.ada();
    let id = app.sent(&ada, &File::pdf("Ada")).await;
    let calls = (0..CALLERS).map(|_| {
        let message = v1::ConfirmUploadRequest { document_id: id.clone() };
        let (mut client, request) = (ada.client(), ada.keyed("k", message));
        async move { client.confirm_upload(request).await.map_err(Error::from) }
    });
    let results = join_all(calls).await;
    let made = results.iter().flatten().filter(|answer| !is_replayed(answer)).count();
    assert_eq!(made, 1);
    for refused in results.iter().filter_map(|result| result.as_ref().err()) {
        assert_eq!(refused.reason(), reason::IDEMPOTENCY_KEY_IN_FLIGHT);
    }
    assert_eq!(app.event_names(&id).await, ["initiated", "uploaded"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_claims_one_gets_the_job() {
    let app = TestApp::start().await;
    let (ada, worker) = (app.ada(), app.worker());
    for n in 0..4 {
        let (id, job) = app.uploaded(&ada, &File::pdf(&n.to_string())).await;
        // Connections that are open already: otherwise the first call is done before the second has one.
        join_all((0..CALLERS).map(|_| ada.get(&id))).await;
        let results = join_all((0..CALLERS).map(|_| worker.claim(&job))).await;
        let expected = [("ok", 1), (reason::JOB_LEASED, CALLERS - 1)];
        assert_eq!(tally(&results), expected.map(|(outcome, n)| (outcome.to_owned(), n)).into());
        assert_eq!(app.event_names(&id).await, ["initiated", "uploaded", "scanning"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_reports_that_disagree_one_decides() {
    let app = TestApp::start().await;
    let (ada, worker) = (app.ada(), app.worker());
    let (id, job) = app.scanning(&ada, &File::pdf("Ada")).await;
    app.copy(&id).await;
    let reasons = [RejectionReason::Unspecified, RejectionReason::Infected, RejectionReason::Unscannable];
    let reports = (0..CALLERS).map(|n| worker.report(&job, "application/pdf", reasons[n % reasons.len()]));
    let results = join_all(reports).await;

    let decided = app.status(&ada, &id).await;
    let last = if decided == DocumentStatus::Ready { "ready" } else { "rejected" };
    for result in results {
        assert_eq!(result.unwrap(), decided, "every caller learns the one verdict");
    }
    assert_eq!(app.event_names(&id).await, ["initiated", "uploaded", "scanning", last]);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_corrections_one_is_the_next_version() {
    let app = TestApp::start().await;
    let ada = app.ada();
    let (id, _) = app.ready(&ada, &File::pdf("Ada")).await;
    join_all((0..CALLERS).map(|_| ada.get(&id))).await;
    let file = File::pdf("Ada, corrected");
    let results = join_all((0..CALLERS).map(|_| ada.correct(&id, &file))).await;
    // Those who waited for the winner see its version, and not that there is none.
    let expected = [("ok", 1), (reason::VERSION_IN_PROGRESS, CALLERS - 1)];
    assert_eq!(tally(&results), expected.map(|(outcome, n)| (outcome.to_owned(), n)).into());
    assert_eq!(app.count("select count(*) from document_versions").await, 2);
    assert_eq!(ada.get(&id).await.unwrap().version, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_confirmation_waits_for_an_expiry_that_is_under_way() {
    let app = TestApp::start().await;
    let ada = app.ada();
    let id = app.sent(&ada, &File::pdf("Ada")).await;
    // A replica whose clock is ahead finds the window over while this one would still confirm.
    let ahead = Clock::frozen(app.clock.now() + UPLOAD_WINDOW);
    let (expired, commit) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let expiry = tokio::spawn({
        let (db, tenant) = (app.state.db.clone(), "riverton".parse().unwrap());
        let version = app.version_id(&id).await;
        let (expired, commit) = (expired.clone(), commit.clone());
        async move {
            let unit = db.tenant(&tenant, move |tx| {
                Box::pin(async move {
                    let next = expire_upload(tx, &ahead, version).await?;
                    expired.notify_one();
                    commit.notified().await;
                    Ok::<_, document::Error>(next)
                })
            });
            unit.await
        }
    });
    expired.notified().await;
    let confirmation = tokio::spawn({
        let (ada, id) = (ada.clone(), id.clone());
        async move { ada.confirm(&id).await }
    });
    let waits = eventually(SOON, || async {
        let waiting = "select count(*) from pg_stat_activity
            where datname = current_database() and wait_event_type = 'Lock'";
        if app.count(waiting).await > 0 { Ok(()) } else { Err("the confirmation does not wait") }
    });
    waits.await.unwrap();
    commit.notify_one();
    expiry.await.unwrap().unwrap();

    assert_refused(confirmation.await.unwrap(), Code::Gone, reason::UPLOAD_EXPIRED);
    assert_eq!(app.status(&ada, &id).await, DocumentStatus::Expired);
    assert_eq!(app.event_names(&id).await, ["initiated", "expired"]);
}
