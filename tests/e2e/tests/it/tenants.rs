//! What another tenant, or another citizen, owns does not exist.

use e2e::citizen::key;
use e2e::files;
use reqwest::{Method, StatusCode};

use crate::harness::{in_world, problem, sign_in};

#[test]
fn every_operation_on_somebody_elses_document_is_404() {
    in_world(async |world| {
        let mut ada = sign_in(world, "ada").await;
        let pending = ada.initiate(&files::pdf(), &key()).await.unwrap();
        // A neighbour of the same tenant, and somebody of another.
        for other in ["ben", "cleo"] {
            let mut other = sign_in(world, other).await;
            for (method, end) in [
                (Method::GET, ""),
                (Method::GET, "/download"),
                (Method::POST, "/confirm"),
                (Method::POST, "/upload-url"),
            ] {
                let path = format!("/v1/documents/{}{end}", pending.id());
                let answer = other.call(method, &path, Some(&key()), None).await.unwrap();
                problem(answer, StatusCode::NOT_FOUND, "DOCUMENT_NOT_FOUND").await;
            }
            let listed = other.get("/v1/documents?page_size=200").await.unwrap();
            assert!(!listed.to_string().contains(pending.id()));
        }
        // Staff of the tenant see it; nobody else does.
        let mut sam = sign_in(world, "sam").await;
        let seen = sam.get(&format!("/v1/documents/{}", pending.id())).await.unwrap();
        assert_eq!(seen["id"], pending.id());
    });
}
