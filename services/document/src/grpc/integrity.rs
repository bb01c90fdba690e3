//! `IntegrityService`: reads requests, calls the use case, writes answers. Decides nothing.

use proto::document::v1;
use proto::document::v1::integrity_service_server::IntegrityService;
use tonic::{Request, Response, Status};

use super::Api;
use super::translate::timestamp;
use crate::domain::Integrity;
use crate::{Error, app};

#[tonic::async_trait]
impl IntegrityService for Api {
    async fn claim_integrity(
        &self,
        request: Request<v1::ClaimIntegrityRequest>,
    ) -> Result<Response<v1::ClaimIntegrityResponse>, Status> {
        let caller = auth::caller(&request)?;
        let claimed = app::claim_integrity(&self.state, caller, &request.get_ref().job_id).await?;
        let document = claimed.document;
        Ok(Response::new(v1::ClaimIntegrityResponse {
            document_id: document.id.to_string(),
            version: document.version.number(),
            evidence_key: document.evidence_key(),
            size_bytes: document.declaration.size.bytes(),
            sha256: document.declaration.sha256.as_bytes().to_vec(),
            lease_expires_at: Some(timestamp(claimed.lease_expires_at)),
        }))
    }

    async fn report_integrity(
        &self,
        request: Request<v1::ReportIntegrityRequest>,
    ) -> Result<Response<v1::ReportIntegrityResponse>, Status> {
        let caller = auth::caller(&request)?;
        let found = found(request.get_ref())?;
        app::report_integrity(&self.state, caller, &request.get_ref().job_id, found).await?;
        Ok(Response::new(v1::ReportIntegrityResponse {}))
    }
}

fn found(request: &v1::ReportIntegrityRequest) -> Result<Integrity, Error> {
    use v1::{IntegrityFinding as Finding, IntegrityRepair as Repair};
    let unknown = Error::Report { field: "finding", rule: "must be GOOD, DIFFERENT or MISSING" };
    let missing = match Finding::try_from(request.finding) {
        Ok(Finding::Good) => return Ok(Integrity::Good),
        Ok(Finding::Different) => false,
        Ok(Finding::Missing) => true,
        Ok(Finding::Unspecified) | Err(_) => return Err(unknown),
    };
    let rule = "must be RESTORED or LOST where the finding is not GOOD";
    match Repair::try_from(request.repair) {
        Ok(Repair::Restored) => Ok(Integrity::Bad { missing, restored: true }),
        Ok(Repair::Lost) => Ok(Integrity::Bad { missing, restored: false }),
        Ok(Repair::Unspecified) | Err(_) => Err(Error::Report { field: "repair", rule }),
    }
}
