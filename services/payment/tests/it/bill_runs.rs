//! Many bills from one document: as the worker hands its lines in, and has them issued.

use futures::future::join_all;
use ids::{DocumentId, ErasureId};
use proto::payment::v1::{
    self, BillRun, BillRunFailure, BillRunFormat, BillRunStatus, ListBillsRequest, StagedLine,
};
use rpc_error::{Code, Error, reason};
use tonic::Response;
use topology::topics;

use crate::harness::{Actor, Result, SOON, TestApp, assert_refused, bill};

fn lines(count: usize) -> Vec<StagedLine> {
    (0..count).map(|_| right(bill(1_000))).collect()
}

fn right(bill: v1::CreateBillRequest) -> StagedLine {
    StagedLine { bill: Some(bill), faults: Vec::new() }
}

impl TestApp {
    async fn begun(&self) -> BillRun {
        let document = DocumentId::mint(&self.clock).to_string();
        self.sam().begin_run(&document).await.expect("begun")
    }

    /// Lines handed in and read to the end.
    async fn staged(&self, run: &BillRun, lines: Vec<StagedLine>) -> v1::StageRunLinesResponse {
        let worker = self.worker("riverton");
        worker.stage(&run.run_id, 1, lines, true).await.expect("staged")
    }

    /// Issues until nothing is left.
    async fn issued_all(&self, run: &BillRun) -> BillRun {
        let worker = self.worker("riverton");
        while worker.issue_lines(&run.run_id, 7).await.expect("issued").status() == BillRunStatus::Issuing {}
        self.sam().run(&run.run_id).await.expect("a run")
    }
}

impl Actor {
    async fn begin_run(&self, document: &str) -> Result<BillRun> {
        let message =
            v1::CreateRunRequest { document_id: document.to_owned(), format: BillRunFormat::Csv.into() };
        let begun = self.billing().create_run(self.request(message)).await.map_err(Error::from_status)?;
        Ok(begun.into_inner().run.expect("a run"))
    }

    async fn run(&self, id: &str) -> Result<BillRun> {
        let message = v1::GetRunRequest { run_id: id.to_owned() };
        let run = self.billing().get_run(self.keyless(message)).await.map_err(Error::from_status)?;
        Ok(run.into_inner().run.expect("a run"))
    }

    async fn faults(&self, id: &str) -> Result<Vec<v1::BillRunFault>> {
        let message = v1::ListRunFaultsRequest { run_id: id.to_owned() };
        let answer = self.billing().list_run_faults(self.keyless(message)).await;
        Ok(answer.map_err(Error::from_status)?.into_inner().faults)
    }

    async fn stage(
        &self,
        id: &str,
        first_line: i32,
        lines: Vec<StagedLine>,
        last: bool,
    ) -> Result<v1::StageRunLinesResponse> {
        self.stage_as(v1::StageRunLinesRequest {
            run_id: id.to_owned(),
            first_line,
            lines,
            last,
            failure: BillRunFailure::Unspecified.into(),
        })
        .await
    }

    async fn stage_as(&self, message: v1::StageRunLinesRequest) -> Result<v1::StageRunLinesResponse> {
        let answer = self.billing().stage_run_lines(self.keyless(message)).await;
        answer.map(Response::into_inner).map_err(Error::from_status)
    }

