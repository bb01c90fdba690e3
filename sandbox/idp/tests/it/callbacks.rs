//! Signatures, retries, and deliveries that a test bends.

use std::collections::HashSet;
use std::time::Duration;

use idp::{KOMPASS_TOWN, KOMPASS_WATER, names};
use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{ORDINARY, Sandbox, sandbox, sandbox_with, until, verification};

fn secret(sandbox: &Sandbox) -> String {
    sandbox.idp.account(KOMPASS_TOWN).webhook_secrets[0].to_string()
}

async fn rule(sandbox: &Sandbox, rule: Value) {
    sandbox.tell("/webhooks", rule).await;
}

async fn submit(sandbox: &Sandbox, reference: &str) {
    sandbox.submit(&verification("PERSON_MATCH", reference, ORDINARY)).await.is(202);
}

#[tokio::test]
async fn callbacks_are_signed_as_openssl_computes_it() {
    let sandbox = sandbox().await;
    submit(&sandbox, "signed, \"quoted\" and ü").await;
    let hook = &sandbox.receiver.wait(1).await[0];
    assert!(hook.is_signed_by(&secret(&sandbox)));
    assert!(!hook.is_signed_by(&sandbox.idp.account(KOMPASS_WATER).webhook_secrets[0].to_string()));
    assert_eq!(hook.header("content-type"), "application/json");
    assert_eq!(hook.json()["event_id"], hook.header("webhook-id"));
    assert_eq!(hook.timestamp(), sandbox.clock.now().unix_timestamp());
    assert_eq!(hook.json()["verification"]["client_ref"], "signed, \"quoted\" and ü");
}

#[tokio::test]
async fn two_secrets_sign_while_they_rotate() {
    let sandbox = sandbox().await;
    let old = secret(&sandbox);
    let new = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
    for (at, (secrets, by_old, by_new)) in
        [(json!([new, old]), true, true), (json!([new]), false, true), (json!([old]), true, false)]
            .into_iter()
            .enumerate()
    {
        let count = secrets.as_array().unwrap().len();
        let account = json!({ "webhook_secrets": secrets });
        sandbox.control(Method::PUT, "/accounts/kompass_town", &account).await;
        submit(&sandbox, &format!("rotated-{at}")).await;
        let hook = &sandbox.receiver.wait(at + 1).await[at];
        assert_eq!(hook.header("webhook-signature").split(' ').count(), count);
        assert_eq!((hook.is_signed_by(&old), hook.is_signed_by(new)), (by_old, by_new));
    }
}

#[tokio::test]
async fn what_is_refused_is_tried_again_by_the_clock() {
    let sandbox = sandbox().await;
    sandbox.receiver.answer_next(&[500, 302, 200]);
    submit(&sandbox, "again").await;
    sandbox.settle().await;
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
    let callback = &sandbox.deliveries("again").await[0];
    assert_eq!(callback["delivery"], "delivered");
    let statuses: Vec<_> =
        callback["attempts"].as_array().unwrap().iter().map(|one| &one["status"]).collect();
    assert_eq!(statuses, [500, 302, 200]);
}

#[tokio::test]
async fn what_is_always_refused_is_given_up_and_can_be_sent_all_the_same() {
    let sandbox = sandbox().await;
    sandbox.control(Method::PUT, "/accounts/kompass_town", &json!({ "retry_seconds": [1, 2] })).await;
    sandbox.receiver.answer_next(&[500; 3]);
    submit(&sandbox, "given-up").await;
    sandbox.receiver.wait(1).await;
    sandbox.settle().await;
    for tries in [2, 3] {
        sandbox.clock.advance(Duration::from_secs(2));
        sandbox.receiver.wait(tries).await;
        sandbox.settle().await;
    }
    sandbox.clock.advance(Duration::from_secs(365 * 24 * 3_600));
    sandbox.settle().await;
    let callback = sandbox.deliveries("given-up").await[0].clone();
    assert_eq!((&callback["delivery"], &callback["sent"]), (&json!("given_up"), &json!(3)));
    let sent = sandbox.tell("/webhooks/deliver", json!({ "callbacks": [callback["id"]] })).await;
    assert_eq!((&sent["data"][0]["delivery"], &sent["data"][0]["sent"]), (&json!("delivered"), &json!(4)));
}

