use std::net::SocketAddr;
use std::time::Duration;

use bytes::{BufMut as _, Bytes, BytesMut};
use http::HeaderMap;
use proto::document::v1::document_service_client::DocumentServiceClient;
use proto::document::v1::{GetDocumentRequest, InitiateUploadRequest, ListDocumentsRequest};
use tonic::codec::CompressionEncoding;
use tonic::transport::Channel;
use tonic::{Code, Request, Status};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;
use tonic_reflection::pb::v1::{ServerReflectionRequest, ServerReflectionResponse};

use crate::api::{Api, get, reason, serve, serve_at, told};
use crate::lines::Lines;

const SERVICE: &str = "guildhall.document.v1.DocumentService";

async fn connect(addr: SocketAddr) -> Channel {
    Channel::from_shared(format!("http://{addr}")).unwrap().connect().await.unwrap()
}

async fn client(addr: SocketAddr) -> DocumentServiceClient<Channel> {
    DocumentServiceClient::new(connect(addr).await)
}

/// A call without a gRPC client, which would enforce the deadline itself. Returns the status of an answer in headers.
async fn raw(addr: SocketAddr, headers: &[(&str, &str)], message: &[u8]) -> (HeaderMap, Option<Status>) {
    let mut frame = BytesMut::new();
    frame.put_u8(0);
    frame.put_u32(u32::try_from(message.len()).unwrap());
    frame.put_slice(message);
    let client = reqwest::Client::builder().http2_prior_knowledge().build().unwrap();
    let mut request = client
        .post(format!("http://{addr}/{SERVICE}/GetDocument"))
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .body(Bytes::from(frame));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let headers = request.send().await.unwrap().headers().clone();
    let status = Status::from_header_map(&headers);
    (headers, status)
}

fn document(id: &str) -> Vec<u8> {
    use prost::Message as _;
    GetDocumentRequest { document_id: id.into(), ..Default::default() }.encode_to_vec()
}

#[tokio::test]
async fn health_is_told_per_service_to_everybody_and_ends_with_the_service() {
    let issuer = testkit::tokens().await;
    let (addr, shutdown) = serve(Api::new("a"), &issuer).await;
    let mut health = HealthClient::new(connect(addr).await);
    for name in ["", SERVICE] {
        let check = HealthCheckRequest { service: name.into() };
        let status = health.check(check).await.unwrap().into_inner().status();
        assert_eq!(status, ServingStatus::Serving, "{name:?}");
    }
    let unknown = HealthCheckRequest { service: "guildhall.payment.v1.PaymentService".into() };
    assert_eq!(health.check(unknown).await.unwrap_err().code(), Code::NotFound);

    let watch = HealthCheckRequest { service: SERVICE.into() };
    let mut watched = health.watch(watch).await.unwrap().into_inner();
    assert_eq!(watched.message().await.unwrap().unwrap().status(), ServingStatus::Serving);
    shutdown.request();
    // A stream that lasts for ever does not hold up the end.
    tokio::time::timeout(Duration::from_secs(5), shutdown.clone().finished()).await.unwrap().unwrap();
    let end = loop {
        match watched.message().await {
            Ok(Some(last)) => assert_eq!(last.status(), ServingStatus::NotServing),
            Ok(None) => panic!("ended without a status"),
            Err(status) => break status,
        }
    };
    assert_eq!((end.code(), end.message()), (Code::Unavailable, "the service is stopping"));
}

#[tokio::test]
async fn reflection_lists_what_is_served_and_describes_it() {
    let issuer = testkit::tokens().await;
    let (addr, _shutdown) = serve(Api::new("a"), &issuer).await;
    let ask = async |message: MessageRequest| -> ServerReflectionResponse {
        let request = ServerReflectionRequest { host: String::new(), message_request: Some(message) };
        let requests = tokio_stream::once(request);
        let mut reflection = ServerReflectionClient::new(connect(addr).await);
        let mut answers = reflection.server_reflection_info(requests).await.unwrap().into_inner();
        answers.message().await.unwrap().unwrap()
    };
    let answer = ask(MessageRequest::ListServices(String::new())).await;
    let Some(MessageResponse::ListServicesResponse(list)) = answer.message_response else {
        panic!("no list")
    };
    let mut names: Vec<_> = list.service.into_iter().map(|service| service.name).collect();
    names.sort();
    assert_eq!(names, ["grpc.health.v1.Health", "grpc.reflection.v1.ServerReflection", SERVICE]);
    for symbol in [SERVICE, "guildhall.document.v1.Document", "google.protobuf.Timestamp"] {
        let answer = ask(MessageRequest::FileContainingSymbol(symbol.into())).await;
        assert!(
            matches!(answer.message_response, Some(MessageResponse::FileDescriptorResponse(_))),
            "{symbol}: {answer:?}"
        );
    }
}

