//! What happens while the object store is away.

use proto::document::v1::DocumentStatus;
use rpc_error::{Code, reason};
use testkit::eventually;

use crate::harness::{File, SOON, TestApp, assert_refused};

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_decided_without_the_store_and_all_is_once_it_is_back() {
    let store = testkit::Proxy::to(&testkit::env().get("GUILDHALL_S3_ENDPOINT")).await;
    let app = TestApp::start_with(|config| config.s3.endpoint = store.url()).await;
    let (ada, worker) = (app.ada(), app.worker());
    let sent = app.sent(&ada, &File::pdf("1")).await;
    let (scanned, job) = app.scanning(&ada, &File::pdf("2")).await;
    app.copy(&scanned).await;
    let (ready, _) = app.ready(&ada, &File::pdf("3")).await;

    store.cut();
    assert_refused(ada.confirm(&sent).await, Code::Unavailable, reason::UNAVAILABLE);
    let report = worker.report_clean(&job, "application/pdf").await;
    assert_refused(report, Code::Unavailable, reason::UNAVAILABLE);
    assert_eq!(app.status(&ada, &sent).await, DocumentStatus::PendingUpload);
    assert_eq!(app.status(&ada, &scanned).await, DocumentStatus::Scanning);
    ada.initiate(&File::pdf("4")).await.expect("signing needs no store");
    ada.download(&ready).await.expect("signing needs no store");
    let down = eventually(SOON, || async {
        let report = app.admin.report().await;
        let s3 = &report.checks["s3"];
        if s3.error.is_some() { Ok(()) } else { Err(report) }
    });
    down.await.expect("/ready says so");

    store.mend();
    assert_eq!(ada.confirm(&sent).await.unwrap().status(), DocumentStatus::Uploaded);
    assert_eq!(worker.report_clean(&job, "application/pdf").await.unwrap(), DocumentStatus::Ready);
    let up = eventually(SOON, || async {
        let report = app.admin.report().await;
        if report.checks["s3"].error.is_none() { Ok(()) } else { Err(report) }
    });
    up.await.expect("/ready says so");
}
