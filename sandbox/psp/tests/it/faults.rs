//! Faults of calls that a test asks for.

use std::time::{Duration, Instant};

use psp::cards;
use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Answer, Api, Sandbox, sandbox, terms, until};

async fn create(api: &Api, reference: &str) -> reqwest::Result<Answer> {
    Answer::of(api.posting("/v1/payments", reference, &terms(reference, 1_000))).await
}

/// Arms a fault for the next payment and makes it.
async fn under(sandbox: &Sandbox, reference: &str, mut fault: Value) -> reqwest::Result<Answer> {
    fault["operation"] = json!("create_payment");
    sandbox.tell("/faults", fault).await;
    create(sandbox, reference).await
}

#[tokio::test]
async fn each_answer_can_be_spoiled_before_the_work_and_after_it() {
    let sandbox = sandbox().await;
    for (when, made) in [("before", 0), ("after", 1)] {
        for spoiled in ["status", "garbage", "empty", "oversize", "cut", "truncate"] {
            let reference = format!("{when}-{spoiled}");
            let answer = under(&sandbox, &reference, json!({ "when": when, "answer": spoiled })).await;
            match spoiled {
                "status" => {
                    answer.unwrap().refuses(503, "scripted");
                }
                "garbage" => assert!(answer.unwrap().text.starts_with("<html>")),
                "empty" => assert_eq!(answer.unwrap().text, ""),
                "oversize" => assert!(answer.unwrap().text.len() > 8 * 1024 * 1024),
                "cut" => assert!(answer.unwrap_err().is_request(), "{reference}"),
                _ => assert!(answer.is_err(), "{reference}"),
            }
            assert_eq!(sandbox.of_reference(&reference).await.len(), made, "{reference}");
            // Whoever asks again under the key has one payment, and the same.
            let again = create(&sandbox, &reference).await.unwrap();
            again.is(201);
            assert_eq!(again.headers.contains_key("idempotent-replayed"), made == 1, "{reference}");
            assert_eq!(sandbox.of_reference(&reference).await.len(), 1, "{reference}");
        }
    }
}

#[tokio::test]
async fn a_truncated_answer_had_begun() {
    let sandbox = sandbox().await;
    sandbox
        .tell("/faults", json!({ "operation": "create_payment", "when": "after", "answer": "truncate" }))
        .await;
    let response = sandbox.posting("/v1/payments", "cut", &terms("cut", 1_000)).send().await.unwrap();
    assert_eq!(response.status(), 201);
    assert!(response.content_length().unwrap() > 100);
    assert!(response.text().await.is_err());
}

#[tokio::test]
async fn a_status_is_the_one_that_was_asked_for() {
    let sandbox = sandbox().await;
    let fault = json!({ "answer": "status", "status": 429, "retry_after": 7, "body": "{\"slow\":\"down\"}" });
    let answer = under(&sandbox, "limited", fault).await.unwrap();
    assert_eq!(answer.is(429), json!({ "slow": "down" }));
    assert_eq!(answer.headers["retry-after"], "7");
}

#[tokio::test]
async fn a_hanging_call_goes_on_when_it_is_released() {
    let sandbox = sandbox().await;
    for (when, made) in [("before", 0), ("after", 1)] {
        sandbox
            .tell("/faults", json!({ "operation": "create_payment", "when": when, "answer": "hang" }))
            .await;
        let api = sandbox.api.clone();
        let waiting = tokio::spawn(async move { create(&api, when).await.unwrap() });
        sandbox.until_hanging(1).await;
        assert_eq!(sandbox.of_reference(when).await.len(), made);
        assert_eq!(sandbox.tell("/release", json!({})).await["released"], 1);
        waiting.await.unwrap().is(201);
        assert_eq!(sandbox.of_reference(when).await.len(), 1);
    }
}

