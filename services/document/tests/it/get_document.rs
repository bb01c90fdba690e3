use proto::document::v1;
use rpc_error::{Code, reason};

use crate::harness::{File, TestApp, assert_refused};

#[tokio::test(flavor = "multi_thread")]
async fn owner_staff_and_notification_read_a_document() {
    let app = TestApp::start().await;
    let document = app.ada().initiate(&File::pdf("Ada")).await.unwrap().document.unwrap();
    let actors = [app.ada(), app.staff("sam", "riverton"), app.service("svc-notification", "riverton")];
    for actor in actors {
        assert_eq!(actor.get(&document.document_id).await.unwrap(), document);
    }
    let worker = app.worker().get(&document.document_id).await;
    assert_refused(worker, Code::PermissionDenied, reason::PERMISSION_DENIED);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_verdict_shows_what_was_found() {
    let app = TestApp::start().await;
    let ada = app.ada();
    let (ready, _) = app.ready(&ada, &File::pdf("1")).await;
    let (rejected, _) = app.rejected(&ada, &File::pdf("2")).await;
    let ready = ada.get(&ready).await.unwrap();
    assert_eq!(ready.status(), v1::DocumentStatus::Ready);
    assert_eq!(ready.detected_content_type, "application/pdf");
    let rejected = ada.get(&rejected).await.unwrap();
    assert_eq!(rejected.status(), v1::DocumentStatus::Rejected);
    assert_eq!(rejected.rejection_reason(), v1::RejectionReason::Infected);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_the_callers_does_not_exist() {
    let app = TestApp::start().await;
    let document = app.ada().initiate(&File::pdf("Ada")).await.unwrap().document.unwrap();
    let unknown = "01890a5d-ac96-774b-bcce-b302099a8057";
    for (actor, id) in [
        (app.citizen("ben", "riverton"), document.document_id.as_str()),
        (app.citizen("ada", "lakeside"), &document.document_id),
        (app.staff("lea", "lakeside"), &document.document_id),
        (app.service("svc-notification", "lakeside"), &document.document_id),
        (app.ada(), unknown),
        (app.ada(), "1 or 1=1"),
        (app.ada(), &document.document_id.to_uppercase()),
    ] {
        assert_refused(actor.get(id).await, Code::NotFound, reason::DOCUMENT_NOT_FOUND);
    }
}
