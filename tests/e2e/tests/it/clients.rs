//! Clients that are not ours: reflection as `grpcurl` uses it, and the Python client of `docs/`.

use std::path::Path;
use std::process::Command;

use tonic_reflection::pb::v1::ServerReflectionRequest;
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;

use crate::harness::in_world;
use crate::page::{cache, run};

async fn services(address: &str) -> Vec<String> {
    let mut client = ServerReflectionClient::new(
        tonic::transport::Channel::from_shared(format!("http://{address}"))
            .expect("reflection")
            .connect()
            .await
            .expect("reflection"),
    );
    let ask = ServerReflectionRequest {
        host: String::new(),
        message_request: Some(MessageRequest::ListServices(String::new())),
    };
    let mut answers =
        client.server_reflection_info(tokio_stream::once(ask)).await.expect("reflection").into_inner();
    let Some(MessageResponse::ListServicesResponse(list)) =
        answers.message().await.expect("reflection").expect("reflection").message_response
    else {
        panic!("not a list of services");
    };
    list.service.into_iter().map(|service| service.name).collect()
}

#[test]
fn reflection_lists_every_service() {
    in_world(async |world| {
        let document = services(&world.document).await;
        assert!(document.contains(&"guildhall.document.v1.DocumentService".to_owned()), "{document:?}");
        assert!(document.contains(&"grpc.health.v1.Health".to_owned()), "{document:?}");
        let notification = services(&world.notification).await;
        assert!(
            notification.contains(&"guildhall.notification.v1.NotificationService".to_owned()),
            "{notification:?}"
        );
    });
}

#[test]
fn the_python_client_of_the_docs_lists_documents() {
    in_world(async |world| {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let docs = root.join("docs/clients/python");
        let venv = cache().join("python-client");
        let python = venv.join("bin/python");
        if !python.exists() {
            run(Command::new("python3").args(["-m", "venv"]).arg(&venv));
        }
        run(Command::new(&python)
            .args(["-m", "pip", "install", "--quiet", "-r"])
            .arg(docs.join("requirements.txt")));
        let client = world.dir().join("client");
        std::fs::create_dir_all(&client).unwrap();
        run(Command::new(&python)
            .args(["-m", "grpc_tools.protoc", "-I", "proto"])
            .arg(format!("--python_out={}", client.display()))
            .arg(format!("--grpc_python_out={}", client.display()))
            .args(["guildhall/document/v1/document.proto", "guildhall/document/v1/document_service.proto"])
            .current_dir(&root));

        // A partner's own document, handed in by the API, is what the client must print.
        let id = e2e::partner::hand_in(world).await.unwrap();
        let mut list = Command::new(&python);
        list.env("PYTHONPATH", &client)
            .arg(docs.join("list_documents.py"))
            .args(["--issuer", &testkit::env().oidc_issuer(), "--client-id", "partner-riverton"])
            .args(["--client-secret", "partner-riverton-secret", "--target", &world.document]);
        let said = tokio::task::spawn_blocking(move || run(&mut list)).await.unwrap();
        assert!(said.lines().any(|line| line.starts_with(&format!("{id} DOCUMENT_STATUS_"))), "{said}");
    });
}
