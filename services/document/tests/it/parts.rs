//! Files that are sent in parts: nothing is there before every part is, and each is what was signed.

use std::sync::LazyLock;
use std::time::Duration;

use blobs::Bucket;
use document::domain::parts::{PART_SIZE, WHOLE_AT_MOST};
use futures::future::join_all;
use proto::document::v1::{self, DocumentStatus};
use rpc_error::{Code, Error, reason};
use sha2::{Digest as _, Sha256};
use testkit::eventually;

use crate::harness::{Actor, File, Result, SOON, TestApp, assert_refused, fetch, intake_key, put};

/// Four parts and a byte, all of them zero.
const SIZE: i64 = WHOLE_AT_MOST + 1;

static FULL: LazyLock<Vec<u8>> = LazyLock::new(|| vec![0; usize::try_from(PART_SIZE).unwrap()]);
static FULL_DIGEST: LazyLock<Vec<u8>> = LazyLock::new(|| Sha256::digest(&*FULL).to_vec());
static WHOLE_DIGEST: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let mut hash = Sha256::new();
    (0..4).for_each(|_| hash.update(&*FULL));
    hash.update([0]);
    hash.finalize().to_vec()
});

fn film() -> v1::InitiateUploadRequest {
    v1::InitiateUploadRequest {
        purpose: "recording".to_owned(),
        file_name: "hearing.mp4".to_owned(),
        content_type: "video/mp4".to_owned(),
        size_bytes: SIZE,
        sha256: WHOLE_DIGEST.clone(),
    }
}

fn bytes(number: i32) -> &'static [u8] {
    if number == 5 { &[0] } else { &FULL }
}

fn digest(number: i32) -> v1::PartDigest {
    let sha256 = if number == 5 { Sha256::digest([0]).to_vec() } else { FULL_DIGEST.clone() };
    v1::PartDigest { number, sha256 }
}

impl Actor {
    /// Declares the film. Returns the document's id.
    async fn film(&self) -> String {
        let initiated = self.declare(film()).await.expect("initiated");
        initiated.document.expect("a document").document_id
    }

    async fn sign_digests(&self, id: &str, parts: Vec<v1::PartDigest>) -> Result<Vec<v1::SignedUpload>> {
        let message = v1::SignPartsRequest { document_id: id.to_owned(), parts };
        let signed = self.client().sign_parts(self.keyless(message)).await?.into_inner().parts;
        Ok(signed.into_iter().map(|part| part.upload.expect("a signature")).collect())
    }

    pub(crate) async fn sign(&self, id: &str, numbers: &[i32]) -> Result<Vec<v1::SignedUpload>> {
        self.sign_digests(id, numbers.iter().map(|number| digest(*number)).collect()).await
    }

    pub(crate) async fn arrived(&self, id: &str) -> Result<v1::ListPartsResponse> {
        let message = v1::ListPartsRequest { document_id: id.to_owned() };
        Ok(self.client().list_parts(self.keyless(message)).await?.into_inner())
    }

    pub(crate) async fn abort(&self, id: &str) -> Result<v1::Document> {
        let message = v1::AbortUploadRequest { document_id: id.to_owned() };
        let aborted = self.client().abort_upload(self.request(message)).await?.into_inner();
        Ok(aborted.document.expect("a document"))
    }

    /// Signs and sends these parts.
    async fn send(&self, id: &str, numbers: &[i32]) {
        for (number, upload) in numbers.iter().zip(self.sign(id, numbers).await.expect("signed")) {
            assert_eq!(put(&upload, bytes(*number)).await, 200, "part {number}");
        }
    }
}

impl TestApp {
    /// How many uploads are open at the store.
    async fn open_uploads(&self) -> usize {
        self.state.blobs.list_uploads(Bucket::Intake, "intake/").await.expect("listed").len()
    }

