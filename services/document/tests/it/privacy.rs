//! What a citizen writes stays in the database: others get ids.

use proto::document::v1::RejectionReason;
use testkit::canary::Canary;

use crate::harness::{File, TestApp};

#[tokio::test(flavor = "multi_thread")]
async fn a_files_name_is_in_no_event_no_job_no_key_and_no_error() {
    let app = TestApp::start().await;
    let (ada, canary) = (app.ada(), Canary::new());
    let mut file = File::pdf("Ada");
    file.name = canary.file_name();
    let (id, job) = app.ready(&ada, &file).await;
    ada.download(&id).await.unwrap();

    let mut shown = Vec::new();
    for record in app.records(&id).await {
        shown.push(format!("{:?}", record.headers).into_bytes());
        shown.push(record.payload.unwrap());
    }
    for job in app.take_jobs().await {
        shown.push(job.to_json().into_bytes());
    }
    let mut declaration = file.declaration();
    declaration.file_name = format!("{}/{}", canary.name(), canary.email());
    declaration.purpose = canary.name();
    declaration.content_type = canary.email();
    for error in [
        ada.declare(declaration).await.unwrap_err(),
        ada.get(&canary.name()).await.unwrap_err(),
        ada.list(0, &canary.name()).await.unwrap_err(),
        app.worker().report(&canary.name(), &canary.email(), RejectionReason::Infected).await.unwrap_err(),
        app.worker().claim(&job).await.unwrap_err(),
    ] {
        shown.push(format!("{error} {:?}", error.violations()).into_bytes());
    }
    shown.push(app.worker().claim(&job).await.unwrap_err().to_string().into_bytes());
    assert!(shown.len() > 10);
    for bytes in shown {
        assert!(!canary.leaks(&bytes), "{}", String::from_utf8_lossy(&bytes));
    }
}
