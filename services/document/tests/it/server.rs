//! What every server of ours offers besides its own operations.

use proto::document::v1;
use rpc_error::{Code, Error, reason};
use testkit::eventually;
use tonic::Request;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use tonic_reflection::pb::v1::ServerReflectionRequest;
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;

use crate::harness::{File, SOON, TestApp, assert_refused};

#[tokio::test(flavor = "multi_thread")]
async fn health_and_reflection_name_the_service() {
    let app = TestApp::start().await;
    let name = "guildhall.document.v1.DocumentService";
    let mut health = HealthClient::new(app.channel.clone());
    let answer = health.check(HealthCheckRequest { service: name.to_owned() }).await.unwrap();
    assert_eq!(answer.into_inner().status(), ServingStatus::Serving);

    let mut reflection = ServerReflectionClient::new(app.channel.clone());
    let list = MessageRequest::ListServices(String::new());
    let request = ServerReflectionRequest { host: String::new(), message_request: Some(list) };
    let mut answers =
        reflection.server_reflection_info(tokio_stream::iter([request])).await.unwrap().into_inner();
    let answer = answers.message().await.unwrap().unwrap().message_response.unwrap();
    let MessageResponse::ListServicesResponse(services) = answer else { panic!("{answer:?}") };
    assert!(services.service.iter().any(|service| service.name == name));
}

#[tokio::test(flavor = "multi_thread")]
async fn ready_names_what_it_needs() {
    let app = TestApp::start().await;
    let ready = eventually(SOON, || async {
        let report = app.admin.report().await;
        if report.checks.values().all(|check| check.error.is_none()) { Ok(report) } else { Err(report) }
    });
    let report = ready.await.unwrap();
    let names: Vec<_> = report.checks.into_keys().collect();
    assert_eq!(names, ["audit", "issuer", "postgres", "relay", "s3"]);
    let url = format!("http://{}/metrics", app.admin.addr());
    assert_eq!(reqwest::get(url).await.unwrap().status(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_that_is_late_is_shown_and_documents_are_taken() {
    let app = TestApp::start_with(|config| config.kafka.brokers = "127.0.0.1:1".to_owned()).await;
    let ada = app.ada();
    let (id, _) = app.ready(&ada, &File::pdf("Ada")).await;
    app.clock.advance(std::time::Duration::from_secs(31));
    ada.download(&id).await.expect("Kafka is not needed");
    let late = eventually(SOON, || async {
        let report = app.admin.report().await;
        if report.checks["relay"].error.is_some() { Ok(report) } else { Err(report) }
    });
    assert_eq!(late.await.unwrap().status, service::admin::Status::Ready);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_away_is_told_and_is_no_internal_error() {
    let app = TestApp::start_with(|config| {
        config.db.url = "postgres://document_app:x@127.0.0.1:1/document".to_owned().into();
    })
    .await;
    let refused = app.ada().initiate(&File::pdf("Ada")).await;
    assert_refused(refused, Code::Unavailable, reason::UNAVAILABLE);
    let down = eventually(SOON, || async {
        let report = app.admin.report().await;
        if report.checks["postgres"].error.is_some() { Ok(()) } else { Err(report) }
    });
    down.await.unwrap();
    let url = format!("http://{}/ready", app.admin.addr());
    assert_eq!(reqwest::get(url).await.unwrap().status(), 503);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_operation_needs_a_token() {
    let app = TestApp::start().await;
    let mut client = app.ada().client();
    let get = v1::GetDocumentRequest::default;
    let missing = client.get_document(get()).await.map(drop).map_err(Error::from);
    assert_refused(missing, Code::Unauthenticated, reason::TOKEN_MISSING);
    let mut garbage = Request::new(get());
    garbage.metadata_mut().insert("authorization", "Bearer garbage".parse().unwrap());
    let garbage = client.get_document(garbage).await.map(drop).map_err(Error::from);
    assert_refused(garbage, Code::Unauthenticated, reason::TOKEN_INVALID);

    let old = app.ada().keyless(get());
    app.clock.advance(std::time::Duration::from_secs(6 * 60));
    let old = client.get_document(old).await.map(drop).map_err(Error::from);
    assert_refused(old, Code::Unauthenticated, reason::TOKEN_EXPIRED);
}
