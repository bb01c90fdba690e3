use std::collections::BTreeMap;

use blobs::{Blobs, Bucket};

use crate::{PDF, store, stored};

/// Every key, with how many versions and marks of deletions it has.
async fn walked(blobs: &Blobs, bucket: Bucket, limit: u16) -> BTreeMap<String, (usize, usize)> {
    let (mut found, mut after) = (BTreeMap::new(), None);
    loop {
        let kept = blobs.walk(bucket, "", after.as_deref(), limit).await.unwrap();
        let Some(last) = kept.last() else { return found };
        let next = Some(last.key.clone());
        assert!(next > after, "it goes forward");
        let keys: BTreeMap<_, _> = kept.iter().map(|kept| (kept.key.clone(), (0, 0))).collect();
        assert!(keys.keys().all(|key| !found.contains_key(key)), "a key is given once, and whole");
        found.extend(keys);
        for kept in kept {
            let (versions, marks) = found.get_mut(&kept.key).unwrap();
            *if kept.version.deleted { marks } else { versions } += 1;
        }
        after = next;
    }
}

#[tokio::test]
async fn a_walk_gives_every_version_and_every_mark_of_a_deletion_once() {
    let (_test, blobs) = store().await;
    let mut wanted = BTreeMap::new();
    for number in 1..=9_usize {
        let key = format!("evidence/{number:02}/1");
        stored(&blobs, &format!("intake/{number:02}/1"), PDF).await;
        // The fifth has more than any page.
        let copies = if number == 5 { 9 } else { number % 3 + 1 };
        for _ in 0..copies {
            blobs.copy_to_evidence(&format!("intake/{number:02}/1"), &key, 1).await.unwrap();
        }
        let hidden = usize::from(number % 4 == 0);
        if hidden == 1 {
            blobs.delete(Bucket::Evidence, &key).await.unwrap();
        }
        wanted.insert(key, (copies, hidden));
    }
    for limit in [4, 7, 1_000] {
        assert_eq!(walked(&blobs, Bucket::Evidence, limit).await, wanted, "{limit} at once");
    }
    let intake = walked(&blobs, Bucket::Intake, 4).await;
    assert!(intake.len() == 9 && intake.values().all(|kept| *kept == (1, 0)), "{intake:?}");
}

#[tokio::test]
async fn a_version_of_a_walk_can_be_deleted_in_a_bucket_without_versions_too() {
    let (_test, blobs) = store().await;
    stored(&blobs, "intake/1/1", PDF).await;
    let kept = blobs.walk(Bucket::Intake, "", None, 10).await.unwrap();
    assert_eq!(kept.len(), 1);
    blobs.delete_version(Bucket::Intake, &kept[0].key, &kept[0].version.id, false).await.unwrap();
    assert_eq!(blobs.walk(Bucket::Intake, "", None, 10).await.unwrap(), []);
    assert_eq!(blobs.head(Bucket::Intake, "intake/1/1").await.unwrap(), None);
}
