//! When versions are read again, and what becomes of reports. Reading is the worker's; its tests have it.

use std::time::Duration;

use blobs::Bucket;
use proto::document::v1::integrity_service_client::IntegrityServiceClient;
use proto::document::v1::{self, IntegrityFinding, IntegrityRepair};
use rpc_error::{Code, reason};
use sha2::{Digest as _, Sha256};
use testkit::eventually;
use tonic::transport::Channel;
use topology::queues;

use crate::harness::{Actor, File, Result, SOON, TestApp, assert_refused, evidence_key};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

impl Actor {
    fn integrity(&self) -> IntegrityServiceClient<Channel> {
        IntegrityServiceClient::new(self.channel.clone())
    }

    async fn claim_integrity(&self, job: &str) -> Result<v1::ClaimIntegrityResponse> {
        let message = v1::ClaimIntegrityRequest { job_id: job.to_owned() };
        Ok(self.integrity().claim_integrity(self.keyless(message)).await?.into_inner())
    }

    async fn report_integrity(
        &self,
        job: &str,
        finding: IntegrityFinding,
        repair: IntegrityRepair,
    ) -> Result<()> {
        let (finding, repair) = (finding.into(), repair.into());
        let message = v1::ReportIntegrityRequest { job_id: job.to_owned(), finding, repair };
        self.integrity().report_integrity(self.keyless(message)).await?;
        Ok(())
    }
}

impl TestApp {
    /// Lets time pass until no check is due or being asked for any more.
    async fn let_pass(&self, time: Duration) {
        self.clock.advance(time);
        let ran = eventually(SOON, || async {
            let due: i64 = sqlx::query_scalar(
                "select count(*) from due where kind = 'integrity' and (at <= $1 or claim is not null)",
            )
            .bind(self.clock.now())
            .fetch_one(&mut self.db.admin().await)
            .await
            .unwrap();
            if due == 0 { Ok(()) } else { Err(due) }
        });
        ran.await.unwrap();
        self.relayed().await;
    }

    async fn checks_asked(&self) -> u64 {
        self.sqs.sqs.depth(queues::INTEGRITY).await.unwrap().total()
    }

    async fn check_job(&self, id: &str) -> String {
        let id: ids::DocumentId = id.parse().unwrap();
        let job: ids::JobId =
            sqlx::query_scalar("select job_id from integrity_checks where document_id = $1")
                .bind(id)
                .fetch_one(&mut self.db.admin().await)
                .await
                .unwrap();
        job.to_string()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_ready_version_is_asked_for_within_a_month_and_spread_over_it() {
    let app = TestApp::start().await;
    let ada = app.ada();
    for text in ["1", "2", "3", "4", "5", "6"] {
        app.ready(&ada, &File::pdf(text)).await;
    }
    app.rejected(&ada, &File::pdf("7")).await;
    app.let_pass(Duration::ZERO).await;
    assert!(app.checks_asked().await < 6, "not all at once");
    let days = app.count("select count(distinct at::date) from due where kind = 'integrity'").await;
    assert!(days >= 2, "{days}");
    let late = "select count(*) from due where kind = 'integrity' and at > now() + interval '30 days 1 hour'";
    assert_eq!(app.count(late).await, 0);
    app.let_pass(DAY * 30).await;
    assert_eq!(app.count("select count(*) from integrity_checks where is_open").await, 6);
    assert!(app.checks_asked().await >= 6);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_check_is_asked_for_each_day_until_it_is_reported_and_then_a_month_later() {
    let app = TestApp::start().await;
    let (ada, worker) = (app.ada(), app.worker());
    let (id, _) = app.ready(&ada, &File::pdf("Ada")).await;
    app.let_pass(Duration::ZERO).await;
    app.let_pass(DAY * 30).await;
    let (asked, job) = (app.checks_asked().await, app.check_job(&id).await);
    app.let_pass(DAY).await;
    assert_eq!(app.checks_asked().await, asked + 1);
    assert_eq!(app.check_job(&id).await, job, "it is the same job");

    let claim = worker.claim_integrity(&job).await.unwrap();
    assert_eq!((claim.evidence_key, claim.sha256), (evidence_key(&id), File::pdf("Ada").sha256()));
    assert_refused(worker.claim_integrity(&job).await, Code::Conflict, reason::JOB_LEASED);
    for (finding, repair) in [
        (IntegrityFinding::Unspecified, IntegrityRepair::Unspecified),
        (IntegrityFinding::Missing, IntegrityRepair::Unspecified),
    ] {
        let refused = worker.report_integrity(&job, finding, repair).await;
        assert_refused(refused, Code::InvalidArgument, reason::REQUEST_INVALID);
    }
    let elsewhere = app.service("svc-worker", "lakeside");
    assert_refused(elsewhere.claim_integrity(&job).await, Code::NotFound, reason::JOB_NOT_FOUND);
    assert_refused(ada.claim_integrity(&job).await, Code::PermissionDenied, reason::PERMISSION_DENIED);

    worker.report_integrity(&job, IntegrityFinding::Different, IntegrityRepair::Restored).await.unwrap();
    // The first report stands.
    worker.report_integrity(&job, IntegrityFinding::Missing, IntegrityRepair::Lost).await.unwrap();
    let noted = "select count(*) from integrity_checks where finding = 'DIFFERENT' and repair = 'RESTORED' and not is_open";
    assert_eq!(app.count(noted).await, 1);
    assert_refused(worker.claim_integrity(&job).await, Code::Conflict, reason::JOB_FINISHED);
    let asked = app.checks_asked().await;
    app.let_pass(DAY * 29).await;
    assert_eq!(app.checks_asked().await, asked);
    app.let_pass(DAY).await;
    assert_eq!(app.checks_asked().await, asked + 1);
    assert_ne!(app.check_job(&id).await, job);
}

#[tokio::test(flavor = "multi_thread")]
async fn with_a_version_goes_its_replica_and_nothing_is_amiss_with_what_was_erased() {
    let app = TestApp::start().await;
    let (ada, worker, file) = (app.ada(), app.worker(), File::pdf("Ada"));
    let (id, _) = app.ready(&ada, &file).await;
    app.let_pass(Duration::ZERO).await;
    app.let_pass(DAY * 30).await;
    let job = app.check_job(&id).await;
    worker.claim_integrity(&job).await.unwrap();
    let key = evidence_key(&id);
    for _ in 0..2 {
        let (bytes, sha256) = (file.bytes.clone().into(), Sha256::digest(&file.bytes).into());
        app.state.blobs.put(Bucket::Replica, &key, bytes, "application/pdf", sha256).await.unwrap();
    }
    app.clock.advance(DAY * 366 * 6);
    eventually(SOON, || async {
        match app.state.blobs.versions(Bucket::Replica, &key).await.unwrap().len() {
            0 => Ok(()),
            left => Err(left),
        }
    })
    .await
    .unwrap();
    worker.report_integrity(&job, IntegrityFinding::Missing, IntegrityRepair::Lost).await.unwrap();
    assert_eq!(app.count("select count(*) from integrity_checks where finding is not null").await, 0);
    assert_eq!(app.count("select count(*) from due where kind = 'integrity'").await, 0);
}
