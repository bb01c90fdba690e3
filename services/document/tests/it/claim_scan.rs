use proto::document::v1;
use rpc_error::{Code, reason};
use serde_json::json;
use time::Duration;

use super::policies::{in_force, publish};
use crate::harness::{File, TestApp, assert_refused, at, evidence_key, intake_key};

#[tokio::test(flavor = "multi_thread")]
async fn a_claim_says_what_to_scan_and_moves_the_document() {
    let app = TestApp::start().await;
    let (ada, file) = (app.ada(), File::pdf("Ada"));
    let (id, job) = app.uploaded(&ada, &file).await;

    let claimed = app.worker().claim(&job).await.unwrap();
    assert_eq!(claimed.document_id, id);
    assert_eq!(claimed.intake_key, intake_key(&id));
    assert_eq!(claimed.evidence_key, evidence_key(&id));
    assert_eq!(
        (claimed.content_type, claimed.size_bytes, claimed.sha256),
        (file.content_type.clone(), file.size(), file.sha256())
    );
    assert_eq!(at(claimed.lease_expires_at), app.clock.now() + Duration::minutes(5));
    assert_eq!(app.status(&ada, &id).await, v1::DocumentStatus::Scanning);
    assert_eq!(app.event_names(&id).await, ["initiated", "uploaded", "scanning"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_claim_says_how_much_of_an_archive_to_unpack() {
    let app = TestApp::start().await;
    let (ada, max) = (app.ada(), app.admin("max", "riverton"));
    let (_, first) = app.uploaded(&ada, &File::pdf("1")).await;
    let (_, second) = app.uploaded(&ada, &File::pdf("2")).await;
    let (_, third) = app.uploaded(&ada, &File::pdf("3")).await;
    let builtin = v1::ArchiveLimits { max_files: 1_000, max_bytes: 200 << 20, max_ratio: 200, max_depth: 3 };
    assert_eq!(app.worker().claim(&first).await.unwrap().archives, Some(builtin));

    // What holds is the policy of now, also for what was handed in before.
    let (_, mut upload) = in_force(&app, &max, "upload").await;
    upload["purposes"]["identity"]["archives"] =
        json!({"max_files": 2, "max_bytes": 3, "max_ratio": 4, "max_depth": 5});
    publish(&app, &max, "upload", &upload, 0).await.unwrap();
    let published = v1::ArchiveLimits { max_files: 2, max_bytes: 3, max_ratio: 4, max_depth: 5 };
    assert_eq!(app.worker().claim(&second).await.unwrap().archives, Some(published));

    // A purpose that is no more has the built-in limits.
    upload["purposes"].as_object_mut().unwrap().remove("identity");
    publish(&app, &max, "upload", &upload, 1).await.unwrap();
    assert_eq!(app.worker().claim(&third).await.unwrap().archives, Some(builtin));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lease_keeps_others_away_until_it_ends() {
    let app = TestApp::start().await;
    let (id, job) = app.uploaded(&app.ada(), &File::pdf("Ada")).await;
    let worker = app.worker();
    let end = at(worker.claim(&job).await.unwrap().lease_expires_at);

    app.clock.set(end - Duration::seconds(30));
    let error = worker.claim(&job).await.unwrap_err();
    assert_eq!((error.code(), error.reason()), (Code::Conflict, reason::JOB_LEASED));
    assert_eq!(error.retry_after_seconds(), Some(30), "what is left of the lease");
    app.clock.set(end);
    let again = worker.claim(&job).await.unwrap();
    assert_eq!(at(again.lease_expires_at), end + Duration::minutes(5));
    assert_eq!(
        app.event_names(&id).await,
        ["initiated", "uploaded", "scanning"],
        "only the first claim is told"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reported_job_is_finished() {
    let app = TestApp::start().await;
    let (_, ready) = app.ready(&app.ada(), &File::pdf("1")).await;
    let (_, rejected) = app.rejected(&app.ada(), &File::pdf("2")).await;
    for job in [ready, rejected] {
        assert_refused(app.worker().claim(&job).await, Code::Conflict, reason::JOB_FINISHED);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_worker_claims_and_only_in_the_jobs_tenant() {
    let app = TestApp::start().await;
    let (_, job) = app.uploaded(&app.ada(), &File::pdf("Ada")).await;
    for actor in [app.ada(), app.staff("sam", "riverton"), app.service("svc-bff", "riverton")] {
        assert_refused(actor.claim(&job).await, Code::PermissionDenied, reason::PERMISSION_DENIED);
    }
    let tenantless = app.tenantless("svc-worker");
    assert_refused(tenantless.claim(&job).await, Code::Malformed, reason::TENANT_MISSING);
    let elsewhere = app.service("svc-worker", "lakeside");
    assert_refused(elsewhere.claim(&job).await, Code::NotFound, reason::JOB_NOT_FOUND);
    for job in ["", "x", "01890a5d-ac96-774b-bcce-b302099a8057"] {
        assert_refused(app.worker().claim(job).await, Code::NotFound, reason::JOB_NOT_FOUND);
    }
}
