//! Signatures, retries, and deliveries that a test bends.

use std::collections::HashSet;
use std::time::Duration;

use psp::cards;
use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Sandbox, sandbox, sandbox_with, terms, until};

fn secret(sandbox: &Sandbox) -> String {
    sandbox.psp.account("acct_town").webhook_secrets[0].to_string()
}

async fn rule(sandbox: &Sandbox, rule: Value) {
    sandbox.tell("/webhooks", rule).await;
}

/// A payment that is paid; its two webhooks have come, unless they are bent.
async fn paid(sandbox: &Sandbox, reference: &str) -> String {
    let id = sandbox.create(&terms(reference, 1_000)).await;
    sandbox.pay(&id, cards::APPROVE).await;
    sandbox.settle().await;
    id
}

/// Where the events of a reference stand.
async fn deliveries(sandbox: &Sandbox, reference: &str) -> Vec<Value> {
    let list = sandbox.look(&format!("/webhooks?reference={reference}")).await;
    list["data"].as_array().unwrap().clone()
}

#[tokio::test]
async fn webhooks_are_signed_as_openssl_computes_it() {
    let sandbox = sandbox().await;
    let id = paid(&sandbox, "signed, \"quoted\" and ü").await;
    let hooks = sandbox.receiver.wait(2).await;
    for hook in &hooks {
        assert!(hook.is_signed_by(&secret(&sandbox)));
        assert!(!hook.is_signed_by(&sandbox.psp.account("acct_water").webhook_secrets[0].to_string()));
        assert_eq!(hook.header("content-type"), "application/json");
        assert_eq!(hook.json()["id"], hook.header("webhook-id"));
        assert_eq!(hook.timestamp(), sandbox.clock.now().unix_timestamp());
    }
    let body = hooks[1].json();
    assert_eq!(body["type"], "payment.captured");
    assert_eq!((&body["account"], &body["sequence"]), (&json!("acct_town"), &json!(2)));
    assert_eq!(body["data"]["payment"]["id"], id);
    assert_eq!(body["data"]["payment"]["amount_captured"], 1_000);
    assert_eq!(body["data"]["payment"]["reference"], "signed, \"quoted\" and ü");
}

#[tokio::test]
async fn two_secrets_sign_while_they_rotate() {
    let sandbox = sandbox().await;
    let old = secret(&sandbox);
    let new = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
    for (secrets, by_old, by_new) in
        [(json!([new, old]), true, true), (json!([new]), false, true), (json!([old]), true, false)]
    {
        let count = secrets.as_array().unwrap().len();
        sandbox.control(Method::PUT, "/accounts/acct_town", &json!({ "webhook_secrets": secrets })).await;
        let before = sandbox.receiver.hooks().len();
        paid(&sandbox, &format!("rotated-{before}")).await;
        let hook = &sandbox.receiver.wait(before + 2).await[before];
        assert_eq!(hook.header("webhook-signature").split(' ').count(), count);
        assert_eq!((hook.is_signed_by(&old), hook.is_signed_by(new)), (by_old, by_new));
    }
}

#[tokio::test]
async fn what_is_refused_is_tried_again_by_the_clock() {
    let sandbox = sandbox().await;
    sandbox.receiver.answer_next(&[500, 302, 200]);
    rule(&sandbox, json!({ "mode": "never", "type": "payment.authorised" })).await;
    paid(&sandbox, "again").await;
    assert_eq!(sandbox.receiver.hooks().len(), 1);
    for (wait, tries) in [(1, 2), (5, 3)] {
        sandbox.clock.advance(Duration::from_millis(wait * 1_000 - 1));
        sandbox.settle().await;
        assert_eq!(sandbox.receiver.hooks().len(), tries - 1);
        sandbox.clock.advance(Duration::from_millis(1));
        sandbox.receiver.wait(tries).await;
        sandbox.settle().await;
    }
    let hooks = sandbox.receiver.hooks();
    assert_eq!(hooks.iter().map(|hook| hook.header("webhook-id")).collect::<HashSet<_>>().len(), 1);
    assert!(hooks.iter().all(|hook| hook.body == hooks[0].body && hook.is_signed_by(&secret(&sandbox))));
    assert_eq!(hooks[2].timestamp() - hooks[0].timestamp(), 6);
    let captured = &deliveries(&sandbox, "again").await[1];
    assert_eq!(captured["delivery"], "delivered");
    let statuses: Vec<_> =
        captured["attempts"].as_array().unwrap().iter().map(|one| &one["status"]).collect();
    assert_eq!(statuses, [500, 302, 200]);
}

