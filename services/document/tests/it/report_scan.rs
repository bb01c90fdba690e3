use proto::document::v1::{self, DocumentStatus, RejectionReason};
use rpc_error::{Code, reason};

use crate::harness::{File, TestApp, assert_refused, evidence_key};

#[tokio::test(flavor = "multi_thread")]
async fn a_clean_matching_copy_makes_a_document_ready() {
    let app = TestApp::start().await;
    let (ada, worker) = (app.ada(), app.worker());
    let (id, job) = app.scanning(&ada, &File::pdf("Ada")).await;
    app.copy(&id).await;
    assert_eq!(worker.report_clean(&job, "application/pdf").await.unwrap(), DocumentStatus::Ready);
    assert_eq!(app.status(&ada, &id).await, DocumentStatus::Ready);
    assert_eq!(app.event_names(&id).await, ["initiated", "uploaded", "scanning", "ready"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_reason_to_refuse_is_kept_and_told() {
    let app = TestApp::start().await;
    let (ada, worker) = (app.ada(), app.worker());
    for (detected, reason) in [
        ("", RejectionReason::Infected),
        ("text/plain", RejectionReason::TypeMismatch),
        ("application/pdf", RejectionReason::Unscannable),
        ("", RejectionReason::SizeMismatch),
        ("", RejectionReason::ChecksumMismatch),
    ] {
        let (id, job) = app.scanning(&ada, &File::pdf("Ada")).await;
        assert_eq!(worker.report(&job, detected, reason).await.unwrap(), DocumentStatus::Rejected);
        let document = ada.get(&id).await.unwrap();
        assert_eq!(
            (document.rejection_reason(), document.detected_content_type.as_str()),
            (reason, detected)
        );
        let told: v1::DocumentRejected = app.events(&id).await.last().unwrap().decode().unwrap();
        assert_eq!(told.reason(), reason);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_ready_without_its_evidence() {
    let app = TestApp::start().await;
    let (ada, worker, file) = (app.ada(), app.worker(), File::pdf("Ada"));
    let (id, job) = app.scanning(&ada, &file).await;
    let report = worker.report_clean(&job, "application/pdf").await;
    assert_refused(report, Code::PreconditionFailed, reason::EVIDENCE_MISSING);

    let mut other = file.bytes.clone();
    other[9] ^= 1;
    for (bytes, with_digest) in [(&file.bytes[1..], true), (&other[..], true), (&file.bytes[..], false)] {
        let bucket = &app.s3.settings.evidence_bucket;
        let put =
            app.s3.client.put_object().bucket(bucket).key(evidence_key(&id)).body(bytes.to_vec().into());
        let sha256 = aws_sdk_s3::types::ChecksumAlgorithm::Sha256;
        let put = if with_digest { put.checksum_algorithm(sha256) } else { put };
        put.send().await.unwrap();
        let report = worker.report_clean(&job, "application/pdf").await;
        assert_refused(report, Code::PreconditionFailed, reason::EVIDENCE_MISSING);
    }
    assert_eq!(app.status(&ada, &id).await, DocumentStatus::Scanning);

    app.copy(&id).await;
    assert_eq!(worker.report_clean(&job, "application/pdf").await.unwrap(), DocumentStatus::Ready);
}

#[tokio::test(flavor = "multi_thread")]
async fn clean_bytes_of_another_type_than_declared_are_refused() {
    let app = TestApp::start().await;
    let (ada, worker) = (app.ada(), app.worker());
    for detected in ["text/plain", "image/png", "", "not a type"] {
        let (id, job) = app.scanning(&ada, &File::pdf("Ada")).await;
        app.copy(&id).await;
        assert_eq!(
            worker.report_clean(&job, detected).await.unwrap(),
            DocumentStatus::Rejected,
            "{detected}"
        );
        assert_eq!(ada.get(&id).await.unwrap().rejection_reason(), RejectionReason::TypeMismatch);
    }
    let (id, job) = {
        let mut csv = File::pdf("a;b");
        (csv.purpose, csv.content_type) = ("income".to_owned(), "text/csv".to_owned());
        app.scanning(&ada, &csv).await
    };
    app.copy(&id).await;
    let status = worker.report_clean(&job, "text/plain").await.unwrap();
    assert_eq!(status, DocumentStatus::Ready, "every text is found to be plain text");
}

#[tokio::test(flavor = "multi_thread")]
async fn reports_after_the_verdict_change_nothing() {
    let app = TestApp::start().await;
    let (ada, worker) = (app.ada(), app.worker());
    let (ready, clean) = app.ready(&ada, &File::pdf("1")).await;
    let (rejected, infected) = app.rejected(&ada, &File::pdf("2")).await;
    let before = (ada.get(&ready).await.unwrap(), ada.get(&rejected).await.unwrap());
    app.clock.advance(std::time::Duration::from_secs(60));

    for (job, status) in [(&clean, DocumentStatus::Ready), (&infected, DocumentStatus::Rejected)] {
        assert_eq!(worker.report(job, "", RejectionReason::Infected).await.unwrap(), status);
        assert_eq!(worker.report_clean(job, "application/pdf").await.unwrap(), status);
    }
    assert_eq!((ada.get(&ready).await.unwrap(), ada.get(&rejected).await.unwrap()), before);
    assert_eq!(app.event_names(&ready).await, ["initiated", "uploaded", "scanning", "ready"]);
    assert_eq!(app.event_names(&rejected).await, ["initiated", "uploaded", "scanning", "rejected"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_after_the_lease_still_counts() {
    let app = TestApp::start().await;
    let (id, job) = app.scanning(&app.ada(), &File::pdf("Ada")).await;
    app.copy(&id).await;
    app.clock.advance(std::time::Duration::from_secs(60 * 60));
    assert_eq!(app.worker().report_clean(&job, "application/pdf").await.unwrap(), DocumentStatus::Ready);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_without_a_claim_takes_every_step() {
    let app = TestApp::start().await;
    let (ada, worker) = (app.ada(), app.worker());
    let (clean, job) = app.uploaded(&ada, &File::pdf("1")).await;
    app.copy(&clean).await;
    assert_eq!(worker.report_clean(&job, "application/pdf").await.unwrap(), DocumentStatus::Ready);
    assert_eq!(app.event_names(&clean).await, ["initiated", "uploaded", "scanning", "ready"]);
    let (infected, job) = app.uploaded(&ada, &File::pdf("2")).await;
    worker.report(&job, "", RejectionReason::Infected).await.unwrap();
    assert_eq!(app.event_names(&infected).await, ["initiated", "uploaded", "rejected"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn reports_that_make_no_sense_are_refused() {
    let app = TestApp::start().await;
    let (id, job) = app.scanning(&app.ada(), &File::pdf("Ada")).await;
    let message = v1::ReportScanRequest {
        job_id: job.clone(),
        detected_content_type: String::new(),
        rejection_reason: 99,
    };
    let worker = app.worker();
    let refused = worker.client().report_scan(worker.keyless(message)).await.map_err(Into::into);
    assert_refused(refused, Code::InvalidArgument, reason::REQUEST_INVALID);
    for job in ["", "01890a5d-ac96-774b-bcce-b302099a8057"] {
        assert_refused(worker.report_clean(job, "").await, Code::NotFound, reason::JOB_NOT_FOUND);
    }
    let elsewhere = app.service("svc-worker", "lakeside");
    assert_refused(elsewhere.report_clean(&job, "").await, Code::NotFound, reason::JOB_NOT_FOUND);
    for actor in [app.ada(), app.staff("sam", "riverton")] {
        assert_refused(actor.report_clean(&job, "").await, Code::PermissionDenied, reason::PERMISSION_DENIED);
    }
    assert_eq!(app.status(&app.ada(), &id).await, DocumentStatus::Scanning);
}
