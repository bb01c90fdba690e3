use std::sync::{Arc, Mutex};

use auth::{Caller, Layer};
use proto::Operation;
use proto::document::v1::document_service_client::DocumentServiceClient;
use proto::document::v1::document_service_server::{DocumentService, DocumentServiceServer};
use proto::document::v1::{
    AbortUploadRequest, AbortUploadResponse, ClaimScanRequest, ClaimScanResponse, ConfirmUploadRequest,
    ConfirmUploadResponse, CreateDownloadRequest, CreateDownloadResponse, EraseDocumentRequest,
    EraseDocumentResponse, GetDocumentRequest, GetDocumentResponse, InitiateUploadRequest,
    InitiateUploadResponse, InitiateVersionRequest, InitiateVersionResponse, ListDocumentsRequest,
    ListDocumentsResponse, ListPartsRequest, ListPartsResponse, ListVersionsRequest, ListVersionsResponse,
    OpenDocumentRequest, OpenDocumentResponse, RefreshUploadRequest, RefreshUploadResponse,
    ReportScanRequest, ReportScanResponse, SignPartsRequest, SignPartsResponse, StoreDocumentRequest,
    StoreDocumentResponse,
};
use serde_json::{Value, json};
use tokio_stream::wrappers::TcpListenerStream;
use tonic::transport::{Channel, Server};
use tonic::{Code, Request, Response, Status};

use crate::issuer::{Issuer, SigningKey};

/// Remembers who called what.
#[derive(Clone, Default)]
struct Api(Arc<Mutex<Vec<(Operation, Caller)>>>);

impl Api {
    fn answer<T, R: Default>(&self, request: &Request<T>) -> Result<Response<R>, Status> {
        let operation = *request.extensions().get::<Operation>().unwrap();
        self.0.lock().unwrap().push((operation, auth::caller(request)?.clone()));
        Ok(Response::new(R::default()))
    }
}

macro_rules! api {
    ($($name:ident($request:ty) -> $response:ty;)*) => {
        #[tonic::async_trait]
        impl DocumentService for Api {
            $(async fn $name(&self, request: Request<$request>) -> Result<Response<$response>, Status> {
                self.answer(&request)
            })*
        }
    };
}

api! {
    initiate_upload(InitiateUploadRequest) -> InitiateUploadResponse;
    initiate_version(InitiateVersionRequest) -> InitiateVersionResponse;
    list_versions(ListVersionsRequest) -> ListVersionsResponse;
    erase_document(EraseDocumentRequest) -> EraseDocumentResponse;
    sign_parts(SignPartsRequest) -> SignPartsResponse;
    list_parts(ListPartsRequest) -> ListPartsResponse;
    abort_upload(AbortUploadRequest) -> AbortUploadResponse;
    refresh_upload(RefreshUploadRequest) -> RefreshUploadResponse;
    confirm_upload(ConfirmUploadRequest) -> ConfirmUploadResponse;
    get_document(GetDocumentRequest) -> GetDocumentResponse;
    list_documents(ListDocumentsRequest) -> ListDocumentsResponse;
    create_download(CreateDownloadRequest) -> CreateDownloadResponse;
    claim_scan(ClaimScanRequest) -> ClaimScanResponse;
    open_document(OpenDocumentRequest) -> OpenDocumentResponse;
    store_document(StoreDocumentRequest) -> StoreDocumentResponse;
    report_scan(ReportScanRequest) -> ReportScanResponse;
}

struct Harness {
    issuer: Issuer,
    key: SigningKey,
    api: Api,
    channel: Channel,
}

impl Harness {
    async fn start() -> Self {
        let key = SigningKey::ec("e");
        let issuer = Issuer::start(&[&key]).await;
        let api = Api::default();
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let addr = listener.local_addr().unwrap();
        let server = Server::builder()
            .layer(Layer::new(issuer.verifier()))
            .add_service(DocumentServiceServer::new(api.clone()))
            .serve_with_incoming(TcpListenerStream::new(listener));
        tokio::spawn(server);
        let channel = Channel::from_shared(format!("http://{addr}")).unwrap().connect().await.unwrap();
        Self { issuer, key, api, channel }
    }

    fn client(&self) -> DocumentServiceClient<Channel> {
        DocumentServiceClient::new(self.channel.clone())
    }

    fn token(&self, changes: Value) -> String {
        format!("Bearer {}", self.issuer.token(&self.key, "ES256", changes))
    }

    fn seen(&self) -> Vec<(Operation, Caller)> {
        std::mem::take(&mut self.api.0.lock().unwrap())
    }
}

type Metadata<'m> = &'m [(&'static str, &'m str)];

fn request<T>(message: T, metadata: Metadata<'_>) -> Request<T> {
    let mut request = Request::new(message);
    for (name, value) in metadata {
        request.metadata_mut().append(*name, value.parse().unwrap());
    }
    request
}

fn reason(status: Status) -> (Code, String) {
    let code = status.code();
    (code, rpc_error::Error::from_status(status).reason().to_owned())
}