#[tokio::test]
async fn refusals_a_handler_never_sees_carry_details() {
    let issuer = testkit::tokens().await;
    let api = Api::new("a");
    let (addr, _shutdown) = serve(api.clone(), &issuer).await;
    let mut client = client(addr).await;

    let anonymous = client.get_document(GetDocumentRequest::default()).await.unwrap_err();
    assert_eq!(reason(&anonymous), (Code::Unauthenticated, "TOKEN_MISSING".into()));
    let people_only = {
        let mut request = Request::new(InitiateUploadRequest::default());
        let token = auth::Token::parse(&issuer.service("svc-worker")).unwrap();
        auth::client::authorize(&mut request, &token, Some(&"riverton".parse().unwrap()));
        client.initiate_upload(request).await.unwrap_err()
    };
    assert_eq!(reason(&people_only), (Code::PermissionDenied, "PERMISSION_DENIED".into()));

    let bearer = format!("Bearer {}", issuer.citizen("ada", "riverton"));
    let token = ("authorization", &*bearer);
    let (_, status) = raw(addr, &[token], b"\xff\xff\xff").await;
    assert_eq!(reason(&status.unwrap()), (Code::InvalidArgument, "REQUEST_MALFORMED".into()));
    let large = document(&"x".repeat(service::grpc::MAX_MESSAGE_BYTES));
    let (_, status) = raw(addr, &[token], &large).await;
    assert_eq!(reason(&status.unwrap()), (Code::InvalidArgument, "BODY_TOO_LARGE".into()));
    let (headers, status) = raw(addr, &[token, ("grpc-encoding", "br")], &document("x")).await;
    let status = status.unwrap();
    assert_eq!(status.code(), Code::Unimplemented);
    assert!(headers["grpc-accept-encoding"].to_str().unwrap().contains("zstd"));
    assert!(!status.details().is_empty());
    assert_eq!(api.calls(), 0);
}

#[tokio::test]
async fn a_path_that_is_no_method_is_unimplemented_with_details() {
    let issuer = testkit::tokens().await;
    let (addr, _shutdown) = serve(Api::new("a"), &issuer).await;
    for path in ["/guildhall.document.v1.DocumentService/DropAll", "/x.Y/Z", "/", "/metrics"] {
        let mut grpc = tonic::client::Grpc::new(connect(addr).await);
        grpc.ready().await.unwrap();
        let codec = tonic_prost::ProstCodec::<GetDocumentRequest, GetDocumentRequest>::default();
        let status =
            grpc.unary(Request::new(GetDocumentRequest::default()), path.parse().unwrap(), codec).await;
        assert_eq!(
            reason(&status.unwrap_err()),
            (Code::Unimplemented, "METHOD_NOT_ALLOWED".into()),
            "{path}"
        );
    }
}

#[tokio::test]
async fn a_handlers_own_refusal_passes_and_a_bare_one_is_completed() {
    let issuer = testkit::tokens().await;
    let (addr, _shutdown) = serve(Api::new("a"), &issuer).await;
    let mut client = client(addr).await;
    let mut refused = async |id: &str| client.get_document(get(&issuer, id)).await.unwrap_err();
    assert_eq!(reason(&refused("ours").await), (Code::NotFound, "DOCUMENT_NOT_FOUND".into()));
    assert_eq!(reason(&refused("bare").await).0, Code::Internal);
    let internal = refused("bare internal").await;
    assert_eq!(reason(&internal), (Code::Internal, "INTERNAL".into()));
    assert!(!internal.message().contains("secret"), "{}", internal.message());
    // The next call is none the worse for it.
    assert_eq!(reason(&refused("panic").await), (Code::Internal, "INTERNAL".into()));
    client.get_document(get(&issuer, "x")).await.unwrap();
    let unimplemented = {
        let mut request = Request::new(ListDocumentsRequest::default());
        *request.metadata_mut() = get(&issuer, "x").metadata().clone();
        client.list_documents(request).await.unwrap_err()
    };
    assert_eq!(reason(&unimplemented), (Code::Unimplemented, "METHOD_NOT_ALLOWED".into()));
}

