//! Every error on every path is RFC 9457, and its `type` resolves.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::harness::{TestApp, problem};

#[tokio::test]
async fn what_axum_and_the_layers_refuse_is_a_problem_too() {
    let app = TestApp::start().await;
    let answer = app.request(Method::GET, "/v1/nope").send().await.unwrap();
    problem(answer, StatusCode::NOT_FOUND, "ROUTE_NOT_FOUND").await;

    let answer = app.request(Method::DELETE, "/v1/me").send().await.unwrap();
    assert!(answer.headers().contains_key("allow"));
    problem(answer, StatusCode::METHOD_NOT_ALLOWED, "METHOD_NOT_ALLOWED").await;

    let answer = app.citizen(Method::POST, "/v1/documents").body("x").send().await.unwrap();
    problem(answer, StatusCode::UNSUPPORTED_MEDIA_TYPE, "UNSUPPORTED_MEDIA_TYPE").await;

    let huge = format!(r#"{{"purpose":"{}"}}"#, "x".repeat(10 * 1024 * 1024));
    let request = app.citizen(Method::POST, "/v1/documents").header("content-type", "application/json");
    let answer = request.body(huge).send().await.unwrap();
    problem(answer, StatusCode::PAYLOAD_TOO_LARGE, "BODY_TOO_LARGE").await;

    let answer = app.citizen(Method::GET, "/ws/notifications").send().await.unwrap();
    problem(answer, StatusCode::BAD_REQUEST, "REQUEST_MALFORMED").await;
}

#[tokio::test]
async fn a_body_that_cannot_be_used_names_the_field_and_the_rule() {
    let app = TestApp::start().await;
    let post = async |body: &str| {
        let request = app.citizen(Method::POST, "/v1/documents").header("content-type", "application/json");
        request.body(body.to_owned()).send().await.unwrap()
    };
    problem(post("{").await, StatusCode::BAD_REQUEST, "BODY_MALFORMED").await;
    let unknown =
        problem(post(r#"{"purpos":"identity"}"#).await, StatusCode::UNPROCESSABLE_ENTITY, "FIELD_UNKNOWN")
            .await;
    assert_eq!(unknown["errors"][0]["field"], "purpos");
    let missing =
        problem(post(r#"{"purpose":"identity"}"#).await, StatusCode::UNPROCESSABLE_ENTITY, "FIELD_MISSING")
            .await;
    assert_eq!(missing["errors"][0]["field"], "file_name");
    let wrong = json!({"purpose": 1, "file_name": "a", "content_type": "b", "size_bytes": 1, "sha256": "00"});
    let invalid =
        problem(post(&wrong.to_string()).await, StatusCode::UNPROCESSABLE_ENTITY, "FIELD_INVALID").await;
    assert_eq!(invalid["errors"][0]["field"], "purpose");
    let digest = json!({"purpose": "identity", "file_name": "a", "content_type": "b", "size_bytes": 1, "sha256": "zz"});
    let digest =
        problem(post(&digest.to_string()).await, StatusCode::UNPROCESSABLE_ENTITY, "DIGEST_INVALID").await;
    assert_eq!(digest["errors"][0]["field"], "sha256");

    let answer = app.citizen(Method::GET, "/v1/documents?pagesize=1").send().await.unwrap();
    let query = problem(answer, StatusCode::UNPROCESSABLE_ENTITY, "QUERY_INVALID").await;
    assert_eq!(query["errors"][0]["field"], "pagesize");
}

#[tokio::test]
async fn without_a_good_token_nothing_is_told() {
    let app = TestApp::start().await;
    for path in ["/v1/me", "/v1/documents", "/v1/notifications", "/v1/events", "/ws/notifications"] {
        let answer = app.request(Method::GET, path).send().await.unwrap();
        problem(answer, StatusCode::UNAUTHORIZED, "TOKEN_MISSING").await;
        let answer = app.request(Method::GET, path).bearer_auth("garbage").send().await.unwrap();
        problem(answer, StatusCode::UNAUTHORIZED, "TOKEN_INVALID").await;
    }
    let answer =
        app.request(Method::GET, "/v1/me").header("authorization", "Basic YTpi").send().await.unwrap();
    problem(answer, StatusCode::UNAUTHORIZED, "TOKEN_INVALID").await;
}

#[tokio::test]
async fn whoever_has_a_role_of_the_office_is_staff() {
    let app = TestApp::start().await;
    let me = app.citizen(Method::GET, "/v1/me").send().await.unwrap().json::<Value>().await.unwrap();
    assert_eq!((&me["is_staff"], &me["roles"]), (&false.into(), &json!(["citizen"])));
    let sam = app.staff("riverton", Method::GET, "/v1/me").send().await.unwrap();
    assert_eq!(sam.json::<Value>().await.unwrap()["is_staff"], true);
}

#[tokio::test]
async fn a_service_that_is_away_is_503_and_tells_no_address() {
    let app = TestApp::start().await;
    let answer = app.citizen(Method::GET, "/v1/documents").send().await.unwrap();
    let body = problem(answer, StatusCode::SERVICE_UNAVAILABLE, "UNAVAILABLE").await;
    assert!(!body.to_string().contains("127.0.0.1"), "{body}");
}

#[tokio::test]
async fn head_has_no_body_and_other_origins_get_no_leave() {
    let app = TestApp::start().await;
    let answer = app.request(Method::HEAD, "/v1/nope").send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::NOT_FOUND);
    assert!(answer.bytes().await.unwrap().is_empty());

    let preflight = |origin: &str| {
        app.request(Method::OPTIONS, "/v1/documents")
            .header("origin", origin)
            .header("access-control-request-method", "POST")
            .header("access-control-request-headers", "idempotency-key")
    };
    let answer = preflight("https://portal.example").send().await.unwrap();
    assert_eq!(answer.headers()["access-control-allow-origin"], "https://portal.example");
    let answer = preflight("https://evil.example").send().await.unwrap();
    assert!(!answer.headers().contains_key("access-control-allow-origin"));
}

#[tokio::test]
async fn every_reason_has_a_page_and_every_page_a_reason() {
    let app = TestApp::start().await;
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/errors");
    let mut pages: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|page| page.unwrap().file_name().into_string().unwrap())
        .collect();
    pages.sort();
    let mut reasons: Vec<String> =
        rpc_error::reason::ALL.iter().map(|reason| format!("{}.md", reason.name)).collect();
    reasons.sort();
    assert_eq!(pages, reasons);
    for reason in rpc_error::reason::ALL {
        let answer =
            app.request(Method::GET, &format!("/docs/errors/{}.md", reason.name)).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK, "{}", reason.name);
        let text = answer.text().await.unwrap();
        assert!(text.starts_with(&format!("# {}\n", reason.name)), "{text}");
        assert!(text.contains(&format!("HTTP {}", reason.code.http_status())), "{}: status", reason.name);
    }
}
