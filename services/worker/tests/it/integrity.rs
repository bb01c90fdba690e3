//! The sweep on the real store: what happens behind its back is found, and mended where it can be.

use blobs::{Blobs, Bucket};
use clock::Clock;
use proto::document::v1::DocumentStatus;
use time::OffsetDateTime;

use super::harness::*;

const LETTER: &[u8] = b"three months of rent\n";
const FLIPPED: &[u8] = b"three months of rend\n";

/// What is noted of a document, and when.
type Noted = (String, Option<String>, OffsetDateTime);

impl TestApp {
    async fn noted(&self, id: &str) -> Option<Noted> {
        let id: ids::DocumentId = id.parse().unwrap();
        let noted = sqlx::query_as(
            "select finding, repair, checked_at from integrity_checks
             where document_id = $1 and not is_open and checked_at is not null",
        );
        noted.bind(id).fetch_optional(&mut self.databases.0.admin().await).await.unwrap()
    }

    /// Has a document checked now rather than within a month. Returns what was found and what became of it.
    async fn check(&self, id: &str) -> (String, Option<String>) {
        let document: ids::DocumentId = id.parse().unwrap();
        // Only once the check before is over and the next is far off: one that is under way has read what a test changes now.
        let rests = "select not exists (select from integrity_checks where document_id = $1 and is_open)
            and exists (select from due join document_versions on subject = id
                where document_id = $1 and kind = 'integrity' and claim is null and at > now() + interval '1 minute')";
        testkit::eventually(SOON, || async {
            let rests = sqlx::query_scalar(rests).bind(document);
            let rests: bool = rests.fetch_one(&mut self.databases.0.admin().await).await.unwrap();
            rests.then_some(()).ok_or("a check is under way")
        })
        .await
        .unwrap();
        let before = self.noted(id).await.map(|noted| noted.2);
        let old = "update document_versions set updated_at = updated_at - interval '90 days' where document_id = $1";
        let now = "update due set at = now(), due_at = now() where kind = 'integrity'
            and subject in (select id from document_versions where document_id = $1)";
        for sql in [old, now] {
            sqlx::query(sql).bind(document).execute(&mut self.databases.0.admin().await).await.unwrap();
        }
        let noted = testkit::eventually(SOON, || async {
            match self.noted(id).await {
                Some((finding, repair, at)) if Some(at) != before => Ok((finding, repair)),
                other => Err(other),
            }
        });
        noted.await.unwrap()
    }

    async fn blobs(&self) -> Blobs {
        Blobs::new(&self.s3.settings, Clock::system()).await
    }

    async fn bytes(&self, bucket: &str, key: &str) -> Vec<u8> {
        let object = self.s3.client.get_object().bucket(bucket).key(key).send().await.unwrap();
        object.body.collect().await.unwrap().into_bytes().to_vec()
    }

    async fn overwrite(&self, bucket: &str, key: &str, bytes: &'static [u8]) {
        let put = self.s3.client.put_object().bucket(bucket).key(key).body(bytes.to_vec().into());
        put.send().await.unwrap();
    }
}

fn found(finding: &str, repair: Option<&str>) -> (String, Option<String>) {
    (finding.to_owned(), repair.map(str::to_owned))
}

#[tokio::test]
async fn what_was_changed_or_deleted_behind_the_back_is_restored_and_locked_again() {
    let app = TestApp::start().await;
    let worker = app.work(&app.config()).await;
    let (evidence, replica) =
        (app.s3.settings.evidence_bucket.clone(), app.s3.settings.replica_bucket.clone().unwrap());
    let ada = app.citizen().await;
    let id = app.hand_in(&ada, "text/plain", LETTER).await;
    app.becomes(&ada, &id, DocumentStatus::Ready).await;
    let key = format!("evidence/{id}/1");

    // A good object is copied to the replica once.
    for _ in 0..2 {
        assert_eq!(app.check(&id).await, found("GOOD", None));
        assert_eq!(app.bytes(&replica, &key).await, LETTER);
        let blobs = app.blobs().await;
        assert_eq!(blobs.versions(Bucket::Replica, &key).await.unwrap().len(), 1);
    }

    app.overwrite(&evidence, &key, FLIPPED).await;
    assert_eq!(app.check(&id).await, found("DIFFERENT", Some("RESTORED")));
    assert_eq!(app.bytes(&evidence, &key).await, LETTER);

    app.s3.client.delete_object().bucket(&evidence).key(&key).send().await.unwrap();
    assert_eq!(app.check(&id).await, found("MISSING", Some("RESTORED")));
    assert_eq!(app.bytes(&evidence, &key).await, LETTER);

    // The restored object is kept like the one before it.
    let blobs = app.blobs().await;
    testkit::eventually(SOON, || async {
        let head = blobs.head(Bucket::Evidence, &key).await.unwrap().unwrap();
        let locked = blobs.lock_state(Bucket::Evidence, &key, &head.version.unwrap()).await.unwrap();
        locked.retention.map(drop).ok_or(locked)
    })
    .await
    .unwrap();
    assert_eq!(app.check(&id).await, found("GOOD", None));
    worker.stop().await;
}

#[tokio::test]
async fn what_no_replica_has_is_lost_and_said_to_be() {
    let app = TestApp::start().await;
    let worker = app.work(&app.config()).await;
    let (evidence, replica) =
        (app.s3.settings.evidence_bucket.clone(), app.s3.settings.replica_bucket.clone().unwrap());
    let ada = app.citizen().await;
    let id = app.hand_in(&ada, "text/plain", LETTER).await;
    app.becomes(&ada, &id, DocumentStatus::Ready).await;
    let key = format!("evidence/{id}/1");

    app.overwrite(&evidence, &key, FLIPPED).await;
    assert_eq!(app.check(&id).await, found("DIFFERENT", Some("LOST")), "there is no replica yet");
    app.overwrite(&replica, &key, FLIPPED).await;
    assert_eq!(app.check(&id).await, found("DIFFERENT", Some("LOST")), "the replica is no better");
    assert_eq!(app.bytes(&evidence, &key).await, FLIPPED, "nothing is made up");

    // Somebody finds the right bytes after all.
    app.overwrite(&replica, &key, LETTER).await;
    assert_eq!(app.check(&id).await, found("DIFFERENT", Some("RESTORED")));
    assert_eq!(app.bytes(&evidence, &key).await, LETTER);
    // A replica that is not good is made good.
    app.overwrite(&replica, &key, FLIPPED).await;
    assert_eq!(app.check(&id).await, found("GOOD", None));
    assert_eq!(app.bytes(&replica, &key).await, LETTER);
    worker.stop().await;
}

#[tokio::test]
async fn without_a_replica_bucket_it_still_finds_what_is_not_good() {
    let app = TestApp::start().await;
    let mut config = app.config();
    config.integrity.as_mut().unwrap().s3.replica_bucket = None;
    let worker = app.work(&config).await;
    let ada = app.citizen().await;
    let id = app.hand_in(&ada, "text/plain", LETTER).await;
    app.becomes(&ada, &id, DocumentStatus::Ready).await;
    assert_eq!(app.check(&id).await, found("GOOD", None));
    app.overwrite(&app.s3.settings.evidence_bucket.clone(), &format!("evidence/{id}/1"), FLIPPED).await;
    assert_eq!(app.check(&id).await, found("DIFFERENT", Some("LOST")));
    worker.stop().await;
}
