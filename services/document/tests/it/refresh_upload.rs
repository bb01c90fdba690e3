use rpc_error::{Code, reason};
use time::Duration;

use crate::harness::{File, TestApp, assert_refused, at, put};

#[tokio::test(flavor = "multi_thread")]
async fn an_awaited_upload_is_signed_again_for_the_same_bytes() {
    let app = TestApp::start().await;
    let (ada, file) = (app.ada(), File::pdf("Ada"));
    let initiated = ada.initiate(&file).await.unwrap();
    let id = initiated.document.clone().unwrap().document_id;

    app.clock.advance(std::time::Duration::from_secs(2));
    let refreshed = ada.refresh(&id).await.unwrap();
    assert_eq!(refreshed.document, initiated.document, "the document is unchanged");
    let (first, fresh) = (initiated.upload.unwrap(), refreshed.upload.unwrap());
    assert_ne!(first.url, fresh.url);
    assert_eq!(first.headers, fresh.headers);
    assert!(put(&fresh, b"others").await >= 400);
    assert_eq!(put(&fresh, &file.bytes).await, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_signature_outlives_the_window() {
    let app = TestApp::start().await;
    let (ada, file) = (app.ada(), File::pdf("Ada"));
    let document = ada.initiate(&file).await.unwrap().document.unwrap();
    let end = at(document.upload_expires_at);

    app.clock.set(end - Duration::minutes(5));
    let upload = ada.refresh(&document.document_id).await.unwrap().upload.unwrap();
    assert!(at(upload.expires_at) <= end, "{:?} is after {end}", upload.expires_at);
    app.clock.set(end);
    assert_refused(ada.refresh(&document.document_id).await, Code::Gone, reason::UPLOAD_EXPIRED);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_confirmed_upload_is_not_signed_again() {
    let app = TestApp::start().await;
    let ada = app.ada();
    let (uploaded, _) = app.uploaded(&ada, &File::pdf("1")).await;
    let (ready, _) = app.ready(&ada, &File::pdf("2")).await;
    let (rejected, _) = app.rejected(&ada, &File::pdf("3")).await;
    for id in [uploaded, ready, rejected] {
        assert_refused(ada.refresh(&id).await, Code::Conflict, reason::UPLOAD_ALREADY_CONFIRMED);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_the_callers_does_not_exist() {
    let app = TestApp::start().await;
    let document = app.ada().initiate(&File::pdf("Ada")).await.unwrap().document.unwrap();
    for (actor, id) in [
        (app.citizen("ben", "riverton"), document.document_id.as_str()),
        (app.citizen("ada", "lakeside"), &document.document_id),
        (app.ada(), "no-id"),
        (app.ada(), ""),
    ] {
        assert_refused(actor.refresh(id).await, Code::NotFound, reason::DOCUMENT_NOT_FOUND);
    }
}