#[tokio::test]
async fn a_caller_reaches_the_handler_with_the_operation() {
    let harness = Harness::start().await;
    let token = harness.token(json!({}));
    let get = request(
        GetDocumentRequest::default(),
        &[("authorization", &token), ("x-tenant", "lakeside"), ("x-on-behalf-of", "ben")],
    );
    harness.client().get_document(get).await.unwrap();
    let [(operation, caller)] = &harness.seen()[..] else { panic!("not called once") };
    assert_eq!(*operation, Operation::DocumentGetDocument);
    assert_eq!((caller.subject.as_str(), caller.tenant.as_str()), ("ada", "riverton"));
    assert_eq!(caller.on_behalf_of, None, "from people it is nothing");
    // RFC 9110: the scheme's case is free.
    let lower = token.replace("Bearer", "bEARER");
    harness
        .client()
        .get_document(request(GetDocumentRequest::default(), &[("authorization", &lower)]))
        .await
        .unwrap();
}

#[tokio::test]
async fn refusals_carry_their_reason_and_never_reach_the_handler() {
    let harness = Harness::start().await;
    let token = harness.token(json!({}));
    let expired = harness.token(json!({"exp": 1}));
    let roleless = harness.token(json!({"roles": []}));
    let cases: [(Metadata<'_>, Code, &str); 8] = [
        (&[], Code::Unauthenticated, "TOKEN_MISSING"),
        (&[("authorization", "Basic YTpi")], Code::Unauthenticated, "TOKEN_MISSING"),
        (&[("authorization", "Bearer")], Code::Unauthenticated, "TOKEN_MISSING"),
        (&[("authorization", "Bearer garbage")], Code::Unauthenticated, "TOKEN_INVALID"),
        (&[("authorization", &token), ("authorization", &token)], Code::Unauthenticated, "TOKEN_INVALID"),
        (&[("authorization", &expired)], Code::Unauthenticated, "TOKEN_EXPIRED"),
        (&[("authorization", &roleless)], Code::PermissionDenied, "PERMISSION_DENIED"),
        (&[("x-tenant", "riverton")], Code::Unauthenticated, "TOKEN_MISSING"),
    ];
    for (metadata, code, want) in cases {
        let status = harness
            .client()
            .get_document(request(GetDocumentRequest::default(), metadata))
            .await
            .unwrap_err();
        assert_eq!(reason(status), (code, want.to_owned()), "{want}");
    }
    let claim = request(ClaimScanRequest::default(), &[("authorization", &token)]);
    let status = harness.client().claim_scan(claim).await.unwrap_err();
    assert_eq!(reason(status), (Code::PermissionDenied, "PERMISSION_DENIED".to_owned()));
    assert!(harness.seen().is_empty());
}

#[tokio::test]
async fn a_service_acts_in_the_tenant_it_names_and_for_whom_it_says() {
    let harness = Harness::start().await;
    let token = harness.token(json!({"azp": "svc-worker", "roles": ["service"], "tenant": null}));
    let claim = |metadata: &[(&'static str, &str)]| {
        let mut all = vec![("authorization", &*token)];
        all.extend_from_slice(metadata);
        request(ClaimScanRequest::default(), &all)
    };
    harness.client().claim_scan(claim(&[("x-tenant", "lakeside"), ("x-on-behalf-of", "ada")])).await.unwrap();
    let [(_, caller)] = &harness.seen()[..] else { panic!("not called once") };
    assert_eq!((caller.service(), caller.tenant.as_str()), (Some("svc-worker"), "lakeside"));
    assert_eq!(caller.on_behalf_of.as_ref().unwrap().as_str(), "ada");

    let twice: &[(&'static str, &str)] = &[("x-tenant", "lakeside"), ("x-tenant", "riverton")];
    for metadata in [&[][..], &[("x-tenant", "Lake Side")], twice] {
        let status = harness.client().claim_scan(claim(metadata)).await.unwrap_err();
        assert_eq!(reason(status), (Code::InvalidArgument, "TENANT_MISSING".to_owned()), "{metadata:?}");
    }
    // On whose behalf decides nothing: an operation of people stays closed to services.
    let get = request(
        ListDocumentsRequest::default(),
        &[("authorization", &token), ("x-tenant", "lakeside"), ("x-on-behalf-of", "ada")],
    );
    let status = harness.client().list_documents(get).await.unwrap_err();
    assert_eq!(reason(status), (Code::PermissionDenied, "PERMISSION_DENIED".to_owned()));
    assert!(harness.seen().is_empty());
}

#[tokio::test]
async fn a_path_without_a_row_is_not_reached_with_or_without_token() {
    let harness = Harness::start().await;
    let token = harness.token(json!({}));
    for metadata in [&[][..], &[("authorization", &*token)]] {
        let mut grpc = tonic::client::Grpc::new(harness.channel.clone());
        grpc.ready().await.unwrap();
        let path = http::uri::PathAndQuery::from_static("/guildhall.document.v1.DocumentService/DropAll");
        let codec = tonic_prost::ProstCodec::<GetDocumentRequest, GetDocumentResponse>::default();
        let call = grpc.unary(request(GetDocumentRequest::default(), metadata), path, codec);
        let status = call.await.unwrap_err();
        assert_eq!(status.code(), Code::Unimplemented);
        assert_eq!(rpc_error::Error::from_status(status).reason(), "METHOD_NOT_ALLOWED");
    }
}

#[tokio::test]
async fn an_unreachable_issuer_is_our_fault_and_not_the_callers() {
    let harness = Harness::start().await;
    harness.issuer.set_down(true);
    let token = harness.token(json!({}));
    let get = request(GetDocumentRequest::default(), &[("authorization", &token)]);
    let status = harness.client().get_document(get).await.unwrap_err();
    assert!(!status.message().contains("127.0.0.1"), "{}", status.message());
    assert_eq!(reason(status), (Code::Unavailable, "UNAVAILABLE".to_owned()));
}
