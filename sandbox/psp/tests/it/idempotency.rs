//! One effect under one key, and none under a wrong one.

use std::collections::HashSet;

use futures::future::join_all;
use psp::cards;
use serde_json::json;

use crate::harness::{Answer, Api, manual, sandbox, terms};

const RACERS: usize = 64;

#[tokio::test(flavor = "multi_thread")]
async fn of_64_identical_payments_one_is_made() {
    let sandbox = sandbox().await;
    let body = terms("race", 1_000);
    let answers = join_all((0..RACERS).map(|_| sandbox.post("/v1/payments", "race", &body))).await;
    let bodies: HashSet<_> = answers.iter().map(|answer| answer.is(201).to_string()).collect();
    assert_eq!(bodies.len(), 1);
    let replayed = answers.iter().filter(|answer| answer.headers.contains_key("idempotent-replayed")).count();
    assert_eq!(replayed, RACERS - 1);
    assert_eq!(sandbox.of_reference("race").await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_64_captures_one_charges_whatever_their_keys() {
    let sandbox = sandbox().await;
    for same_key in [true, false] {
        let id = sandbox.create(&manual(&format!("race-{same_key}"), 1_000)).await;
        sandbox.pay(&id, cards::APPROVE).await;
        let captures = (0..RACERS).map(|n| {
            let key = if same_key { "capture".to_owned() } else { format!("capture-{n}") };
            let (sandbox, id) = (&sandbox, &id);
            async move { sandbox.capture(id, &key, json!({})).await.status }
        });
        let statuses = join_all(captures).await;
        let taken = statuses.iter().filter(|status| **status == 200).count();
        assert_eq!(taken, if same_key { RACERS } else { 1 });
        assert!(statuses.iter().all(|status| [200, 409].contains(status)));
    }
    assert_eq!(sandbox.totals().await["EUR"]["charged"], 2_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payer_who_pays_64_times_is_charged_once() {
    let sandbox = sandbox().await;
    let id = sandbox.create(&terms("pressed", 1_000)).await;
    let path = format!("/checkout/{id}");
    let form = [("action", "pay"), ("card", cards::APPROVE)];
    let presses = (0..RACERS).map(|_| {
        let request = sandbox.request(reqwest::Method::POST, &path).form(&form);
        async move { Answer::of(request).await.unwrap().status }
    });
    assert_eq!(join_all(presses).await, [303; RACERS]);
    assert_eq!(sandbox.totals().await["EUR"]["charged"], 1_000);
}

#[tokio::test]
async fn a_key_is_for_one_request_of_one_account() {
    let sandbox = sandbox().await;
    let id = sandbox.create(&terms("key", 1_000)).await;
    sandbox.post("/v1/payments", "key", &terms("key", 1_001)).await.refuses(422, "idempotency_key_reused");
    let cancel = sandbox.post(&format!("/v1/payments/{id}/cancel"), "key", &json!({})).await;
    cancel.refuses(422, "idempotency_key_reused");
    assert_eq!(sandbox.payment(&id).await["state"], "created");
    // The order of fields, blanks and defaults are no difference.
    let same = r#"{ "return_url": "https://portal.example/bills/7?paid=yes", "reference": "key", "currency": "EUR", "amount": 1000, "metadata": {} }"#;
    let request = sandbox.request(reqwest::Method::POST, "/v1/payments").bearer_auth(&sandbox.api_key);
    let again = Answer::of(request.header("idempotency-key", "key").body(same)).await.unwrap();
    assert_eq!(again.is(201)["id"], id);

    let water = Api::new(&sandbox.psp.url(), &sandbox.psp.account("acct_water").api_key.0);
    assert_ne!(water.create(&terms("key", 1_000)).await, id);
}

#[tokio::test]
async fn what_was_refused_may_be_asked_for_again_under_its_key() {
    let sandbox = sandbox().await;
    let id = sandbox.create(&manual("early", 1_000)).await;
    sandbox.capture(&id, "capture", json!({})).await.refuses(409, "state");
    sandbox.pay(&id, cards::APPROVE).await;
    sandbox.capture(&id, "capture", json!({})).await.is(200);
    // The answer stays the one of then.
    sandbox.refund(&id, "refund", 1_000).await.is(201);
    let again = sandbox.capture(&id, "capture", json!({})).await.is(200);
    assert_eq!(again["amount_refunded"], 0);
}

#[tokio::test]
async fn a_key_is_needed_and_visible() {
    let sandbox = sandbox().await;
    let request = || {
        sandbox
            .request(reqwest::Method::POST, "/v1/payments")
            .bearer_auth(&sandbox.api_key)
            .json(&terms("keys", 1))
    };
    Answer::of(request()).await.unwrap().refuses(400, "idempotency_key_missing");
    let too_long = "k".repeat(256);
    for wrong in ["", "two words", &too_long, "schlüssel"] {
        let answer = Answer::of(request().header("idempotency-key", wrong)).await.unwrap();
        answer.refuses(400, "idempotency_key_invalid");
    }
    assert_eq!(sandbox.of_reference("keys").await.len(), 0);
    sandbox.post("/v1/payments", &"k".repeat(255), &terms("keys", 1)).await.is(201);
}
