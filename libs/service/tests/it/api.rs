//! A document service whose answers are what the document's id asks for.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use proto::document::v1::document_service_server::{DocumentService, DocumentServiceServer};
use proto::document::v1::{
    AbortUploadRequest, AbortUploadResponse, ClaimScanRequest, ClaimScanResponse, ConfirmUploadRequest,
    ConfirmUploadResponse, CreateDownloadRequest, CreateDownloadResponse, Document, EraseDocumentRequest,
    EraseDocumentResponse, GetDocumentRequest, GetDocumentResponse, InitiateUploadRequest,
    InitiateUploadResponse, InitiateVersionRequest, InitiateVersionResponse, ListDocumentsRequest,
    ListDocumentsResponse, ListPartsRequest, ListPartsResponse, ListVersionsRequest, ListVersionsResponse,
    OpenDocumentRequest, OpenDocumentResponse, RefreshUploadRequest, RefreshUploadResponse,
    ReportScanRequest, ReportScanResponse, SignPartsRequest, SignPartsResponse, StoreDocumentRequest,
    StoreDocumentResponse,
};
use service::{Shutdown, context, grpc};
use testkit::Issuer;
use tokio::sync::Semaphore;
use tokio::time::Instant;
use tonic::{Request, Response, Status};

#[derive(Clone)]
pub(crate) struct Api {
    /// How many calls came in, and how many are waiting for `gate`.
    pub(crate) calls: Arc<AtomicUsize>,
    pub(crate) waiting: Arc<AtomicUsize>,
    /// A `wait` needs a permit.
    pub(crate) gate: Arc<Semaphore>,
    name: Arc<str>,
    /// Whom `forward` calls.
    next: Option<service::channel::Channel>,
}

impl Api {
    pub(crate) fn new(name: &str) -> Self {
        let gate = Arc::new(Semaphore::new(0));
        Self { calls: Arc::default(), waiting: Arc::default(), gate, name: name.into(), next: None }
    }

    pub(crate) fn forwarding_to(mut self, next: service::channel::Channel) -> Self {
        self.next = Some(next);
        self
    }

    pub(crate) fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }

    pub(crate) async fn until_waiting(&self, count: usize) {
        testkit::eventually(Duration::from_secs(10), || async {
            let waiting = self.waiting.load(Ordering::SeqCst);
            if waiting == count { Ok(()) } else { Err(waiting) }
        })
        .await
        .unwrap();
    }
}

/// What a call knew, as the answer's fields: name of the server, request id, milliseconds left.
pub(crate) fn told(answer: &GetDocumentResponse) -> (&str, &str, u64) {
    let document = answer.document.as_ref().unwrap();
    (&document.document_id, &document.file_name, document.size_bytes.try_into().unwrap())
}

