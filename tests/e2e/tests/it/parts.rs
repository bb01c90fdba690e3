//! A file in parts over HTTP: begun in one session, finished in another, reviewed by the office.

use e2e::citizen::key;
use e2e::{Citizen, Document, files};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::harness::{WITHIN, in_world, problem, sign_in};

async fn becomes(citizen: &Citizen, id: &str, status: &str) {
    let reached = testkit::eventually(WITHIN, || {
        let mut citizen = citizen.clone();
        async move {
            let document = citizen.get(&format!("/v1/documents/{id}")).await.expect("as the contract says");
            if document["status"] == status { Ok(()) } else { Err(document) }
        }
    });
    reached.await.expect("as the contract says");
}

#[test]
fn a_file_in_parts_is_resumed_in_another_session_and_reviewed_by_the_office() {
    in_world(async |world| {
        let (mut ada, film) = (sign_in(world, "ada").await, files::recording());
        let document = ada.initiate(&film, &key()).await.unwrap();
        let id = document.id();
        assert_eq!((&document.0["parts"]["count"], &document.0["upload"]), (&json!(7), &Value::Null));
        ada.send_parts(&document, &film.bytes, 3).await.unwrap();
        let confirm = format!("/v1/documents/{id}/confirm");
        let early = ada.call(Method::POST, &confirm, Some(&key()), None).await.unwrap();
        problem(early, StatusCode::CONFLICT, "PARTS_MISSING").await;

        // The window was closed: another session finds it by what it is.
        let mut ada = sign_in(world, "ada").await;
        let listed = ada.get("/v1/documents?page_size=200").await.unwrap();
        let mut listed = listed["documents"].as_array().unwrap().iter();
        let found = listed.find(|one| one["sha256"] == document.0["sha256"]).unwrap();
        let found = Document(found.clone());
        ada.send_parts(&found, &film.bytes, 7).await.unwrap();
        let path = found.0["_links"]["parts"].as_str().unwrap();
        assert_eq!(ada.get(path).await.unwrap()["complete"], true);
        ada.confirm(id, &key()).await.unwrap();

        becomes(&ada, id, "quarantined").await;
        let download = format!("/v1/documents/{id}/download");
        let locked = ada.call(Method::GET, &download, None, None).await.unwrap();
        problem(locked, StatusCode::LOCKED, "DOCUMENT_QUARANTINED").await;
        let own = ada.call(Method::GET, "/v1/staff/quarantine", None, None).await.unwrap();
        problem(own, StatusCode::FORBIDDEN, "PERMISSION_DENIED").await;

        let mut sam = sign_in(world, "sam").await;
        let waiting = sam.get("/v1/staff/quarantine").await.unwrap();
        assert!(waiting["documents"].as_array().unwrap().iter().any(|one| one["id"] == id));
        let read = sam.fetch(&format!("/v1/staff/quarantine/{id}/download")).await.unwrap();
        assert!(read == film.bytes, "the reviewer reads other bytes");
        let decide = format!("/v1/staff/quarantine/{id}/decision");
        let decision = json!({ "outcome": "released", "reason": "seen from end to end" });
        let decided = sam.call(Method::POST, &decide, Some(&key()), Some(decision)).await.unwrap();
        let decided: Value = decided.error_for_status().unwrap().json().await.unwrap();
        assert_eq!(decided["document"]["status"], "ready");
        let decisions = sam.get(&format!("/v1/staff/quarantine/{id}/decisions")).await.unwrap();
        assert_eq!(decisions["decisions"], json!([decided["decision"]]));
        assert!(ada.download(id).await.unwrap() == film.bytes, "the owner reads other bytes");
    });
}
