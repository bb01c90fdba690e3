//! `DocumentService` and, in files of their own, `CaseService`, `QuarantineService`, `SharingService`, `PreviewService` and
//! `IntegrityService`: reads requests, calls the use case, writes answers. Decides nothing.

mod cases;
mod integrity;
mod previews;
mod quarantine;
mod sharing;
mod translate;

use idempotency::Key;
use proto::document::v1;
use proto::document::v1::document_service_server::DocumentService;
use tonic::{Request, Response, Status};

use crate::{Error, State, app};
pub(crate) use sharing::grant;
pub(crate) use translate::timestamp;
use translate::{signed_upload, verdict};

/// The service's gRPC face. Callers were verified by the layer in front of it.
#[derive(Clone, Debug)]
pub struct Api {
    state: State,
}

impl Api {
    /// Serves `state`.
    #[must_use]
    pub fn new(state: State) -> Self {
        Self { state }
    }
}

#[tonic::async_trait]
impl DocumentService for Api {
    async fn initiate_upload(
        &self,
        request: Request<v1::InitiateUploadRequest>,
    ) -> Result<Response<v1::InitiateUploadResponse>, Status> {
        let (caller, key) = (auth::caller(&request)?, key(&request)?);
        let awaited = app::initiate_upload(&self.state, caller, key, request.get_ref()).await?;
        Ok(awaited
            .map(|awaited| v1::InitiateUploadResponse {
                document: Some(awaited.document),
                upload: awaited.upload.map(signed_upload),
            })
            .into_response())
    }

    async fn initiate_version(
        &self,
        request: Request<v1::InitiateVersionRequest>,
    ) -> Result<Response<v1::InitiateVersionResponse>, Status> {
        let (caller, key) = (auth::caller(&request)?, key(&request)?);
        let awaited = app::initiate_version(&self.state, caller, key, request.get_ref()).await?;
        Ok(awaited
            .map(|awaited| v1::InitiateVersionResponse {
                document: Some(awaited.document),
                upload: awaited.upload.map(signed_upload),
            })
            .into_response())
    }

    async fn refresh_upload(
        &self,
        request: Request<v1::RefreshUploadRequest>,
    ) -> Result<Response<v1::RefreshUploadResponse>, Status> {
        let (caller, key) = (auth::caller(&request)?, key(&request)?);
        let awaited = app::refresh_upload(&self.state, caller, key, request.get_ref()).await?;
        Ok(awaited
            .map(|awaited| v1::RefreshUploadResponse {
                document: Some(awaited.document),
                upload: awaited.upload.map(signed_upload),
            })
            .into_response())
    }

    async fn sign_parts(
        &self,
        request: Request<v1::SignPartsRequest>,
    ) -> Result<Response<v1::SignPartsResponse>, Status> {
        let caller = auth::caller(&request)?;
        let signed = app::sign_parts(&self.state, caller, request.get_ref()).await?;
        let part = |(number, put)| v1::SignedPart { number, upload: Some(signed_upload(put)) };
        Ok(Response::new(v1::SignPartsResponse { parts: signed.into_iter().map(part).collect() }))
    }

    async fn list_parts(
        &self,
        request: Request<v1::ListPartsRequest>,
    ) -> Result<Response<v1::ListPartsResponse>, Status> {
        let caller = auth::caller(&request)?;
        let arrived = app::list_parts(&self.state, caller, &request.get_ref().document_id).await?;
        Ok(Response::new(arrived.into()))
    }

    async fn abort_upload(
        &self,
        request: Request<v1::AbortUploadRequest>,
    ) -> Result<Response<v1::AbortUploadResponse>, Status> {
        let (caller, key) = (auth::caller(&request)?, key(&request)?);
        let aborted = app::abort_upload(&self.state, caller, key, request.get_ref()).await?;
        Ok(aborted.map(|document| v1::AbortUploadResponse { document: Some(document) }).into_response())
    }

    async fn confirm_upload(
        &self,
        request: Request<v1::ConfirmUploadRequest>,
    ) -> Result<Response<v1::ConfirmUploadResponse>, Status> {
        let (caller, key) = (auth::caller(&request)?, key(&request)?);
        let confirmed = app::confirm_upload(&self.state, caller, key, request.get_ref()).await?;
        Ok(confirmed.map(|document| v1::ConfirmUploadResponse { document: Some(document) }).into_response())
    }

