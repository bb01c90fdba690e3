//! Runs that issue many bills, as JSON.

pub mod create;
pub mod faults;
pub mod get;
pub mod list;

use proto::payment::v1::{BillRun, BillRunFailure, BillRunFormat, BillRunStatus};
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::notifications::rfc3339;

/// Bills that are issued from a document.
#[derive(Debug, Serialize, ToSchema)]
pub struct BillRunView {
    /// UUIDv7.
    id: String,
    /// UUIDv7 of the document.
    document_id: String,
    /// `csv` or `json_lines`.
    format: &'static str,
    /// `checking`, `issuing`, `finished` or `failed`.
    status: &'static str,
    /// Lines read so far; all of them from `issuing` on.
    lines: i32,
    /// Lines that break a rule.
    faulty: i32,
    /// Bills issued so far.
    issued: i32,
    /// Lines whose bill could not be issued any more.
    refused: i32,
    /// `LINES`, `DOCUMENT`, `COLUMNS`, `ENCODING`, `EMPTY` or `TOO_LARGE`; `null` unless it failed.
    failure: Option<&'static str>,
    /// Subject of who asked for it.
    requested_by: String,
    /// RFC 3339, UTC.
    created_at: Option<String>,
    /// RFC 3339, UTC; `null` until it has ended.
    finished_at: Option<String>,
    /// What can be done now.
    #[serde(rename = "_links")]
    links: Links,
}

/// Where to go on.
#[derive(Debug, Serialize, ToSchema)]
pub struct Links {
    /// The run.
    #[serde(rename = "self")]
    own: String,
    /// Its document.
    document: String,
    /// What lines break; `null` where none does.
    faults: Option<String>,
}

impl From<BillRun> for BillRunView {
    fn from(run: BillRun) -> Self {
        let format = match run.format() {
            BillRunFormat::Unspecified => "unspecified",
            BillRunFormat::Csv => "csv",
            BillRunFormat::JsonLines => "json_lines",
        };
        let status = match run.status() {
            BillRunStatus::Unspecified => "unspecified",
            BillRunStatus::Checking => "checking",
            BillRunStatus::Issuing => "issuing",
            BillRunStatus::Finished => "finished",
            BillRunStatus::Failed => "failed",
        };
        let failure = match run.failure() {
            BillRunFailure::Unspecified => None,
            BillRunFailure::Lines => Some("LINES"),
            BillRunFailure::Document => Some("DOCUMENT"),
            BillRunFailure::Columns => Some("COLUMNS"),
            BillRunFailure::Encoding => Some("ENCODING"),
            BillRunFailure::Empty => Some("EMPTY"),
            BillRunFailure::TooLarge => Some("TOO_LARGE"),
        };
        let own = format!("/v1/staff/bill-runs/{}", run.run_id);
        let links = Links {
            faults: (run.faulty > 0).then(|| format!("{own}/faults")),
            document: format!("/v1/documents/{}", run.document_id),
            own,
        };
        Self {
            format,
            status,
            failure,
            links,
            id: run.run_id,
            document_id: run.document_id,
            lines: run.lines,
            faulty: run.faulty,
            issued: run.issued,
            refused: run.refused,
            requested_by: run.requested_by,
            created_at: run.created_at.and_then(rfc3339),
            finished_at: run.finished_at.and_then(rfc3339),
        }
    }
}
