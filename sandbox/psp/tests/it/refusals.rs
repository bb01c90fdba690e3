//! What bad input gets: its own reason, and nothing changes.

use psp::cards;
use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Answer, sandbox, sandbox_with, terms};

#[tokio::test]
async fn a_payment_that_is_not_well_formed_names_its_field() {
    let sandbox = sandbox().await;
    let metadata: serde_json::Map<String, Value> = (0..21).map(|n| (n.to_string(), json!(""))).collect();
    let long_url = format!("https://portal.example/{}", "a".repeat(2_000));
    for (field, value) in [
        ("amount", json!(0)),
        ("amount", json!(-1)),
        ("amount", json!(1_000_000_000_000_i64)),
        ("amount", json!(9_223_372_036_854_775_808_u64)),
        ("amount", json!(10.5)),
        ("amount", json!("1000")),
        ("amount", Value::Null),
        ("currency", json!("eur")),
        ("currency", json!("XXX")),
        ("currency", json!("")),
        ("reference", json!("")),
        ("reference", json!("r".repeat(101))),
        ("reference", json!("two\nlines")),
        ("description", json!("d".repeat(201))),
        ("capture", json!("sometimes")),
        ("return_url", json!("javascript:alert(1)")),
        ("return_url", json!("/bills")),
        ("return_url", json!("https://portal.example/ /")),
        ("return_url", json!(long_url)),
        ("notify_url", json!("file:///etc/passwd")),
        ("expires_in_seconds", json!(0)),
        ("expires_in_seconds", json!(2_592_001)),
        ("metadata", json!(metadata)),
        ("metadata.a", json!({ "a": 1 })),
        ("cvc", json!("123")),
    ] {
        let mut body = terms("bad", 1_000);
        body[field.split('.').next().unwrap()] = value;
        let error = sandbox.post("/v1/payments", "bad", &body).await.refuses(422, "field_invalid");
        assert_eq!(error["field"], field, "{error}");
    }
    let mut missing = terms("bad", 1_000);
    missing.as_object_mut().unwrap().remove("return_url");
    let error = sandbox.post("/v1/payments", "bad", &missing).await.refuses(422, "field_invalid");
    assert!(error["message"].as_str().unwrap().contains("return_url"), "{error}");
    assert_eq!(sandbox.look("/payments").await["data"], json!([]));
}

#[tokio::test]
async fn what_is_no_json_is_malformed_and_what_is_too_large_is_not_read() {
    let sandbox = sandbox().await;
    let send = async |body: String| {
        let request = sandbox.request(Method::POST, "/v1/payments").bearer_auth(&sandbox.api_key);
        Answer::of(request.header("idempotency-key", "k").body(body)).await.unwrap()
    };
    for malformed in ["{", "nothing", "{} {}", "\u{feff}{}"] {
        send(malformed.to_owned()).await.refuses(400, "body_malformed");
    }
    send("[]".to_owned()).await.refuses(422, "field_invalid");
    send(format!("{{\"reference\": \"{}\"}}", "r".repeat(70_000))).await.refuses(413, "body_unreadable");
}

#[tokio::test]
async fn amounts_of_captures_and_refunds_are_checked() {
    let sandbox = sandbox().await;
    let id = sandbox.create(&terms("amounts", 1_000)).await;
    sandbox.pay(&id, cards::APPROVE).await;
    for amount in [json!(0), json!(-5), json!(1.5), json!("1")] {
        for call in ["capture", "refunds"] {
            let answer = sandbox
                .post(&format!("/v1/payments/{id}/{call}"), "wrong", &json!({ "amount": amount }))
                .await;
            assert_eq!(answer.refuses(422, "field_invalid")["field"], "amount");
        }
    }
    assert_eq!(
        sandbox.refund(&id, "more", 1_001).await.refuses(422, "amount_above_available")["available"],
        1_000
    );
    assert_eq!(sandbox.payment(&id).await["amount_refundable"], 1_000);
}

#[tokio::test]
async fn paths_methods_and_pages_that_do_not_exist_say_so() {
    let sandbox = sandbox().await;
    sandbox.get("/v1/customers").await.refuses(404, "not_found");
    sandbox.get("/v1/payments/pay_none").await.refuses(404, "not_found");
    let put = sandbox.request(Method::PUT, "/v1/payments").bearer_auth(&sandbox.api_key);
    Answer::of(put).await.unwrap().refuses(405, "method_not_allowed");
    for (query, field) in
        [("limit=0", "limit"), ("limit=201", "limit"), ("limit=x", "query"), ("page=1", "query")]
    {
        let error = sandbox.get(&format!("/v1/payments?{query}")).await.refuses(422, "field_invalid");
        assert_eq!(error["field"], field);
    }
    sandbox.get("/v1/events?after=first").await.refuses(422, "field_invalid");
    sandbox.get("/v1/settlements/yesterday").await.refuses(422, "field_invalid");
}

#[tokio::test]
async fn lists_come_in_pages_in_a_stable_order() {
    let sandbox = sandbox().await;
    let mut made = Vec::new();
    for n in 0..7 {
        let key = format!("page-{n}");
        let answer =
            sandbox.post("/v1/payments", &key, &terms(if n % 2 == 0 { "even" } else { "odd" }, 100)).await;
        made.push(answer.is(201)["id"].clone());
    }
    let (mut found, mut after) = (Vec::new(), String::new());
    loop {
        let page = sandbox.get(&format!("/v1/payments?limit=3{after}")).await.is(200);
        found.extend(page["data"].as_array().unwrap().iter().map(|payment| payment["id"].clone()));
        if page["has_more"] == false {
            break;
        }
        after = format!("&after={}", found.last().unwrap().as_str().unwrap());
    }
    assert_eq!(found, made);
    let odd: Vec<_> = sandbox.of_reference("odd").await.iter().map(|payment| payment["id"].clone()).collect();
    assert_eq!(odd, [made[1].clone(), made[3].clone(), made[5].clone()]);
}

#[tokio::test]
async fn a_full_sandbox_takes_no_more_and_goes_on_with_what_it_has() {
    let sandbox = sandbox_with(|options| options.limit = 2).await;
    let id = sandbox.create(&terms("one", 100)).await;
    sandbox.create(&terms("two", 100)).await;
    sandbox.post("/v1/payments", "three", &terms("three", 100)).await.refuses(503, "sandbox_full");
    sandbox.pay(&id, cards::APPROVE).await;
    for n in 0..100 {
        sandbox.refund(&id, &format!("refund-{n}"), 1).await.is(201);
    }
    sandbox.refund(&id, "refund", 1).await.refuses(422, "amount_above_available");
}
