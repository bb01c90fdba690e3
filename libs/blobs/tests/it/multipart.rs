use std::time::Duration as Wait;

use blobs::{Composite, Error, Part, StoredPart};
use time::OffsetDateTime;

use super::*;

const KEY: &str = "intake/0197/1";
/// The smallest size of a part that is not the last.
const MIB_5: usize = 5 * 1024 * 1024;

/// Parts of a file: whole ones of one byte each, and a short last one.
struct File(Vec<Vec<u8>>);

impl File {
    fn of(parts: usize) -> Self {
        let byte = |n: usize| u8::try_from(n).unwrap();
        let mut parts: Vec<_> = (1..=parts).map(|n| vec![byte(n); MIB_5]).collect();
        parts.last_mut().unwrap().truncate(1_000);
        Self(parts)
    }

    /// Too small to become an object. versitygw refuses without reading the body, which resets the connection where a
    /// large one is still on its way.
    fn tiny() -> Self {
        Self(vec![vec![1; 1_000], vec![2; 1_000]])
    }

    fn part(&self, number: u32) -> Part {
        let bytes = self.bytes(number);
        Part { number, size: bytes.len() as u64, sha256: Sha256::digest(bytes).into() }
    }

    fn bytes(&self, number: u32) -> &[u8] {
        &self.0[number as usize - 1]
    }

    fn numbers(&self) -> std::ops::RangeInclusive<u32> {
        1..=u32::try_from(self.0.len()).unwrap()
    }

    fn composite(&self) -> Composite {
        let digests: Vec<_> = self.numbers().map(|n| self.part(n).sha256).collect();
        Composite::of(&digests)
    }
}

async fn begin(blobs: &Blobs) -> String {
    blobs.create_multipart(Bucket::Intake, KEY, "application/pdf").await.unwrap()
}

async fn sign(blobs: &Blobs, id: &str, part: &Part) -> SignedPut {
    blobs.presign_part(Bucket::Intake, KEY, id, part, TTL).await.unwrap()
}

async fn send_parts(blobs: &Blobs, id: &str, file: &File, numbers: impl IntoIterator<Item = u32>) {
    for number in numbers {
        let put = sign(blobs, id, &file.part(number)).await;
        assert_eq!(send(&put, file.bytes(number)).await, StatusCode::OK);
    }
}

async fn parts(blobs: &Blobs, id: &str) -> Vec<StoredPart> {
    blobs.list_parts(Bucket::Intake, KEY, id).await.unwrap().unwrap()
}

async fn nothing_is_visible(blobs: &Blobs) {
    assert_eq!(blobs.head(Bucket::Intake, KEY).await.unwrap(), None);
}

#[tokio::test]
async fn parts_that_arrive_in_any_order_become_one_object() {
    let (_test, blobs) = store().await;
    let (file, id) = (File::of(3), begin(&blobs).await);
    send_parts(&blobs, &id, &file, [3, 1]).await;
    let arrived: Vec<_> = parts(&blobs, &id).await.iter().map(|p| (p.number, p.size, p.sha256)).collect();
    let wanted = [1, 3].map(|n| file.part(n)).map(|p| (p.number, p.size, Some(p.sha256)));
    assert_eq!(arrived, wanted);
    nothing_is_visible(&blobs).await;
    send_parts(&blobs, &id, &file, [2]).await;

    let stored = parts(&blobs, &id).await;
    let head = blobs.complete(Bucket::Intake, KEY, &id, &stored).await.unwrap();
    assert_eq!(head.size, 2 * MIB_5 as u64 + 1_000);
    assert_eq!((head.sha256, head.composite), (None, Some(file.composite())));
    assert_eq!(head.content_type.as_deref(), Some("application/pdf"));
    // Again, as after a process that died before it wrote that down.
    assert_eq!(blobs.complete(Bucket::Intake, KEY, &id, &stored).await.unwrap(), head);
    assert_eq!(blobs.list_parts(Bucket::Intake, KEY, &id).await.unwrap(), None);

    // The copy has a digest of the whole, which no upload in parts has.
    blobs.copy_to_evidence(KEY, "evidence/0197/1", head.size).await.unwrap();
    let copy = blobs.head(Bucket::Evidence, "evidence/0197/1").await.unwrap().unwrap();
    let whole: [u8; 32] = Sha256::digest(file.0.concat()).into();
    assert_eq!((copy.size, copy.sha256, copy.composite), (head.size, Some(whole), None));
}