    async fn no_upload_is_open(&self) {
        let gone = eventually(SOON, || async {
            match self.open_uploads().await {
                0 => Ok(()),
                open => Err(open),
            }
        });
        gone.await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn parts_in_any_order_are_one_file() {
    let app = TestApp::start().await;
    let ada = app.ada();
    let initiated = ada.declare(film()).await.unwrap();
    assert_eq!(initiated.upload, None);
    let parts = v1::UploadParts { part_size_bytes: PART_SIZE, count: 5 };
    let document = initiated.document.unwrap();
    assert_eq!(document.upload_parts, Some(parts));
    let id = document.document_id;
    assert_eq!(app.open_uploads().await, 0, "nothing is begun before it is needed");

    ada.send(&id, &[5, 2, 4]).await;
    ada.send(&id, &[1, 3]).await;
    // A part again is no harm.
    ada.send(&id, &[4]).await;
    assert!(!app.is_stored(Bucket::Intake, &intake_key(&id)).await);
    let arrived = ada.arrived(&id).await.unwrap();
    assert!(arrived.complete && arrived.parts == Some(parts));
    let listed: Vec<_> = arrived.arrived.iter().map(|part| (part.number, part.size_bytes)).collect();
    assert_eq!(listed, [(1, PART_SIZE), (2, PART_SIZE), (3, PART_SIZE), (4, PART_SIZE), (5, 1)]);
    assert!(arrived.arrived.iter().all(|part| part.sha256 == digest(part.number).sha256));

    let confirmed = ada.confirm(&id).await.unwrap();
    assert_eq!((confirmed.status(), confirmed.upload_parts), (DocumentStatus::Uploaded, None));
    let stored = app.state.blobs.head(Bucket::Intake, &intake_key(&id)).await.unwrap().unwrap();
    assert_eq!(stored.content_type.as_deref(), Some("video/mp4"));
    let job = app.job_of(&id).await;
    let claimed = app.worker().claim(&job).await.unwrap();
    assert_eq!(claimed.lease_seconds, 300 + SIZE / 5_000_000);
    app.copy(&id).await;
    app.worker().report_clean(&job, "video/mp4").await.unwrap();
    let (status, _, whole) = fetch(&ada.download(&id).await.unwrap().url).await;
    assert_eq!((status, Sha256::digest(&whole).to_vec()), (200, WHOLE_DIGEST.clone()));
    let names = ["initiated", "uploaded", "scanning", "ready", "accessed"];
    assert_eq!(app.event_names(&id).await, names);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_arrives_but_what_was_signed() {
    let app = TestApp::start().await;
    let ada = app.ada();
    let (id, other) = (ada.film().await, ada.film().await);
    let [one, last] = &ada.sign(&id, &[1, 5]).await.unwrap()[..] else { panic!("two were signed") };
    ada.sign(&other, &[1]).await.unwrap();
    let mut wrong = FULL.clone();
    wrong[7] = 1;
    let edited = |from: &str, to: &str| {
        let url = last.url.replace(from, to);
        assert_ne!(url, last.url);
        v1::SignedUpload { url, ..last.clone() }
    };
    assert!(put(one, &wrong).await >= 400, "other bytes");
    assert!(put(last, b"").await >= 400, "fewer bytes");
    assert!(put(last, &[0, 0]).await >= 400, "more bytes");
    assert!(put(last, &[1]).await >= 400, "another byte");
    assert!(put(&edited("partNumber=5", "partNumber=4"), &[0]).await >= 400, "another place");
    assert!(put(&edited(&id, &other), &[0]).await >= 400, "another document");
    let mut headless = last.clone();
    headless.headers.remove("x-amz-checksum-sha256");
    assert!(put(&headless, &[0]).await >= 400, "no digest");
    // The store goes by the real time: what was signed a while ago has ended.
    let now = app.clock.now();
    app.clock.set(now - time::Duration::minutes(16));
    let late = ada.sign(&id, &[5]).await.unwrap().remove(0);
    assert!(put(&late, &[0]).await >= 400, "too late");
    app.clock.set(now);

    assert_eq!(ada.arrived(&id).await.unwrap().arrived, []);
    assert_refused(ada.confirm(&id).await, Code::Conflict, reason::PARTS_MISSING);
    assert_eq!(app.status(&ada, &id).await, DocumentStatus::PendingUpload);
    assert_eq!(app.event_names(&id).await, ["initiated"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn while_a_part_is_missing_nothing_is_confirmed() {
    let app = TestApp::start().await;
    let ada = app.ada();
    let id = ada.film().await;
    assert_refused(ada.confirm(&id).await, Code::Conflict, reason::UPLOAD_MISSING);
    ada.send(&id, &[1, 2, 3, 5]).await;
    assert_refused(ada.confirm(&id).await, Code::Conflict, reason::PARTS_MISSING);
    let arrived = ada.arrived(&id).await.unwrap();
    assert_eq!((arrived.arrived.len(), arrived.complete), (4, false));
    assert!(!app.is_stored(Bucket::Intake, &intake_key(&id)).await);
    assert_eq!(app.status(&ada, &id).await, DocumentStatus::PendingUpload);

    ada.send(&id, &[4]).await;
    ada.confirm(&id).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn only_parts_that_the_file_has_are_signed() {
    let app = TestApp::start().await;
    let ada = app.ada();
    let id = ada.film().await;
    let parts = |numbers: &[i32]| numbers.iter().map(|number| digest(*number)).collect::<Vec<_>>();
    let short = v1::PartDigest { number: 1, sha256: vec![1; 31] };
    let many = (0..101).map(|_| digest(1)).collect();
    for asked in [vec![], parts(&[0]), parts(&[-1]), parts(&[6]), parts(&[1, 1]), vec![short], many] {
        let signed = ada.sign_digests(&id, asked).await;
        assert_refused(signed, Code::InvalidArgument, reason::PARTS_INVALID);
    }
    assert_eq!(app.open_uploads().await, 0);
    let small = app.sent(&ada, &File::pdf("Ada")).await;
    assert_refused(ada.sign(&small, &[1]).await, Code::Conflict, reason::UPLOAD_NOT_IN_PARTS);
    assert_refused(ada.arrived(&small).await, Code::Conflict, reason::UPLOAD_NOT_IN_PARTS);
    // Not for somebody else, whoever it is.
    let ben = app.citizen("ben", "riverton");
    assert_refused(ben.sign(&id, &[1]).await, Code::NotFound, reason::DOCUMENT_NOT_FOUND);
    let sam = app.staff("sam", "riverton");
    assert_refused(sam.sign(&id, &[1]).await, Code::NotFound, reason::DOCUMENT_NOT_FOUND);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_given_up_is_deleted_and_comes_to_nothing() {
    let app = TestApp::start().await;
    let ada = app.ada();
    let id = ada.film().await;
    let signed = ada.sign(&id, &[1, 2, 3, 4, 5]).await.unwrap();
    for number in 1..=4 {
        let upload = &signed[usize::try_from(number - 1).unwrap()];
        assert_eq!(put(upload, bytes(number)).await, 200);
    }
    assert_eq!(ada.abort(&id).await.unwrap().status(), DocumentStatus::Expired);
    app.no_upload_is_open().await;
    assert!(put(&signed[4], &[0]).await >= 400, "a signature of before");
    for refused in [
        ada.sign(&id, &[1]).await.map(drop),
        ada.arrived(&id).await.map(drop),
        ada.confirm(&id).await.map(drop),
        ada.refresh(&id).await.map(drop),
        ada.abort(&id).await.map(drop),
    ] {
        assert_refused(refused, Code::Gone, reason::UPLOAD_EXPIRED);
    }
    let told: v1::DocumentExpired = app.events(&id).await.last().unwrap().decode().unwrap();
    assert!(told.given_up);

    // One request's upload can be given up as well.
    let small = app.sent(&ada, &File::pdf("Ada")).await;
    ada.abort(&small).await.unwrap();
    let deleted = eventually(SOON, || async {
        if app.is_stored(Bucket::Intake, &intake_key(&small)).await { Err("still there") } else { Ok(()) }
    });
    deleted.await.unwrap();
    let (uploaded, _) = app.uploaded(&ada, &File::pdf("2")).await;
    assert_refused(ada.abort(&uploaded).await, Code::Conflict, reason::UPLOAD_ALREADY_CONFIRMED);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_confirmations_of_parts_one_counts() {
    let app = TestApp::start().await;
    let ada = app.ada();
    let id = ada.film().await;
    ada.send(&id, &[1, 2, 3, 4, 5]).await;
    let mut results = join_all((0..16).map(|_| ada.confirm(&id))).await;
    let settled = eventually(SOON, || async {
        match ada.confirm(&id).await {
            Err(refused) if refused.reason() != reason::UPLOAD_ALREADY_CONFIRMED => Err(refused),
            result => Ok(result),
        }
    });
    results.push(settled.await.unwrap());
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1);
    for refused in results.into_iter().filter_map(Result::err) {
        // Who comes while the store is at it is to ask again.
        let later = [reason::UPLOAD_ALREADY_CONFIRMED, reason::UNAVAILABLE, reason::PARTS_MISSING];
        assert!(later.contains(&refused.reason()), "{refused}");
    }
    assert_eq!(app.count("select count(*) from scan_jobs").await, 1);
    assert_eq!(app.event_names(&id).await, ["initiated", "uploaded"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_confirmation_that_died_after_the_store_was_done_is_finished_by_the_next() {
    let app = TestApp::start().await;
    let ada = app.ada();
    let id = ada.film().await;
    ada.send(&id, &[1, 2, 3, 4, 5]).await;
    let upload: String = sqlx::query_scalar("select upload_id from part_uploads")
        .fetch_one(&mut app.db.admin().await)
        .await
        .unwrap();
    let (blobs, key) = (&app.state.blobs, intake_key(&id));
    let parts = blobs.list_parts(Bucket::Intake, &key, &upload).await.unwrap().unwrap();
    blobs.complete(Bucket::Intake, &key, &upload, &parts).await.unwrap();

    let arrived = ada.arrived(&id).await.unwrap();
    assert!(arrived.complete && arrived.arrived.is_empty());
    assert_eq!(ada.confirm(&id).await.unwrap().status(), DocumentStatus::Uploaded);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_first_signatures_begin_one_upload() {
    let app = TestApp::start().await;
    let ada = app.ada();
    let id = ada.film().await;
    join_all((0..32).map(|_| ada.get(&id))).await;
    let signed = join_all((0..32).map(|_| ada.sign(&id, &[5]))).await;
    let upload = |signed: Result<Vec<v1::SignedUpload>>| {
        let url = signed.unwrap().remove(0).url;
        url.split("uploadId=").nth(1).unwrap().split('&').next().unwrap().to_owned()
    };
    let mut uploads: Vec<_> = signed.into_iter().map(upload).collect();
    uploads.dedup();
    assert_eq!(uploads.len(), 1, "{uploads:?}");
    assert_eq!(app.open_uploads().await, 1, "those who came second have aborted theirs");
}

#[tokio::test(flavor = "multi_thread")]
async fn abandoned_parts_are_deleted_when_the_window_ends_also_those_nobody_wrote_down() {
    let app = TestApp::start().await;
    let ada = app.ada();
    let (id, lost) = (ada.film().await, ada.film().await);
    ada.send(&id, &[5]).await;
    // Begun at the store by a process that died before it wrote the id down.
    app.state.blobs.create_multipart(Bucket::Intake, &intake_key(&lost), "video/mp4").await.unwrap();
    assert_eq!(app.open_uploads().await, 2);
    app.clock.advance(Duration::from_secs(24 * 60 * 60));
    app.no_upload_is_open().await;
    for id in [id, lost] {
        assert_eq!(app.status(&ada, &id).await, DocumentStatus::Expired);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refresh_or_a_replay_says_which_parts() {
    let app = TestApp::start().await;
    let ada = app.ada();
    let mut answers = Vec::new();
    for _ in 0..2 {
        let answer = ada.client().initiate_upload(ada.keyed("k", film())).await.map_err(Error::from);
        answers.push(answer.unwrap().into_inner());
    }
    assert_eq!(answers[0], answers[1]);
    let id = answers.remove(0).document.unwrap().document_id;
    let refreshed = ada.refresh(&id).await.unwrap();
    let parts = refreshed.document.and_then(|document| document.upload_parts);
    assert_eq!((refreshed.upload, parts.map(|parts| parts.count)), (None, Some(5)));
}

#[tokio::test(flavor = "multi_thread")]
async fn parts_that_are_not_the_declared_whole_are_never_readable() {
    let app = TestApp::start().await;
    let ada = app.ada();
    let declared = v1::InitiateUploadRequest { sha256: vec![1; 32], ..film() };
    let id = ada.declare(declared).await.unwrap().document.unwrap().document_id;
    ada.send(&id, &[1, 2, 3, 4, 5]).await;
    ada.confirm(&id).await.unwrap();
    let job = app.job_of(&id).await;
    app.copy(&id).await;
    for unscannable in [false, true] {
        let worker = app.worker();
        let report = if unscannable {
            worker.report_unscannable(&job, "video/mp4").await
        } else {
            worker.report_clean(&job, "video/mp4").await
        };
        assert_refused(report, Code::PreconditionFailed, reason::EVIDENCE_MISSING);
    }
    let reason = v1::RejectionReason::ChecksumMismatch;
    app.worker().report(&job, "video/mp4", reason).await.unwrap();
    assert_refused(ada.download(&id).await, Code::Conflict, reason::DOCUMENT_REJECTED);
    let gone = eventually(SOON, || async {
        if app.is_stored(Bucket::Intake, &intake_key(&id)).await { Err("still there") } else { Ok(()) }
    });
    gone.await.unwrap();
}