    async fn issue_lines(&self, id: &str, limit: i32) -> Result<v1::IssueRunLinesResponse> {
        let message = v1::IssueRunLinesRequest { run_id: id.to_owned(), limit };
        let answer = self.billing().issue_run_lines(self.keyless(message)).await;
        answer.map(Response::into_inner).map_err(Error::from_status)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_line_has_its_bill_once_whoever_hands_in_and_issues_at_once_and_again() {
    let app = TestApp::start().await;
    let run = app.begun().await;
    assert_eq!((run.status(), run.lines), (BillRunStatus::Checking, 0));
    let (worker, all) = (app.worker("riverton"), lines(30));
    // A worker died after some, another begins anew; two read at once.
    worker.stage(&run.run_id, 1, all[..10].to_vec(), false).await.unwrap();
    let twice = join_all((0..2).map(|_| worker.stage(&run.run_id, 1, all[..20].to_vec(), false))).await;
    assert!(twice.into_iter().all(|staged| staged.unwrap().next_line == 21));
    let end = worker.stage(&run.run_id, 21, all[20..].to_vec(), true).await.unwrap();
    assert_eq!((end.status(), end.next_line), (BillRunStatus::Issuing, 31));
    assert_eq!(app.count("select count(*) from bills").await, 0, "none before all were checked");

    let at_once = join_all((0..4).map(|_| worker.issue_lines(&run.run_id, 20))).await;
    assert!(at_once.into_iter().all(|issued| issued.is_ok()));
    let over = app.issued_all(&run).await;
    assert_eq!((over.status(), over.issued, over.refused), (BillRunStatus::Finished, 30, 0));
    assert!(over.finished_at.is_some());
    let bills = app.ada().bills(ListBillsRequest::default()).await.unwrap().bills;
    assert_eq!(bills.len(), 30);
    assert_eq!(bills[0].payer_name, "Ada Lovelace");
    assert_eq!(app.count("select count(*) from bill_run_lines where sealed is not null").await, 0);
    assert_eq!(app.event_names(topics::BILLING, &run.run_id).await, ["run_started", "run_finished"]);
    assert_eq!(app.count("select count(*) from due where kind = 'bill_run'").await, 0);
    app.assert_books().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_wrong_line_is_no_bill_at_all_and_each_fault_is_told_by_its_line() {
    let app = TestApp::start().await;
    let taken = app.issued().await;
    let run = app.begun().await;
    let mut wrong = bill(0);
    wrong.payer_name = String::new();
    let twin = bill(500);
    let unread = v1::BillRunFault { line: 0, field: "unit_price".to_owned(), rule: "must be".to_owned() };
    let staged = vec![
        right(bill(1)),
        right(wrong),
        right(twin.clone()),
        right(twin),
        right(v1::CreateBillRequest { reference: taken.reference.clone(), ..bill(1) }),
        StagedLine { bill: Some(bill(1)), faults: vec![unread] },
        StagedLine::default(),
    ];
    let end = app.staged(&run, staged).await;
    assert_eq!(end.status(), BillRunStatus::Failed);
    let run = app.sam().run(&run.run_id).await.unwrap();
    assert_eq!((run.failure(), run.lines, run.faulty, run.issued), (BillRunFailure::Lines, 7, 5, 0));
    let faults = app.sam().faults(&run.run_id).await.unwrap();
    let told: Vec<_> = faults.iter().map(|fault| (fault.line, fault.field.as_str())).collect();
    let wanted = [(2, "payer_name"), (4, "reference"), (5, "reference"), (6, "unit_price"), (7, "line")];
    assert_eq!(told, wanted);
    assert_eq!(app.worker("riverton").issue_lines(&run.run_id, 10).await.unwrap().issued, 0);
    assert_eq!(app.count("select count(*) from bills").await, 1, "the one from before");
    assert_eq!(app.count("select count(*) from bill_run_lines").await, 0, "nothing of it is kept");
    // The document may be run again.
    app.sam().begin_run(&run.document_id).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_that_cannot_be_read_fails_with_why() {
    let app = TestApp::start().await;
    for failure in [BillRunFailure::Document, BillRunFailure::Columns, BillRunFailure::TooLarge] {
        let run = app.begun().await;
        let message = v1::StageRunLinesRequest {
            run_id: run.run_id.clone(),
            first_line: 1,
            failure: failure.into(),
            ..Default::default()
        };
        let end = app.worker("riverton").stage_as(message).await.unwrap();
        assert_eq!(end.status(), BillRunStatus::Failed);
        assert_eq!(app.sam().run(&run.run_id).await.unwrap().failure(), failure);
    }
    let run = app.begun().await;
    assert_eq!(app.staged(&run, Vec::new()).await.status(), BillRunStatus::Failed);
    assert_eq!(app.sam().run(&run.run_id).await.unwrap().failure(), BillRunFailure::Empty);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_changed_after_the_check_is_refused_line_by_line() {
    let app = TestApp::start().await;
    let run = app.begun().await;
    let mut all = lines(4);
    all[1] = right(v1::CreateBillRequest { payer: "ben".to_owned(), ..bill(1_000) });
    let taken = all[2].bill.clone().unwrap();
    app.staged(&run, all).await;
    app.sam().create(taken).await.unwrap();
    app.erase(ErasureId::mint(&app.clock), "ben").await;
    let erased = testkit::eventually(SOON, || async {
        match app.count("select count(*) from subject_erasures where finished_at is not null").await {
            1 => Ok(()),
            other => Err(other),
        }
    });
    erased.await.unwrap();
    let over = app.issued_all(&run).await;
    assert_eq!((over.status(), over.issued, over.refused), (BillRunStatus::Finished, 2, 2));
    app.assert_books().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_breaks_a_rule_is_refused_and_changes_nothing() {
    let app = TestApp::start().await;
    for (document_id, format) in [("", 1), ("x", 1), ("018f0000-0000-7000-8000-000000000000", 0)] {
        let message = v1::CreateRunRequest { document_id: document_id.to_owned(), format };
        let refused = app.sam().billing().create_run(app.sam().request(message)).await;
        assert_refused(refused.map_err(Error::from_status), Code::InvalidArgument, reason::BILL_RUN_INVALID);
    }
    let run = app.begun().await;
    let again = app.sam().begin_run(&run.document_id).await;
    assert_refused(again, Code::Conflict, reason::BILL_RUN_EXISTS);
    let worker = app.worker("riverton");
    let gap = worker.stage(&run.run_id, 3, lines(1), false).await;
    assert_refused(gap, Code::InvalidArgument, reason::BILL_RUN_INVALID);
    for limit in [0, -1, 101] {
        let refused = worker.issue_lines(&run.run_id, limit).await;
        assert_refused(refused, Code::InvalidArgument, reason::BILL_RUN_INVALID);
    }
    for id in ["", "x", "018f0000-0000-7000-8000-000000000000"] {
        assert_refused(app.sam().run(id).await, Code::NotFound, reason::BILL_RUN_NOT_FOUND);
        assert_refused(app.sam().faults(id).await, Code::NotFound, reason::BILL_RUN_NOT_FOUND);
        assert_refused(worker.issue_lines(id, 1).await, Code::NotFound, reason::BILL_RUN_NOT_FOUND);
    }
    let lea = app.staff("lea", "lakeside");
    assert_refused(lea.run(&run.run_id).await, Code::NotFound, reason::BILL_RUN_NOT_FOUND);
    let other = app.worker("lakeside").stage(&run.run_id, 1, lines(1), true).await;
    assert_refused(other, Code::NotFound, reason::BILL_RUN_NOT_FOUND);
    assert_refused(
        app.ada().begin_run(&run.document_id).await,
        Code::PermissionDenied,
        reason::PERMISSION_DENIED,
    );
    let staff = app.sam().stage(&run.run_id, 1, lines(1), true).await;
    assert_refused(staff, Code::PermissionDenied, reason::PERMISSION_DENIED);
    assert_eq!(app.sam().run(&run.run_id).await.unwrap(), run);
}