/// Whatever is sent to a part's URL but its bytes: no part arrives.
#[tokio::test]
async fn a_part_takes_the_signed_bytes_only() {
    let (_test, blobs) = store().await;
    let (file, id) = (File::tiny(), begin(&blobs).await);
    let (part, bytes) = (file.part(1), file.bytes(1));
    let put = sign(&blobs, &id, &part).await;
    let changed: Vec<u8> = bytes.iter().map(|b| b ^ 1).collect();
    let with = |from: &str, to: &str| SignedPut { url: put.url.replace(from, to), ..put.clone() };
    let no_digest = SignedPut { headers: std::collections::BTreeMap::new(), ..put.clone() };
    let own_digest = {
        let part = Part { sha256: Sha256::digest(&changed).into(), ..part };
        SignedPut { headers: sign(&blobs, &id, &part).await.headers, ..put.clone() }
    };
    let table = [
        ("other bytes", put.clone(), &changed[..], 400),
        ("fewer bytes", put.clone(), &bytes[1..], 403),
        ("no digest", no_digest, bytes, 403),
        ("the digest of other bytes", own_digest, &changed[..], 403),
        ("another place", with("partNumber=1", "partNumber=2"), bytes, 403),
        ("another key", with("0197/1?", "0197/2?"), bytes, 403),
        ("another upload", with("uploadId=", "uploadId=x"), bytes, 403),
        ("as the whole object", with("partNumber=1&", ""), bytes, 405),
    ];
    for (what, put, bytes, status) in table {
        assert_eq!(send(&put, bytes).await.as_u16(), status, "{what}");
        assert_eq!(parts(&blobs, &id).await, [], "{what}");
    }
    assert_eq!(send(&put, bytes).await, StatusCode::OK);
    // The same bytes again are harmless.
    assert_eq!(send(&put, bytes).await, StatusCode::OK);
    assert_eq!(parts(&blobs, &id).await.len(), 1);
}

#[tokio::test]
async fn an_expired_part_url_stores_nothing_and_a_fresh_one_does() {
    let (test, blobs) = store().await;
    let (file, id) = (File::tiny(), begin(&blobs).await);
    let clock = Clock::frozen(Clock::system().now() - Wait::from_secs(901));
    let late = Blobs::new(&test.settings, clock).await;
    let put = sign(&late, &id, &file.part(1)).await;
    assert_eq!(send(&put, file.bytes(1)).await, StatusCode::FORBIDDEN);
    assert_eq!(parts(&blobs, &id).await, []);
    send_parts(&blobs, &id, &file, [1]).await;
    assert_eq!(parts(&blobs, &id).await.len(), 1);
}

/// Lists of parts that are not what arrived: nothing becomes visible, and the right list does afterwards.
#[tokio::test]
async fn only_the_parts_that_arrived_in_their_order_make_the_object() {
    let (_test, blobs) = store().await;
    let (file, id) = (File::of(3), begin(&blobs).await);
    send_parts(&blobs, &id, &file, file.numbers()).await;
    let stored = parts(&blobs, &id).await;
    let changed = |change: &dyn Fn(&mut Vec<StoredPart>)| {
        let mut list = stored.clone();
        change(&mut list);
        list
    };
    let table = [
        ("another order", changed(&|list| list.swap(0, 1))),
        ("one twice", changed(&|list| list.insert(0, list[0].clone()))),
        ("another digest", changed(&|list| list[0].sha256 = Some([7; 32]))),
        ("no digest", changed(&|list| list[0].sha256 = None)),
        ("other bytes", changed(&|list| list[0].etag = list[1].etag.clone())),
        ("one that never came", changed(&|list| list[2].number = 4)),
        ("a short one in the midst", changed(&|list| list.swap(1, 2))),
        ("another size", changed(&|list| list[0].size += 1)),
        ("none", Vec::new()),
    ];
    for (what, list) in table {
        let error = blobs.complete(Bucket::Intake, KEY, &id, &list).await.unwrap_err();
        assert!(matches!(error, Error::Parts(_)), "{what}: {error:?}");
        assert!(!error.is_transient());
        nothing_is_visible(&blobs).await;
    }
    blobs.complete(Bucket::Intake, KEY, &id, &stored).await.unwrap();
}

/// The store takes a list that leaves parts out, so it is for the caller to know how many there must be.
#[tokio::test]
async fn a_list_that_leaves_a_part_out_makes_another_object() {
    let (_test, blobs) = store().await;
    let (file, id) = (File::of(3), begin(&blobs).await);
    send_parts(&blobs, &id, &file, file.numbers()).await;
    let mut stored = parts(&blobs, &id).await;
    stored.remove(1);
    let head = blobs.complete(Bucket::Intake, KEY, &id, &stored).await.unwrap();
    assert_ne!(head.composite, Some(file.composite()));
}

