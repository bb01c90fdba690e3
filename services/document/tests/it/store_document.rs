//! What services make for people: documents that are ready at once.

use blobs::Bucket;
use ids::JobId;
use proto::document::v1::{self, DocumentStatus};
use rpc_error::{Code, reason};

use crate::harness::{File, TestApp, assert_refused, evidence_key, fetch};
use crate::policies::{in_force, publish};

fn made(app: &TestApp, owner: &str) -> v1::StoreDocumentRequest {
    v1::StoreDocumentRequest {
        job_id: JobId::mint(&app.clock).to_string(),
        owner: owner.to_owned(),
        purpose: "bill".to_owned(),
        file_name: "bill-2030-1.pdf".to_owned(),
        content_type: "application/pdf".to_owned(),
        content: b"%PDF-1.7 a bill".to_vec(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_service_made_is_its_owners_to_read_and_is_made_once() {
    let app = TestApp::start().await;
    let asked = made(&app, "ada");
    let stored = app.worker().store(asked.clone()).await.unwrap();
    assert_eq!(
        (stored.document_id.as_str(), stored.status()),
        (asked.job_id.as_str(), DocumentStatus::Ready)
    );
    assert_eq!((stored.owner.as_str(), stored.file_name.as_str()), ("ada", "bill-2030-1.pdf"));
    // Whoever renders it again may have other bytes; what was kept first stays.
    let again = v1::StoreDocumentRequest { content: b"%PDF-1.7 other".to_vec(), ..asked.clone() };
    assert_eq!(app.worker().store(again).await.unwrap(), stored);

    let ada = app.ada();
    assert_eq!(ada.list(0, "").await.unwrap().documents, std::slice::from_ref(&stored));
    let download = ada.download(&stored.document_id).await.unwrap();
    let (status, headers, bytes) = fetch(&download.url).await;
    assert_eq!((status, &bytes[..]), (200, &asked.content[..]));
    assert!(headers["content-disposition"].contains("bill-2030-1.pdf"), "{headers:?}");
    assert_eq!(app.event_names(&stored.document_id).await, ["stored", "accessed"]);

    // It is kept for as long as accounts are, and nobody puts another version in its place.
    let erased = ada.erase(&stored.document_id).await;
    assert_refused(erased, Code::Conflict, reason::DOCUMENT_RETAINED);
    let corrected = ada.correct(&stored.document_id, &File::pdf("mine")).await;
    assert_refused(corrected, Code::InvalidArgument, reason::UNKNOWN_PURPOSE);
    let ben = app.citizen("ben", "riverton");
    assert_refused(ben.get(&stored.document_id).await, Code::NotFound, reason::DOCUMENT_NOT_FOUND);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_of_whom_the_office_knows_is_theirs_who_signs_in_as_them() {
    let app = TestApp::start().await;
    let stored = app.worker().store(made(&app, "person:tax-1")).await.unwrap();
    let id = &stored.document_id;
    let (ada, ben) = (app.known("ada", "tax-1"), app.known("ben", "tax-2"));
    let own = app.sent(&ada, &File::pdf("hers")).await;
    let listed: Vec<_> =
        ada.list(0, "").await.unwrap().documents.into_iter().map(|one| one.document_id).collect();
    assert_eq!(listed.len(), 2);
    assert!(listed.contains(id) && listed.contains(&own), "{listed:?}");
    let first = ada.list(1, "").await.unwrap();
    let second = ada.list(1, &first.next_page_token).await.unwrap();
    assert_ne!(first.documents[0].document_id, second.documents[0].document_id);
    assert_eq!(second.next_page_token, "");
    let (status, _, bytes) = fetch(&ada.download(id).await.unwrap().url).await;
    assert_eq!((status, &bytes[..]), (200, &b"%PDF-1.7 a bill"[..]));
    for other in [app.ada(), ben] {
        assert_refused(other.get(id).await, Code::NotFound, reason::DOCUMENT_NOT_FOUND);
        assert_refused(other.download(id).await, Code::NotFound, reason::DOCUMENT_NOT_FOUND);
        assert!(other.list(0, "").await.unwrap().documents.iter().all(|one| one.document_id != *id));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_worker_stores_and_only_what_services_make() {
    let app = TestApp::start().await;
    let asked = made(&app, "ada");
    for actor in [app.ada(), app.staff("sam", "riverton"), app.service("svc-notification", "riverton")] {
        let refused = actor.store(asked.clone()).await;
        assert_refused(refused, Code::PermissionDenied, reason::PERMISSION_DENIED);
    }
    type Change = fn(&mut v1::StoreDocumentRequest);
    let cases: [(Change, Code, &str, &str); 8] = [
        (|made| made.job_id = "1".to_owned(), Code::InvalidArgument, reason::REQUEST_INVALID, "job_id"),
        (|made| made.owner.clear(), Code::InvalidArgument, reason::REQUEST_INVALID, "owner"),
        (
            |made| made.purpose = "identity".to_owned(),
            Code::InvalidArgument,
            reason::UNKNOWN_PURPOSE,
            "purpose",
        ),
        (
            |made| made.purpose = "bill-run".to_owned(),
            Code::InvalidArgument,
            reason::UNKNOWN_PURPOSE,
            "purpose",
        ),
        (
            |made| made.file_name = "a/b".to_owned(),
            Code::InvalidArgument,
            reason::FILE_NAME_INVALID,
            "file_name",
        ),
        (
            |made| made.content_type = "text/csv".to_owned(),
            Code::InvalidArgument,
            reason::CONTENT_TYPE_NOT_ALLOWED,
            "content_type",
        ),
        (|made| made.content.clear(), Code::InvalidArgument, reason::FILE_EMPTY, "size_bytes"),
        (|made| made.content = vec![0; 1_000_001], Code::TooLarge, reason::FILE_TOO_LARGE, "size_bytes"),
    ];
    for (change, code, reason, field) in cases {
        let mut broken = asked.clone();
        change(&mut broken);
        let error = app.worker().store(broken).await.unwrap_err();
        assert_eq!((error.code(), error.reason()), (code, reason), "{field}");
        assert_eq!(error.violations()[0].field, field);
    }
    assert_eq!(app.count("select count(*) from documents").await, 0);
    assert!(!app.is_stored(Bucket::Evidence, &evidence_key(&asked.job_id)).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_that_knows_nothing_of_bills_keeps_them_as_built_in() {
    let app = TestApp::start().await;
    let max = app.admin("max", "riverton");
    let (version, mut upload) = in_force(&app, &max, "upload").await;
    upload["purposes"].as_object_mut().unwrap().retain(|name, _| name != "bill" && name != "receipt");
    publish(&app, &max, "upload", &upload, version).await.unwrap();
    let stored = app.worker().store(made(&app, "ada")).await.unwrap();
    assert_eq!(stored.status(), DocumentStatus::Ready);
    app.ada().download(&stored.document_id).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_stored_for_who_is_erased_and_what_was_goes_with_them() {
    let app = TestApp::start().await;
    let stored = app.worker().store(made(&app, "ada")).await.unwrap();
    let key = evidence_key(&stored.document_id);
    assert!(app.is_stored(Bucket::Evidence, &key).await);
    let erasure = app.erasure_of("ada");
    app.publish(&erasure.event).await;
    app.reported(erasure.id, 1).await;
    let after = made(&app, "ada");
    let refused = app.worker().store(after.clone()).await;
    assert_refused(refused, Code::Gone, reason::SUBJECT_ERASED);
    assert!(!app.is_stored(Bucket::Evidence, &evidence_key(&after.job_id)).await);
    assert!(!app.is_stored(Bucket::Evidence, &key).await, "not even accounts keep a name");
}