#[tokio::test]
async fn the_callers_deadline_ends_the_handler_and_its_absence_leaves_ten_seconds() {
    let issuer = testkit::tokens().await;
    let api = Api::new("a");
    let (addr, _shutdown) = serve(api.clone(), &issuer).await;
    let bearer = format!("Bearer {}", issuer.citizen("ada", "riverton"));
    for wait in ["50m", "0n"] {
        let headers = [("authorization", &*bearer), ("grpc-timeout", wait)];
        let (_, status) = raw(addr, &headers, &document("wait")).await;
        assert_eq!(reason(&status.unwrap()), (Code::DeadlineExceeded, "TIMEOUT".into()), "{wait}");
    }
    // The handler is gone: nobody takes the permit.
    api.gate.add_permits(1);
    assert_eq!(api.gate.available_permits(), 1);

    let mut client = client(addr).await;
    let mut left = async |timeout: Option<&str>| {
        let mut request = get(&issuer, "x");
        if let Some(timeout) = timeout {
            request.metadata_mut().insert("grpc-timeout", timeout.parse().unwrap());
        }
        told(client.get_document(request).await.unwrap().get_ref()).2
    };
    for (timeout, most) in
        [(None, 10_000), (Some("7S"), 7_000), (Some("1H"), 60_000), (Some("nonsense"), 10_000)]
    {
        let left = left(timeout).await;
        assert!(left <= most && left > most - 3_000, "{timeout:?} left {left}");
    }
}

#[tokio::test]
async fn calls_above_the_limit_are_refused_at_once_and_health_is_not() {
    let issuer = testkit::tokens().await;
    let api = Api::new("a");
    let (addr, _shutdown) = serve_at(([127, 0, 0, 1], 0).into(), api.clone(), &issuer, 2).await;
    let client = client(addr).await;
    let waiting: Vec<_> = (0..2)
        .map(|_| {
            let (mut client, request) = (client.clone(), get(&issuer, "wait"));
            tokio::spawn(async move { client.get_document(request).await })
        })
        .collect();
    api.until_waiting(2).await;
    let refused = client.clone().get_document(get(&issuer, "x")).await.unwrap_err();
    assert_eq!(reason(&refused), (Code::ResourceExhausted, "OVERLOADED".into()));
    assert_eq!(rpc_error::Error::from_status(refused).retry_delay(), Some(Duration::from_secs(1)));
    let mut health = HealthClient::new(connect(addr).await);
    health.check(HealthCheckRequest::default()).await.unwrap();
    api.gate.add_permits(2);
    for call in waiting {
        call.await.unwrap().unwrap();
    }
    client.clone().get_document(get(&issuer, "x")).await.unwrap();
}

#[tokio::test]
async fn messages_are_compressed_for_those_who_ask_and_a_bomb_is_refused() {
    let issuer = testkit::tokens().await;
    let (addr, _shutdown) = serve(Api::new("a"), &issuer).await;
    for encoding in [CompressionEncoding::Gzip, CompressionEncoding::Zstd] {
        let mut client = client(addr).await.send_compressed(encoding).accept_compressed(encoding);
        let answer = client.get_document(get(&issuer, "long")).await.unwrap();
        assert_eq!(answer.metadata().get("grpc-encoding").unwrap(), &encoding.to_string());
        // A thousand times smaller on the wire than it is.
        let bomb = get(&issuer, &"0".repeat(4 * service::grpc::MAX_MESSAGE_BYTES));
        let refused = client.get_document(bomb).await.unwrap_err();
        assert_eq!(reason(&refused), (Code::InvalidArgument, "BODY_TOO_LARGE".into()), "{encoding}");
    }
    let plain = client(addr).await.get_document(get(&issuer, "long")).await.unwrap();
    assert!(plain.metadata().get("grpc-encoding").is_none());
}

#[tokio::test]
async fn every_answer_has_the_request_id_the_callers_where_it_is_sane() {
    let issuer = testkit::tokens().await;
    let (addr, _shutdown) = serve(Api::new("a"), &issuer).await;
    let mut client = client(addr).await;
    let mut request = get(&issuer, "x");
    request.metadata_mut().insert("x-request-id", "order-66".parse().unwrap());
    let answer = client.get_document(request).await.unwrap();
    assert_eq!(answer.metadata().get("x-request-id").unwrap(), "order-66");
    assert_eq!(told(answer.get_ref()).1, "order-66");

    let mut request = Request::new(GetDocumentRequest::default());
    request.metadata_mut().insert("x-request-id", "a b".parse().unwrap());
    let refused = client.get_document(request).await.unwrap_err();
    let id = refused.metadata().get("x-request-id").unwrap().to_str().unwrap();
    assert_eq!(id.len(), 32);
}

