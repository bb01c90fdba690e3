use super::*;

#[tokio::test]
async fn what_is_put_has_its_digest_and_other_bytes_are_refused() {
    let (_test, blobs) = store().await;
    let sha256: [u8; 32] = Sha256::digest(PDF).into();
    for _ in 0..2 {
        blobs.put(Bucket::Evidence, "preview/a/1/01.png", PDF.into(), "image/png", sha256).await.unwrap();
    }
    let head = blobs.head(Bucket::Evidence, "preview/a/1/01.png").await.unwrap().unwrap();
    assert_eq!((head.size, head.sha256), (PDF.len() as u64, Some(sha256)));
    assert_eq!(head.content_type.as_deref(), Some("image/png"));

    let other = blobs.put(Bucket::Evidence, "preview/a/1/02.png", PDF.into(), "image/png", [0; 32]).await;
    assert!(matches!(other, Err(blobs::Error::Request { .. })), "{other:?}");
    assert_eq!(blobs.head(Bucket::Evidence, "preview/a/1/02.png").await.unwrap(), None);
}

#[tokio::test]
async fn everything_under_a_prefix_goes_in_all_versions_and_nothing_beside_it() {
    let (test, blobs) = store().await;
    let sha256: [u8; 32] = Sha256::digest(PDF).into();
    let keys = ["preview/a/1/01.png", "preview/a/1/text.txt", "preview/a/10/01.png", "preview/b/1/01.png"];
    for key in keys {
        for _ in 0..2 {
            blobs.put(Bucket::Evidence, key, PDF.into(), "image/png", sha256).await.unwrap();
        }
    }
    // A mark of a deletion hides versions that are still there.
    blobs.delete(Bucket::Evidence, keys[0]).await.unwrap();
    blobs.delete_under(Bucket::Evidence, "preview/a/1/").await.unwrap();
    let listed =
        test.client.list_object_versions().bucket(&test.settings.evidence_bucket).send().await.unwrap();
    let mut left: Vec<_> = listed.versions().iter().filter_map(|version| version.key()).collect();
    left.dedup();
    assert_eq!(left, keys[2..]);
    assert!(listed.delete_markers().is_empty());
    blobs.delete_under(Bucket::Evidence, "preview/a/1/").await.unwrap();
}
