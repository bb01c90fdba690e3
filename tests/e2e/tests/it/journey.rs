//! One citizen's evidence from sign-in to download.

use e2e::citizen::key;
use e2e::files;
use reqwest::{Method, StatusCode};

use crate::harness::{WITHIN, in_world, problem, sign_in};

#[test]
fn a_good_document_is_told_live_and_by_mail_and_comes_back_byte_for_byte() {
    in_world(async |world| {
        let mut ada = sign_in(world, "ada").await;
        let head = ada.head().await.unwrap();
        let mut live = ada.live(head).await.unwrap();
        for file in [files::pdf(), files::png().unwrap(), files::text()] {
            let document = ada.hand_in(&file).await.unwrap();
            assert_eq!(document.status(), "uploaded");
            for status in ["document.uploaded", "document.scanning", "document.ready"] {
                let row = live.wait_for(document.id(), &[status, "document.rejected"], WITHIN).await.unwrap();
                assert_eq!(row.status, status, "{}", file.name);
                assert_eq!(row.subject_type, "document");
            }
            assert_eq!(ada.download(document.id()).await.unwrap(), file.bytes);
            let mail = e2e::mail_about(&file.name, WITHIN).await.unwrap();
            assert!(mail.header("to").contains('@'));
            let read = ada.get(&format!("/v1/documents/{}", document.id())).await.unwrap();
            assert_eq!(read["detected_content_type"], file.content_type);
            assert_eq!(read["_links"]["confirm"], serde_json::Value::Null);
        }
    });
}

#[test]
fn a_corrected_document_is_read_in_its_newest_version_and_in_each_before() {
    in_world(async |world| {
        let mut ada = sign_in(world, "ada").await;
        let head = ada.head().await.unwrap();
        let mut live = ada.live(head).await.unwrap();
        let (first, second) = (files::pdf(), files::pdf());
        let document = ada.hand_in(&first).await.unwrap();
        let id = document.id();
        live.wait_for(id, &["document.ready"], WITHIN).await.unwrap();

        let corrected = ada.correct(id, &second, &key()).await.unwrap();
        assert_eq!((corrected.id(), corrected.status()), (id, "pending_upload"));
        assert_eq!(corrected.0["version"], 2);
        assert_eq!(ada.download(id).await.unwrap(), first.bytes, "until the new one is ready");
        let again = serde_json::json!({ "file_name": "a.pdf", "content_type": "application/pdf", "size_bytes": 1,
            "sha256": "00".repeat(32) });
        let path = format!("/v1/documents/{id}/versions");
        let early = ada.call(Method::POST, &path, Some(&key()), Some(again)).await.unwrap();
        problem(early, StatusCode::CONFLICT, "VERSION_IN_PROGRESS").await;

        let answer = ada.put(&corrected, second.bytes.clone()).await.unwrap();
        assert!(answer.status().is_success());
        ada.confirm(id, &key()).await.unwrap();
        live.wait_for(id, &["document.ready"], WITHIN).await.unwrap();
        assert_eq!(ada.download(id).await.unwrap(), second.bytes);
        let listed = ada.get(&path).await.unwrap();
        let versions = listed["versions"].as_array().unwrap();
        assert_eq!(versions.len(), 2);
        for (version, file) in versions.iter().zip([&second, &first]) {
            assert_eq!(version["sha256"], file.sha256());
            let signed = ada.get(version["_links"]["download"].as_str().unwrap()).await.unwrap();
            assert_eq!(signed["version"], version["version"]);
        }
        let none = ada.call(Method::GET, &format!("/v1/documents/{id}?version=3"), None, None).await.unwrap();
        problem(none, StatusCode::NOT_FOUND, "VERSION_NOT_FOUND").await;
    });
}

#[test]
fn a_document_cannot_be_read_before_its_verdict() {
    in_world(async |world| {
        let mut ada = sign_in(world, "ada").await;
        let document = ada.initiate(&files::pdf(), &key()).await.unwrap();
        let path = format!("/v1/documents/{}/download", document.id());
        let early = ada.call(Method::GET, &path, None, None).await.unwrap();
        problem(early, StatusCode::LOCKED, "DOCUMENT_NOT_SCANNED").await;
        assert_eq!(document.0["_links"]["download"], serde_json::Value::Null);
    });
}

