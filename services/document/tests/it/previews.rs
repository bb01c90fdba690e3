//! Who sees a preview, and what becomes of jobs that nobody finishes. Drawing is the worker's; its tests have it.

use std::time::Duration;

use blobs::Bucket;
use proto::document::v1::preview_service_client::PreviewServiceClient;
use proto::document::v1::{self, PreviewFailure, PreviewState, QuarantineOutcome};
use rpc_error::{Code, reason};
use sha2::{Digest as _, Sha256};
use testkit::eventually;
use tonic::transport::Channel;
use topology::queues;

use crate::harness::{Actor, File, Result, SOON, TestApp, assert_refused, at, fetch};
use crate::policies::{in_force, publish};

const LEASE: Duration = Duration::from_secs(5 * 60);
const PAGE: &[u8] = b"a page";
const TEXT: &[u8] = b"its text";

impl Actor {
    fn previews(&self) -> PreviewServiceClient<Channel> {
        PreviewServiceClient::new(self.channel.clone())
    }

    pub(crate) async fn preview(&self, id: &str, version: i32) -> Result<v1::GetPreviewResponse> {
        self.preview_for(id, version, self.purpose()).await
    }

    pub(crate) async fn preview_for(
        &self,
        id: &str,
        version: i32,
        purpose: &str,
    ) -> Result<v1::GetPreviewResponse> {
        let (document_id, purpose) = (id.to_owned(), purpose.to_owned());
        let message = v1::GetPreviewRequest { document_id, version, purpose };
        Ok(self.previews().get_preview(self.keyless(message)).await?.into_inner())
    }

    pub(crate) async fn claim_preview(&self, job: &str) -> Result<v1::ClaimPreviewResponse> {
        let message = v1::ClaimPreviewRequest { job_id: job.to_owned() };
        Ok(self.previews().claim_preview(self.keyless(message)).await?.into_inner())
    }

    pub(crate) async fn report_preview(
        &self,
        job: &str,
        failure: PreviewFailure,
        objects: Vec<v1::StoredPreview>,
    ) -> Result<PreviewState> {
        let total_pages = if objects.is_empty() { 0 } else { 7 };
        let job_id = job.to_owned();
        let message = v1::ReportPreviewRequest { job_id, failure: failure.into(), total_pages, objects };
        Ok(self.previews().report_preview(self.keyless(message)).await?.into_inner().state())
    }
}

fn object(number: i32, bytes: &[u8]) -> v1::StoredPreview {
    let side = if number == 0 { 0 } else { 100 };
    v1::StoredPreview {
        number,
        size_bytes: i64::try_from(bytes.len()).unwrap(),
        sha256: Sha256::digest(bytes).to_vec(),
        width: side,
        height: side,
    }
}

impl TestApp {
    pub(crate) async fn preview_job(&self, id: &str) -> String {
        let id: ids::DocumentId = id.parse().unwrap();
        let job: ids::JobId = sqlx::query_scalar("select id from previews where document_id = $1")
            .bind(id)
            .fetch_one(&mut self.db.admin().await)
            .await
            .unwrap();
        job.to_string()
    }

    /// What the preview role stores.
    async fn store(&self, claim: &v1::ClaimPreviewResponse) -> Vec<v1::StoredPreview> {
        for (key, bytes, kind) in
            [(&claim.page_keys[0], PAGE, "image/png"), (&claim.text_key, TEXT, "text/plain; charset=utf-8")]
        {
            let sha256 = Sha256::digest(bytes).into();
            self.state.blobs.put(Bucket::Evidence, key, bytes.into(), kind, sha256).await.unwrap();
        }
        vec![object(1, PAGE), object(0, TEXT)]
    }

    /// A document with a preview.
    pub(crate) async fn shown(&self, owner: &Actor) -> String {
        let (id, _) = self.ready(owner, &File::pdf("Ada")).await;
        let job = self.preview_job(&id).await;
        let claim = self.worker().claim_preview(&job).await.unwrap();
        let objects = self.store(&claim).await;
        let state = self.worker().report_preview(&job, PreviewFailure::Unspecified, objects).await.unwrap();
        assert_eq!(state, PreviewState::Ready);
        id
    }

    pub(crate) async fn previews_stored(&self, id: &str) -> usize {
        let bucket = &self.s3.settings.evidence_bucket;
        let prefix = format!("preview/{id}/");
        let listed =
            self.s3.client.list_object_versions().bucket(bucket).prefix(prefix).send().await.unwrap();
        listed.versions().len() + listed.delete_markers().len()
    }

