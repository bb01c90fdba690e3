//! Outages, flapping, lies.

use std::time::{Duration, Instant};

use idp::names;
use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{ORDINARY, check, sandbox, until, verification};

#[tokio::test]
async fn a_provider_that_refuses_answers_503_until_its_time_is_over() {
    let sandbox = sandbox().await;
    sandbox.tell("/outage", json!({ "provider": "veritas", "mode": "refuse", "seconds": 30 })).await;
    let asked = check("identity", "refused", ORDINARY);
    sandbox.ask(&asked).await.refuses(503, "unavailable");
    // The other one is there.
    sandbox.submit(&verification("PERSON_MATCH", "there", ORDINARY)).await.is(202);
    sandbox.clock.advance(Duration::from_secs(29));
    sandbox.ask(&asked).await.refuses(503, "unavailable");
    sandbox.clock.advance(Duration::from_secs(1));
    sandbox.ask(&asked).await.is(201);
    assert_eq!(sandbox.look("/script").await["outages"], json!({}));
    // Those that were refused were asked all the same.
    let calls = sandbox.look("/calls?reference=refused").await;
    let statuses: Vec<_> = calls["data"].as_array().unwrap().iter().map(|call| &call["status"]).collect();
    assert_eq!(statuses, [503, 503, 201]);
}

#[tokio::test]
async fn a_provider_that_is_away_calls_nobody_back_until_that_is_ended() {
    let sandbox = sandbox().await;
    let slow = names::slow(Duration::from_millis(1_000));
    sandbox.submit(&verification("PERSON_MATCH", "slow", &slow)).await.is(202);
    sandbox.tell("/outage", json!({ "mode": "refuse" })).await;
    sandbox.submit(&verification("PERSON_MATCH", "refused", ORDINARY)).await.faults(503, "E9009");
    sandbox.ask(&check("identity", "refused", ORDINARY)).await.refuses(503, "unavailable");
    sandbox.clock.advance(Duration::from_secs(365 * 24 * 3_600));
    until(async || sandbox.deliveries("slow").await.len() == 1).await;
    assert_eq!(sandbox.deliveries("slow").await[0]["delivery"], "waiting");
    let order = sandbox.controlling(Method::POST, "/webhooks/deliver", &json!({})).await;
    order.refuses(503, "unavailable");
    sandbox.control(Method::DELETE, "/outage?provider=veritas", &Value::Null).await;
    sandbox.ask(&check("identity", "there", ORDINARY)).await.is(201);
    assert_eq!(sandbox.receiver.hooks().len(), 0);
    sandbox.control(Method::DELETE, "/outage", &Value::Null).await;
    sandbox.receiver.wait(1).await;
}

#[tokio::test]
async fn a_provider_that_hangs_answers_when_it_is_over_or_released() {
    let sandbox = sandbox().await;
    for (reference, ended) in [("over", true), ("released", false)] {
        sandbox.tell("/outage", json!({ "provider": "veritas", "mode": "hang", "seconds": 60 })).await;
        let api = sandbox.api.clone();
        let waiting = tokio::spawn(async move { api.ask(&check("identity", reference, ORDINARY)).await });
        sandbox.until_hanging(1).await;
        assert_eq!(sandbox.books(reference).await, [Value::Null; 0]);
        if ended {
            sandbox.clock.advance(Duration::from_secs(60));
        } else {
            sandbox.tell("/release", json!({})).await;
        }
        waiting.await.unwrap().is(201);
        sandbox.until_hanging(0).await;
    }
}

#[tokio::test]
async fn a_provider_that_is_slow_answers_late_and_calls_back() {
    let sandbox = sandbox().await;
    sandbox.tell("/outage", json!({ "mode": "slow", "delay_ms": 80 })).await;
    let started = Instant::now();
    sandbox.submit(&verification("PERSON_MATCH", "slow", ORDINARY)).await.is(202);
    assert!(started.elapsed() >= Duration::from_millis(80));
    sandbox.receiver.wait(1).await;
    let started = Instant::now();
    sandbox.ask(&check("identity", "slow", ORDINARY)).await.is(201);
    assert!(started.elapsed() >= Duration::from_millis(80));
}

