//! Faults of calls that a test asks for.

use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Answer, Api, ORDINARY, Sandbox, check, sandbox, until, verification};

async fn ask(api: &Api, reference: &str) -> reqwest::Result<Answer> {
    Answer::of(api.asking(reference, &check("identity", reference, ORDINARY))).await
}

/// Arms a fault for the next check and asks for it.
async fn under(sandbox: &Sandbox, reference: &str, mut fault: Value) -> reqwest::Result<Answer> {
    fault["operation"] = json!("create_check");
    sandbox.tell("/faults", fault).await;
    ask(sandbox, reference).await
}

#[tokio::test]
async fn each_answer_can_be_spoiled_before_the_work_and_after_it() {
    let sandbox = sandbox().await;
    for (when, made, status) in [("before", 0, 200), ("after", 1, 201)] {
        for spoiled in ["status", "garbage", "empty", "wrong_type", "oversize", "cut", "truncate"] {
            let reference = format!("{when}-{spoiled}");
            let answer = under(&sandbox, &reference, json!({ "when": when, "answer": spoiled })).await;
            match spoiled {
                "status" => {
                    answer.unwrap().refuses(503, "scripted");
                }
                "garbage" => assert!(answer.unwrap().text.starts_with("<html>")),
                "empty" => assert_eq!(answer.unwrap().text, ""),
                "wrong_type" => {
                    let answer = answer.unwrap();
                    assert_eq!(
                        (answer.status, &answer.headers["content-type"]),
                        (status, &"text/plain".parse().unwrap())
                    );
                }
                "oversize" => assert!(answer.unwrap().text.len() > 8 * 1024 * 1024),
                _ => assert!(answer.is_err(), "{reference}"),
            }
            assert_eq!(sandbox.checks_of(&reference).await.len(), made, "{reference}");
            // Whoever asks again under the key has one check, and the same.
            let again = ask(&sandbox, &reference).await.unwrap();
            again.is(201);
            assert_eq!(again.headers.contains_key("idempotent-replayed"), made == 1, "{reference}");
            assert_eq!(sandbox.checks_of(&reference).await.len(), 1, "{reference}");
        }
    }
}

#[tokio::test]
async fn a_status_is_the_one_that_was_asked_for() {
    let sandbox = sandbox().await;
    let fault = json!({ "answer": "status", "status": 429, "retry_after": 7, "body": "{\"slow\":\"down\"}" });
    let answer = under(&sandbox, "limited", fault).await.unwrap();
    assert_eq!(answer.is(429), json!({ "slow": "down" }));
    assert_eq!(answer.headers["retry-after"], "7");
    sandbox.tell("/faults", json!({ "answer": "status", "status": 500 })).await;
    sandbox.submit(&verification("SANCTIONS", "limited", ORDINARY)).await.faults(500, "E9000");
}

#[tokio::test]
async fn a_hanging_call_goes_on_when_it_is_released() {
    let sandbox = sandbox().await;
    for (when, made) in [("before", 0), ("after", 1)] {
        let fault = json!({ "operation": "create_check", "when": when, "answer": "hang" });
        sandbox.tell("/faults", fault).await;
        let api = sandbox.api.clone();
        let waiting = tokio::spawn(async move { ask(&api, when).await.unwrap() });
        sandbox.until_hanging(1).await;
        assert_eq!(sandbox.checks_of(when).await.len(), made);
        assert_eq!(sandbox.tell("/release", json!({})).await["released"], 1);
        waiting.await.unwrap().is(201);
        assert_eq!(sandbox.checks_of(when).await.len(), 1);
    }
}

#[tokio::test]
async fn who_gets_no_answer_is_called_back_all_the_same() {
    let sandbox = sandbox().await;
    for (at, answer) in ["hang", "cut"].into_iter().enumerate() {
        let fault = json!({ "operation": "create_verification", "when": "after", "answer": answer });
        sandbox.tell("/faults", fault).await;
        let asked = verification("PERSON_MATCH", answer, ORDINARY);
        let waiting = tokio::spawn(sandbox.submitting(&asked).send());
        let hook = &sandbox.receiver.wait(at + 1).await[at];
        assert_eq!(hook.json()["verification"]["client_ref"], answer);
        waiting.abort();
        let again = sandbox.submit(&asked).await.is(200);
        assert_eq!(again["id"], hook.json()["verification"]["id"]);
    }
    until(async || sandbox.look("/script").await["hanging"] == 0).await;
    let calls = sandbox.look("/calls?operation=create_verification").await;
    let outcomes: Vec<_> = calls["data"].as_array().unwrap().iter().map(|call| &call["outcome"]).collect();
    assert_eq!(outcomes, ["caller_gone", "answered", "cut", "answered"]);
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
async fn a_fault_waits_for_its_operation_account_and_reference_and_is_used_up() {
    let sandbox = sandbox().await;
    let water = Api::new(&sandbox.idp.url(), idp::VERITAS_WATER, idp::KOMPASS_WATER);
    sandbox.tell("/faults", json!({ "reference": "this", "answer": "status" })).await;
    sandbox.tell("/faults", json!({ "account": "veritas_water", "answer": "status", "status": 500 })).await;
    let other = json!({ "operation": "get_check", "times": 2, "answer": "status", "status": 502 });
    sandbox.tell("/faults", other).await;
    let made = ask(&sandbox, "that").await.unwrap().is(201);
    ask(&sandbox, "this").await.unwrap().is(503);
    ask(&sandbox, "this").await.unwrap().is(201);
    ask(&water, "this").await.unwrap().is(500);
    let path = format!("/checks/{}", made["id"].as_str().unwrap());
    for status in [502, 502, 200] {
        Answer::of(sandbox.veritas(Method::GET, &path)).await.unwrap().is(status);
    }
    assert_eq!(sandbox.look("/script").await["faults"], json!([]));
    let calls = sandbox.look("/calls?reference=this").await;
    let faults: Vec<_> = calls["data"].as_array().unwrap().iter().map(|call| &call["fault"]).collect();
    assert_eq!(faults, [&json!(true), &json!(false), &json!(true)]);
}

#[tokio::test]
async fn a_fault_that_is_not_well_formed_names_its_field() {
    let sandbox = sandbox().await;
    for (fault, field) in [
        (json!({ "operation": "guess" }), "operation"),
        (json!({ "when": "never" }), "when"),
        (json!({ "answer": "maybe" }), "answer"),
        (json!({ "answer": "status", "status": 99 }), "status"),
        (json!({ "times": 0 }), "times"),
        (json!({ "delay_ms": 600_001 }), "delay_ms"),
        (json!({ "speed": 1 }), "speed"),
    ] {
        let answer = sandbox.controlling(Method::POST, "/faults", &fault).await;
        assert_eq!(answer.refuses(422, "field_invalid")["field"], field, "{fault}");
    }
    assert_eq!(sandbox.look("/script").await["faults"], json!([]));
}
