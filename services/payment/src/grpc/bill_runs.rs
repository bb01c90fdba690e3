//! Runs in `BillingService`.

use proto::payment::v1;

use super::timestamp;
use crate::db::bill_runs::Fault;
use crate::domain::{BillRun, RunFailure, RunFormat, RunState};

impl From<&BillRun> for v1::BillRun {
    fn from(run: &BillRun) -> Self {
        let format = match run.format {
            RunFormat::Csv => v1::BillRunFormat::Csv,
            RunFormat::JsonLines => v1::BillRunFormat::JsonLines,
        };
        Self {
            run_id: run.id.to_string(),
            document_id: run.document_id.to_string(),
            format: format.into(),
            status: run_status(run.state).into(),
            lines: run.lines,
            faulty: run.faulty,
            issued: run.issued,
            refused: run.refused,
            failure: run_failure(run.state).into(),
            requested_by: run.requested_by.to_string(),
            created_at: Some(timestamp(run.created_at)),
            finished_at: run.finished_at.map(timestamp),
        }
    }
}

impl From<Fault> for v1::BillRunFault {
    fn from(Fault { line, field, rule }: Fault) -> Self {
        Self { line, field, rule }
    }
}

pub(crate) fn run_status(state: RunState) -> v1::BillRunStatus {
    match state {
        RunState::Checking => v1::BillRunStatus::Checking,
        RunState::Issuing => v1::BillRunStatus::Issuing,
        RunState::Finished => v1::BillRunStatus::Finished,
        RunState::Failed(_) => v1::BillRunStatus::Failed,
    }
}

pub(crate) fn run_failure(state: RunState) -> v1::BillRunFailure {
    match state {
        RunState::Checking | RunState::Issuing | RunState::Finished => v1::BillRunFailure::Unspecified,
        RunState::Failed(RunFailure::Lines) => v1::BillRunFailure::Lines,
        RunState::Failed(RunFailure::Document) => v1::BillRunFailure::Document,
        RunState::Failed(RunFailure::Columns) => v1::BillRunFailure::Columns,
        RunState::Failed(RunFailure::Encoding) => v1::BillRunFailure::Encoding,
        RunState::Failed(RunFailure::Empty) => v1::BillRunFailure::Empty,
        RunState::Failed(RunFailure::TooLarge) => v1::BillRunFailure::TooLarge,
    }
}