#[tokio::test]
async fn what_is_always_refused_is_given_up_and_can_be_sent_all_the_same() {
    let sandbox = sandbox().await;
    sandbox.control(Method::PUT, "/accounts/acct_town", &json!({ "retry_seconds": [1, 2] })).await;
    sandbox.receiver.answer_next(&[500; 3]);
    rule(&sandbox, json!({ "mode": "never", "type": "payment.authorised" })).await;
    paid(&sandbox, "given-up").await;
    for tries in [2, 3] {
        sandbox.clock.advance(Duration::from_secs(2));
        sandbox.receiver.wait(tries).await;
        sandbox.settle().await;
    }
    sandbox.clock.advance(Duration::from_secs(365 * 24 * 3_600));
    sandbox.settle().await;
    let event = deliveries(&sandbox, "given-up").await[1].clone();
    assert_eq!((&event["delivery"], &event["sent"]), (&json!("given_up"), &json!(3)));
    let sent = sandbox.tell("/webhooks/deliver", json!({ "events": [event["id"]] })).await;
    assert_eq!((&sent["data"][0]["delivery"], &sent["data"][0]["sent"]), (&json!("delivered"), &json!(4)));
}

#[tokio::test]
async fn a_receiver_that_does_not_answer_is_not_waited_for() {
    let sandbox = sandbox_with(|options| options.webhook_timeout = Duration::from_millis(100)).await;
    sandbox.receiver.answer_next(&[0]);
    rule(&sandbox, json!({ "mode": "never", "type": "payment.authorised" })).await;
    paid(&sandbox, "hangs").await;
    let captured = &deliveries(&sandbox, "hangs").await[1];
    assert_eq!((&captured["delivery"], &captured["sent"]), (&json!("waiting"), &json!(1)));
    assert!(captured["attempts"][0]["error"].as_str().unwrap().contains("timed out"), "{captured}");
}

#[tokio::test]
async fn a_bad_webhook_is_followed_by_a_good_one() {
    let sandbox = sandbox().await;
    rule(&sandbox, json!({ "mode": "never", "type": "payment.authorised", "events": 100 })).await;
    for (mode, attempts) in
        [("bad_signature", 1), ("no_signature", 2), ("old_timestamp", 1), ("changed_body", 1), ("garbage", 1)]
    {
        let before = sandbox.receiver.hooks().len();
        sandbox.receiver.answer_next(&vec![400; attempts]);
        rule(&sandbox, json!({ "mode": mode, "attempts": attempts, "seconds": 301 })).await;
        paid(&sandbox, mode).await;
        for tries in 0..attempts {
            sandbox.receiver.wait(before + tries + 1).await;
            sandbox.settle().await;
            sandbox.clock.advance(Duration::from_secs(5));
        }
        let hooks = sandbox.receiver.wait(before + attempts + 1).await;
        let (good, bad) = hooks[before..].split_last().unwrap();
        assert!(good.is_signed_by(&secret(&sandbox)), "{mode}");
        assert_eq!(good.timestamp(), sandbox.clock.now().unix_timestamp(), "{mode}");
        assert_eq!(good.kind(), "payment.captured");
        for bad in bad {
            let signed = bad.is_signed_by(&secret(&sandbox));
            match mode {
                "old_timestamp" => {
                    assert!(signed);
                    assert_eq!(good.timestamp() - bad.timestamp(), 301 + 5);
                }
                "garbage" => assert!(signed && serde_json::from_slice::<Value>(&bad.body).is_err()),
                "changed_body" => {
                    let differ = bad.body.iter().zip(&good.body).filter(|(one, other)| one != other).count();
                    assert!(!signed && differ == 1 && bad.body.len() == good.body.len());
                    assert_eq!(bad.json()["data"]["payment"]["amount"], 9_000);
                }
                "no_signature" => assert!(!bad.headers.contains_key("webhook-signature")),
                _ => assert!(!signed && bad.header("webhook-signature").starts_with("v1,")),
            }
        }
    }
}

#[tokio::test]
async fn webhooks_can_be_late_never_or_twice() {
    let sandbox = sandbox().await;
    rule(&sandbox, json!({ "mode": "late", "seconds": 3_600 })).await;
    rule(&sandbox, json!({ "mode": "twice" })).await;
    paid(&sandbox, "late").await;
    assert_eq!(sandbox.receiver.kinds(), ["payment.captured"; 2]);
    sandbox.clock.advance(Duration::from_secs(3_599));
    sandbox.settle().await;
    assert_eq!(sandbox.receiver.hooks().len(), 2);
    sandbox.clock.advance(Duration::from_secs(1));
    assert_eq!(sandbox.receiver.wait(3).await[2].kind(), "payment.authorised");

    rule(&sandbox, json!({ "mode": "never", "events": 2 })).await;
    paid(&sandbox, "never").await;
    assert_eq!(sandbox.receiver.hooks().len(), 3);
    let events: Vec<_> = deliveries(&sandbox, "never").await;
    assert!(events.iter().all(|event| event["delivery"] == "dropped"));
}

