use blobs::{Error, LockMode, LockState, Retention, Version};
use time::OffsetDateTime;

use super::*;

const KEY: &str = "evidence/0197/1";

/// A clean copy, and the id of its version.
async fn copied(blobs: &Blobs) -> String {
    stored(blobs, "k", PDF).await;
    blobs.copy_to_evidence("k", KEY, PDF.len() as u64).await.unwrap().version.unwrap()
}

fn until(mode: LockMode, seconds: u64) -> Retention {
    let now = Clock::system().now().replace_nanosecond(0).unwrap();
    Retention { mode, until: now + Duration::from_secs(seconds) }
}

async fn state(blobs: &Blobs, version: &str) -> LockState {
    blobs.lock_state(Bucket::Evidence, KEY, version).await.unwrap()
}

async fn keep(blobs: &Blobs, version: &str, retention: Retention) -> Retention {
    blobs.put_retention(Bucket::Evidence, KEY, version, retention).await.unwrap()
}

async fn delete(blobs: &Blobs, bypass: bool) -> Vec<String> {
    let kept = blobs.delete_all(Bucket::Evidence, KEY, bypass).await.unwrap();
    kept.into_iter().map(|version| version.id).collect()
}

#[tokio::test]
async fn a_retention_is_extended_and_never_shortened_or_weakened() {
    let (_test, blobs) = store().await;
    let version = copied(&blobs).await;
    assert_eq!(state(&blobs, &version).await, LockState::default());
    let [short, long] = [600, 3_600].map(|seconds| until(LockMode::Governance, seconds));
    for (wanted, holds) in [(short, short), (short, short), (long, long), (short, long)] {
        assert_eq!(keep(&blobs, &version, wanted).await, holds);
        assert_eq!(state(&blobs, &version).await.retention, Some(holds));
    }
    // Stricter in one regard and laxer in the other: the stricter of each.
    let strict = until(LockMode::Compliance, 60);
    let both = Retention { mode: LockMode::Compliance, until: long.until };
    for wanted in [strict, long, short, both] {
        assert_eq!(keep(&blobs, &version, wanted).await, both);
        assert_eq!(state(&blobs, &version).await, LockState { retention: Some(both), held: false });
    }
}

#[tokio::test]
async fn a_part_of_a_second_is_rounded_up() {
    let (_test, blobs) = store().await;
    let version = copied(&blobs).await;
    let whole = until(LockMode::Governance, 600);
    let asked = Retention { until: whole.until - Duration::from_millis(999), ..whole };
    assert_eq!(keep(&blobs, &version, asked).await, whole);
    assert_eq!(state(&blobs, &version).await.retention, Some(whole));
}

#[tokio::test]
async fn governance_yields_to_a_bypass_and_compliance_does_not() {
    let (_test, blobs) = store().await;
    let version = copied(&blobs).await;
    keep(&blobs, &version, until(LockMode::Governance, 3_600)).await;
    assert_eq!(delete(&blobs, false).await, [version.as_str()]);
    assert_eq!(state(&blobs, &version).await.retention.unwrap().mode, LockMode::Governance);
    assert_eq!(delete(&blobs, true).await, [""; 0]);
    assert_eq!(blobs.versions(Bucket::Evidence, KEY).await.unwrap(), []);

    let version = copied(&blobs).await;
    // Long enough for this test, and no longer: nobody can take it back.
    keep(&blobs, &version, until(LockMode::Compliance, 30)).await;
    for bypass in [false, true] {
        assert_eq!(delete(&blobs, bypass).await, [version.as_str()]);
    }
    assert!(blobs.head(Bucket::Evidence, KEY).await.unwrap().is_some());
}

#[tokio::test]
async fn a_legal_hold_yields_to_nothing_but_its_release() {
    let (_test, blobs) = store().await;
    let version = copied(&blobs).await;
    keep(&blobs, &version, until(LockMode::Governance, 3_600)).await;
    for on in [true, true] {
        blobs.legal_hold(Bucket::Evidence, KEY, &version, on).await.unwrap();
    }
    assert!(state(&blobs, &version).await.held);
    for bypass in [false, true] {
        assert_eq!(delete(&blobs, bypass).await, [version.as_str()]);
    }
    for on in [false, false] {
        blobs.legal_hold(Bucket::Evidence, KEY, &version, on).await.unwrap();
    }
    assert!(!state(&blobs, &version).await.held);
    assert_eq!(delete(&blobs, true).await, [""; 0]);
}

