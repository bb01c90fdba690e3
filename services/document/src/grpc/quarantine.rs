//! `QuarantineService`: reads requests, calls the use case, writes answers. Decides nothing.

use proto::document::v1;
use proto::document::v1::quarantine_service_server::QuarantineService;
use tonic::{Request, Response, Status};

use super::translate::{outcome, timestamp};
use super::{Api, key};
use crate::app;

#[tonic::async_trait]
impl QuarantineService for Api {
    async fn list_quarantined(
        &self,
        request: Request<v1::ListQuarantinedRequest>,
    ) -> Result<Response<v1::ListQuarantinedResponse>, Status> {
        let caller = auth::caller(&request)?;
        let v1::ListQuarantinedRequest { page_size, page_token } = request.get_ref();
        let page = app::list_quarantined(&self.state, caller, *page_size, page_token).await?;
        Ok(Response::new(v1::ListQuarantinedResponse {
            documents: page.documents,
            next_page_token: page.next.map(|token| token.to_string()).unwrap_or_default(),
        }))
    }

    async fn download_quarantined(
        &self,
        request: Request<v1::DownloadQuarantinedRequest>,
    ) -> Result<Response<v1::DownloadQuarantinedResponse>, Status> {
        let caller = auth::caller(&request)?;
        let v1::DownloadQuarantinedRequest { document_id, version } = request.get_ref();
        let download = app::download_quarantined(&self.state, caller, document_id, *version).await?;
        Ok(Response::new(v1::DownloadQuarantinedResponse {
            url: download.signed.url,
            expires_at: Some(timestamp(download.signed.expires_at)),
            version: download.version.number(),
        }))
    }

    async fn decide_quarantined(
        &self,
        request: Request<v1::DecideQuarantinedRequest>,
    ) -> Result<Response<v1::DecideQuarantinedResponse>, Status> {
        let (caller, key) = (auth::caller(&request)?, key(&request)?);
        let outcome = outcome(request.get_ref())?;
        let decided = app::decide_quarantined(&self.state, caller, key, request.get_ref(), outcome).await?;
        Ok(decided.into_response())
    }

    async fn list_decisions(
        &self,
        request: Request<v1::ListDecisionsRequest>,
    ) -> Result<Response<v1::ListDecisionsResponse>, Status> {
        let caller = auth::caller(&request)?;
        let decisions = app::list_decisions(&self.state, caller, &request.get_ref().document_id).await?;
        let decisions = decisions.iter().map(Into::into).collect();
        Ok(Response::new(v1::ListDecisionsResponse { decisions }))
    }
}
