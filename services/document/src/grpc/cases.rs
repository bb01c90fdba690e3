//! `CaseService`: reads requests, calls the use case, writes answers. Decides nothing.

use proto::document::v1;
use proto::document::v1::case_service_server::CaseService;
use tonic::{Request, Response, Status};

use super::translate::timestamp;
use super::{Api, key};
use crate::app;

#[tonic::async_trait]
impl CaseService for Api {
    async fn attach_to_case(
        &self,
        request: Request<v1::AttachToCaseRequest>,
    ) -> Result<Response<v1::AttachToCaseResponse>, Status> {
        let caller = auth::caller(&request)?;
        let v1::AttachToCaseRequest { case_ref, document_id } = request.get_ref();
        app::attach_to_case(&self.state, caller, case_ref, document_id).await?;
        Ok(Response::new(v1::AttachToCaseResponse {}))
    }

    async fn detach_from_case(
        &self,
        request: Request<v1::DetachFromCaseRequest>,
    ) -> Result<Response<v1::DetachFromCaseResponse>, Status> {
        let caller = auth::caller(&request)?;
        let v1::DetachFromCaseRequest { case_ref, document_id } = request.get_ref();
        app::detach_from_case(&self.state, caller, case_ref, document_id).await?;
        Ok(Response::new(v1::DetachFromCaseResponse {}))
    }

    async fn list_case_documents(
        &self,
        request: Request<v1::ListCaseDocumentsRequest>,
    ) -> Result<Response<v1::ListCaseDocumentsResponse>, Status> {
        let caller = auth::caller(&request)?;
        let v1::ListCaseDocumentsRequest { case_ref, page_size, page_token } = request.get_ref();
        let page = app::list_case_documents(&self.state, caller, case_ref, *page_size, page_token).await?;
        Ok(Response::new(v1::ListCaseDocumentsResponse {
            documents: page.documents,
            next_page_token: page.next.map(|token| token.to_string()).unwrap_or_default(),
        }))
    }

    async fn place_hold(
        &self,
        request: Request<v1::PlaceHoldRequest>,
    ) -> Result<Response<v1::PlaceHoldResponse>, Status> {
        let (caller, key) = (auth::caller(&request)?, key(&request)?);
        let placed = app::place_hold(&self.state, caller, key, request.get_ref()).await?;
        Ok(placed.map(|hold| v1::PlaceHoldResponse { hold: Some(hold) }).into_response())
    }

    async fn release_hold(
        &self,
        request: Request<v1::ReleaseHoldRequest>,
    ) -> Result<Response<v1::ReleaseHoldResponse>, Status> {
        let (caller, key) = (auth::caller(&request)?, key(&request)?);
        let released = app::release_hold(&self.state, caller, key, request.get_ref()).await?;
        Ok(released.map(|hold| v1::ReleaseHoldResponse { hold: Some(hold) }).into_response())
    }

    async fn export_case(
        &self,
        request: Request<v1::ExportCaseRequest>,
    ) -> Result<Response<v1::ExportCaseResponse>, Status> {
        let (caller, key) = (auth::caller(&request)?, key(&request)?);
        let asked = app::export_case(&self.state, caller, key, request.get_ref()).await?;
        let answer = |export| v1::ExportCaseResponse { export: Some(v1::CaseExport::from(&export)) };
        Ok(asked.map(answer).into_response())
    }

    async fn get_case_export(
        &self,
        request: Request<v1::GetCaseExportRequest>,
    ) -> Result<Response<v1::GetCaseExportResponse>, Status> {
        let caller = auth::caller(&request)?;
        let export = app::get_case_export(&self.state, caller, &request.get_ref().export_id).await?;
        Ok(Response::new(v1::GetCaseExportResponse { export: Some((&export).into()) }))
    }

    async fn download_case_export(
        &self,
        request: Request<v1::DownloadCaseExportRequest>,
    ) -> Result<Response<v1::DownloadCaseExportResponse>, Status> {
        let caller = auth::caller(&request)?;
        let signed = app::download_case_export(&self.state, caller, &request.get_ref().export_id).await?;
        Ok(Response::new(v1::DownloadCaseExportResponse {
            url: signed.url,
            expires_at: Some(timestamp(signed.expires_at)),
        }))
    }

    async fn list_holds(
        &self,
        request: Request<v1::ListHoldsRequest>,
    ) -> Result<Response<v1::ListHoldsResponse>, Status> {
        let caller = auth::caller(&request)?;
        let page = app::list_holds(&self.state, caller, request.get_ref()).await?;
        Ok(Response::new(v1::ListHoldsResponse {
            holds: page.holds.iter().map(Into::into).collect(),
            next_page_token: page.next.map(|token| token.to_string()).unwrap_or_default(),
        }))
    }
}