#[tokio::test]
async fn a_call_is_one_span_of_the_callers_trace_and_one_line() {
    let (lines, _default, _telemetry) = Lines::capture();
    let issuer = testkit::tokens().await;
    let (addr, _shutdown) = serve(Api::new("a"), &issuer).await;
    let mut client = client(addr).await;
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    let mut request = get(&issuer, "x");
    let metadata = request.metadata_mut();
    metadata.insert("traceparent", format!("00-{trace}-00f067aa0ba902b7-01").parse().unwrap());
    metadata.insert("x-request-id", "order-66".parse().unwrap());
    client.get_document(request).await.unwrap();
    client.get_document(get(&issuer, "ours")).await.unwrap_err();
    HealthClient::new(connect(addr).await).check(HealthCheckRequest::default()).await.unwrap();

    let calls = testkit::eventually(Duration::from_secs(5), || async {
        let calls = lines.with_message("call");
        if calls.len() >= 2 { Ok(calls) } else { Err(calls) }
    })
    .await
    .unwrap();
    assert_eq!(calls.len(), 2, "health is not logged: {calls:?}");
    let call = &calls[0];
    assert_eq!(
        [&call["trace_id"], &call["request_id"], &call["tenant"], &call["rpc.method"], &call["rpc.status"]],
        [trace, "order-66", "riverton", "GetDocument", "OK"]
    );
    assert!(call["duration_ms"].is_u64());
    assert_eq!(calls[1]["rpc.status"], "NOT_FOUND");
    assert_ne!(calls[1]["trace_id"], trace);
    let text = serde_json::to_string(&calls).unwrap();
    assert!(!testkit::has_word(&text, "ada"), "no personal data: {text}");
}

#[tokio::test]
async fn a_caller_who_goes_away_is_noted_and_the_handler_dropped() {
    let (lines, _default, _telemetry) = Lines::capture();
    let issuer = testkit::tokens().await;
    let api = Api::new("a");
    let (addr, _shutdown) = serve(api.clone(), &issuer).await;
    let mut client = client(addr).await;
    let request = get(&issuer, "wait");
    let call = tokio::spawn(async move { client.get_document(request).await.map(drop) });
    api.until_waiting(1).await;
    call.abort();
    let line = testkit::eventually(Duration::from_secs(5), || async {
        lines.with_message("call").pop().ok_or("no line yet")
    })
    .await
    .unwrap();
    assert_eq!(line["rpc.status"], "CANCELLED");
}

#[tokio::test]
async fn calls_in_hand_are_answered_while_the_port_is_closed() {
    let issuer = testkit::tokens().await;
    let api = Api::new("a");
    let (addr, shutdown) = serve(api.clone(), &issuer).await;
    let mut client = client(addr).await;
    let request = get(&issuer, "wait");
    let call = tokio::spawn(async move { client.get_document(request).await });
    api.until_waiting(1).await;
    shutdown.request();
    testkit::eventually(Duration::from_secs(5), || async {
        match tokio::net::TcpStream::connect(addr).await {
            Err(_) => Ok(()),
            Ok(_) => Err("still open"),
        }
    })
    .await
    .unwrap();
    let end = tokio::spawn(shutdown.clone().finished());
    assert!(!end.is_finished());
    api.gate.add_permits(1);
    call.await.unwrap().unwrap();
    end.await.unwrap().unwrap();
}

#[tokio::test]
async fn calls_are_counted_by_method_and_status() {
    crate::lines::init();
    let issuer = testkit::tokens().await;
    let (addr, _shutdown) = serve(Api::new("a"), &issuer).await;
    let mut client = client(addr).await;
    client.get_document(get(&issuer, "x")).await.unwrap();
    client.get_document(get(&issuer, "ours")).await.unwrap_err();
    client.get_document(get(&issuer, "ours")).await.unwrap_err();
    testkit::eventually(Duration::from_secs(5), || async {
        let text = telemetry::metrics_text();
        let counted = |status: &str| {
            text.lines().any(|line| {
                line.starts_with("rpc_server_duration")
                    && line.contains("_count")
                    && line.contains("rpc_method=\"GetDocument\"")
                    && line.contains(&format!("\"{status}\""))
            })
        };
        if counted("OK") && counted("NOT_FOUND") { Ok(()) } else { Err(text) }
    })
    .await
    .unwrap();
}