    /// Has files that no scanner can look into reviewed also where they are to show who somebody is.
    async fn review_unscannable_ids(&self) {
        let max = self.admin("max", "riverton");
        let (version, mut upload) = in_force(self, &max, "upload").await;
        upload["purposes"]["identity"]["unscannable"] = "review".into();
        publish(self, &max, "upload", &upload, version).await.unwrap();
    }

    /// Lets time pass until no reminder of a preview is due or being sent any more.
    async fn pass(&self, time: Duration) {
        self.clock.advance(time);
        let ran = eventually(SOON, || async {
            let due: i64 =
                sqlx::query_scalar("select count(*) from due where kind = 'preview_unreported' and (at <= $1 or claim is not null)")
                    .bind(self.clock.now())
                    .fetch_one(&mut self.db.admin().await)
                    .await
                    .unwrap();
            if due == 0 { Ok(()) } else { Err(due) }
        });
        ran.await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_may_download_sees_the_preview_for_a_minute_and_is_logged() {
    let app = TestApp::start().await;
    let (ada, sam) = (app.ada(), app.staff("sam", "riverton"));
    let id = app.shown(&ada).await;
    for (seen, actor) in [&ada, &sam].into_iter().enumerate() {
        let shown = actor.preview(&id, 0).await.unwrap();
        assert_eq!((shown.version, shown.state(), shown.total_pages), (1, PreviewState::Ready, 7));
        assert_eq!(shown.pages.len(), 1);
        let page = &shown.pages[0];
        assert_eq!((page.number, page.width, page.height), (1, 100, 100));
        assert_eq!(at(shown.expires_at), app.clock.now() + time::Duration::MINUTE);
        let (status, headers, bytes) = fetch(&page.url).await;
        assert_eq!((status, headers["content-type"].as_str(), &bytes[..]), (200, "image/png", PAGE));
        let (status, _, bytes) = fetch(&shown.text_url).await;
        assert_eq!((status, &bytes[..]), (200, TEXT));
        let logged = app.count("select count(*) from access_log where version = 1").await;
        assert_eq!(usize::try_from(logged).unwrap(), seen + 1);
    }
    let accessed = app.event_names(&id).await;
    assert_eq!(accessed.iter().filter(|name| *name == "accessed").count(), 2);
    for stranger in
        [app.citizen("ben", "riverton"), app.citizen("ada", "lakeside"), app.staff("lea", "lakeside")]
    {
        assert_refused(stranger.preview(&id, 0).await, Code::NotFound, reason::DOCUMENT_NOT_FOUND);
    }
    assert_refused(ada.preview(&id, 2).await, Code::NotFound, reason::VERSION_NOT_FOUND);
    assert_refused(app.worker().preview(&id, 0).await, Code::PermissionDenied, reason::PERMISSION_DENIED);
    assert_eq!(app.count("select count(*) from access_log").await, 2, "who saw nothing is not logged");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_grant_shows_the_preview_while_it_stands_and_staff_say_what_for() {
    let app = TestApp::start().await;
    let (ada, ben, sam) = (app.ada(), app.citizen("ben", "riverton"), app.staff("sam", "riverton"));
    let id = app.shown(&ada).await;
    assert_refused(sam.preview_for(&id, 0, "").await, Code::InvalidArgument, reason::ACCESS_PURPOSE_INVALID);
    assert_refused(ben.preview(&id, 0).await, Code::NotFound, reason::DOCUMENT_NOT_FOUND);

    let grant = sam.give(app.share(&id, "ben")).await.unwrap();
    let shown = ben.preview(&id, 0).await.unwrap();
    assert_eq!((shown.state(), shown.pages.len()), (PreviewState::Ready, 1));
    assert_eq!(fetch(&shown.pages[0].url).await.2, PAGE);
    let logged = ada.accesses(&id, 0, "").await.unwrap().accesses;
    let logged: Vec<_> = logged.iter().map(|a| (&*a.accessor, &*a.purpose, a.grant_id.clone())).collect();
    assert_eq!(logged, [("ben", "casework", grant.grant_id.clone())], "one row for all that was signed");

    // No signature outlives the grant.
    app.clock.set(at(grant.until) - time::Duration::seconds(30));
    let shown = ben.preview(&id, 0).await.unwrap();
    assert!(at(shown.expires_at) <= at(grant.until));
    sam.revoke(&grant.grant_id).await.unwrap();
    assert_refused(ben.preview(&id, 0).await, Code::Gone, reason::GRANT_ENDED);
    assert_eq!(app.count("select count(*) from access_log").await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_shown_of_what_has_no_verdict_or_was_refused() {
    let app = TestApp::start().await;
    let ada = app.ada();
    let (scanning, _) = app.scanning(&ada, &File::pdf("1")).await;
    assert_refused(ada.preview(&scanning, 0).await, Code::Locked, reason::DOCUMENT_NOT_SCANNED);
    let (rejected, _) = app.rejected(&ada, &File::pdf("2")).await;
    assert_refused(ada.preview(&rejected, 0).await, Code::Conflict, reason::DOCUMENT_REJECTED);
    assert_eq!(app.count("select count(*) from previews").await, 0, "none is made");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_preview_is_asked_for_where_the_type_has_any_and_pending_until_it_is_reported() {
    let app = TestApp::start().await;
    let (ada, worker) = (app.ada(), app.worker());
    let mut csv = File::pdf("a;b");
    (csv.purpose, csv.content_type) = ("income".to_owned(), "text/csv".to_owned());
    let (id, job) = app.scanning(&ada, &csv).await;
    app.copy(&id).await;
    worker.report_clean(&job, "text/plain").await.unwrap();
    assert_eq!(ada.preview(&id, 0).await.unwrap().state(), PreviewState::None);

    let (id, _) = app.ready(&ada, &File::pdf("Ada")).await;
    let pending = ada.preview(&id, 0).await.unwrap();
    assert_eq!((pending.state(), pending.pages.len(), pending.expires_at), (PreviewState::Pending, 0, None));
    assert_eq!(app.count("select count(*) from access_log").await, 0);
    app.relayed().await;
    assert_eq!(app.sqs.sqs.depth(queues::PREVIEW).await.unwrap().total(), 1);

    let job = app.preview_job(&id).await;
    let claim = worker.claim_preview(&job).await.unwrap();
    assert_eq!(claim.content_type, "application/pdf");
    assert_eq!((claim.page_keys.len(), &claim.sha256), (20, &File::pdf("Ada").sha256()));
    assert_refused(worker.claim_preview(&job).await, Code::Conflict, reason::JOB_LEASED);
    let failed = worker.report_preview(&job, PreviewFailure::Crashed, vec![]).await.unwrap();
    assert_eq!(failed, PreviewState::Failed);
    assert_refused(worker.claim_preview(&job).await, Code::Conflict, reason::JOB_FINISHED);
    let shown = ada.preview(&id, 0).await.unwrap();
    assert_eq!((shown.state(), shown.failure()), (PreviewState::Failed, PreviewFailure::Crashed));
    assert_eq!(app.count("select count(*) from due where kind = 'preview_unreported'").await, 0);
    // The first report stands.
    let objects = app.store(&claim).await;
    let again = worker.report_preview(&job, PreviewFailure::Unspecified, objects).await.unwrap();
    assert_eq!(again, PreviewState::Failed);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_makes_a_version_ready_asks_for_its_preview_and_its_check_in_the_same_transaction() {
    let app = TestApp::start().await;
    let (ada, sam) = (app.ada(), app.staff("sam", "riverton"));
    app.review_unscannable_ids().await;
    let asked = async || {
        (
            app.count("select count(*) from previews").await,
            app.count("select count(*) from due where kind = 'preview_unreported'").await,
            app.count("select count(*) from due where kind = 'integrity'").await,
        )
    };
    let (released, _) = app.quarantined(&ada, &File::pdf("1")).await;
    let (refused, _) = app.quarantined(&ada, &File::pdf("2")).await;
    assert_eq!(asked().await, (0, 0, 0), "what waits for a decision may never be ready");
    sam.decide(&refused, QuarantineOutcome::Rejected).await.unwrap();
    assert_eq!(asked().await, (0, 0, 0));
    sam.decide(&released, QuarantineOutcome::Released).await.unwrap();
    assert_eq!(asked().await, (1, 1, 1));
    let together =
        "select count(*) from previews p join quarantine_decisions d using (tenant, document_id, version)
        where p.xmin = d.xmin";
    assert_eq!(app.count(together).await, 1);

    app.ready(&ada, &File::pdf("3")).await;
    assert_eq!(asked().await, (2, 2, 2));
    let together = "select count(*) from previews p join scan_jobs s using (tenant, document_id, version)
        where p.xmin = s.xmin";
    assert_eq!(app.count(together).await, 1);
    app.relayed().await;
    assert_eq!(app.sqs.sqs.depth(queues::PREVIEW).await.unwrap().total(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_counts_only_with_what_it_speaks_of() {
    let app = TestApp::start().await;
    let (ada, worker) = (app.ada(), app.worker());
    let (id, _) = app.ready(&ada, &File::pdf("Ada")).await;
    let job = app.preview_job(&id).await;
    let report = |objects| worker.report_preview(&job, PreviewFailure::Unspecified, objects);
    assert_refused(report(vec![object(1, PAGE)]).await, Code::PreconditionFailed, reason::EVIDENCE_MISSING);
    let objects = app.store(&worker.claim_preview(&job).await.unwrap()).await;
    let other = report(vec![object(1, TEXT)]).await;
    assert_refused(other, Code::PreconditionFailed, reason::EVIDENCE_MISSING);
    for nonsense in [vec![object(0, TEXT)], vec![object(2, PAGE)], vec![object(1, PAGE), object(1, PAGE)]] {
        assert_refused(report(nonsense).await, Code::InvalidArgument, reason::REQUEST_INVALID);
    }
    let both = worker.report_preview(&job, PreviewFailure::Crashed, objects.clone()).await;
    assert_refused(both, Code::InvalidArgument, reason::REQUEST_INVALID);
    for job in ["", "01890a5d-ac96-774b-bcce-b302099a8057"] {
        let unknown = worker.report_preview(job, PreviewFailure::Crashed, vec![]).await;
        assert_refused(unknown, Code::NotFound, reason::JOB_NOT_FOUND);
    }
    let elsewhere = app.service("svc-worker", "lakeside");
    assert_refused(elsewhere.claim_preview(&job).await, Code::NotFound, reason::JOB_NOT_FOUND);
    assert_eq!(ada.preview(&id, 0).await.unwrap().state(), PreviewState::Pending, "nothing was changed");
    assert_eq!(report(objects).await.unwrap(), PreviewState::Ready);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_is_sent_again_ever_more_rarely_and_given_up_in_the_end() {
    let app = TestApp::start().await;
    let ada = app.ada();
    let (id, _) = app.ready(&ada, &File::pdf("Ada")).await;
    let mut wait = LEASE;
    for sent in 2..=12 {
        app.pass(wait).await;
        app.relayed().await;
        assert_eq!(app.sqs.sqs.depth(queues::PREVIEW).await.unwrap().total(), sent);
        wait = (wait * 2).min(Duration::from_secs(24 * 60 * 60));
    }
    assert_eq!(ada.preview(&id, 0).await.unwrap().state(), PreviewState::Pending);
    app.pass(wait).await;
    let shown = ada.preview(&id, 0).await.unwrap();
    assert_eq!((shown.state(), shown.failure()), (PreviewState::Failed, PreviewFailure::Abandoned));
    assert_eq!(app.count("select count(*) from due where kind = 'preview_unreported'").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_at_which_workers_die_is_left_alone_after_five() {
    let app = TestApp::start().await;
    let (ada, worker) = (app.ada(), app.worker());
    let (id, _) = app.ready(&ada, &File::pdf("Ada")).await;
    let job = app.preview_job(&id).await;
    for _ in 0..5 {
        worker.claim_preview(&job).await.unwrap();
        app.clock.advance(LEASE);
    }
    assert_refused(worker.claim_preview(&job).await, Code::Conflict, reason::JOB_FINISHED);
    app.pass(Duration::from_secs(24 * 60 * 60)).await;
    assert_eq!(ada.preview(&id, 0).await.unwrap().failure(), PreviewFailure::Abandoned);
}

#[tokio::test(flavor = "multi_thread")]
async fn with_a_version_goes_its_preview_in_all_versions() {
    let app = TestApp::start().await;
    let (ada, worker) = (app.ada(), app.worker());
    let id = app.shown(&ada).await;
    let (late, _) = app.ready(&ada, &File::pdf("late")).await;
    let job = app.preview_job(&late).await;
    let claim = worker.claim_preview(&job).await.unwrap();
    assert_eq!(app.previews_stored(&id).await, 2);

    // At the end of its retention, by itself.
    app.clock.advance(Duration::from_secs(6 * 366 * 24 * 60 * 60));
    for (id, stored) in [(&id, 0), (&late, 0)] {
        eventually(SOON, || async {
            let (status, left) = (app.status(&ada, id).await, app.previews_stored(id).await);
            if (status, left) == (v1::DocumentStatus::Erased, stored) { Ok(()) } else { Err((status, left)) }
        })
        .await
        .unwrap();
    }
    assert_eq!(app.count("select count(*) from preview_objects").await, 0);
    for id in [&id, &late] {
        assert_refused(ada.preview(id, 0).await, Code::Gone, reason::DOCUMENT_ERASED);
    }
    // Who had begun before stores after, and then reports: it is deleted again.
    let objects = app.store(&claim).await;
    assert_eq!(
        worker.report_preview(&job, PreviewFailure::Unspecified, objects).await.unwrap(),
        PreviewState::None
    );
    eventually(SOON, || async {
        match app.previews_stored(&late).await {
            0 => Ok(()),
            left => Err(left),
        }
    })
    .await
    .unwrap();
}