#[tonic::async_trait]
impl DocumentService for Api {
    async fn get_document(
        &self,
        request: Request<GetDocumentRequest>,
    ) -> Result<Response<GetDocumentResponse>, Status> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        let token = auth::caller(&request)?.token.clone();
        let asked = request.into_inner().document_id;
        match &*asked {
            "wait" => {
                self.waiting.fetch_add(1, Ordering::SeqCst);
                self.gate.acquire().await.unwrap().forget();
            }
            "panic" => panic!("as asked"),
            "bare" => return Err(Status::failed_precondition("without details")),
            "bare internal" => return Err(Status::internal("a secret of ours")),
            "ours" => {
                return Err(rpc_error::Error::new(
                    rpc_error::Code::NotFound,
                    rpc_error::reason::DOCUMENT_NOT_FOUND,
                    "no such document",
                )
                .into());
            }
            "forward" => {
                use proto::document::v1::document_service_client::DocumentServiceClient;
                let mut request =
                    Request::new(GetDocumentRequest { document_id: "wherever".into(), ..Default::default() });
                auth::client::authorize(&mut request, &token, None);
                return DocumentServiceClient::new(self.next.clone().unwrap()).get_document(request).await;
            }
            _ => {}
        }
        let context = context::current().unwrap();
        let left = context.deadline.saturating_duration_since(Instant::now()).as_millis();
        Ok(Response::new(GetDocumentResponse {
            document: Some(Document {
                document_id: self.name.to_string(),
                file_name: context.request_id.to_string(),
                size_bytes: left.try_into().unwrap(),
                // Something that compresses.
                content_type: "text/plain; ".repeat(if asked == "long" { 1_000 } else { 1 }),
                ..Document::default()
            }),
        }))
    }

    async fn initiate_upload(
        &self,
        _: Request<InitiateUploadRequest>,
    ) -> Result<Response<InitiateUploadResponse>, Status> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        Ok(Response::new(InitiateUploadResponse::default()))
    }

    async fn initiate_version(
        &self,
        _: Request<InitiateVersionRequest>,
    ) -> Result<Response<InitiateVersionResponse>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn list_versions(
        &self,
        _: Request<ListVersionsRequest>,
    ) -> Result<Response<ListVersionsResponse>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn erase_document(
        &self,
        _: Request<EraseDocumentRequest>,
    ) -> Result<Response<EraseDocumentResponse>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn refresh_upload(
        &self,
        _: Request<RefreshUploadRequest>,
    ) -> Result<Response<RefreshUploadResponse>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn sign_parts(&self, _: Request<SignPartsRequest>) -> Result<Response<SignPartsResponse>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn list_parts(&self, _: Request<ListPartsRequest>) -> Result<Response<ListPartsResponse>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn abort_upload(
        &self,
        _: Request<AbortUploadRequest>,
    ) -> Result<Response<AbortUploadResponse>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn confirm_upload(
        &self,
        _: Request<ConfirmUploadRequest>,
    ) -> Result<Response<ConfirmUploadResponse>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn list_documents(
        &self,
        _: Request<ListDocumentsRequest>,
    ) -> Result<Response<ListDocumentsResponse>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn create_download(
        &self,
        _: Request<CreateDownloadRequest>,
    ) -> Result<Response<CreateDownloadResponse>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn claim_scan(&self, _: Request<ClaimScanRequest>) -> Result<Response<ClaimScanResponse>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn open_document(
        &self,
        _: Request<OpenDocumentRequest>,
    ) -> Result<Response<OpenDocumentResponse>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn store_document(
        &self,
        _: Request<StoreDocumentRequest>,
    ) -> Result<Response<StoreDocumentResponse>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn report_scan(
        &self,
        _: Request<ReportScanRequest>,
    ) -> Result<Response<ReportScanResponse>, Status> {
        Err(Status::unimplemented(""))
    }
}

pub(crate) const GRACE: Duration = Duration::from_secs(10);

/// Serves `api` at `addr` with tokens of `issuer`.
pub(crate) async fn serve_at(
    addr: SocketAddr,
    api: Api,
    issuer: &Issuer,
    max_concurrency: usize,
) -> (SocketAddr, Shutdown) {
    let verifier = auth::Verifier::new(&issuer.settings("svc-document"), clock::Clock::system());
    let shutdown = Shutdown::manual(GRACE);
    let addr = grpc::Server::new(&grpc::Settings { addr, max_concurrency }, auth::Layer::new(verifier))
        .service(service::grpc_service!(DocumentServiceServer::new(api)))
        .serve(&shutdown)
        .await
        .unwrap();
    (addr, shutdown)
}

pub(crate) async fn serve(api: Api, issuer: &Issuer) -> (SocketAddr, Shutdown) {
    serve_at(([127, 0, 0, 1], 0).into(), api, issuer, 100).await
}

/// A request of ada, a citizen of riverton, for the document `id`.
pub(crate) fn get(issuer: &Issuer, id: &str) -> Request<GetDocumentRequest> {
    let mut request = Request::new(GetDocumentRequest { document_id: id.into(), ..Default::default() });
    let token = auth::Token::parse(&issuer.citizen("ada", "riverton")).unwrap();
    auth::client::authorize(&mut request, &token, None);
    request
}

/// What clients branch on.
pub(crate) fn reason(status: &Status) -> (tonic::Code, String) {
    let error = rpc_error::Error::from_status(status.clone());
    assert!(!status.details().is_empty(), "{status:?} has no details");
    (status.code(), error.reason().to_owned())
}
