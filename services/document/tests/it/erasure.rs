//! What is erased is gone, and what has to be kept is not.

use blobs::Bucket;
use proto::document::v1::{self, DocumentStatus};
use rpc_error::{Code, Error, reason};
use testkit::eventually;

use crate::harness::{
    Actor, File, Result, SOON, TestApp, assert_refused, at, evidence_key, fetch, intake_key, is_replayed,
};

impl Actor {
    pub(crate) async fn erase(&self, id: &str) -> Result<v1::Document> {
        let message = v1::EraseDocumentRequest { document_id: id.to_owned() };
        let erased = self.client().erase_document(self.request(message)).await?;
        Ok(erased.into_inner().document.expect("a document"))
    }
}

impl TestApp {
    /// What a scanner leaves in the evidence bucket that does not know of an erasure.
    async fn copy_late(&self, id: &str) {
        let put = self.s3.client.put_object().bucket(&self.s3.settings.evidence_bucket).key(evidence_key(id));
        let put = put.body(File::pdf("Ada").bytes.into());
        put.checksum_algorithm(aws_sdk_s3::types::ChecksumAlgorithm::Sha256).send().await.expect("stored");
    }

    /// How many versions of objects the store keeps of a document.
    pub(crate) async fn stored(&self, id: &str, version: i32) -> usize {
        let evidence = format!("evidence/{id}/{version}");
        let intake = format!("intake/{id}/{version}");
        let evidence =
            self.state.blobs.versions(Bucket::Evidence, &evidence).await.expect("the store answers");
        let intake = self.state.blobs.versions(Bucket::Intake, &intake).await.expect("the store answers");
        evidence.len() + intake.iter().filter(|version| !version.deleted).count()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_owner_takes_back_what_was_not_decided_or_was_refused() {
    let app = TestApp::start().await;
    let ada = app.ada();
    let sent = app.sent(&ada, &File::pdf("1")).await;
    let (uploaded, _) = app.uploaded(&ada, &File::pdf("2")).await;
    let (scanning, _) = app.scanning(&ada, &File::pdf("3")).await;
    let (rejected, _) = app.rejected(&ada, &File::pdf("4")).await;
    for id in [sent, uploaded, scanning, rejected] {
        let sha256 = ada.get(&id).await.unwrap().sha256;
        let erased = ada.erase(&id).await.unwrap();
        assert_eq!(erased.status(), DocumentStatus::Erased);
        assert_eq!((erased.file_name.as_str(), erased.sha256), ("", sha256), "digests stay, names go");
        assert!(!app.is_stored(Bucket::Intake, &intake_key(&id)).await);
        assert_eq!(ada.get(&id).await.unwrap().status(), DocumentStatus::Erased);
        for refused in [
            ada.download(&id).await.map(drop),
            ada.confirm(&id).await.map(drop),
            ada.refresh(&id).await.map(drop),
            ada.correct(&id, &File::pdf("again")).await.map(drop),
            ada.erase(&id).await.map(drop),
        ] {
            assert_refused(refused, Code::Gone, reason::DOCUMENT_ERASED);
        }
        let last: v1::DocumentErased = app.events(&id).await.last().unwrap().decode().unwrap();
        assert_eq!((last.versions.as_slice(), last.whole), (&[1][..], true));
        assert_eq!(last.cause(), v1::ErasureCause::Asked);
    }
    let names = "select count(*) from document_versions where file_name is not null";
    assert_eq!(app.count(names).await, 0);
    assert_eq!(app.count("select count(*) from documents where erased_at is null").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_ready_is_kept_for_its_time_whoever_asks() {
    let app = TestApp::start().await;
    let (ada, sam) = (app.ada(), app.staff("sam", "riverton"));
    let (id, _) = app.ready(&ada, &File::pdf("Ada")).await;
    for actor in [&ada, &sam] {
        assert_refused(actor.erase(&id).await, Code::Conflict, reason::DOCUMENT_RETAINED);
    }
    sam.hold("2026-1", &id, 0).await.unwrap();
    // Staff are told of the hold, citizens are not.
    assert_refused(ada.erase(&id).await, Code::Conflict, reason::DOCUMENT_RETAINED);
    assert_refused(sam.erase(&id).await, Code::Conflict, reason::DOCUMENT_HELD);
    ada.download(&id).await.expect("it can be read still");
    for stranger in
        [app.citizen("ben", "riverton"), app.citizen("ada", "lakeside"), app.staff("lea", "lakeside")]
    {
        assert_refused(stranger.erase(&id).await, Code::NotFound, reason::DOCUMENT_NOT_FOUND);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_erased_under_a_hold_also_where_nothing_else_keeps_it() {
    let app = TestApp::start().await;
    let (ada, sam, ann) = (app.ada(), app.staff("sam", "riverton"), app.staff("ann", "riverton"));
    let (id, _) = app.rejected(&ada, &File::pdf("Ada")).await;
    let hold = sam.hold("2026-1", &id, 1).await.unwrap().hold_id;
    assert_refused(ada.erase(&id).await, Code::Conflict, reason::DOCUMENT_RETAINED);
    assert_refused(sam.erase(&id).await, Code::Conflict, reason::DOCUMENT_HELD);
    sam.release(&hold).await.unwrap();
    assert_refused(sam.erase(&id).await, Code::Conflict, reason::DOCUMENT_HELD);
    ann.release(&hold).await.unwrap();
    sam.erase(&id).await.unwrap();
    assert_refused(sam.hold("2026-1", &id, 1).await, Code::Gone, reason::DOCUMENT_ERASED);
    assert_refused(sam.hold("2026-1", &id, 0).await, Code::Gone, reason::DOCUMENT_ERASED);
    assert_refused(sam.attach("2026-1", &id).await, Code::Gone, reason::DOCUMENT_ERASED);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scan_that_goes_on_leaves_nothing_behind() {
    let app = TestApp::start().await;
    let (ada, worker) = (app.ada(), app.worker());
    let (id, job) = app.scanning(&ada, &File::pdf("Ada")).await;
    app.copy(&id).await;
    ada.erase(&id).await.unwrap();
    assert_eq!(app.stored(&id, 1).await, 0);
    // The scanner copies after the erasure, and only then reports.
    app.copy_late(&id).await;
    let status = worker.report_clean(&job, "application/pdf").await.unwrap();
    assert_eq!(status, DocumentStatus::Erased);
    assert_refused(worker.claim(&job).await, Code::Conflict, reason::JOB_FINISHED);
    let gone = eventually(SOON, || async {
        let stored = app.is_stored(Bucket::Evidence, &evidence_key(&id)).await;
        if stored { Err("still stored") } else { Ok(()) }
    });
    gone.await.unwrap();
    // One that never reports leaves a copy that is looked for once more.
    app.copy_late(&id).await;
    app.clock.advance(std::time::Duration::from_secs(60 * 60));
    let gone = eventually(SOON, || async {
        match app.stored(&id, 1).await {
            0 => Ok(()),
            stored => Err(stored),
        }
    });
    gone.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_erasure_is_replayed_and_deletes_what_the_first_try_could_not() {
    let store = testkit::Proxy::to(&testkit::env().get("GUILDHALL_S3_ENDPOINT")).await;
    let app = TestApp::start_with(|config| config.s3.endpoint = store.url()).await;
    let ada = app.ada();
    let id = app.sent(&ada, &File::pdf("Ada")).await;
    let erase = async || {
        let message = v1::EraseDocumentRequest { document_id: id.clone() };
        ada.client().erase_document(ada.keyed("k", message)).await
    };
    store.cut();
    assert_refused(erase().await.map_err(Error::from), Code::Unavailable, reason::UNAVAILABLE);
    assert_eq!(ada.get(&id).await.unwrap().status(), DocumentStatus::Erased);
    store.mend();
    let again = erase().await.unwrap();
    assert!(is_replayed(&again));
    assert_eq!(app.stored(&id, 1).await, 0);
    assert_eq!(app.event_names(&id).await, ["initiated", "erased"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_url_of_before_reads_nothing_after() {
    let app = TestApp::start().await;
    let (ada, sam) = (app.ada(), app.staff("sam", "riverton"));
    let (id, _) = app.ready(&ada, &File::statement("Ada")).await;
    let hold = sam.hold("2026-1", &id, 0).await.unwrap().hold_id;
    let url = ada.download(&id).await.unwrap().url;
    assert_eq!(fetch(&url).await.0, 200);
    app.clock.set(at(ada.get(&id).await.unwrap().retain_until));
    // The retention has ended; the hold stands. Once it is released, whoever is first erases.
    sam.release(&hold).await.unwrap();
    if let Err(error) = sam.erase(&id).await {
        assert_eq!(error.reason(), reason::DOCUMENT_ERASED);
    }
    let gone = eventually(SOON, || async {
        let (status, _, bytes) = fetch(&url).await;
        if status == 200 { Err(bytes.len()) } else { Ok(()) }
    });
    gone.await.unwrap();
    assert_refused(ada.download(&id).await, Code::Gone, reason::DOCUMENT_ERASED);
}
