use std::time::Duration;

use blobs::Bucket;
use proto::document::v1::RejectionReason;
use testkit::eventually;

use crate::harness::{File, SOON, TestApp, intake_key, put};

async fn deleted(app: &TestApp, id: &str) {
    let deleted = eventually(SOON, || async {
        let stored = app.is_stored(Bucket::Intake, &intake_key(id)).await;
        if stored { Err("still stored") } else { Ok(()) }
    });
    deleted.await.unwrap();
}

async fn forgotten(app: &TestApp) {
    let forgotten = eventually(SOON, || async {
        match app.count("select count(*) from due where kind = 'intake_cleanup'").await {
            0 => Ok(()),
            rows => Err(rows),
        }
    });
    forgotten.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn uploads_are_deleted_after_the_verdict_and_kept_before() {
    let app = TestApp::start().await;
    let ada = app.ada();
    let (waiting, _) = app.scanning(&ada, &File::pdf("1")).await;
    let (ready, _) = app.ready(&ada, &File::pdf("2")).await;
    let (rejected, _) = app.rejected(&ada, &File::pdf("3")).await;
    deleted(&app, &ready).await;
    deleted(&app, &rejected).await;
    assert!(app.is_stored(Bucket::Intake, &intake_key(&waiting)).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_late_signature_puts_back_is_deleted_too() {
    let app = TestApp::start().await;
    let (ada, file) = (app.ada(), File::pdf("Ada"));
    let initiated = ada.initiate(&file).await.unwrap();
    let (id, upload) = (initiated.document.unwrap().document_id, initiated.upload.unwrap());
    assert_eq!(put(&upload, &file.bytes).await, 200);
    ada.confirm(&id).await.unwrap();
    let job = app.job_of(&id).await;
    app.copy(&id).await;
    app.worker().report_clean(&job, &file.content_type).await.unwrap();
    deleted(&app, &id).await;

    assert_eq!(put(&upload, &file.bytes).await, 200, "the signature still holds");
    app.clock.advance(Duration::from_secs(15 * 60));
    deleted(&app, &id).await;
    forgotten(&app).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_could_not_be_deleted_is_tried_again() {
    let store = testkit::Proxy::to(&testkit::env().get("GUILDHALL_S3_ENDPOINT")).await;
    let app = TestApp::start_with(|config| config.s3.endpoint = store.url()).await;
    let (id, job) = app.scanning(&app.ada(), &File::pdf("Ada")).await;
    store.cut();
    app.worker().report(&job, "", RejectionReason::Infected).await.unwrap();
    let tried = eventually(SOON, || async {
        let moved = app.count("select count(*) from due where kind = 'intake_cleanup' and claim is null and at > (select updated_at from document_versions)");
        if moved.await == 1 { Ok(()) } else { Err("not tried yet") }
    });
    tried.await.unwrap();

    store.mend();
    assert!(app.is_stored(Bucket::Intake, &intake_key(&id)).await);
    app.clock.advance(Duration::from_secs(60));
    deleted(&app, &id).await;
    app.clock.advance(Duration::from_secs(15 * 60));
    forgotten(&app).await;
}
