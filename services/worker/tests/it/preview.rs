use proto::document::v1::{DocumentStatus, PreviewFailure, PreviewState};
use sha2::{Digest, Sha256};
use topology::queues::PREVIEW;

use super::harness::*;
use super::sandbox::pdf;

/// Drawn in no time.
const STAMP: (f64, f64) = (200.0, 72.0);
const LETTER: &str = "BT /F1 24 Tf 10 24 Td (Rent for May) Tj ET";

async fn fetch(url: &str) -> (String, Vec<u8>) {
    let answer = reqwest::get(url).await.unwrap().error_for_status().unwrap();
    let kind = answer.headers()["content-type"].to_str().unwrap().to_owned();
    (kind, answer.bytes().await.unwrap().to_vec())
}

#[tokio::test]
async fn pages_and_text_of_what_is_ready_can_be_seen() {
    let app = TestApp::start().await;
    let worker = app.work(&app.config()).await;
    let ada = app.citizen().await;
    let id = app.hand_in(&ada, "application/pdf", &pdf(22, STAMP, LETTER)).await;
    app.becomes(&ada, &id, DocumentStatus::Ready).await;
    let shown = app.previewed(&ada, &id).await;
    assert_eq!((shown.state(), shown.total_pages, shown.pages.len()), (PreviewState::Ready, 22, 20));
    for (number, page) in (1..).zip(&shown.pages) {
        assert_eq!(page.number, number);
        let (kind, bytes) = fetch(&page.url).await;
        let image = image::load_from_memory(&bytes).unwrap();
        assert_eq!(kind, "image/png");
        assert_eq!((image.width(), image.height()), (page.width.unsigned_abs(), page.height.unsigned_abs()));
    }
    let (kind, text) = fetch(&shown.text_url).await;
    assert_eq!(kind, "text/plain; charset=utf-8");
    assert_eq!(String::from_utf8(text).unwrap().matches("Rent for May").count(), 20);
    // The evidence is what was handed in still.
    let evidence = app.s3.client.get_object().bucket(&app.s3.settings.evidence_bucket);
    let evidence = evidence.key(format!("evidence/{id}/1")).send().await.unwrap();
    let bytes = evidence.body.collect().await.unwrap().into_bytes();
    assert_eq!(Sha256::digest(&bytes), Sha256::digest(pdf(22, STAMP, LETTER)));
    app.empty(PREVIEW).await;
    worker.stop().await;
}

#[tokio::test]
async fn a_file_without_a_preview_is_ready_all_the_same_and_says_why_there_is_none() {
    let app = TestApp::start().await;
    let worker = app.work(&app.config()).await;
    let ada = app.citizen().await;
    // A PDF to who looks at its first bytes, and a large image to who reads its header only.
    let mut huge = Vec::new();
    let mut encoder = png::Encoder::new(&mut huge, 60_000, 60_000);
    encoder.set_color(png::ColorType::Grayscale);
    drop(encoder.write_header().unwrap());
    let table = [
        ("application/pdf", &b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\n%%EOF\n"[..], PreviewFailure::Malformed),
        ("image/png", &huge, PreviewFailure::TooManyPixels),
    ];
    for (content_type, bytes, failure) in table {
        let id = app.hand_in(&ada, content_type, bytes).await;
        app.becomes(&ada, &id, DocumentStatus::Ready).await;
        let shown = app.previewed(&ada, &id).await;
        assert_eq!((shown.state(), shown.failure()), (PreviewState::Failed, failure), "{content_type}");
        assert!(shown.pages.is_empty() && shown.text_url.is_empty());
    }
    let id = app.hand_in(&ada, "text/csv", b"month;amount\nmay;1\n").await;
    app.becomes(&ada, &id, DocumentStatus::Ready).await;
    assert_eq!(app.previewed(&ada, &id).await.state(), PreviewState::None);
    app.empty(PREVIEW).await;
    app.empty(&queue::dead_letter_queue(PREVIEW)).await;
    worker.stop().await;
}

#[tokio::test]
async fn a_worker_that_cannot_lock_a_child_down_takes_no_file() {
    let app = TestApp::start().await;
    let ada = app.citizen().await;
    let mut config = app.config();
    config.preview.as_mut().unwrap().program = "/bin/true".into();
    let worker = app.work(&config).await;
    let id = app.hand_in(&ada, "application/pdf", &pdf(1, STAMP, LETTER)).await;
    app.becomes(&ada, &id, DocumentStatus::Ready).await;
    testkit::eventually(SOON, || async {
        let (depth, report) = (app.sqs.sqs.depth(PREVIEW).await.unwrap(), worker.admin.report().await);
        let waits = depth.waiting == 1 && report.status == service::admin::Status::NotReady;
        if waits { Ok(()) } else { Err((depth, report)) }
    })
    .await
    .unwrap();
    worker.stop().await;
    let taken = "select count(*) from previews where claims > 0 or finished_at is not null";
    let taken: i64 = sqlx::query_scalar(taken).fetch_one(&mut app.databases.0.admin().await).await.unwrap();
    assert_eq!(taken, 0, "no file was looked at");
    // Another one does it.
    let worker = app.work(&app.config()).await;
    assert_eq!(app.previewed(&ada, &id).await.state(), PreviewState::Ready);
    worker.stop().await;
}
