use std::time::Duration;

use blobs::Bucket;
use proto::document::v1::DocumentStatus;
use rpc_error::{Code, reason};

use crate::harness::{Actor, File, SOON, TestApp, assert_refused, intake_key};

const WINDOW: Duration = Duration::from_secs(24 * 60 * 60);

async fn expired(app: &TestApp, owner: &Actor, id: &str) {
    let expired = testkit::eventually(SOON, || async {
        match app.status(owner, id).await {
            DocumentStatus::Expired => Ok(()),
            other => Err(other),
        }
    });
    expired.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_abandoned_upload_expires_and_is_told() {
    let app = TestApp::start().await;
    let ada = app.ada();
    let id = ada.initiate(&File::pdf("Ada")).await.unwrap().document.unwrap().document_id;
    app.clock.advance(WINDOW);
    expired(&app, &ada, &id).await;

    assert_eq!(app.event_names(&id).await, ["initiated", "expired"]);
    assert_eq!(ada.get(&id).await.unwrap().upload_expires_at, None);
    assert_refused(ada.confirm(&id).await, Code::Gone, reason::UPLOAD_EXPIRED);
    assert_refused(ada.refresh(&id).await, Code::Gone, reason::UPLOAD_EXPIRED);
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_that_nobody_confirmed_are_deleted() {
    let app = TestApp::start().await;
    let ada = app.ada();
    let id = app.sent(&ada, &File::pdf("Ada")).await;
    app.clock.advance(WINDOW);
    expired(&app, &ada, &id).await;
    let gone = testkit::eventually(SOON, || async {
        let stored = app.is_stored(Bucket::Intake, &intake_key(&id)).await;
        if stored { Err("still stored") } else { Ok(()) }
    });
    gone.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_confirmed_in_time_does_not_expire() {
    let app = TestApp::start().await;
    let ada = app.ada();
    let (confirmed, _) = app.uploaded(&ada, &File::pdf("1")).await;
    let abandoned = ada.initiate(&File::pdf("2")).await.unwrap().document.unwrap().document_id;
    app.clock.advance(WINDOW);
    expired(&app, &ada, &abandoned).await;
    assert_eq!(app.status(&ada, &confirmed).await, DocumentStatus::Uploaded);
    assert_eq!(app.count("select count(*) from due where kind = 'upload_expiry'").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_expires_before_its_time() {
    let app = TestApp::start().await;
    let ada = app.ada();
    let early = ada.initiate(&File::pdf("1")).await.unwrap().document.unwrap().document_id;
    app.clock.advance(Duration::from_secs(1));
    let late = ada.initiate(&File::pdf("2")).await.unwrap().document.unwrap().document_id;
    app.clock.advance(WINDOW - Duration::from_secs(1));
    expired(&app, &ada, &early).await;
    assert_eq!(app.status(&ada, &late).await, DocumentStatus::PendingUpload);
}
