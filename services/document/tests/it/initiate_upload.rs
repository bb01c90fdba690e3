use blobs::Bucket;
use proto::document::v1;
use rpc_error::{Code, reason};
use time::Duration;

use crate::harness::{File, Result, TestApp, assert_refused, at, intake_key, put};

#[tokio::test(flavor = "multi_thread")]
async fn a_citizen_gets_a_document_and_an_upload_of_exactly_its_bytes() {
    let app = TestApp::start().await;
    let (ada, file) = (app.ada(), File::pdf("Ada"));
    let now = app.clock.now();

    let initiated = ada.initiate(&file).await.unwrap();
    let (document, upload) = (initiated.document.unwrap(), initiated.upload.unwrap());
    assert_eq!(document.status(), v1::DocumentStatus::PendingUpload);
    assert_eq!(document.owner, "ada");
    assert_eq!(document.purpose, "identity");
    assert_eq!(document.file_name, file.name);
    assert_eq!((document.size_bytes, &document.sha256), (file.size(), &file.sha256()));
    assert_eq!(document.rejection_reason(), v1::RejectionReason::Unspecified);
    assert_eq!(document.detected_content_type, "");
    assert_eq!((at(document.created_at), at(document.updated_at)), (now, now));
    assert_eq!(at(document.upload_expires_at), now + Duration::hours(24));
    let left = at(upload.expires_at) - now;
    assert!(left > Duration::minutes(14) && left <= Duration::minutes(15), "{left}");
    assert!(!upload.url.contains("passport"), "a key holds ids only");

    for (bytes, what) in [(&b"%PDF"[..], "fewer bytes"), (&[0; 12][..], "other bytes")] {
        assert!(put(&upload, bytes).await >= 400, "{what}");
    }
    assert!(!app.is_stored(Bucket::Intake, &intake_key(&document.document_id)).await);
    assert_eq!(put(&upload, &file.bytes).await, 200);
    assert_eq!(put(&upload, &file.bytes).await, 200, "the same bytes again change nothing");
    assert!(app.is_stored(Bucket::Intake, &intake_key(&document.document_id)).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expired_signature_stores_nothing() {
    let app = TestApp::start().await;
    let (now, file) = (app.clock.now(), File::pdf("Ada"));
    app.clock.set(now - Duration::hours(1));
    let initiated = app.ada().initiate(&file).await.unwrap();
    app.clock.set(now);

    let document = initiated.document.unwrap();
    assert_eq!(put(&initiated.upload.unwrap(), &file.bytes).await, 403);
    assert!(!app.is_stored(Bucket::Intake, &intake_key(&document.document_id)).await);
    let fresh = app.ada().refresh(&document.document_id).await.unwrap();
    assert_eq!(put(&fresh.upload.unwrap(), &file.bytes).await, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_rule_that_a_declaration_breaks_has_its_own_reason() {
    let app = TestApp::start().await;
    let good = File::pdf("Ada").declaration();
    let with = |change: &dyn Fn(&mut v1::InitiateUploadRequest)| {
        let mut declaration = good.clone();
        change(&mut declaration);
        declaration
    };
    let refused = [
        ("purpose", reason::UNKNOWN_PURPOSE, with(&|d| d.purpose = "tax".into())),
        ("file_name", reason::FILE_NAME_INVALID, with(&|d| d.file_name = "../passwd".into())),
        ("file_name", reason::FILE_NAME_INVALID, with(&|d| d.file_name = "..".into())),
        ("file_name", reason::FILE_NAME_INVALID, with(&|d| d.file_name = "a\u{0}.pdf".into())),
        ("file_name", reason::FILE_NAME_INVALID, with(&|d| d.file_name = "a\u{202e}fdp.exe".into())),
        ("file_name", reason::FILE_NAME_INVALID, with(&|d| d.file_name = String::new())),
        ("file_name", reason::FILE_NAME_INVALID, with(&|d| d.file_name = "a".repeat(256))),
        ("content_type", reason::CONTENT_TYPE_NOT_ALLOWED, with(&|d| d.content_type = "text/html".into())),
        ("content_type", reason::CONTENT_TYPE_NOT_ALLOWED, with(&|d| d.content_type = "pdf".into())),
        ("size_bytes", reason::FILE_EMPTY, with(&|d| d.size_bytes = 0)),
        ("size_bytes", reason::FILE_EMPTY, with(&|d| d.size_bytes = -1)),
        ("size_bytes", reason::FILE_TOO_LARGE, with(&|d| d.size_bytes = 20 * 1024 * 1024 + 1)),
        ("sha256", reason::DIGEST_INVALID, with(&|d| d.sha256 = vec![1; 31])),
    ];
    for (field, reason, declaration) in refused {
        let error = app.ada().declare(declaration).await.unwrap_err();
        let code = if reason == reason::FILE_TOO_LARGE { Code::TooLarge } else { Code::InvalidArgument };
        assert_eq!((error.code(), error.reason()), (code, reason));
        let fields: Vec<_> = error.violations().iter().map(|violation| violation.field.as_str()).collect();
        assert_eq!(fields, [field], "{reason}");
    }
    assert_eq!(app.count("select count(*) from documents").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_broken_rule_is_told_at_once() {
    let app = TestApp::start().await;
    let declaration = v1::InitiateUploadRequest {
        purpose: "tax".into(),
        file_name: "a/b".into(),
        content_type: "text/html".into(),
        size_bytes: 0,
        sha256: vec![],
    };
    let error = app.ada().declare(declaration).await.unwrap_err();
    let told: Vec<_> = error.violations().iter().map(|v| format!("{} {}", v.field, v.rule)).collect();
    insta::assert_snapshot!(told.join("\n"), @r"
    purpose must be one of address, identity, income, recording, statement
    file_name must be a name, not a path
    content_type must be application/pdf, audio/mpeg, audio/ogg, image/jpeg, image/png, text/csv, text/plain, video/mp4, video/webm
    size_bytes must be at least 1 byte
    sha256 must be the SHA-256 of the file, 32 bytes
    ");
    assert_eq!(error.reason(), reason::UNKNOWN_PURPOSE);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_citizens_hand_in_evidence_and_only_staff_their_lists() {
    let app = TestApp::start().await;
    let file = File::pdf("Ada");
    for actor in [app.worker(), app.service("svc-notification", "riverton")] {
        assert_refused(actor.initiate(&file).await, Code::PermissionDenied, reason::PERMISSION_DENIED);
    }
    let sam = app.staff("sam", "riverton");
    assert_refused(sam.initiate(&file).await, Code::InvalidArgument, reason::UNKNOWN_PURPOSE);
    let list = File {
        name: "bills.csv".to_owned(),
        purpose: "bill-run".to_owned(),
        content_type: "text/csv".to_owned(),
        bytes: b"reference,payer\n".to_vec(),
    };
    assert_refused(app.ada().initiate(&list).await, Code::InvalidArgument, reason::UNKNOWN_PURPOSE);
    // What one of the staff hands in no other goes on with, and the worker opens it once it is ready.
    let id = app.sent(&sam, &list).await;
    let lea = app.staff("lea", "riverton").confirm(&id).await;
    assert_refused(lea, Code::NotFound, reason::DOCUMENT_NOT_FOUND);
    assert_refused(app.worker().open(&id).await, Code::Locked, reason::DOCUMENT_NOT_SCANNED);
    let (id, _) = app.ready(&sam, &list).await;
    let opened = app.worker().open(&id).await.unwrap();
    assert_eq!(opened.purpose, "bill-run");
    let (evidence, _) = app.ready(&app.ada(), &file).await;
    assert_refused(app.worker().open(&evidence).await, Code::NotFound, reason::DOCUMENT_NOT_FOUND);
    let anonymous = app.ada().client().initiate_upload(file.declaration()).await.map_err(Into::into);
    let anonymous: Result<_> = anonymous;
    assert_refused(anonymous, Code::Unauthenticated, reason::TOKEN_MISSING);
}