#[tokio::test]
async fn a_caller_who_does_not_wait_finds_out_by_reference() {
    let sandbox = sandbox().await;
    sandbox
        .tell("/faults", json!({ "operation": "create_payment", "when": "after", "answer": "hang" }))
        .await;
    let api = sandbox.api.clone();
    let waiting = tokio::spawn(async move { create(&api, "gone").await });
    sandbox.until_hanging(1).await;
    waiting.abort();
    until(async || {
        let calls = sandbox.look("/requests").await;
        calls["data"].as_array().unwrap().iter().any(|call| call["outcome"] == "caller_gone")
    })
    .await;
    let found = sandbox.of_reference("gone").await;
    assert_eq!(found.len(), 1);
    assert_eq!(create(&sandbox, "gone").await.unwrap().is(201)["id"], found[0]["id"]);
}

#[tokio::test]
async fn an_answer_can_be_late() {
    let sandbox = sandbox().await;
    for when in ["before", "after"] {
        let started = Instant::now();
        under(&sandbox, when, json!({ "when": when, "delay_ms": 60 })).await.unwrap().is(201);
        assert!(started.elapsed() >= Duration::from_millis(60));
    }
}

#[tokio::test]
async fn a_payer_can_be_faster_than_the_answer() {
    let sandbox = sandbox().await;
    let answer = under(&sandbox, "fast", json!({ "pay": cards::APPROVE })).await.unwrap().is(201);
    assert_eq!(answer["state"], "created");
    assert_eq!(sandbox.receiver.kinds(), ["payment.authorised", "payment.captured"]);
    assert_eq!(sandbox.payment(answer["id"].as_str().unwrap()).await["state"], "captured");

    // Nor does the caller ever hear of it, where the connection ends too.
    let fault = json!({ "pay": cards::APPROVE, "when": "after", "answer": "cut" });
    under(&sandbox, "faster", fault).await.unwrap_err();
    assert_eq!(sandbox.of_reference("faster").await[0]["state"], "captured");
    let again = create(&sandbox, "faster").await.unwrap().is(201);
    assert_eq!(again["state"], "created", "the answer is the one of then");
    assert_eq!(sandbox.totals().await["EUR"]["charged"], 2_000);
}

#[tokio::test]
async fn a_fault_waits_for_its_operation_and_account_and_is_used_up() {
    let sandbox = sandbox().await;
    let water = Api::new(&sandbox.psp.url(), &sandbox.psp.account("acct_water").api_key.0);
    let fault =
        json!({ "operation": "get_payment", "account": "acct_water", "times": 2, "answer": "status" });
    sandbox.tell("/faults", fault).await;
    let town = sandbox.create(&terms("town", 1_000)).await;
    let id = water.create(&terms("water", 1_000)).await;
    sandbox.payment(&town).await;
    for status in [503, 503, 200] {
        water.get(&format!("/v1/payments/{id}")).await.is(status);
    }
    assert_eq!(sandbox.look("/script").await["faults"], json!([]));

    sandbox.tell("/faults", json!({ "times": 100, "answer": "status" })).await;
    sandbox.get("/v1/books").await.is(503);
    sandbox.control(Method::DELETE, "/script", &json!({})).await;
    sandbox.get("/v1/books").await.is(200);
}