/// versitygw answers 200 to any list once something is stored under the key; AWS may answer `NoSuchUpload`.
#[tokio::test]
async fn an_upload_that_was_completed_takes_nothing_more() {
    let (_test, blobs) = store().await;
    let (file, id) = (File::of(2), begin(&blobs).await);
    send_parts(&blobs, &id, &file, [1, 2]).await;
    let put = sign(&blobs, &id, &file.part(2)).await;
    let stored = parts(&blobs, &id).await;
    let head = blobs.complete(Bucket::Intake, KEY, &id, &stored).await.unwrap();
    assert_eq!(send(&put, file.bytes(2)).await, StatusCode::NOT_FOUND);
    let mut other = stored.clone();
    other[1].sha256 = Some([7; 32]);
    for (id, list) in [(id.as_str(), &other[..]), (id.as_str(), &stored[..1]), ("another", &other[..])] {
        let error = blobs.complete(Bucket::Intake, KEY, id, list).await.unwrap_err();
        assert!(matches!(error, Error::Parts(_)), "{error:?}");
    }
    assert_eq!(blobs.head(Bucket::Intake, KEY).await.unwrap(), Some(head));
}

#[tokio::test]
async fn an_aborted_upload_leaves_nothing_and_aborting_is_repeatable() {
    let (_test, blobs) = store().await;
    let (file, id) = (File::of(2), begin(&blobs).await);
    send_parts(&blobs, &id, &file, [1, 2]).await;
    let (put, stored) = (sign(&blobs, &id, &file.part(2)).await, parts(&blobs, &id).await);
    for _ in 0..2 {
        blobs.abort(Bucket::Intake, KEY, &id).await.unwrap();
    }
    assert_eq!(send(&put, file.bytes(2)).await, StatusCode::NOT_FOUND);
    assert_eq!(blobs.list_parts(Bucket::Intake, KEY, &id).await.unwrap(), None);
    let error = blobs.complete(Bucket::Intake, KEY, &id, &stored).await.unwrap_err();
    assert!(matches!(error, Error::NoUpload), "{error:?}");
    nothing_is_visible(&blobs).await;
}

#[tokio::test]
async fn open_uploads_are_found_by_key_and_age() {
    let (_test, blobs) = store().await;
    let mut ids = vec![begin(&blobs).await, begin(&blobs).await];
    let other = blobs.create_multipart(Bucket::Intake, "intake/0198/1", "image/png").await.unwrap();
    let open = async |prefix| {
        let uploads = blobs.list_uploads(Bucket::Intake, prefix).await.unwrap();
        uploads.into_iter().map(|upload| upload.id).collect::<Vec<_>>()
    };
    let mut found = open(KEY).await;
    found.sort();
    ids.sort();
    assert_eq!(found, ids);
    assert_eq!(open("").await.len(), 3);

    let now = Clock::system().now();
    let stale = async |prefix, before: OffsetDateTime| {
        blobs.abort_stale(Bucket::Intake, prefix, before).await.unwrap()
    };
    assert_eq!(stale("", now - Wait::from_secs(3_600)).await, 0);
    assert_eq!(stale(KEY, now + Wait::from_secs(3_600)).await, 2);
    assert_eq!(open("").await, [other]);
}

#[tokio::test]
async fn parts_that_the_process_makes_itself_become_the_object() {
    let (_test, blobs) = store().await;
    let file = File::of(2);
    let key = "riverton/1/1";
    let id = blobs.create_multipart(Bucket::Exports, key, "application/zip").await.unwrap();
    let mut parts = Vec::new();
    // In any order, and again.
    for number in [2, 1, 2] {
        let bytes = bytes::Bytes::copy_from_slice(file.bytes(number));
        parts.push(blobs.put_part(Bucket::Exports, key, &id, number, bytes).await.unwrap());
    }
    assert_eq!(parts[1].sha256, Some(file.part(1).sha256));
    let head =
        blobs.complete(Bucket::Exports, key, &id, &[parts[1].clone(), parts[2].clone()]).await.unwrap();
    assert_eq!(head.composite, Some(file.composite()));
    let late = blobs.put_part(Bucket::Exports, key, &id, 3, bytes::Bytes::from_static(b"late")).await;
    assert!(matches!(late, Err(Error::NoUpload)), "{late:?}");
    blobs.delete(Bucket::Exports, key).await.unwrap();
    assert_eq!(blobs.head(Bucket::Exports, key).await.unwrap(), None);
}
