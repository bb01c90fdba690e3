//! Exports of cases, before a document service as it really is.

use reqwest::StatusCode;
use serde_json::{Value, json};
use testkit::eventually;

use crate::harness::problem;
use crate::sharing::{World, body};

const EXPORTS: &str = "/v1/staff/cases/C-7/exports";

#[tokio::test(flavor = "multi_thread")]
async fn staff_have_a_case_exported_and_fetch_it() {
    let world = World::start().await;
    let why = json!({"reason": "appeal 4/26"});
    let empty = world.post("sam", "staff", EXPORTS, "k", &why).await;
    problem(empty, StatusCode::NOT_FOUND, "CASE_EMPTY").await;
    let id = world.document().await;
    let attach = format!("/v1/staff/cases/C-7/documents/{id}");
    let token = world.app.issuer.person("sam", "riverton", "staff");
    let attached = world.app.request(reqwest::Method::PUT, &attach).bearer_auth(token).send().await;
    assert_eq!(attached.expect("an answer").status(), StatusCode::NO_CONTENT);

    let citizen = world.post("ada", "citizen", EXPORTS, "k", &why).await;
    problem(citizen, StatusCode::FORBIDDEN, "PERMISSION_DENIED").await;
    let answer = world.post("sam", "staff", EXPORTS, "k", &why).await;
    assert_eq!(answer.status(), StatusCode::ACCEPTED);
    let asked = body(answer).await;
    assert_eq!((&asked["case"], &asked["asked"]["by"]), (&json!("C-7"), &json!("sam")));
    let again = world.post("sam", "staff", EXPORTS, "k", &why).await;
    assert_eq!(again.headers()["idempotent-replayed"], "true");
    assert_eq!(body(again).await["id"], asked["id"]);

    let own = asked["_links"]["self"].as_str().expect("a link");
    let ready = eventually(std::time::Duration::from_secs(20), || async {
        let export = body(world.get("sam", "staff", own).await).await;
        if export["status"] == "ready" { Ok(export) } else { Err(export) }
    });
    let ready = ready.await.expect("it is made");
    assert_eq!(
        (&ready["failure"], ready["manifest_sha256"].as_str().map(str::len)),
        (&Value::Null, Some(64))
    );
    let link = ready["_links"]["download"].as_str().expect("a link");
    let signed = body(world.get("sam", "staff", link).await).await;
    let archive = reqwest::get(signed["url"].as_str().expect("a URL")).await.expect("the store answers");
    let archive = archive.bytes().await.expect("bytes");
    assert_eq!(ready["size_bytes"], archive.len());
    let found = evidence::verify(&archive[..], &testkit::audit().keys).expect("bytes can be read");
    let manifest = found.expect("it is as exported").manifest;
    assert_eq!((manifest.documents[0].id.as_str(), manifest.reason.as_str()), (id.as_str(), "appeal 4/26"));

    let stranger = world.get("ada", "citizen", link).await;
    problem(stranger, StatusCode::FORBIDDEN, "PERMISSION_DENIED").await;
    let none = world.get("sam", "staff", "/v1/staff/exports/x").await;
    problem(none, StatusCode::NOT_FOUND, "EXPORT_NOT_FOUND").await;
}
