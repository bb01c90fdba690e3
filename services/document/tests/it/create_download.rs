use blobs::Bucket;
use proto::document::v1;
use rpc_error::{Code, reason};
use sqlx::Row as _;
use time::{Duration, OffsetDateTime};

use crate::harness::{File, SOON, TestApp, assert_refused, at, fetch, intake_key};

#[tokio::test(flavor = "multi_thread")]
async fn a_ready_document_is_downloaded_as_it_was_sent() {
    let app = TestApp::start().await;
    let (ada, mut file) = (app.ada(), File::pdf("Ada"));
    file.name = "Pass \"Ada\"; ü.pdf".to_owned();
    let (id, _) = app.ready(&ada, &file).await;

    let download = ada.download(&id).await.unwrap();
    let left = at(download.expires_at) - app.clock.now();
    assert!(left > Duration::seconds(50) && left <= Duration::minutes(1), "{left}: an identity is sensitive");
    let (status, headers, bytes) = fetch(&download.url).await;
    assert_eq!((status, bytes), (200, file.bytes));
    assert_eq!(headers["content-type"], "application/pdf");
    let disposition = &headers["content-disposition"];
    assert!(disposition.starts_with("attachment") && disposition.contains("%C3%BC.pdf"), "{disposition}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_sensitive_is_signed_for_longer() {
    let app = TestApp::start().await;
    let (ada, mut file) = (app.ada(), File::pdf("Ada"));
    file.purpose = "address".to_owned();
    let (id, _) = app.ready(&ada, &file).await;
    let left = at(ada.download(&id).await.unwrap().expires_at) - app.clock.now();
    assert!(left > Duration::minutes(4) && left <= Duration::minutes(5), "{left}");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_download_is_logged_with_its_event() {
    let app = TestApp::start().await;
    let ada = app.ada();
    let (id, _) = app.ready(&ada, &File::pdf("Ada")).await;
    ada.download(&id).await.unwrap();
    app.staff("sam", "riverton").download(&id).await.unwrap();

    let events = app.events(&id).await;
    let accessed: Vec<_> = events.iter().filter(|event| event.type_.ends_with(".accessed.v1")).collect();
    let accessors: Vec<_> =
        accessed.iter().map(|event| event.decode::<v1::DocumentAccessed>().unwrap().accessor).collect();
    assert_eq!(accessors, ["ada", "sam"]);
    let rows = sqlx::query("select event_id::text, accessor, client_id, accessed_at, expires_at from access_log order by accessor")
        .fetch_all(&mut app.db.admin().await)
        .await
        .unwrap();
    assert_eq!(rows.len(), 2);
    for (row, event) in rows.iter().zip(accessed) {
        assert_eq!(row.get::<String, _>("event_id"), event.id.to_string());
        assert_eq!(row.get::<String, _>("client_id"), "portal");
        let (from, until): (OffsetDateTime, OffsetDateTime) = (row.get("accessed_at"), row.get("expires_at"));
        assert_eq!(from, app.clock.now());
        assert!(until - from <= Duration::minutes(5));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_readable_before_its_verdict() {
    let app = TestApp::start().await;
    let ada = app.ada();
    let pending = app.sent(&ada, &File::pdf("1")).await;
    let (uploaded, _) = app.uploaded(&ada, &File::pdf("2")).await;
    let (scanning, _) = app.scanning(&ada, &File::pdf("3")).await;
    app.copy(&scanning).await;
    for id in [pending, uploaded, scanning] {
        for actor in [&ada, &app.staff("sam", "riverton")] {
            assert_refused(actor.download(&id).await, Code::Locked, reason::DOCUMENT_NOT_SCANNED);
        }
    }
    assert_eq!(app.count("select count(*) from access_log").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_refused_or_never_came_is_not_readable() {
    let app = TestApp::start().await;
    let ada = app.ada();
    let (rejected, _) = app.rejected(&ada, &File::pdf("1")).await;
    assert_refused(ada.download(&rejected).await, Code::Conflict, reason::DOCUMENT_REJECTED);

    let id = ada.initiate(&File::pdf("2")).await.unwrap().document.unwrap().document_id;
    app.clock.advance(std::time::Duration::from_secs(24 * 60 * 60));
    let expired = testkit::eventually(SOON, || async {
        let error = ada.download(&id).await.unwrap_err();
        if error.reason() == reason::UPLOAD_EXPIRED { Ok(error.code()) } else { Err(error) }
    });
    assert_eq!(expired.await.unwrap(), Code::Gone);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_signature_reads_nothing() {
    let app = TestApp::start().await;
    let ada = app.ada();
    let (id, _) = app.ready(&ada, &File::pdf("Ada")).await;
    let now = app.clock.now();
    app.clock.set(now - Duration::minutes(6));
    let url = ada.download(&id).await.unwrap().url;
    assert_eq!(fetch(&url).await.0, 403);
}

#[tokio::test(flavor = "multi_thread")]
async fn others_documents_do_not_exist() {
    let app = TestApp::start().await;
    let (id, _) = app.ready(&app.ada(), &File::pdf("Ada")).await;
    for actor in
        [app.citizen("ben", "riverton"), app.citizen("ada", "lakeside"), app.staff("lea", "lakeside")]
    {
        assert_refused(actor.download(&id).await, Code::NotFound, reason::DOCUMENT_NOT_FOUND);
    }
    assert_refused(app.worker().download(&id).await, Code::PermissionDenied, reason::PERMISSION_DENIED);
    assert_eq!(app.count("select count(*) from access_log").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_evidence_stays_readable_once_the_upload_is_deleted() {
    let app = TestApp::start().await;
    let (ada, file) = (app.ada(), File::pdf("Ada"));
    let (id, _) = app.ready(&ada, &file).await;
    let gone = testkit::eventually(SOON, || async {
        let stored = app.is_stored(Bucket::Intake, &intake_key(&id)).await;
        if stored { Err("still stored") } else { Ok(()) }
    });
    gone.await.unwrap();
    let url = ada.download(&id).await.unwrap().url;
    assert_eq!(fetch(&url).await.2, file.bytes);
}