#[tokio::test]
async fn a_receiver_that_does_not_answer_is_not_waited_for() {
    let sandbox = sandbox_with(|options| options.timeout = Duration::from_millis(100)).await;
    sandbox.receiver.answer_next(&[0]);
    submit(&sandbox, "no-answer").await;
    until(async || sandbox.deliveries("no-answer").await[0]["sent"] == 1).await;
    let callback = &sandbox.deliveries("no-answer").await[0];
    assert_eq!(
        (&callback["delivery"], &callback["attempts"][0]["status"]),
        (&json!("waiting"), &json!(null))
    );
    assert!(callback["attempts"][0]["error"].as_str().unwrap().contains("timed out"), "{callback}");
    sandbox.clock.advance(Duration::from_secs(1));
    sandbox.receiver.wait(2).await;
}

#[tokio::test]
async fn the_first_attempt_can_be_forged_in_every_way_and_the_next_is_good() {
    let sandbox = sandbox().await;
    for (at, mode) in
        ["bad_signature", "no_signature", "old_timestamp", "changed_body", "garbage"].into_iter().enumerate()
    {
        rule(&sandbox, json!({ "mode": mode, "reference": mode, "seconds": 301 })).await;
        sandbox.receiver.answer_next(&[401]);
        submit(&sandbox, mode).await;
        sandbox.receiver.wait(2 * at + 1).await;
        sandbox.settle().await;
        sandbox.clock.advance(Duration::from_secs(1));
        let hooks = sandbox.receiver.wait(2 * at + 2).await;
        let (forged, good) = (&hooks[2 * at], &hooks[2 * at + 1]);
        let signed = forged.is_signed_by(&secret(&sandbox));
        match mode {
            "bad_signature" => {
                assert!(!signed && forged.header("webhook-signature").starts_with("v1,"));
                assert_eq!(forged.body, good.body);
            }
            "no_signature" => assert_eq!(forged.header("webhook-signature"), ""),
            "old_timestamp" => assert!(signed && good.timestamp() - forged.timestamp() == 302),
            "changed_body" => {
                assert!(!signed);
                assert_eq!(forged.told(), (1, "NO_MATCH".to_owned()));
            }
            _ => assert!(signed && serde_json::from_slice::<Value>(&forged.body).is_err()),
        }
        assert!(good.is_signed_by(&secret(&sandbox)), "{mode}");
        assert_eq!(good.told(), (1, "MATCH".to_owned()), "{mode}");
        assert_eq!(good.timestamp(), sandbox.clock.now().unix_timestamp());
        sandbox.settle().await;
    }
}

#[tokio::test]
async fn callbacks_can_be_lost_doubled_and_held() {
    let sandbox = sandbox().await;
    for mode in ["never", "twice", "hold", "late"] {
        rule(&sandbox, json!({ "mode": mode, "reference": mode, "seconds": 60 })).await;
        submit(&sandbox, mode).await;
    }
    sandbox.receiver.wait(2).await;
    sandbox.settle().await;
    let twice = ("twice".to_owned(), "MATCH".to_owned());
    assert_eq!(sandbox.receiver.outcomes(), [twice.clone(), twice]);
    sandbox.clock.advance(Duration::from_secs(60));
    assert_eq!(sandbox.receiver.wait(3).await[2].json()["verification"]["client_ref"], "late");
    sandbox.settle().await;
    sandbox.tell("/webhooks/deliver", json!({})).await;
    assert_eq!(sandbox.receiver.wait(4).await[3].json()["verification"]["client_ref"], "hold");
    assert_eq!(sandbox.deliveries("never").await[0]["delivery"], "dropped");
    assert_eq!(sandbox.look("/script").await["rules"], json!([]));
}

