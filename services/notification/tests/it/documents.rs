//! A document service that knows only names and purposes: the real protocol, port, token and permission check.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use auth::Verifier;
use clock::Clock;
use ids::{DocumentId, Tenant};
use proto::document::v1;
use proto::document::v1::document_service_server::{DocumentService, DocumentServiceServer};
use rpc_error::{Code, Error, reason};
use service::Shutdown;
use testkit::Issuer;
use tonic::{Request, Response, Status};

type Known = Arc<Mutex<HashMap<(Tenant, String), v1::Document>>>;

/// The service. Stops with this value.
pub(crate) struct Documents {
    pub(crate) addr: SocketAddr,
    known: Known,
    verifier: Verifier,
    shutdown: Shutdown,
}

impl Documents {
    pub(crate) async fn start(issuer: &Issuer, clock: &Clock) -> Self {
        let verifier = Verifier::new(&issuer.settings("svc-document"), clock.clone());
        let known = Known::default();
        let shutdown = Shutdown::manual(Duration::from_secs(1));
        let addr = serve(([127, 0, 0, 1], 0).into(), &known, &verifier, &shutdown).await;
        Self { addr, known, verifier, shutdown }
    }

    /// Makes it know a document, and returns its id.
    pub(crate) fn add(&self, clock: &Clock, tenant: &str, file_name: &str, purpose: &str) -> DocumentId {
        let id = DocumentId::mint(clock);
        let document = v1::Document {
            document_id: id.to_string(),
            purpose: purpose.to_owned(),
            file_name: file_name.to_owned(),
            ..v1::Document::default()
        };
        let key = (tenant.parse().expect("a tenant"), id.to_string());
        self.known.lock().expect("not poisoned").insert(key, document);
        id
    }

    pub(crate) fn forget_all(&self) {
        self.known.lock().expect("not poisoned").clear();
    }

    /// Closes the port.
    pub(crate) async fn stop(&mut self) {
        let next = Shutdown::manual(Duration::from_secs(1));
        let running = std::mem::replace(&mut self.shutdown, next);
        running.request();
        running.finished().await.expect("it stops");
    }

    /// Opens the same port again.
    pub(crate) async fn start_again(&self) {
        serve(self.addr, &self.known, &self.verifier, &self.shutdown).await;
    }
}

impl Drop for Documents {
    fn drop(&mut self) {
        self.shutdown.request();
    }
}

async fn serve(addr: SocketAddr, known: &Known, verifier: &Verifier, shutdown: &Shutdown) -> SocketAddr {
    let settings = service::grpc::Settings { addr, max_concurrency: 64 };
    service::grpc::Server::new(&settings, auth::Layer::new(verifier.clone()))
        .service(service::grpc_service!(DocumentServiceServer::new(Shelf(known.clone()))))
        .serve(shutdown)
        .await
        .expect("the port opens")
}

struct Shelf(Known);

#[tonic::async_trait]
impl DocumentService for Shelf {
    async fn get_document(
        &self,
        request: Request<v1::GetDocumentRequest>,
    ) -> Result<Response<v1::GetDocumentResponse>, Status> {
        let caller = auth::caller(&request)?;
        assert_eq!(caller.service(), Some("svc-notification"), "it calls as itself");
        let key = (caller.tenant.clone(), request.get_ref().document_id.clone());
        let document = self.0.lock().expect("not poisoned").get(&key).cloned();
        match document {
            Some(document) => Ok(Response::new(v1::GetDocumentResponse { document: Some(document) })),
            None => {
                Err(Error::new(Code::NotFound, reason::DOCUMENT_NOT_FOUND, "there is no such document")
                    .into())
            }
        }
    }

    async fn initiate_upload(
        &self,
        _: Request<v1::InitiateUploadRequest>,
    ) -> Result<Response<v1::InitiateUploadResponse>, Status> {
        Err(Status::unimplemented("not called"))
    }

    async fn initiate_version(
        &self,
        _: Request<v1::InitiateVersionRequest>,
    ) -> Result<Response<v1::InitiateVersionResponse>, Status> {
        Err(Status::unimplemented("not called"))
    }

    async fn list_versions(
        &self,
        _: Request<v1::ListVersionsRequest>,
    ) -> Result<Response<v1::ListVersionsResponse>, Status> {
        Err(Status::unimplemented("not called"))
    }

    async fn erase_document(
        &self,
        _: Request<v1::EraseDocumentRequest>,
    ) -> Result<Response<v1::EraseDocumentResponse>, Status> {
        Err(Status::unimplemented("not called"))
    }

    async fn refresh_upload(
        &self,
        _: Request<v1::RefreshUploadRequest>,
    ) -> Result<Response<v1::RefreshUploadResponse>, Status> {
        Err(Status::unimplemented("not called"))
    }

    async fn sign_parts(
        &self,
        _: Request<v1::SignPartsRequest>,
    ) -> Result<Response<v1::SignPartsResponse>, Status> {
        Err(Status::unimplemented("not called"))
    }

    async fn list_parts(
        &self,
        _: Request<v1::ListPartsRequest>,
    ) -> Result<Response<v1::ListPartsResponse>, Status> {
        Err(Status::unimplemented("not called"))
    }

    async fn abort_upload(
        &self,
        _: Request<v1::AbortUploadRequest>,
    ) -> Result<Response<v1::AbortUploadResponse>, Status> {
        Err(Status::unimplemented("not called"))
    }

    async fn confirm_upload(
        &self,
        _: Request<v1::ConfirmUploadRequest>,
    ) -> Result<Response<v1::ConfirmUploadResponse>, Status> {
        Err(Status::unimplemented("not called"))
    }

    async fn list_documents(
        &self,
        _: Request<v1::ListDocumentsRequest>,
    ) -> Result<Response<v1::ListDocumentsResponse>, Status> {
        Err(Status::unimplemented("not called"))
    }

    async fn create_download(
        &self,
        _: Request<v1::CreateDownloadRequest>,
    ) -> Result<Response<v1::CreateDownloadResponse>, Status> {
        Err(Status::unimplemented("not called"))
    }

    async fn claim_scan(
        &self,
        _: Request<v1::ClaimScanRequest>,
    ) -> Result<Response<v1::ClaimScanResponse>, Status> {
        Err(Status::unimplemented("not called"))
    }

    async fn open_document(
        &self,
        _: Request<v1::OpenDocumentRequest>,
    ) -> Result<Response<v1::OpenDocumentResponse>, Status> {
        Err(Status::unimplemented("not called"))
    }

    async fn store_document(
        &self,
        _: Request<v1::StoreDocumentRequest>,
    ) -> Result<Response<v1::StoreDocumentResponse>, Status> {
        Err(Status::unimplemented("not called"))
    }

    async fn report_scan(
        &self,
        _: Request<v1::ReportScanRequest>,
    ) -> Result<Response<v1::ReportScanResponse>, Status> {
        Err(Status::unimplemented("not called"))
    }
}
