//! PDFs of bills and receipts: what is asked for, who makes it, and what becomes of jobs that nobody finishes. Making them is the
//! worker's; its tests have it.

use std::time::Duration;

use ids::ErasureId;
use proto::payment::v1;
use rpc_error::{Code, reason};
use testkit::eventually;
use topology::topics;

use crate::harness::{SOON, TestApp, assert_refused, bill, units};

const LEASE: Duration = Duration::from_secs(5 * 60);

impl TestApp {
    /// The job of a bill's PDF, or of the receipt of one of its payments.
    async fn pdf_job(&self, bill_id: &str, payment_id: Option<&str>) -> String {
        let jobs: Vec<String> = sqlx::query_scalar(
            "select id::text from pdfs where bill_id = $1::uuid and payment_id is not distinct from $2::uuid",
        )
        .bind(bill_id)
        .bind(payment_id)
        .fetch_all(&mut self.db.admin().await)
        .await
        .expect("jobs");
        assert_eq!(jobs.len(), 1, "{jobs:?}");
        jobs.into_iter().next().expect("one")
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bill_that_is_issued_is_made_once_and_its_payer_is_told() {
    let app = TestApp::start().await;
    let (sam, ada, worker) = (app.sam(), app.ada(), app.worker("riverton"));
    let draft = sam.create(v1::CreateBillRequest { issue: false, ..bill(500) }).await.unwrap();
    assert_eq!(app.count("select count(*) from pdfs").await, 0, "nobody gets a draft");
    let id = draft.bill_id;
    sam.issue(&id).await.unwrap();
    let job = app.pdf_job(&id, None).await;
    assert_eq!(ada.bill(&id).await.unwrap().pdf_document_id, "");

    let claimed = worker.claim_pdf(&job).await.unwrap();
    let told = claimed.bill.unwrap();
    assert_eq!((told.bill_id.as_str(), told.payer_name.as_str()), (id.as_str(), "Ada Lovelace"));
    assert!(claimed.payment.is_none());
    assert_refused(worker.claim_pdf(&job).await, Code::Conflict, reason::JOB_LEASED);
    for _ in 0..2 {
        worker.report_pdf(&job).await.unwrap();
    }
    assert_refused(worker.claim_pdf(&job).await, Code::Conflict, reason::JOB_FINISHED);
    assert_eq!(ada.bill(&id).await.unwrap().pdf_document_id, job);
    assert_eq!(app.event_names(topics::BILLING, &id).await, ["bill_issued", "bill_pdf_ready"]);
    assert_eq!(app.count("select count(*) from due where kind = 'pdf_unreported'").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_that_is_completed_has_a_receipt() {
    let app = TestApp::start().await;
    let (bill, payment) = app.paid().await;
    let (ada, worker) = (app.ada(), app.worker("riverton"));
    let job = app.pdf_job(&bill.bill_id, Some(&payment.payment_id)).await;
    let claimed = worker.claim_pdf(&job).await.unwrap();
    let paid = claimed.payment.unwrap();
    assert_eq!(paid.payment_id, payment.payment_id);
    assert_eq!(units(paid.captured.as_ref()), units(payment.captured.as_ref()));
    assert_eq!(claimed.bill.unwrap().reference, bill.reference);
    worker.report_pdf(&job).await.unwrap();
    assert_eq!(ada.payment(&payment.payment_id).await.unwrap().receipt_document_id, job);
    let events = app.event_names(topics::PAYMENT, &payment.payment_id).await;
    assert_eq!(events.last().map(String::as_str), Some("receipt_ready"));
    assert_eq!(ada.history(&payment.payment_id).await.unwrap().last().unwrap(), "receipt_ready");
    app.assert_books().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_nobody_reports_is_sent_again() {
    let app = TestApp::start().await;
    let bill = app.issued().await;
    let (worker, job) = (app.worker("riverton"), app.pdf_job(&bill.bill_id, None).await);
    worker.claim_pdf(&job).await.unwrap();
    // Whoever had it has died: another gets it.
    app.clock.advance(LEASE);
    worker.claim_pdf(&job).await.unwrap();
    app.clock.advance(LEASE * 2);
    let sent = eventually(SOON, || async {
        match app.count("select sent::bigint from pdfs").await {
            2 => Ok(()),
            other => Err(other),
        }
    });
    sent.await.expect("sent again");
    worker.claim_pdf(&job).await.unwrap();
    worker.report_pdf(&job).await.unwrap();
    assert_eq!(app.count("select count(*) from due where kind = 'pdf_unreported'").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_made_for_who_is_erased() {
    let app = TestApp::start().await;
    let (bill, payment) = app.paid().await;
    let jobs =
        [app.pdf_job(&bill.bill_id, None).await, app.pdf_job(&bill.bill_id, Some(&payment.payment_id)).await];
    app.erase(ErasureId::mint(&app.clock), "ada").await;
    let begun = eventually(SOON, || async {
        match app.count("select count(*) from subject_erasures").await {
            1 => Ok(()),
            other => Err(other),
        }
    });
    begun.await.expect("the erasure begins");
    for job in jobs {
        let refused = app.worker("riverton").claim_pdf(&job).await;
        assert_refused(refused, Code::Conflict, reason::JOB_FINISHED);
    }
    assert_eq!(app.count("select count(*) from due where kind = 'pdf_unreported'").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn jobs_are_the_workers_and_the_tenants() {
    let app = TestApp::start().await;
    let bill = app.issued().await;
    let job = app.pdf_job(&bill.bill_id, None).await;
    for actor in [app.ada(), app.sam(), app.fin()] {
        let refused = actor.claim_pdf(&job).await;
        assert_refused(refused, Code::PermissionDenied, reason::PERMISSION_DENIED);
        let refused = actor.report_pdf(&job).await;
        assert_refused(refused, Code::PermissionDenied, reason::PERMISSION_DENIED);
    }
    let elsewhere = app.worker("lakeside");
    for no_job in [job.as_str(), "x", &bill.bill_id] {
        assert_refused(elsewhere.claim_pdf(no_job).await, Code::NotFound, reason::JOB_NOT_FOUND);
        assert_refused(elsewhere.report_pdf(no_job).await, Code::NotFound, reason::JOB_NOT_FOUND);
    }
    assert_eq!(app.ada().bill(&bill.bill_id).await.unwrap().pdf_document_id, "");
}