#[tokio::test]
async fn a_provider_that_flaps_fails_every_so_many_times() {
    let sandbox = sandbox().await;
    sandbox.tell("/flapping", json!({ "provider": "veritas", "every": 3 })).await;
    let mut statuses = Vec::new();
    for n in 0..7 {
        statuses.push(sandbox.ask(&check("identity", &format!("flap-{n}"), ORDINARY)).await.status);
        sandbox.submit(&verification("PERSON_MATCH", &format!("flap-{n}"), ORDINARY)).await.is(202);
    }
    assert_eq!(statuses, [201, 201, 503, 201, 201, 503, 201]);
    sandbox.tell("/flapping", json!({ "every": 0 })).await;
    for n in 10..13 {
        sandbox.ask(&check("identity", &format!("flap-{n}"), ORDINARY)).await.is(201);
    }
}

#[tokio::test]
async fn a_provider_that_lies_says_that_everything_is_clear() {
    let sandbox = sandbox().await;
    sandbox.tell("/lying", json!({ "lies": true })).await;
    for name in [names::REFUSED, names::INCONCLUSIVE, names::CONTRADICTORY] {
        let made = sandbox.ask(&check("watchlist", name, name)).await.is(201);
        assert_eq!(sandbox.check(&made["id"]).await["result"], "clear");
        let made = sandbox.submit(&verification("SANCTIONS", name, name)).await.is(202);
        assert_eq!(sandbox.verification(&made["id"]).await["outcome"], "MATCH");
    }
    sandbox.tell("/lying", json!({ "provider": "veritas", "lies": false })).await;
    let asked = check("watchlist", "honest", names::REFUSED);
    assert_eq!(sandbox.ask(&asked).await.is(201)["result"], "consider");
    let made = sandbox.submit(&verification("SANCTIONS", "lie", names::REFUSED)).await.is(202);
    assert_eq!(sandbox.verification(&made["id"]).await["outcome"], "MATCH");
}

#[tokio::test]
async fn nothing_goes_wrong_any_more_once_the_script_is_cleared() {
    let sandbox = sandbox().await;
    sandbox.tell("/clock", json!({ "advance_seconds": 60 })).await;
    sandbox.tell("/lying", json!({ "lies": true })).await;
    sandbox.tell("/flapping", json!({ "every": 1 })).await;
    sandbox.tell("/faults", json!({ "answer": "status" })).await;
    sandbox.tell("/webhooks", json!({ "mode": "never" })).await;
    sandbox.tell("/outage", json!({ "mode": "hang" })).await;
    let api = sandbox.api.clone();
    let waiting = tokio::spawn(async move { api.ask(&check("watchlist", "waits", names::REFUSED)).await });
    sandbox.until_hanging(1).await;
    let script = sandbox.control(Method::DELETE, "/script", &Value::Null).await;
    assert_eq!(waiting.await.unwrap().is(201)["result"], "consider");
    let clean = json!({
        "faults": [], "rules": [], "outages": {}, "flapping": {}, "lying": [], "offset_seconds": 60,
        "hanging": script["hanging"],
    });
    assert_eq!(script, clean);
    assert_eq!(sandbox.look("/clock").await["now"], "2030-06-01T12:01:00Z");
}

#[tokio::test]
async fn what_is_wrong_of_the_weather_names_its_field() {
    let sandbox = sandbox().await;
    for (path, wrong, field) in [
        ("/outage", json!({ "mode": "storm" }), "mode"),
        ("/outage", json!({ "provider": "psp", "mode": "hang" }), "provider"),
        ("/outage", json!({ "mode": "slow", "delay_ms": 600_001 }), "delay_ms"),
        ("/outage", json!({ "seconds": 3 }), "mode"),
        ("/flapping", json!({}), "every"),
        ("/lying", json!({ "lies": "often" }), "lies"),
        ("/clock", json!({ "advance_seconds": -1 }), "advance_seconds"),
    ] {
        let answer = sandbox.controlling(Method::POST, path, &wrong).await;
        assert_eq!(answer.refuses(422, "field_invalid")["field"], field, "{wrong}");
    }
    let far = json!({ "advance_seconds": u32::MAX });
    for _ in 0..2 {
        sandbox.tell("/clock", far.clone()).await;
    }
    sandbox.controlling(Method::POST, "/clock", &far).await.refuses(422, "field_invalid");
}
