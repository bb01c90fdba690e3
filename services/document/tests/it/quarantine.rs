//! What no scanner could look into: who sees it, who decides, and what becomes of it.

use blobs::Bucket;
use futures::future::join_all;
use proto::document::v1::QuarantineOutcome::{Rejected, Released};
use proto::document::v1::quarantine_service_client::QuarantineServiceClient;
use proto::document::v1::{self, DocumentStatus, QuarantineOutcome, RejectionReason};
use rpc_error::{Code, reason};
use testkit::eventually;
use time::Duration;
use tonic::transport::Channel;

use crate::harness::{
    Actor, File, Result, SOON, TestApp, assert_refused, at, evidence_key, fetch, intake_key, is_replayed,
};

impl File {
    /// A file whose purpose has it reviewed where no scanner can look into it.
    pub(crate) fn recording(text: &str) -> Self {
        let (purpose, content_type) = ("recording".to_owned(), "video/mp4".to_owned());
        Self { purpose, content_type, name: "hearing.mp4".to_owned(), ..Self::pdf(text) }
    }
}

impl Actor {
    pub(crate) fn quarantine(&self) -> QuarantineServiceClient<Channel> {
        QuarantineServiceClient::new(self.channel.clone())
    }

    pub(crate) async fn waiting(&self, size: i32, token: &str) -> Result<v1::ListQuarantinedResponse> {
        let message = v1::ListQuarantinedRequest { page_size: size, page_token: token.to_owned() };
        Ok(self.quarantine().list_quarantined(self.keyless(message)).await?.into_inner())
    }

    pub(crate) async fn download_quarantined(&self, id: &str) -> Result<v1::DownloadQuarantinedResponse> {
        let message = v1::DownloadQuarantinedRequest { document_id: id.to_owned(), version: 0 };
        Ok(self.quarantine().download_quarantined(self.keyless(message)).await?.into_inner())
    }

    pub(crate) async fn decide(
        &self,
        id: &str,
        outcome: QuarantineOutcome,
    ) -> Result<v1::DecideQuarantinedResponse> {
        let message = decision(id, outcome);
        Ok(self.quarantine().decide_quarantined(self.request(message)).await?.into_inner())
    }

    pub(crate) async fn decisions(&self, id: &str) -> Result<Vec<v1::QuarantineDecision>> {
        let message = v1::ListDecisionsRequest { document_id: id.to_owned() };
        Ok(self.quarantine().list_decisions(self.keyless(message)).await?.into_inner().decisions)
    }
}

fn decision(id: &str, outcome: QuarantineOutcome) -> v1::DecideQuarantinedRequest {
    v1::DecideQuarantinedRequest {
        document_id: id.to_owned(),
        version: 0,
        outcome: outcome.into(),
        reason: "seen from end to end".to_owned(),
    }
}

