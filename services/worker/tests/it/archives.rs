//! What cannot be looked into is told, and nothing that can be is refused for being an archive.

use evidence::archive::Layout;
use proto::document::v1::{DocumentStatus, RejectionReason};
use worker::pdf;

use super::harness::*;

fn zip(name: &str, bytes: &[u8]) -> Vec<u8> {
    let mut layout = Layout::default();
    let head = layout.whole(name, bytes).unwrap();
    [&head, bytes, &layout.finish()].concat()
}

/// An archive in an archive, `depth` times.
fn nest(bytes: &[u8], depth: usize) -> Vec<u8> {
    (0..depth).fold(bytes.to_vec(), |inner, _| zip("inner.zip", &inner))
}

fn replace(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let at = bytes.windows(from.len()).position(|window| window == from).unwrap();
    [&bytes[..at], to, &bytes[at + from.len()..]].concat()
}

#[tokio::test]
async fn what_cannot_be_looked_into_is_unscannable() {
    let app = TestApp::start().await;
    let worker = app.work(&app.config()).await;
    let ada = app.citizen().await;
    let disguised = replace(pdf::LOCKED, b"/Encrypt 5 0 R", b"/#45ncrypt 5 0 R");
    let table = [
        ("a bomb", &include_bytes!("../samples/bomb.zip")[..]),
        ("too deep", &nest(b"a letter", 5)),
        ("zip -P", include_bytes!("../samples/locked.zip")),
        ("AES", include_bytes!("../samples/locked-aes.zip")),
        ("ODF with a password", include_bytes!("../samples/locked.odt")),
        ("cut off", &zip("a", b"a letter")[..40]),
        ("behind a PDF", &[b"%PDF-1.7\n%%EOF\n", &zip("a", b"a letter")[..]].concat()),
        ("PDF with a password", pdf::LOCKED),
        ("PDF with a password, AES-256", include_bytes!("../samples/locked-256.pdf")),
        ("PDF with a password that clamd does not see", &disguised),
    ];
    for (what, bytes) in table {
        let id = app.hand_in(&ada, "application/pdf", bytes).await;
        let document = app.becomes(&ada, &id, DocumentStatus::Rejected).await;
        assert_eq!(document.rejection_reason(), RejectionReason::Unscannable, "{what}");
    }
    worker.stop().await;
}

#[tokio::test]
async fn a_virus_in_an_archive_in_an_archive_is_found() {
    let app = TestApp::start().await;
    let worker = app.work(&app.config()).await;
    let ada = app.citizen().await;
    // The second is beyond the limits too: what is worse is told.
    for depth in [2, 5] {
        let id = app.hand_in(&ada, "application/pdf", &nest(EICAR, depth)).await;
        let document = app.becomes(&ada, &id, DocumentStatus::Rejected).await;
        assert_eq!(document.rejection_reason(), RejectionReason::Infected, "{depth} deep");
    }
    worker.stop().await;
}

#[tokio::test]
async fn what_can_be_looked_into_is_ready() {
    const DOCX: &str = "application/vnd.openxmlformats-officedocument.wordprocessingml.document";
    const ODT: &str = "application/vnd.oasis.opendocument.text";
    let app = TestApp::start().await;
    app.allow(&["application/pdf", "application/zip", DOCX, ODT]).await;
    let worker = app.work(&app.config()).await;
    let ada = app.citizen().await;
    let table = [
        ("application/zip", &include_bytes!("../samples/info-zip-streamed.zip")[..]),
        ("application/zip", &nest(b"a letter", 3)),
        (DOCX, include_bytes!("../samples/letter.docx")),
        (ODT, include_bytes!("../samples/letter.odt")),
        // Everybody reads them; a password is needed to change them.
        ("application/pdf", include_bytes!("../samples/owner.pdf")),
        ("application/pdf", include_bytes!("../samples/owner-256.pdf")),
    ];
    for (content_type, bytes) in table {
        let id = app.hand_in(&ada, content_type, bytes).await;
        let document = app.becomes(&ada, &id, DocumentStatus::Ready).await;
        assert_eq!(document.detected_content_type, content_type);
    }
    worker.stop().await;
}