/// What is deleted the usual way stays as a version, with its locks.
#[tokio::test]
async fn every_version_is_found_and_deleted() {
    let (_test, blobs) = store().await;
    let first = copied(&blobs).await;
    let second = copied(&blobs).await;
    blobs.copy_to_evidence("k", "evidence/0197/10", PDF.len() as u64).await.unwrap();
    blobs.legal_hold(Bucket::Evidence, KEY, &first, true).await.unwrap();
    blobs.delete(Bucket::Evidence, KEY).await.unwrap();
    assert_eq!(blobs.head(Bucket::Evidence, KEY).await.unwrap(), None);

    let versions = blobs.versions(Bucket::Evidence, KEY).await.unwrap();
    let brief = |v: &Version| (v.size, v.latest, v.deleted);
    let size = PDF.len() as u64;
    let wanted = [(0, true, true), (size, false, false), (size, false, false)];
    assert_eq!(versions.iter().map(brief).collect::<Vec<_>>(), wanted);
    let stored: Vec<_> = versions[1..].iter().map(|v| v.id.as_str()).collect();
    assert!(stored.contains(&first.as_str()) && stored.contains(&second.as_str()));

    assert_eq!(delete(&blobs, true).await, [first.as_str()]);
    blobs.legal_hold(Bucket::Evidence, KEY, &first, false).await.unwrap();
    for _ in 0..2 {
        assert_eq!(delete(&blobs, false).await, [""; 0]);
    }
    assert_eq!(blobs.versions(Bucket::Evidence, KEY).await.unwrap(), []);
    // The key that only begins with it is another.
    assert_eq!(blobs.versions(Bucket::Evidence, "evidence/0197/10").await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_bucket_without_versions_is_emptied_all_the_same() {
    let (_test, blobs) = store().await;
    stored(&blobs, "k", PDF).await;
    let versions = blobs.versions(Bucket::Intake, "k").await.unwrap();
    assert_eq!(versions.iter().map(|v| v.id.as_str()).collect::<Vec<_>>(), ["null"]);
    assert_eq!(blobs.delete_all(Bucket::Intake, "k", false).await.unwrap(), []);
    assert_eq!(blobs.head(Bucket::Intake, "k").await.unwrap(), None);
}

#[tokio::test]
async fn a_missing_version_is_named() {
    let (_test, blobs) = store().await;
    let version = copied(&blobs).await;
    delete(&blobs, true).await;
    let retention = until(LockMode::Governance, 60);
    let errors = [
        blobs.lock_state(Bucket::Evidence, KEY, &version).await.unwrap_err(),
        blobs.put_retention(Bucket::Evidence, KEY, &version, retention).await.unwrap_err(),
        blobs.legal_hold(Bucket::Evidence, KEY, &version, true).await.unwrap_err(),
    ];
    for error in errors {
        assert!(matches!(&error, Error::Missing(key) if key == KEY), "{error:?}");
    }
}

#[tokio::test]
async fn objects_are_listed_in_pages_by_prefix() {
    let (_test, blobs) = store().await;
    for key in ["a/1", "a/2", "a/3", "b/1"] {
        stored(&blobs, key, PDF).await;
    }
    let page = async |after| {
        let objects = blobs.list(Bucket::Intake, "a/", after, 2).await.unwrap();
        assert!(objects.iter().all(|o| o.size == PDF.len() as u64));
        assert!(objects.iter().all(|o| o.stored_at > OffsetDateTime::UNIX_EPOCH));
        objects.into_iter().map(|object| object.key).collect::<Vec<_>>()
    };
    assert_eq!(page(None).await, ["a/1", "a/2"]);
    assert_eq!(page(Some("a/2")).await, ["a/3"]);
    assert_eq!(page(Some("a/3")).await, [""; 0]);
}

#[tokio::test]
async fn what_is_put_locked_is_kept_from_its_first_moment_on() {
    let (_test, blobs) = store().await;
    let retention = until(LockMode::Compliance, 600);
    let digest = |bytes: &[u8]| <[u8; 32]>::from(Sha256::digest(bytes));
    let put = async |key: &str, bytes: &[u8]| {
        let stored =
            blobs.put_locked(Bucket::Audit, key, "text/plain", bytes.to_vec(), digest(bytes), retention);
        stored.await.unwrap().unwrap()
    };
    let first = put("a/1", b"first").await;
    let second = put("a/1", b"second").await;
    put("b/1", b"other").await;
    let state = blobs.lock_state(Bucket::Audit, "a/1", &first).await.unwrap();
    assert_eq!(state.retention, Some(retention));
    let kept = blobs.delete_all(Bucket::Audit, "a/1", true).await.unwrap();
    assert_eq!(kept.len(), 2);
    let other =
        blobs.put_locked(Bucket::Audit, "c", "text/plain", b"x".to_vec(), digest(b"y"), retention).await;
    other.expect_err("other bytes than their digest");

    // The mark of a deletion hides nothing.
    blobs.delete(Bucket::Audit, "a/1").await.unwrap();
    blobs.get(Bucket::Audit, "a/1").await.expect_err("deleted");
    let read = blobs.get_version(Bucket::Audit, "a/1", Some(&first)).await.unwrap();
    assert_eq!(read.all(5).await.unwrap(), b"first");
    let read = blobs.get_version(Bucket::Audit, "a/1", Some(&second)).await.unwrap();
    assert!(matches!(read.all(5).await, Err(Error::TooLarge { limit: 5 })));
    let found = blobs.walk(Bucket::Audit, "a/", None, 2).await.unwrap();
    let found: Vec<_> = found.iter().filter(|kept| !kept.version.deleted).collect();
    assert!(found.iter().all(|kept| kept.key == "a/1"));
    let mut ids: Vec<_> = found.iter().map(|kept| kept.version.id.clone()).collect();
    let mut wanted = [first, second];
    ids.sort();
    wanted.sort();
    assert_eq!(ids, wanted);
    let page = blobs.walk(Bucket::Audit, "", Some("a/~"), 10).await.unwrap();
    assert_eq!(page.iter().map(|kept| kept.key.as_str()).collect::<Vec<_>>(), ["b/1"]);
}
