//! The committed OpenAPI document is the one that is served.

use reqwest::{Method, StatusCode};
use serde_json::Value;

use crate::harness::TestApp;

#[tokio::test]
async fn the_committed_document_is_the_one_served() {
    let app = TestApp::start().await;
    let served = app.request(Method::GET, "/openapi.json").send().await.unwrap().text().await.unwrap();
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../proto/openapi.json");
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(path, format!("{served}\n")).unwrap();
    }
    let committed = std::fs::read_to_string(path).unwrap_or_default();
    assert_eq!(committed.trim_end(), served, "renew it: UPDATE=1 cargo test -p bff");
    let api: Value = serde_json::from_str(&served).unwrap();
    assert_eq!(api["openapi"], "3.1.0");
}

#[tokio::test]
async fn every_operation_tells_its_errors_and_who_may_call() {
    let api: Value = serde_json::from_str(&bff::http::openapi().to_json().unwrap()).unwrap();
    for (path, methods) in api["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let name = format!("{method} {path}");
            assert!(operation["summary"].is_string(), "{name} has no summary");
            let statuses: Vec<&String> = operation["responses"].as_object().unwrap().keys().collect();
            assert!(statuses.iter().any(|status| status.starts_with(['4', '5'])), "{name} tells no error");
            assert!(path.starts_with("/auth") || operation["security"].is_array(), "{name} has no security");
            // What is put in place, or taken away, by its own address does not happen twice; an erasure is once and for all,
            // and so is the end of an upload. Signing parts stores nothing.
            let effect = (method == "post" && path.starts_with("/v1") && path != "/v1/documents/{id}/parts")
                || ["delete /v1/documents/{id}", "delete /v1/documents/{id}/upload"].contains(&name.as_str());
            let keyed = operation["parameters"]
                .as_array()
                .is_some_and(|list| list.iter().any(|parameter| parameter["name"] == "idempotency-key"));
            assert_eq!(effect, keyed, "{name} and its idempotency key");
        }
    }
}

#[tokio::test]
async fn pages_for_people_are_there_and_load_no_foreign_script() {
    let app = TestApp::start().await;
    for path in ["/", "/docs"] {
        let answer = app.request(Method::GET, path).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
        let policy = answer.headers()["content-security-policy"].to_str().unwrap().to_owned();
        assert!(policy.contains("default-src 'none'") && policy.contains("script-src 'self'"), "{policy}");
        let html = answer.text().await.unwrap();
        assert!(!html.contains("src=\"http"), "{path} loads something from elsewhere");
    }
    let html =
        app.request(Method::GET, "/docs").send().await.unwrap().text().await.unwrap().replace("&#x2f;", "/");
    assert!(html.contains("/v1/documents/{id}/confirm") && html.contains("schema-DocumentView"));
}
