//! What bad input gets: each its own reason, and nothing stored before is changed by it.

use e2e::citizen::key;
use e2e::files::{self, File};
use e2e::person::Person;
use e2e::{Citizen, Document};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use testkit::canary::Canary;

use crate::harness::{in_world, problem, sign_in};

fn body(file: &File) -> Value {
    json!({
        "purpose": file.purpose, "file_name": file.name, "content_type": file.content_type,
        "size_bytes": file.bytes.len(), "sha256": file.sha256(),
    })
}

async fn initiate(ada: &mut Citizen, change: impl FnOnce(&mut Value)) -> reqwest::Response {
    let mut body = body(&files::pdf());
    change(&mut body);
    ada.call(Method::POST, "/v1/documents", Some(&key()), Some(body)).await.expect("an answer")
}

#[test]
fn a_declaration_that_breaks_a_rule_names_its_field() {
    in_world(async |world| {
        // Of somebody nothing else is made for meanwhile.
        let person = Person::register(&format!("picky-{}", &key()[..12]), &Canary::new()).await.unwrap();
        let mut ada = sign_in(world, &person.user).await;
        ada.initiate(&files::pdf(), &key()).await.unwrap();
        let before = ada.get("/v1/documents?page_size=200").await.unwrap();
        let cases: [(&str, Value, StatusCode, &str); 12] = [
            ("purpose", json!("party"), StatusCode::UNPROCESSABLE_ENTITY, "UNKNOWN_PURPOSE"),
            ("file_name", json!("../etc/passwd"), StatusCode::UNPROCESSABLE_ENTITY, "FILE_NAME_INVALID"),
            ("file_name", json!("a\\b.pdf"), StatusCode::UNPROCESSABLE_ENTITY, "FILE_NAME_INVALID"),
            ("file_name", json!("a\u{0}.pdf"), StatusCode::UNPROCESSABLE_ENTITY, "FILE_NAME_INVALID"),
            ("file_name", json!("fdp.\u{202e}exe"), StatusCode::UNPROCESSABLE_ENTITY, "FILE_NAME_INVALID"),
            ("file_name", json!(""), StatusCode::UNPROCESSABLE_ENTITY, "FILE_NAME_INVALID"),
            ("file_name", json!("x".repeat(256)), StatusCode::UNPROCESSABLE_ENTITY, "FILE_NAME_INVALID"),
            (
                "content_type",
                json!("application/zip"),
                StatusCode::UNPROCESSABLE_ENTITY,
                "CONTENT_TYPE_NOT_ALLOWED",
            ),
            ("size_bytes", json!(0), StatusCode::UNPROCESSABLE_ENTITY, "FILE_EMPTY"),
            ("size_bytes", json!(-1), StatusCode::UNPROCESSABLE_ENTITY, "FILE_EMPTY"),
            ("size_bytes", json!(21 * 1024 * 1024), StatusCode::PAYLOAD_TOO_LARGE, "FILE_TOO_LARGE"),
            ("sha256", json!("abcd"), StatusCode::UNPROCESSABLE_ENTITY, "DIGEST_INVALID"),
        ];
        for (field, value, status, reason) in cases {
            let answer = initiate(&mut ada, |body| body[field] = value.clone()).await;
            let problem = problem(answer, status, reason).await;
            assert_eq!(problem["errors"][0]["field"], field, "{value}: {problem}");
        }
        let after = ada.get("/v1/documents?page_size=200").await.unwrap();
        assert_eq!(before, after, "a refused declaration must store nothing");
        person.forget().await.unwrap();
    });
}

#[test]
fn keys_are_needed_checked_and_bound_to_their_body() {
    in_world(async |world| {
        let mut ada = sign_in(world, "ada").await;
        let (first, second) = (body(&files::pdf()), body(&files::pdf()));
        let path = "/v1/documents";
        let answer = ada.call(Method::POST, path, None, Some(first.clone())).await.unwrap();
        problem(answer, StatusCode::BAD_REQUEST, "IDEMPOTENCY_KEY_MISSING").await;
        let answer = ada.call(Method::POST, path, Some(&"k".repeat(256)), Some(first.clone())).await.unwrap();
        problem(answer, StatusCode::BAD_REQUEST, "IDEMPOTENCY_KEY_INVALID").await;

        let key = key();
        let answer = ada.call(Method::POST, path, Some(&key), Some(first.clone())).await.unwrap();
        assert_eq!(answer.status(), StatusCode::CREATED);
        assert!(!answer.headers().contains_key("idempotent-replayed"));
        let made: Value = answer.json().await.unwrap();
        let answer = ada.call(Method::POST, path, Some(&key), Some(first)).await.unwrap();
        assert_eq!(
            (answer.status(), &answer.headers()["idempotent-replayed"]),
            (StatusCode::CREATED, &"true".parse().unwrap())
        );
        let again: Value = answer.json().await.unwrap();
        assert_eq!(made["id"], again["id"]);
        let answer = ada.call(Method::POST, path, Some(&key), Some(second)).await.unwrap();
        problem(answer, StatusCode::UNPROCESSABLE_ENTITY, "IDEMPOTENCY_KEY_REUSED").await;
    });
}