#[tokio::test]
async fn what_is_held_comes_in_any_order() {
    let sandbox = sandbox().await;
    rule(&sandbox, json!({ "mode": "hold", "events": 4 })).await;
    let first = paid(&sandbox, "first").await;
    paid(&sandbox, "second").await;
    assert_eq!(sandbox.receiver.hooks().len(), 0);
    sandbox.tell("/webhooks/deliver", json!({ "reverse": true })).await;
    let sequences = |hooks: Vec<crate::receiver::Hook>| -> Vec<u64> {
        hooks.iter().map(|hook| hook.json()["sequence"].as_u64().unwrap()).collect()
    };
    assert_eq!(sequences(sandbox.receiver.hooks()), [4, 3, 2, 1]);
    // What was delivered can come again.
    let ids: Vec<_> = deliveries(&sandbox, "first").await.iter().map(|event| event["id"].clone()).collect();
    sandbox.tell("/webhooks/deliver", json!({ "events": [ids[1], ids[0], ids[1]] })).await;
    assert_eq!(sequences(sandbox.receiver.hooks())[4..], [2, 1, 2]);
    assert_eq!(sandbox.receiver.hooks()[6].json()["data"]["payment"]["id"], first);
}

#[tokio::test]
async fn a_webhook_can_come_before_the_answer_of_any_call() {
    let sandbox = sandbox().await;
    let id = paid(&sandbox, "before").await;
    sandbox.receiver.wait(2).await;
    rule(&sandbox, json!({ "mode": "before_answer", "type": "refund.succeeded" })).await;
    sandbox.refund(&id, "refund", 10).await.is(201);
    assert_eq!(sandbox.receiver.kinds()[2..], ["refund.succeeded"]);
}

#[tokio::test]
async fn rules_wait_for_their_type_payment_and_account() {
    let sandbox = sandbox().await;
    let id = sandbox.create(&terms("one", 1_000)).await;
    for other in [
        json!({ "mode": "never", "type": "refund.failed" }),
        json!({ "mode": "never", "account": "acct_water" }),
        json!({ "mode": "never", "payment": "pay_1" }),
    ] {
        rule(&sandbox, other).await;
    }
    rule(&sandbox, json!({ "mode": "never", "payment": id, "type": "payment.captured" })).await;
    sandbox.pay(&id, cards::APPROVE).await;
    sandbox.settle().await;
    assert_eq!(sandbox.receiver.kinds(), ["payment.authorised"]);
    assert_eq!(sandbox.look("/script").await["rules"].as_array().unwrap().len(), 3);
}

#[tokio::test]
async fn each_payment_can_have_its_webhooks_elsewhere_and_events_are_numbered_without_gaps() {
    let sandbox = sandbox().await;
    let elsewhere = crate::receiver::Receiver::start().await;
    for n in 0..6 {
        let mut terms = terms(&format!("elsewhere-{n}"), 1_000);
        if n % 2 == 0 {
            terms["notify_url"] = json!(elsewhere.url);
        }
        let id = sandbox.create(&terms).await;
        sandbox.pay(&id, cards::APPROVE).await;
    }
    let hooks = [sandbox.receiver.wait(6).await, elsewhere.wait(6).await].concat();
    let mut sequences: Vec<_> = hooks.iter().map(|hook| hook.json()["sequence"].as_u64().unwrap()).collect();
    sequences.sort_unstable();
    assert_eq!(sequences, (1..=12).collect::<Vec<_>>());
    // An account without a place has its events all the same, for whoever asks.
    let water = crate::harness::Api::new(&sandbox.psp.url(), &sandbox.psp.account("acct_water").api_key.0);
    let id = water.create(&terms("water", 1_000)).await;
    water.pay(&id, cards::APPROVE).await;
    let events = water.get("/v1/events?limit=1").await.is(200);
    assert_eq!((&events["data"][0]["sequence"], &events["has_more"]), (&json!(1), &json!(true)));
    assert!(deliveries(&sandbox, "water").await.iter().all(|event| event["delivery"] == "dropped"));
}

#[tokio::test]
async fn a_receiver_that_is_down_delays_and_loses_nothing() {
    let sandbox = sandbox().await;
    let gone = crate::receiver::Receiver::start().await;
    let url = gone.url.clone();
    drop(gone);
    let mut terms = terms("down", 1_000);
    terms["notify_url"] = json!(url);
    let id = sandbox.create(&terms).await;
    sandbox.pay(&id, cards::APPROVE).await;
    until(async || {
        deliveries(&sandbox, "down").await.iter().all(|event| event["attempts"][0]["error"].is_string())
    })
    .await;
    assert!(deliveries(&sandbox, "down").await.iter().all(|event| event["delivery"] == "waiting"));
}