#[tokio::test]
async fn callbacks_can_come_out_of_order() {
    let sandbox = sandbox().await;
    // Of one verification, the second outcome before the first.
    rule(&sandbox, json!({ "mode": "behind_next", "reference": "contrary" })).await;
    sandbox.submit(&verification("PERSON_MATCH", "contrary", names::CONTRADICTORY)).await.is(202);
    let hooks = sandbox.receiver.wait(2).await;
    assert_eq!(hooks[0].told(), (2, "NO_MATCH".to_owned()));
    assert_eq!(hooks[1].told(), (1, "MATCH".to_owned()));
    // Of an account, the later one first.
    rule(&sandbox, json!({ "mode": "behind_next", "reference": "first" })).await;
    submit(&sandbox, "first").await;
    sandbox.settle().await;
    assert_eq!(sandbox.receiver.hooks().len(), 2);
    submit(&sandbox, "second").await;
    sandbox.receiver.wait(4).await;
    let came: Vec<String> = sandbox.receiver.outcomes()[2..].iter().map(|(of, _)| of.clone()).collect();
    assert_eq!(came, ["second", "first"]);
    // Held back, and delivered backwards.
    for reference in ["third", "fourth"] {
        rule(&sandbox, json!({ "mode": "hold", "reference": reference })).await;
        submit(&sandbox, reference).await;
    }
    sandbox.tell("/webhooks/deliver", json!({ "reverse": true })).await;
    let came: Vec<String> = sandbox.receiver.outcomes()[4..].iter().map(|(of, _)| of.clone()).collect();
    assert_eq!(came, ["fourth", "third"]);
}

#[tokio::test]
async fn a_rule_can_have_a_callback_come_before_the_answer() {
    let sandbox = sandbox().await;
    rule(&sandbox, json!({ "mode": "before_answer", "reference": "first" })).await;
    submit(&sandbox, "first").await;
    assert_eq!(sandbox.receiver.hooks().len(), 1);
}

#[tokio::test]
async fn no_callback_comes_before_the_answer_by_chance() {
    let sandbox = sandbox().await;
    let fault = json!({ "operation": "create_verification", "when": "after", "delay_ms": 400 });
    sandbox.tell("/faults", fault).await;
    let waiting = tokio::spawn(sandbox.submitting(&verification("PERSON_MATCH", "late", ORDINARY)).send());
    let (mut looks, mut answered) = (0, false);
    until(async || !sandbox.deliveries("late").await.is_empty()).await;
    while !answered {
        // What was sent is asked before whether the call is still being answered.
        let sent = sandbox.deliveries("late").await[0]["sent"] != 0;
        answered = sandbox.look("/calls?reference=late").await["data"][0]["outcome"] == "answered";
        assert!(answered || !sent);
        looks += 1;
    }
    assert!(looks > 1);
    assert_eq!(waiting.await.unwrap().unwrap().status(), 202);
    sandbox.receiver.wait(1).await;
}

#[tokio::test]
async fn who_has_no_place_for_callbacks_gets_none() {
    let sandbox = sandbox().await;
    sandbox.control(Method::PUT, "/accounts/kompass_town", &json!({ "callback_url": null })).await;
    submit(&sandbox, "nowhere").await;
    sandbox.settle().await;
    let callback = &sandbox.deliveries("nowhere").await[0];
    assert_eq!((&callback["delivery"], &callback["url"]), (&json!("dropped"), &json!(null)));
    let order = json!({ "callbacks": [callback["id"]] });
    sandbox.controlling(Method::POST, "/webhooks/deliver", &order).await.refuses(422, "field_invalid");
}

#[tokio::test]
async fn a_rule_that_is_not_well_formed_names_its_field() {
    let sandbox = sandbox().await;
    for (wrong, field) in [
        (json!({ "mode": "sometimes" }), "mode"),
        (json!({ "mode": "twice", "times": 0 }), "times"),
        (json!({ "mode": "garbage", "attempts": 0 }), "attempts"),
        (json!({}), "mode"),
        (json!({ "mode": "twice", "speed": 1 }), "speed"),
    ] {
        let answer = sandbox.controlling(Method::POST, "/webhooks", &wrong).await;
        assert_eq!(answer.refuses(422, "field_invalid")["field"], field, "{wrong}");
    }
}
