use time::OffsetDateTime;

use super::*;

#[tokio::test]
async fn the_declared_bytes_are_stored_with_size_type_and_digest() {
    let (_test, blobs) = store().await;
    let put = blobs.presign_put(Bucket::Intake, "riverton/a b+ü", &upload(PDF), TTL).await.unwrap();
    assert_eq!(send(&put, PDF).await, StatusCode::OK);
    let head = blobs.head(Bucket::Intake, "riverton/a b+ü").await.unwrap().unwrap();
    assert_eq!(head.size, PDF.len() as u64);
    assert_eq!(head.sha256, Some(Sha256::digest(PDF).into()));
    assert_eq!(head.content_type.as_deref(), Some("application/pdf"));
    assert_eq!(blobs.head(Bucket::Intake, "riverton/other").await.unwrap(), None);
}

/// Whatever is sent to a signed URL but the declared bytes: nothing is stored.
#[tokio::test]
async fn nothing_but_the_declared_bytes_is_stored() {
    let (_test, blobs) = store().await;
    let put = blobs.presign_put(Bucket::Intake, "k", &upload(PDF), TTL).await.unwrap();

    let same_length: Vec<u8> = PDF.iter().map(|b| b ^ 1).collect();
    let other_type = {
        let mut put = put.clone();
        put.headers.insert("content-type".to_owned(), "text/html".to_owned());
        put
    };
    let no_digest = {
        let mut put = put.clone();
        put.headers.remove("x-amz-checksum-sha256");
        put
    };
    let own_digest = {
        let mut put = put.clone();
        let digest =
            blobs.presign_put(Bucket::Intake, "k", &upload(&same_length), TTL).await.unwrap().headers;
        put.headers.insert("x-amz-checksum-sha256".to_owned(), digest["x-amz-checksum-sha256"].clone());
        put
    };
    let other_key = SignedPut { url: put.url.replace("/k?", "/l?"), ..put.clone() };
    let other_bucket = SignedPut { url: put.url.replace("intake", "evidence"), ..put.clone() };
    let longer =
        SignedPut { url: put.url.replace("X-Amz-Expires=900", "X-Amz-Expires=86400"), ..put.clone() };
    let table = [
        ("shorter", &put, &PDF[1..], 403),
        ("longer", &put, &[PDF, b"!"].concat()[..], 403),
        ("empty", &put, b"", 403),
        ("other bytes of the same length", &put, &same_length[..], 400),
        ("another type", &other_type, PDF, 403),
        ("no digest", &no_digest, PDF, 403),
        ("the digest of other bytes", &own_digest, &same_length[..], 403),
        ("another key", &other_key, PDF, 403),
        ("another bucket", &other_bucket, PDF, 403),
        ("a longer life", &longer, PDF, 403),
    ];
    for (what, put, bytes, status) in table {
        assert_eq!(send(put, bytes).await.as_u16(), status, "{what}");
        for key in ["k", "l"] {
            for bucket in [Bucket::Intake, Bucket::Evidence] {
                assert_eq!(blobs.head(bucket, key).await.unwrap(), None, "{what}");
            }
        }
    }
    // The URL itself was good all along.
    assert_eq!(send(&put, PDF).await, StatusCode::OK);
}

#[tokio::test]
async fn an_expired_signature_stores_nothing() {
    let (test, _) = store().await;
    let clock = Clock::frozen(OffsetDateTime::from(std::time::UNIX_EPOCH));
    clock.set(Clock::system().now() - Duration::from_secs(901));
    let blobs = Blobs::new(&test.settings, clock).await;
    let put = blobs.presign_put(Bucket::Intake, "late", &upload(PDF), TTL).await.unwrap();
    assert!(put.expires_at < Clock::system().now());
    assert_eq!(send(&put, PDF).await, StatusCode::FORBIDDEN);
    assert_eq!(blobs.head(Bucket::Intake, "late").await.unwrap(), None);
}

#[tokio::test]
async fn a_reused_url_takes_the_same_bytes_only() {
    let (_test, blobs) = store().await;
    let put = blobs.presign_put(Bucket::Intake, "k", &upload(PDF), TTL).await.unwrap();
    assert_eq!(send(&put, PDF).await, StatusCode::OK);
    assert_eq!(send(&put, PDF).await, StatusCode::OK);
    let other: Vec<u8> = PDF.iter().rev().copied().collect();
    assert_eq!(send(&put, &other).await, StatusCode::BAD_REQUEST);
    let head = blobs.head(Bucket::Intake, "k").await.unwrap().unwrap();
    assert_eq!(head.sha256, Some(Sha256::digest(PDF).into()));
}

#[tokio::test]
async fn urls_are_signed_for_the_public_endpoint() {
    let test = testkit::s3().await;
    let mut settings = test.settings.clone();
    settings.public_endpoint = "https://files.example.org".parse().unwrap();
    let blobs = Blobs::new(&settings, Clock::system()).await;
    let put = blobs.presign_put(Bucket::Intake, "k", &upload(PDF), TTL).await.unwrap();
    assert!(
        put.url.starts_with(&format!("https://files.example.org/{}/k?", settings.intake_bucket)),
        "{}",
        put.url
    );
    // What it does itself goes to the other one.
    blobs.check().await.unwrap();
}