#[tokio::test]
async fn every_operation_can_be_made_to_fail() {
    let sandbox = sandbox().await;
    let id = sandbox.create(&terms("all", 1_000)).await;
    sandbox.pay(&id, cards::DISPUTED).await;
    let dispute = sandbox.get(&format!("/v1/payments/{id}/disputes")).await.is(200)["data"][0]["id"].clone();
    let dispute = dispute.as_str().unwrap();
    let body = json!({});
    for (operation, method, path) in [
        ("create_payment", Method::POST, "/v1/payments".to_owned()),
        ("get_payment", Method::GET, format!("/v1/payments/{id}")),
        ("list_payments", Method::GET, "/v1/payments".to_owned()),
        ("capture_payment", Method::POST, format!("/v1/payments/{id}/capture")),
        ("cancel_payment", Method::POST, format!("/v1/payments/{id}/cancel")),
        ("create_refund", Method::POST, format!("/v1/payments/{id}/refunds")),
        ("list_refunds", Method::GET, format!("/v1/payments/{id}/refunds")),
        ("get_refund", Method::GET, "/v1/refunds/ref_1".to_owned()),
        ("list_disputes", Method::GET, format!("/v1/payments/{id}/disputes")),
        ("get_dispute", Method::GET, format!("/v1/disputes/{dispute}")),
        ("submit_evidence", Method::POST, format!("/v1/disputes/{dispute}/evidence")),
        ("list_events", Method::GET, "/v1/events".to_owned()),
        ("get_books", Method::GET, "/v1/books".to_owned()),
        ("list_settlements", Method::GET, "/v1/settlements".to_owned()),
        ("get_settlement", Method::GET, "/v1/settlements/2030-05-31".to_owned()),
        ("show_checkout", Method::GET, format!("/checkout/{id}")),
        ("submit_checkout", Method::POST, format!("/checkout/{id}")),
    ] {
        sandbox.tell("/faults", json!({ "operation": operation, "answer": "status", "status": 418 })).await;
        let request = sandbox.request(method.clone(), &path).bearer_auth(&sandbox.api_key);
        let request = if method == Method::POST { request.json(&body) } else { request };
        let answer = Answer::of(request).await.unwrap();
        assert_eq!(answer.status, 418, "{operation}");
    }
}

#[tokio::test]
async fn an_outage_ends_by_the_clock_and_webhooks_wait_for_it() {
    let sandbox = sandbox().await;
    let id = sandbox.create(&terms("outage", 1_000)).await;
    sandbox.tell("/outage", json!({ "seconds": 60 })).await;
    sandbox.get(&format!("/v1/payments/{id}")).await.refuses(503, "unavailable");
    assert_eq!(
        Answer::of(sandbox.request(Method::GET, &format!("/checkout/{id}"))).await.unwrap().status,
        503
    );
    // Who had paid before it began is charged all the same.
    sandbox.pay(&id, cards::APPROVE).await;
    sandbox.clock.advance(Duration::from_secs(59));
    sandbox.get(&format!("/v1/payments/{id}")).await.refuses(503, "unavailable");
    assert_eq!(sandbox.receiver.hooks().len(), 0);
    sandbox.clock.advance(Duration::from_secs(1));
    assert_eq!(sandbox.payment(&id).await["state"], "captured");
    sandbox.receiver.wait(2).await;

    sandbox.tell("/outage", json!({ "seconds": 60, "cut": true })).await;
    let request = sandbox.request(Method::GET, &format!("/v1/payments/{id}"));
    assert!(Answer::of(request).await.unwrap_err().is_request());
    sandbox.tell("/outage", json!({ "seconds": 0 })).await;
    sandbox.payment(&id).await;
}

#[tokio::test]
async fn what_is_no_fault_is_refused() {
    let sandbox = sandbox().await;
    for (fault, field) in [
        (json!({ "operation": "make_coffee" }), "operation"),
        (json!({ "answer": "maybe" }), "answer"),
        (json!({ "answer": "status", "status": 99 }), "status"),
        (json!({ "times": 0 }), "times"),
        (json!({ "delay_ms": 600_001 }), "delay_ms"),
        (json!({ "pay": cards::APPROVE }), "pay"),
        (json!({ "operation": "create_payment", "pay": "1" }), "card"),
        (json!({ "speed": 1 }), "speed"),
    ] {
        let answer = Answer::of(sandbox.request(Method::POST, "/control/faults").json(&fault)).await.unwrap();
        assert_eq!(answer.refuses(422, "field_invalid")["field"], field, "{fault}");
    }
    assert_eq!(sandbox.look("/script").await["faults"], json!([]));
}