#[test]
fn what_the_scan_refuses_says_why_and_stays_unreadable() {
    in_world(async |world| {
        let mut ben = sign_in(world, "ben").await;
        let head = ben.head().await.unwrap();
        let mut live = ben.live(head).await.unwrap();
        for (file, reason) in [(files::eicar(), "INFECTED"), (files::text_as_pdf(), "TYPE_MISMATCH")] {
            let document = ben.hand_in(&file).await.unwrap();
            let ends = ["document.ready", "document.rejected"];
            let row = live.wait_for(document.id(), &ends, WITHIN).await.unwrap();
            assert_eq!((row.status.as_str(), row.code.as_deref()), ("document.rejected", Some(reason)));
            let path = format!("/v1/documents/{}/download", document.id());
            let answer = ben.call(Method::GET, &path, None, None).await.unwrap();
            problem(answer, StatusCode::CONFLICT, "DOCUMENT_REJECTED").await;
            let read = ben.get(&format!("/v1/documents/{}", document.id())).await.unwrap();
            assert_eq!(read["rejection"], reason);
        }
    });
}

#[test]
fn a_stream_that_comes_back_with_its_last_number_misses_nothing() {
    in_world(async |world| {
        let mut cleo = sign_in(world, "cleo").await;
        let head = cleo.head().await.unwrap();
        let mut live = cleo.live(head).await.unwrap();
        let first = cleo.hand_in(&files::pdf()).await.unwrap();
        let row = live.wait_for(first.id(), &["document.uploaded"], WITHIN).await.unwrap();
        drop(live);
        // While nobody listens, more happens.
        let second = cleo.hand_in(&files::pdf()).await.unwrap();
        let mut again = cleo.live(row.seq).await.unwrap();
        // `Live` fails on a gap or a repeat.
        again.wait_for(first.id(), &["document.ready"], WITHIN).await.unwrap();
        again.wait_for(second.id(), &["document.ready"], WITHIN).await.unwrap();

        // Server-sent events resume by `Last-Event-ID`, with the same rows.
        let listed = cleo.get(&format!("/v1/notifications?after={head}&page_size=200")).await.unwrap();
        let rows = listed["notifications"].as_array().unwrap();
        let seqs: Vec<i64> = rows.iter().map(|row| row["seq"].as_i64().unwrap()).collect();
        let wanted: Vec<i64> = (head + 1..).take(seqs.len()).collect();
        assert_eq!(seqs, wanted);
        let events = cleo.events(head, seqs.len(), WITHIN).await.unwrap();
        assert_eq!(events, seqs);
    });
}

#[test]
fn a_notification_can_be_read_once_and_stays_read() {
    in_world(async |world| {
        let mut ada = sign_in(world, "ada").await;
        let head = ada.head().await.unwrap();
        let mut live = ada.live(head).await.unwrap();
        let document = ada.hand_in(&files::pdf()).await.unwrap();
        let row = live.wait_for(document.id(), &["document.ready"], WITHIN).await.unwrap();
        let listed = ada.get(&format!("/v1/notifications?after={}&page_size=1", row.seq - 1)).await.unwrap();
        let item = &listed["notifications"][0];
        assert_eq!(item["read"], false);
        let path = format!("/v1/notifications/{}/read", item["id"].as_str().unwrap());
        let answer = ada.call(Method::POST, &path, Some(&key()), None).await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
        let listed = ada.get(&format!("/v1/notifications?after={}&page_size=1", row.seq - 1)).await.unwrap();
        assert_eq!(listed["notifications"][0]["read"], true);
        let path = format!("/v1/notifications/{}/read", document.id());
        let answer = ada.call(Method::POST, &path, Some(&key()), None).await.unwrap();
        problem(answer, StatusCode::NOT_FOUND, "NOTIFICATION_NOT_FOUND").await;
    });
}

#[test]
fn signing_out_ends_the_session_and_needs_the_csrf_header() {
    in_world(async |world| {
        let mut ada = sign_in(world, "ada").await;
        let mut forged = ada.clone();
        forged.forget_csrf();
        let answer = forged.call(Method::POST, "/auth/logout", None, None).await.unwrap();
        problem(answer, StatusCode::FORBIDDEN, "CSRF_INVALID").await;
        let answer = ada.call(Method::POST, "/auth/logout", None, None).await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
        let answer = forged.call(Method::GET, "/v1/me", None, None).await.unwrap();
        problem(answer, StatusCode::UNAUTHORIZED, "TOKEN_MISSING").await;
    });
}

#[test]
fn a_stranger_origin_gets_no_stream_with_the_cookie() {
    in_world(async |world| {
        let ada = sign_in(world, "ada").await;
        let answer = ada.live_from("https://evil.example").await;
        assert_eq!(answer.unwrap_err().to_string(), "403");
    });
}
