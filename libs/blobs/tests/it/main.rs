//! Against a real versitygw.

#![expect(clippy::unwrap_used, reason = "a helper that cannot go on fails its test, and says where")]

mod copies;
mod derived;
mod downloads;
mod locks;
mod multipart;
mod uploads;
mod walks;

use std::time::Duration;

use blobs::{Blobs, Bucket, SignedPut, Upload};
use clock::Clock;
use reqwest::StatusCode;
use sha2::{Digest, Sha256};

const TTL: Duration = Duration::from_secs(900);
const PDF: &[u8] = b"%PDF-1.7 not much of one";

/// Buckets of one's own, and a client signing by the machine's time.
async fn store() -> (testkit::TestS3, Blobs) {
    let test = testkit::s3().await;
    let blobs = Blobs::new(&test.settings, Clock::system()).await;
    (test, blobs)
}

fn upload(bytes: &[u8]) -> Upload<'static> {
    Upload { content_type: "application/pdf", size: bytes.len() as u64, sha256: Sha256::digest(bytes).into() }
}

/// Sends bytes as a browser would: the signed headers, and `content-length` from the body itself.
async fn send(put: &SignedPut, bytes: &[u8]) -> StatusCode {
    let mut request = reqwest::Client::new().put(&put.url).body(bytes.to_vec());
    for (name, value) in put.headers.iter().filter(|(name, _)| *name != "content-length") {
        request = request.header(name, value);
    }
    request.send().await.unwrap().status()
}

/// Puts an object the right way.
async fn stored(blobs: &Blobs, key: &str, bytes: &[u8]) {
    let put = blobs.presign_put(Bucket::Intake, key, &upload(bytes), TTL).await.unwrap();
    assert_eq!(send(&put, bytes).await, StatusCode::OK);
}