/// Waits until an object is gone, or is there.
async fn stored(app: &TestApp, bucket: Bucket, key: &str, wanted: bool) {
    let stored = eventually(SOON, || async {
        if app.is_stored(bucket, key).await == wanted { Ok(()) } else { Err(format!("{key}: not {wanted}")) }
    });
    stored.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_quarantined_is_kept_and_its_owner_cannot_read_it() {
    let app = TestApp::start().await;
    let ada = app.ada();
    let (id, job) = app.quarantined(&ada, &File::recording("1")).await;
    let document = ada.get(&id).await.unwrap();
    assert_eq!(document.detected_content_type, "video/mp4");
    assert_eq!((document.latest_ready_version, document.retain_until.is_none()), (0, true));
    for actor in [&ada, &app.staff("sam", "riverton")] {
        assert_refused(actor.download(&id).await, Code::Locked, reason::DOCUMENT_QUARANTINED);
    }
    assert_refused(ada.download_quarantined(&id).await, Code::PermissionDenied, reason::PERMISSION_DENIED);
    let next = ada.correct(&id, &File::recording("2")).await;
    assert_refused(next, Code::Conflict, reason::VERSION_IN_PROGRESS);
    assert_eq!(app.event_names(&id).await, ["initiated", "uploaded", "scanning", "quarantined"]);
    stored(&app, Bucket::Intake, &intake_key(&id), false).await;
    assert!(app.is_stored(Bucket::Evidence, &evidence_key(&id)).await);

    // A report that comes again changes nothing.
    assert_eq!(app.worker().report_clean(&job, "video/mp4").await.unwrap(), DocumentStatus::Quarantined);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scanner_is_told_what_to_keep_and_nothing_is_quarantined_without_its_bytes() {
    let app = TestApp::start().await;
    let (ada, worker) = (app.ada(), app.worker());
    for (file, keep) in [(File::recording("1"), true), (File::pdf("1"), false)] {
        let (_, job) = app.uploaded(&ada, &file).await;
        assert_eq!(worker.claim(&job).await.unwrap().keep_unscannable, keep, "{}", file.purpose);
    }
    let (id, job) = app.uploaded(&ada, &File::recording("2")).await;
    let early = worker.report_unscannable(&job, "video/mp4").await;
    assert_refused(early, Code::PreconditionFailed, reason::EVIDENCE_MISSING);
    assert_eq!(app.status(&ada, &id).await, DocumentStatus::Uploaded);
    app.copy(&id).await;
    worker.report_unscannable(&job, "video/mp4").await.unwrap();
    assert_eq!(app.event_names(&id).await, ["initiated", "uploaded", "scanning", "quarantined"]);

    // What is of another type than declared is not reviewed, and leaves no copy.
    let (other, job) = app.scanning(&ada, &File::recording("3")).await;
    app.copy(&other).await;
    let status = worker.report_unscannable(&job, "application/zip").await.unwrap();
    assert_eq!(status, DocumentStatus::Rejected);
    stored(&app, Bucket::Evidence, &evidence_key(&other), false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn staff_see_what_waits_page_by_page_and_never_their_own() {
    let app = TestApp::start().await;
    let (ada, sam) = (app.ada(), app.staff("sam", "riverton"));
    let mut ids = Vec::new();
    for n in 0..3 {
        ids.push(app.quarantined(&ada, &File::recording(&n.to_string())).await.0);
        // Ids of one millisecond have no order.
        app.clock.advance(std::time::Duration::from_millis(1));
    }
    app.quarantined(&app.citizen("sam", "riverton"), &File::recording("own")).await;
    app.scanning(&ada, &File::recording("not yet")).await;

    let first = sam.waiting(2, "").await.unwrap();
    let last = sam.waiting(2, &first.next_page_token).await.unwrap();
    assert_eq!(last.next_page_token, "");
    let listed = first.documents.iter().chain(&last.documents);
    let listed: Vec<_> = listed.map(|document| document.document_id.clone()).collect();
    assert_eq!(listed, ids, "the first declared comes first");
    assert!(first.documents.iter().all(|document| document.status() == DocumentStatus::Quarantined));
    assert!(app.staff("lea", "lakeside").waiting(0, "").await.unwrap().documents.is_empty());
    assert_refused(ada.waiting(0, "").await, Code::PermissionDenied, reason::PERMISSION_DENIED);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reviewer_reads_it_for_a_minute_and_is_logged() {
    let app = TestApp::start().await;
    let (ada, sam, file) = (app.ada(), app.staff("sam", "riverton"), File::recording("1"));
    let (id, _) = app.quarantined(&ada, &file).await;
    let download = sam.download_quarantined(&id).await.unwrap();
    assert!(at(download.expires_at) - app.clock.now() <= Duration::minutes(1));
    assert_eq!(fetch(&download.url).await.2, file.bytes);
    assert_eq!(app.count("select count(*) from access_log where accessor = 'sam'").await, 1);
    let accessed: v1::DocumentAccessed = app.events(&id).await.last().unwrap().decode().unwrap();
    assert_eq!(accessed.accessor, "sam");

    let (clean, _) = app.ready(&ada, &file).await;
    let read = sam.download_quarantined(&clean).await;
    assert_refused(read, Code::Conflict, reason::DOCUMENT_NOT_QUARANTINED);
    assert_refused(sam.download_quarantined("none").await, Code::NotFound, reason::DOCUMENT_NOT_FOUND);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_released_can_be_read_and_is_kept_from_then_on() {
    let app = TestApp::start().await;
    let (ada, sam, file) = (app.ada(), app.staff("sam", "riverton"), File::recording("1"));
    let (id, _) = app.quarantined(&ada, &file).await;
    app.clock.advance(std::time::Duration::from_secs(3 * 24 * 60 * 60));
    let decided = sam.decide(&id, Released).await.unwrap();
    let document = decided.document.unwrap();
    assert_eq!(document.status(), DocumentStatus::Ready);
    assert!(at(document.retain_until) - app.clock.now() >= Duration::days(365));
    let decision = decided.decision.unwrap();
    assert_eq!((decision.outcome(), decision.by.as_str()), (Released, "sam"));
    assert_eq!(app.event_names(&id).await, ["initiated", "uploaded", "scanning", "quarantined", "ready"]);
    assert_eq!(sam.decisions(&id).await.unwrap(), [decision]);
    assert!(sam.waiting(0, "").await.unwrap().documents.is_empty());

    assert_refused(ada.erase(&id).await, Code::Conflict, reason::DOCUMENT_RETAINED);
    let again = sam.decide(&id, Rejected).await;
    assert_refused(again, Code::Conflict, reason::DOCUMENT_NOT_QUARANTINED);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused_after_a_review_is_deleted_after_its_time() {
    let week = Duration::days(7);
    let app = TestApp::start_with(|config| config.keep_rejected = week).await;
    let (ada, sam) = (app.ada(), app.staff("sam", "riverton"));
    let (id, _) = app.quarantined(&ada, &File::recording("1")).await;
    let (infected, _) = app.rejected(&ada, &File::pdf("2")).await;
    let decided = sam.decide(&id, Rejected).await.unwrap().document.unwrap();
    assert_eq!(decided.rejection_reason(), RejectionReason::Unscannable);
    assert_refused(ada.download(&id).await, Code::Conflict, reason::DOCUMENT_REJECTED);
    let told: v1::DocumentRejected = app.events(&id).await.last().unwrap().decode().unwrap();
    assert_eq!(told.reason(), RejectionReason::Unscannable);

    let due = "select count(*) from due where kind in ('evidence_cleanup', 'intake_cleanup')
        and at between now() + interval '6 days' and now() + interval '8 days'";
    assert_eq!(app.count(due).await, 3, "neither is touched before");
    assert!(app.is_stored(Bucket::Evidence, &evidence_key(&id)).await);
    assert!(app.is_stored(Bucket::Intake, &intake_key(&infected)).await);
    app.clock.advance(std::time::Duration::from_secs(7 * 24 * 60 * 60));
    stored(&app, Bucket::Evidence, &evidence_key(&id), false).await;
    stored(&app, Bucket::Intake, &intake_key(&infected), false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_decides_about_their_own_or_without_a_reason() {
    let app = TestApp::start().await;
    let (sam, ann) = (app.staff("sam", "riverton"), app.staff("ann", "riverton"));
    let (id, _) = app.quarantined(&app.citizen("sam", "riverton"), &File::recording("1")).await;
    assert_refused(sam.decide(&id, Released).await, Code::PermissionDenied, reason::REVIEWER_IS_OWNER);
    assert_refused(sam.download_quarantined(&id).await, Code::PermissionDenied, reason::REVIEWER_IS_OWNER);
    let mut silent = decision(&id, Released);
    silent.reason = " ".to_owned();
    let refused = ann.quarantine().decide_quarantined(ann.request(silent)).await.map_err(Into::into);
    assert_refused(refused, Code::InvalidArgument, reason::REASON_INVALID);
    let vague = ann.decide(&id, QuarantineOutcome::Unspecified).await;
    assert_refused(vague, Code::InvalidArgument, reason::DECISION_INVALID);
    let second = v1::DecideQuarantinedRequest { version: 2, ..decision(&id, Released) };
    let refused = ann.quarantine().decide_quarantined(ann.request(second)).await.map_err(Into::into);
    assert_refused(refused, Code::NotFound, reason::VERSION_NOT_FOUND);
    assert_eq!(app.status(&sam, &id).await, DocumentStatus::Quarantined);
    assert_eq!(app.count("select count(*) from quarantine_decisions").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_decision_under_one_key_is_answered_again() {
    let app = TestApp::start().await;
    let sam = app.staff("sam", "riverton");
    let (id, _) = app.quarantined(&app.ada(), &File::recording("1")).await;
    let mut answers = Vec::new();
    for _ in 0..2 {
        let request = sam.keyed("k", decision(&id, Released));
        answers.push(sam.quarantine().decide_quarantined(request).await.unwrap());
    }
    assert_eq!(answers.iter().map(is_replayed).collect::<Vec<_>>(), [false, true]);
    assert_eq!(answers[0].get_ref(), answers[1].get_ref());
    assert_eq!(app.event_names(&id).await.last().unwrap(), "ready");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_decisions_that_disagree_one_counts() {
    let app = TestApp::start().await;
    let ada = app.ada();
    let (id, _) = app.quarantined(&ada, &File::recording("1")).await;
    let staff: Vec<_> = (0..64).map(|n| app.staff(&format!("staff-{n}"), "riverton")).collect();
    join_all(staff.iter().map(|sam| sam.get(&id))).await;
    let calls = staff.iter().enumerate();
    let results =
        join_all(calls.map(|(n, sam)| sam.decide(&id, if n % 2 == 0 { Released } else { Rejected })));
    let results = results.await;
    let (taken, refused): (Vec<_>, Vec<_>) = results.into_iter().partition(std::result::Result::is_ok);
    assert_eq!((taken.len(), refused.len()), (1, 63));
    for refused in refused {
        assert_refused(refused, Code::Conflict, reason::DOCUMENT_NOT_QUARANTINED);
    }
    let status = app.status(&ada, &id).await;
    let decided = app.staff("sam", "riverton").decisions(&id).await.unwrap();
    assert_eq!(decided.len(), 1);
    let (outcome, last) = match status {
        DocumentStatus::Ready => (Released, "ready"),
        _ => (Rejected, "rejected"),
    };
    assert_eq!(decided[0].outcome(), outcome);
    assert_eq!(app.event_names(&id).await[3..], ["quarantined", last]);
}

#[tokio::test(flavor = "multi_thread")]
async fn its_owner_takes_it_back_unless_it_is_held() {
    let app = TestApp::start().await;
    let (ada, sam) = (app.ada(), app.staff("sam", "riverton"));
    let (id, _) = app.quarantined(&ada, &File::recording("1")).await;
    Box::pin(app.hold_and_release_once(&sam, &id, async {
        assert_refused(ada.erase(&id).await, Code::Conflict, reason::DOCUMENT_RETAINED);
    }))
    .await;
    assert_eq!(ada.erase(&id).await.unwrap().status(), DocumentStatus::Erased);
    assert!(!app.is_stored(Bucket::Evidence, &evidence_key(&id)).await);
    assert_refused(sam.decide(&id, Released).await, Code::Gone, reason::DOCUMENT_ERASED);
    assert_refused(sam.download_quarantined(&id).await, Code::Gone, reason::DOCUMENT_ERASED);
    assert!(sam.waiting(0, "").await.unwrap().documents.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused_under_a_hold_is_deleted_when_the_hold_ends() {
    let app = TestApp::start().await;
    let (ada, sam) = (app.ada(), app.staff("sam", "riverton"));
    let (id, _) = app.quarantined(&ada, &File::recording("1")).await;
    Box::pin(app.hold_and_release_once(&sam, &id, async {
        sam.decide(&id, Rejected).await.unwrap();
        let forgotten = eventually(SOON, || async {
            let rows = "select count(*) from due where kind = 'evidence_cleanup'";
            if app.count(rows).await == 0 { Ok(()) } else { Err("the deletion is still planned") }
        });
        forgotten.await.unwrap();
        assert!(app.is_stored(Bucket::Evidence, &evidence_key(&id)).await);
    }))
    .await;
    stored(&app, Bucket::Evidence, &evidence_key(&id), false).await;
}

impl TestApp {
    /// Does `meanwhile` while a hold stands, and while the object store knows of it.
    async fn hold_and_release_once(&self, sam: &Actor, id: &str, meanwhile: impl Future<Output = ()>) {
        let hold = sam.hold("c", id, 0).await.unwrap();
        self.held_in_the_store(id, true).await;
        meanwhile.await;
        for staff in [sam, &self.staff("ann", "riverton")] {
            staff.release(&hold.hold_id).await.unwrap();
        }
    }

    async fn held_in_the_store(&self, id: &str, wanted: bool) {
        let (blobs, key) = (&self.state.blobs, evidence_key(id));
        let told = eventually(SOON, || async {
            let versions = blobs.versions(Bucket::Evidence, &key).await.unwrap();
            let state = blobs.lock_state(Bucket::Evidence, &key, &versions[0].id).await.unwrap();
            if state.held == wanted { Ok(()) } else { Err(state) }
        });
        told.await.unwrap();
    }
}
