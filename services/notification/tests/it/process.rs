//! The service as a process: settings, ports, readiness.

use std::process::Command;

use serde_json::Value;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;

use crate::harness::TestApp;

#[test]
fn wrong_settings_end_the_process_with_64_and_are_listed_at_once() {
    let output = Command::new(env!("CARGO_BIN_EXE_notification"))
        .arg("serve")
        .env_clear()
        .env("NOTIFICATION__AUTH__ISSUER", "http://id.example/realms/guildhall")
        .env("NOTIFICATION__GRPC__ADDR", "nowhere")
        .env("NOTIFICATION__DOCUMENT__URL", "document")
        .env("NOTIFICATION__COLOUR", "green")
        .output()
        .expect("the binary runs");
    assert_eq!(output.status.code(), Some(64));
    insta::assert_snapshot!(String::from_utf8_lossy(&output.stderr));
}

#[tokio::test(flavor = "multi_thread")]
async fn ready_says_how_each_dependency_is() {
    let app = TestApp::start().await;
    let url = format!("http://{}/ready", app.admin.addr());
    let answer = testkit::eventually(crate::harness::SOON, || async {
        let answer = reqwest::get(&url).await.expect("the admin port answers");
        let status = answer.status().as_u16();
        let body: Value = serde_json::from_str(&answer.text().await.expect("a body")).expect("JSON");
        if status == 200 { Ok(body) } else { Err(body) }
    });
    let body = answer.await.expect("it gets ready");
    assert_eq!(body["status"], "ready");
    for check in ["postgres", "issuer", "kafka"] {
        assert_eq!(body["checks"][check]["status"], "up", "{body}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn health_is_served_by_name_and_without_a_token() {
    let app = TestApp::start().await;
    let request = HealthCheckRequest { service: "guildhall.notification.v1.NotificationService".to_owned() };
    let answer = HealthClient::new(app.channel.clone()).check(request).await.expect("an answer");
    assert_eq!(answer.into_inner().status().as_str_name(), "SERVING");
}