#[test]
fn confirming_nothing_or_twice_is_a_conflict() {
    in_world(async |world| {
        let mut ada = sign_in(world, "ada").await;
        let file = files::pdf();
        let document = ada.initiate(&file, &key()).await.unwrap();
        let path = format!("/v1/documents/{}/confirm", document.id());
        let answer = ada.call(Method::POST, &path, Some(&key()), None).await.unwrap();
        problem(answer, StatusCode::CONFLICT, "UPLOAD_MISSING").await;
        assert!(ada.put(&document, file.bytes.clone()).await.unwrap().status().is_success());
        let once = key();
        ada.confirm(document.id(), &once).await.unwrap();
        // The same key is a retry; another key is a second attempt.
        ada.confirm(document.id(), &once).await.unwrap();
        let answer = ada.call(Method::POST, &path, Some(&key()), None).await.unwrap();
        problem(answer, StatusCode::CONFLICT, "UPLOAD_ALREADY_CONFIRMED").await;
        let path = format!("/v1/documents/{}/upload-url", document.id());
        let answer = ada.call(Method::POST, &path, Some(&key()), None).await.unwrap();
        problem(answer, StatusCode::CONFLICT, "UPLOAD_ALREADY_CONFIRMED").await;
    });
}

#[test]
fn the_store_takes_the_declared_bytes_alone() {
    in_world(async |world| {
        let mut ada = sign_in(world, "ada").await;
        let file = files::pdf();
        let document = ada.initiate(&file, &key()).await.unwrap();
        let refused = |answer: reqwest::Response| {
            assert!(answer.status().is_client_error(), "{}", answer.status());
        };
        // Wrong digest, shorter, longer.
        let mut other = file.bytes.clone();
        other[0] ^= 1;
        refused(ada.put(&document, other).await.unwrap());
        refused(ada.put(&document, file.bytes[1..].to_vec()).await.unwrap());
        refused(ada.put(&document, [&file.bytes[..], b"x"].concat()).await.unwrap());
        // Wrong type, another key, signature of the past.
        let tampered = |change: &dyn Fn(&mut Value)| {
            let mut tampered = document.0.clone();
            change(&mut tampered["upload"]);
            Document(tampered)
        };
        let typed = tampered(&|upload| upload["headers"]["content-type"] = json!("text/html"));
        refused(ada.put(&typed, file.bytes.clone()).await.unwrap());
        let url = document.0["upload"]["url"].as_str().unwrap().to_owned();
        let elsewhere = url.replacen(document.id(), "0190aaaa-aaaa-7aaa-8aaa-aaaaaaaaaaaa", 1);
        assert_ne!(url, elsewhere);
        refused(
            ada.put(&tampered(&|upload| upload["url"] = json!(elsewhere)), file.bytes.clone()).await.unwrap(),
        );
        let confirm = format!("/v1/documents/{}/confirm", document.id());
        let answer = ada.call(Method::POST, &confirm, Some(&key()), None).await.unwrap();
        problem(answer, StatusCode::CONFLICT, "UPLOAD_MISSING").await;
        // The URL still works for the right bytes, and a fresh one too.
        let path = format!("/v1/documents/{}/upload-url", document.id());
        let answer = ada.call(Method::POST, &path, Some(&key()), None).await.unwrap();
        let fresh = Document(answer.json().await.unwrap());
        assert!(ada.put(&fresh, file.bytes.clone()).await.unwrap().status().is_success());
        ada.confirm(document.id(), &key()).await.unwrap();
    });
}

#[test]
fn an_id_that_is_none_is_a_document_that_is_not() {
    in_world(async |world| {
        let mut ada = sign_in(world, "ada").await;
        for id in ["x", "0190aaaa-aaaa-7aaa-8aaa-aaaaaaaaaaaa", "00000000-0000-0000-0000-000000000000"] {
            let answer = ada.call(Method::GET, &format!("/v1/documents/{id}"), None, None).await.unwrap();
            problem(answer, StatusCode::NOT_FOUND, "DOCUMENT_NOT_FOUND").await;
        }
        for page in ["page_size=201", "page_size=-1"] {
            let answer = ada.call(Method::GET, &format!("/v1/documents?{page}"), None, None).await.unwrap();
            problem(answer, StatusCode::UNPROCESSABLE_ENTITY, "PAGE_SIZE_INVALID").await;
        }
        let answer = ada.call(Method::GET, "/v1/documents?page_token=garbage", None, None).await.unwrap();
        problem(answer, StatusCode::UNPROCESSABLE_ENTITY, "PAGE_TOKEN_INVALID").await;
        let answer = ada.call(Method::GET, "/v1/events?after=-1", None, None).await.unwrap();
        problem(answer, StatusCode::UNPROCESSABLE_ENTITY, "SEQUENCE_INVALID").await;
    });
}
