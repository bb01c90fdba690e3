//! Files that are fetched, where an account wants that.

use axum::Router;
use axum::routing::get;
use reqwest::Method;
use serde_json::json;
use tokio::net::TcpListener;

use crate::harness::{DIGEST, FILE, ORDINARY, check, sandbox, verification};

/// Where `/nothing` is empty, `/something` is not, and anything else is not there.
async fn store() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let files = Router::new()
        .route("/nothing", get(|| async { "" }))
        .route("/something", get(|| async { "something else" }));
    tokio::spawn(async move { axum::serve(listener, files).await.unwrap() });
    url
}

#[tokio::test]
async fn files_are_held_against_their_digests() {
    let sandbox = sandbox().await;
    let store = store().await;
    for account in ["veritas_town", "kompass_town"] {
        sandbox.control(Method::PUT, &format!("/accounts/{account}"), &json!({ "fetch_files": true })).await;
    }
    for (file, result, reasons, outcome, codes) in [
        ("nothing", "clear", json!([]), "MATCH", json!([])),
        ("something", "consider", json!(["file_altered"]), "NO_MATCH", json!(["E1105"])),
        ("elsewhere", "unidentified", json!(["file_unavailable"]), "ERROR", json!(["E1104"])),
    ] {
        let url = json!(format!("{store}/{file}?signature=1"));
        for kind in ["document", "liveness"] {
            let mut asked = check(kind, &format!("{kind}-{file}"), ORDINARY);
            asked["documents"][0]["url"] = url.clone();
            asked["selfie"]["url"] = url.clone();
            let made = sandbox.ask(&asked).await.is(201);
            assert_eq!((&made["result"], &made["reasons"]), (&json!(result), &reasons), "{kind}");
        }
        let mut asked = verification("DOC_AUTH", file, ORDINARY);
        asked["files"][0]["href"] = url.clone();
        let made = sandbox.submit(&asked).await.is(202);
        let done = sandbox.verification(&made["id"]).await;
        assert_eq!((&done["outcome"], &done["codes"]), (&json!(outcome), &codes));
    }
}

#[tokio::test]
async fn nothing_is_fetched_where_nobody_asks_for_it() {
    let sandbox = sandbox().await;
    assert_eq!((FILE.starts_with("https://files.example"), DIGEST.len()), (true, 64));
    let made = sandbox.ask(&check("document", "not-fetched", ORDINARY)).await.is(201);
    assert_eq!(made["result"], "clear");
}
