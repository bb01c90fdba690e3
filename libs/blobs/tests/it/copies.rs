use blobs::Error;

use super::*;

#[tokio::test]
async fn a_copy_has_size_type_and_digest_of_its_original_and_a_version() {
    let (_test, blobs) = store().await;
    stored(&blobs, "riverton/a b", PDF).await;
    let copied = blobs.copy_to_evidence("riverton/a b", "evidence/0197/1", PDF.len() as u64).await.unwrap();
    let head = blobs.head(Bucket::Evidence, "evidence/0197/1").await.unwrap().unwrap();
    assert_eq!(head.size, PDF.len() as u64);
    assert_eq!(head.sha256, Some(Sha256::digest(PDF).into()));
    assert_eq!(head.content_type.as_deref(), Some("application/pdf"));
    assert!(head.version.is_some());
    assert_eq!(copied.version, head.version);
    assert!(copied.sha256.is_none_or(|digest| Some(digest) == head.sha256));
    // Again, as after a worker was killed before it reported.
    blobs.copy_to_evidence("riverton/a b", "evidence/0197/1", PDF.len() as u64).await.unwrap();
    let again = blobs.head(Bucket::Evidence, "evidence/0197/1").await.unwrap().unwrap();
    assert_eq!((again.size, again.sha256), (head.size, head.sha256));
}

#[tokio::test]
async fn a_missing_original_is_named_and_leaves_no_copy() {
    let (_test, blobs) = store().await;
    let error = blobs.copy_to_evidence("nothing", "evidence/0197/1", 1).await.unwrap_err();
    assert!(matches!(&error, Error::Missing(key) if key == "nothing"), "{error:?}");
    assert_eq!(blobs.head(Bucket::Evidence, "evidence/0197/1").await.unwrap(), None);
}

#[tokio::test]
async fn deleting_is_repeatable() {
    let (_test, blobs) = store().await;
    stored(&blobs, "k", PDF).await;
    blobs.delete(Bucket::Intake, "k").await.unwrap();
    assert_eq!(blobs.head(Bucket::Intake, "k").await.unwrap(), None);
    blobs.delete(Bucket::Intake, "k").await.unwrap();
}

#[tokio::test]
async fn a_store_that_is_away_or_lacks_a_bucket_says_so() {
    let test = testkit::s3().await;
    let mut settings = test.settings.clone();
    settings.evidence_bucket = "guildhall-nobody".to_owned();
    let error = Blobs::new(&settings, Clock::system()).await.check().await.unwrap_err();
    assert!(matches!(&error, Error::Missing(name) if name == "guildhall-nobody"), "{error:?}");

    let free = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap();
    settings.endpoint = format!("http://{free}").parse().unwrap();
    let error = Blobs::new(&settings, Clock::system()).await.check().await.unwrap_err();
    assert!(error.is_transient(), "{error:?}");
}
