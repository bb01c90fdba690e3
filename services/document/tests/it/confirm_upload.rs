use blobs::Bucket;
use proto::document::v1;
use rpc_error::{Code, reason};
use time::Duration;

use crate::harness::{File, SOON, TestApp, assert_refused, at, intake_key};

#[tokio::test(flavor = "multi_thread")]
async fn sent_bytes_are_uploaded_and_a_scan_is_asked_for() {
    let app = TestApp::start().await;
    let (ada, file) = (app.ada(), File::pdf("Ada"));
    let id = app.sent(&ada, &file).await;

    let document = ada.confirm(&id).await.unwrap();
    assert_eq!(document.status(), v1::DocumentStatus::Uploaded);
    assert_eq!(document.upload_expires_at, None);
    assert_eq!(app.event_names(&id).await, ["initiated", "uploaded"]);
    let jobs = app.take_jobs().await;
    assert_eq!(jobs.len(), 1);
    assert_eq!(jobs[0].job_id.to_string(), app.job_of(&id).await);
    assert_eq!((jobs[0].kind.as_str(), jobs[0].tenant.as_str()), ("scan", "riverton"));
    assert_eq!(jobs[0].ids["document_id"].to_string(), id);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_confirmed_before_it_is_sent() {
    let app = TestApp::start().await;
    let (ada, file) = (app.ada(), File::pdf("Ada"));
    let id = ada.initiate(&file).await.unwrap().document.unwrap().document_id;
    assert_refused(ada.confirm(&id).await, Code::Conflict, reason::UPLOAD_MISSING);
    assert_eq!(app.status(&ada, &id).await, v1::DocumentStatus::PendingUpload);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_is_confirmed_once() {
    let app = TestApp::start().await;
    let ada = app.ada();
    let (uploaded, _) = app.uploaded(&ada, &File::pdf("1")).await;
    let (ready, _) = app.ready(&ada, &File::pdf("2")).await;
    for id in [uploaded, ready] {
        assert_refused(ada.confirm(&id).await, Code::Conflict, reason::UPLOAD_ALREADY_CONFIRMED);
    }
    assert_eq!(app.count("select count(*) from scan_jobs").await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_window_ends_for_bytes_that_were_sent_in_time_too() {
    let app = TestApp::start().await;
    let ada = app.ada();
    let id = app.sent(&ada, &File::pdf("Ada")).await;
    app.clock.advance(std::time::Duration::from_secs(24 * 60 * 60));
    assert_refused(ada.confirm(&id).await, Code::Gone, reason::UPLOAD_EXPIRED);
}

#[tokio::test(flavor = "multi_thread")]
async fn stored_bytes_that_are_not_the_declared_ones_are_rejected() {
    let app = TestApp::start().await;
    let (ada, file) = (app.ada(), File::pdf("Ada"));
    let mut other = file.bytes.clone();
    other[9] ^= 1;
    for (bytes, with_digest, rejection) in [
        (&file.bytes[1..], true, v1::RejectionReason::SizeMismatch),
        (&other[..], true, v1::RejectionReason::ChecksumMismatch),
        (&file.bytes[..], false, v1::RejectionReason::ChecksumMismatch),
    ] {
        let id = ada.initiate(&file).await.unwrap().document.unwrap().document_id;
        app.smuggle(&id, bytes, with_digest).await;

        let document = ada.confirm(&id).await.unwrap();
        assert_eq!(document.status(), v1::DocumentStatus::Rejected);
        assert_eq!(document.rejection_reason(), rejection);
        let events = app.events(&id).await;
        let last: v1::DocumentRejected = events.last().unwrap().decode().unwrap();
        assert_eq!((events.len(), last.reason()), (2, rejection), "initiated, rejected");
        assert_refused(ada.download(&id).await, Code::Conflict, reason::DOCUMENT_REJECTED);
        let gone = testkit::eventually(SOON, || async {
            let stored = app.is_stored(Bucket::Intake, &intake_key(&id)).await;
            if stored { Err("still stored") } else { Ok(()) }
        });
        gone.await.unwrap();
    }
    assert_eq!(app.count("select count(*) from scan_jobs").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_moment_of_the_window_is_in_time() {
    let app = TestApp::start().await;
    let ada = app.ada();
    let document = ada.initiate(&File::pdf("Ada")).await.unwrap().document.unwrap();
    app.smuggle(&document.document_id, &File::pdf("Ada").bytes, true).await;
    app.clock.set(at(document.upload_expires_at) - Duration::microseconds(1));
    let confirmed = ada.confirm(&document.document_id).await.unwrap();
    assert_eq!(confirmed.status(), v1::DocumentStatus::Uploaded);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_the_callers_cannot_be_confirmed() {
    let app = TestApp::start().await;
    let id = app.sent(&app.ada(), &File::pdf("Ada")).await;
    for actor in
        [app.citizen("ben", "riverton"), app.citizen("ada", "lakeside"), app.staff("sam", "riverton")]
    {
        assert_refused(actor.confirm(&id).await, Code::NotFound, reason::DOCUMENT_NOT_FOUND);
    }
    assert_refused(app.ada().confirm("../x").await, Code::NotFound, reason::DOCUMENT_NOT_FOUND);
    assert_eq!(app.status(&app.ada(), &id).await, v1::DocumentStatus::PendingUpload);
}