    async fn get_document(
        &self,
        request: Request<v1::GetDocumentRequest>,
    ) -> Result<Response<v1::GetDocumentResponse>, Status> {
        let caller = auth::caller(&request)?;
        let v1::GetDocumentRequest { document_id, version } = request.get_ref();
        let document = app::read_document(&self.state, caller, document_id, *version).await?;
        Ok(Response::new(v1::GetDocumentResponse { document: Some(document) }))
    }

    async fn list_versions(
        &self,
        request: Request<v1::ListVersionsRequest>,
    ) -> Result<Response<v1::ListVersionsResponse>, Status> {
        let caller = auth::caller(&request)?;
        let versions = app::list_versions(&self.state, caller, &request.get_ref().document_id).await?;
        Ok(Response::new(v1::ListVersionsResponse { versions }))
    }

    async fn list_documents(
        &self,
        request: Request<v1::ListDocumentsRequest>,
    ) -> Result<Response<v1::ListDocumentsResponse>, Status> {
        let caller = auth::caller(&request)?;
        let v1::ListDocumentsRequest { page_size, page_token } = request.get_ref();
        let page = app::list_documents(&self.state, caller, *page_size, page_token).await?;
        Ok(Response::new(v1::ListDocumentsResponse {
            documents: page.documents,
            next_page_token: page.next.map(|token| token.to_string()).unwrap_or_default(),
        }))
    }

    async fn create_download(
        &self,
        request: Request<v1::CreateDownloadRequest>,
    ) -> Result<Response<v1::CreateDownloadResponse>, Status> {
        let caller = auth::caller(&request)?;
        let v1::CreateDownloadRequest { document_id, version, purpose } = request.get_ref();
        let download = app::create_download(&self.state, caller, document_id, *version, purpose).await?;
        Ok(Response::new(v1::CreateDownloadResponse {
            url: download.signed.url,
            expires_at: Some(timestamp(download.signed.expires_at)),
            version: download.version.number(),
        }))
    }

    async fn erase_document(
        &self,
        request: Request<v1::EraseDocumentRequest>,
    ) -> Result<Response<v1::EraseDocumentResponse>, Status> {
        let (caller, key) = (auth::caller(&request)?, key(&request)?);
        let erased = app::erase_document(&self.state, caller, key, request.get_ref()).await?;
        Ok(erased.map(|document| v1::EraseDocumentResponse { document: Some(document) }).into_response())
    }

    async fn claim_scan(
        &self,
        request: Request<v1::ClaimScanRequest>,
    ) -> Result<Response<v1::ClaimScanResponse>, Status> {
        let caller = auth::caller(&request)?;
        let claimed = app::claim_scan(&self.state, caller, &request.get_ref().job_id).await?;
        Ok(Response::new(claimed.into()))
    }

    async fn open_document(
        &self,
        request: Request<v1::OpenDocumentRequest>,
    ) -> Result<Response<v1::OpenDocumentResponse>, Status> {
        let caller = auth::caller(&request)?;
        let document = app::open_document(&self.state, caller, &request.get_ref().document_id).await?;
        Ok(Response::new(v1::OpenDocumentResponse {
            evidence_key: document.evidence_key(),
            size_bytes: document.declaration.size.bytes(),
            sha256: document.declaration.sha256.as_bytes().to_vec(),
            purpose: document.declaration.purpose.to_string(),
        }))
    }

    async fn store_document(
        &self,
        request: Request<v1::StoreDocumentRequest>,
    ) -> Result<Response<v1::StoreDocumentResponse>, Status> {
        let caller = auth::caller(&request)?;
        let document = app::store_document(&self.state, caller, request.get_ref()).await?;
        Ok(Response::new(v1::StoreDocumentResponse { document: Some(document) }))
    }

    async fn report_scan(
        &self,
        request: Request<v1::ReportScanRequest>,
    ) -> Result<Response<v1::ReportScanResponse>, Status> {
        let caller = auth::caller(&request)?;
        let verdict = verdict(request.get_ref())?;
        let status = app::report_scan(&self.state, caller, &request.get_ref().job_id, verdict).await?;
        Ok(Response::new(v1::ReportScanResponse { status: v1::DocumentStatus::from(status).into() }))
    }
}

fn key<T>(request: &Request<T>) -> Result<Key, Error> {
    Ok(Key::from_metadata(request.metadata())?)
}
