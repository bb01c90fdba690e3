//! Erasures of people, as JSON.

pub mod get;
pub mod request;

use std::collections::BTreeSet;

use proto::notification::v1::Erasure;
use rpc_error::Error;
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::notifications::rfc3339;

/// The erasure of a person's data in every service.
#[derive(Debug, Serialize, ToSchema)]
pub struct ErasureView {
    /// UUIDv7 of the erasure.
    id: String,
    /// Subject (`sub`) of the person.
    subject: String,
    /// `running` until every service has reported, then `finished`; `kept` tells whether something is left for now.
    status: &'static str,
    /// RFC 3339, UTC.
    requested_at: Option<String>,
    /// RFC 3339, UTC; `null` while it is running.
    finished_at: Option<String>,
    /// How many things the services keep of the person, with what they must; it goes when the reason ends.
    kept: i64,
    /// Why they keep them, each once, sorted: `LEGAL_HOLD`, `RETAINED_BY_LAW`. More may come.
    kept_reasons: Vec<String>,
    /// One per service.
    reports: Vec<ReportView>,
    /// What can be done now.
    #[serde(rename = "_links")]
    links: Links,
}

/// What a service has done.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ErasureReportView)]
pub struct ReportView {
    /// Name of the service.
    service: String,
    /// When it reported last, RFC 3339, UTC; `null` before it did.
    reported_at: Option<String>,
    /// How many things of the person it has erased.
    erased: i64,
    /// How many it keeps, with what it must.
    kept: i64,
    /// Why it keeps them, UPPER_SNAKE_CASE.
    kept_reasons: Vec<String>,
}

/// Links of an erasure.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ErasureLinks)]
pub struct Links {
    /// This erasure.
    #[serde(rename = "self")]
    own: String,
}

impl ErasureView {
    fn new(erasure: Option<Erasure>) -> Result<Self, Error> {
        let incomplete = || Error::internal("a service left out what its contract promises");
        let erasure = erasure.ok_or_else(incomplete)?;
        let kept_reasons: BTreeSet<_> =
            erasure.reports.iter().flat_map(|report| report.kept_reasons.iter().cloned()).collect();
        let kept = erasure.reports.iter().map(|report| report.kept).sum();
        let reports = erasure.reports.into_iter().map(|report| ReportView {
            service: report.service,
            reported_at: report.reported_at.and_then(rfc3339),
            erased: report.erased,
            kept: report.kept,
            kept_reasons: report.kept_reasons,
        });
        Ok(Self {
            status: if erasure.finished_at.is_some() { "finished" } else { "running" },
            links: Links { own: format!("/v1/staff/erasures/{}", erasure.erasure_id) },
            id: erasure.erasure_id,
            subject: erasure.subject,
            requested_at: erasure.requested_at.and_then(rfc3339),
            finished_at: erasure.finished_at.and_then(rfc3339),
            kept,
            kept_reasons: kept_reasons.into_iter().collect(),
            reports: reports.collect(),
        })
    }
}
