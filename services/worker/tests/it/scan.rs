use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use proto::document::v1::{DocumentStatus, RejectionReason};
use queue::Outgoing;
use service::admin::Status;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use topology::queues::SCAN;

use super::harness::*;

const PDF: &[u8] = b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\n%%EOF\n";

#[tokio::test]
async fn what_is_clean_and_as_declared_is_copied_and_ready() {
    let app = TestApp::start().await;
    let worker = app.work(&app.config()).await;
    let ada = app.citizen().await;
    for (content_type, bytes) in [("application/pdf", PDF), ("text/csv", b"month;amount\nmay;1\n")] {
        let id = app.hand_in(&ada, content_type, bytes).await;
        let document = app.becomes(&ada, &id, DocumentStatus::Ready).await;
        assert_eq!(document.rejection_reason(), RejectionReason::Unspecified);
    }
    app.empty(SCAN).await;
    worker.stop().await;
}

#[tokio::test]
async fn what_is_infected_or_something_else_is_refused_with_a_reason() {
    let app = TestApp::start().await;
    let worker = app.work(&app.config()).await;
    let ada = app.citizen().await;
    let table = [
        ("text/plain", EICAR, RejectionReason::Infected),
        (
            "application/pdf",
            &b"This is not a PDF, whatever its name says.\n"[..],
            RejectionReason::TypeMismatch,
        ),
        ("image/png", PDF, RejectionReason::TypeMismatch),
        ("text/plain", b"caf\xe9\n", RejectionReason::TypeMismatch),
    ];
    for (content_type, bytes, reason) in table {
        let id = app.hand_in(&ada, content_type, bytes).await;
        let document = app.becomes(&ada, &id, DocumentStatus::Rejected).await;
        assert_eq!(document.rejection_reason(), reason, "{content_type}");
    }
    let evidence =
        app.s3.client.list_objects_v2().bucket(&app.s3.settings.evidence_bucket).send().await.unwrap();
    assert_eq!(evidence.key_count(), Some(0));
    worker.stop().await;
}

#[tokio::test]
async fn a_job_that_comes_again_changes_nothing() {
    let app = TestApp::start().await;
    let ada = app.citizen().await;
    let id = app.hand_in(&ada, "application/pdf", PDF).await;
    // The body is kept before anybody works on it.
    let body = testkit::eventually(SOON, || async {
        let url = app.sqs.client.get_queue_url().queue_name(app.sqs.name(SCAN)).send().await.unwrap();
        let received =
            app.sqs.client.receive_message().queue_url(url.queue_url().unwrap()).visibility_timeout(0).send();
        received.await.unwrap().messages().first().and_then(|m| m.body().map(str::to_owned)).ok_or("no job")
    });
    let body = body.await.unwrap();
    let worker = app.work(&app.config()).await;
    let ready = app.becomes(&ada, &id, DocumentStatus::Ready).await;
    for _ in 0..3 {
        app.sqs.sqs.send(SCAN, &Outgoing::body(&body), std::time::Duration::ZERO).await.unwrap();
    }
    app.empty(SCAN).await;
    app.empty(&queue::dead_letter_queue(SCAN)).await;
    assert_eq!(app.document(&ada, &id).await, ready);
    worker.stop().await;
}

#[tokio::test]
async fn clamd_away_delays_and_loses_nothing() {
    let app = TestApp::start().await;
    let ada = app.citizen().await;
    let clamd = Proxy::closed().await;
    let mut config = app.config();
    config.scan.as_mut().unwrap().clamd = clamd.addr.to_string();
    let worker = app.work(&config).await;
    let id = app.hand_in(&ada, "application/pdf", PDF).await;
    // The job waits in the queue, and the worker says why it does not take it.
    testkit::eventually(SOON, || async {
        let (depth, report) = (app.sqs.sqs.depth(SCAN).await.unwrap(), worker.admin.report().await);
        let waits = depth.waiting == 1 && depth.in_flight == 0 && report.status == Status::NotReady;
        if waits { Ok(()) } else { Err((depth, report)) }
    })
    .await
    .unwrap();
    assert_eq!(app.document(&ada, &id).await.status(), DocumentStatus::Uploaded);
    let open = clamd.open(0).await;
    app.becomes(&ada, &id, DocumentStatus::Ready).await;
    app.empty(SCAN).await;
    // A report is up to a second old.
    testkit::eventually(SOON, || async {
        let report = worker.admin.report().await;
        if report.status == Status::Ready { Ok(()) } else { Err(report) }
    })
    .await
    .unwrap();
    worker.stop().await;
    open.abort();
}

#[tokio::test]
async fn a_scan_that_is_cut_is_done_again_under_the_same_lease() {
    let app = TestApp::start().await;
    let ada = app.citizen().await;
    let clamd = Proxy::closed().await;
    let open = clamd.open(2).await;
    let mut config = app.config();
    config.scan.as_mut().unwrap().clamd = clamd.addr.to_string();
    let worker = app.work(&config).await;
    let id = app.hand_in(&ada, "application/pdf", PDF).await;
    // Far sooner than the five minutes that the lease lasts.
    app.becomes(&ada, &id, DocumentStatus::Ready).await;
    assert_eq!(clamd.cut.load(Ordering::SeqCst), 2);
    worker.stop().await;
    open.abort();
}

#[tokio::test]
async fn an_object_that_brings_clamd_down_each_time_is_unscannable() {
    let app = TestApp::start().await;
    let ada = app.citizen().await;
    let clamd = Proxy::closed().await;
    let open = clamd.open(u32::MAX).await;
    let mut config = app.config();
    config.scan.as_mut().unwrap().clamd = clamd.addr.to_string();
    let worker = app.work(&config).await;
    let id = app.hand_in(&ada, "application/pdf", PDF).await;
    let document = app.becomes(&ada, &id, DocumentStatus::Rejected).await;
    assert_eq!(document.rejection_reason(), RejectionReason::Unscannable);
    worker.stop().await;
    open.abort();
}

/// Stands between the worker and the real clamd.
struct Proxy {
    addr: SocketAddr,
    /// How many scans were cut in the middle.
    cut: Arc<AtomicU32>,
}

impl Proxy {
    /// An address nobody listens on.
    async fn closed() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        Self { addr: listener.local_addr().unwrap(), cut: Arc::default() }
    }

    /// Passes everything on, but cuts the first `cut` scans off; a `PING` is never cut.
    async fn open(&self, cut: u32) -> JoinHandle<()> {
        let listener = TcpListener::bind(self.addr).await.unwrap();
        let done = Arc::clone(&self.cut);
        tokio::spawn(async move {
            loop {
                let (mut client, _) = listener.accept().await.unwrap();
                let done = Arc::clone(&done);
                tokio::spawn(async move {
                    let mut command = [0; 2];
                    client.read_exact(&mut command).await.unwrap();
                    if &command == b"zI" && done.load(Ordering::SeqCst) < cut {
                        done.fetch_add(1, Ordering::SeqCst);
                        return;
                    }
                    let mut server = TcpStream::connect(testkit::env().clamd_addr()).await.unwrap();
                    server.write_all(&command).await.unwrap();
                    let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
                });
            }
        })
    }
}
