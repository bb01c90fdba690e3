//! Every name at the provider that answers later.

use std::time::Duration;

use idp::names;
use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Answer, ORDINARY, Sandbox, sandbox, verification};
use crate::receiver::Receiver;

const KINDS: [&str; 4] = ["DOC_AUTH", "PERSON_MATCH", "ADDRESS_MATCH", "SANCTIONS"];

/// Submits it and gives its id.
async fn submit(sandbox: &Sandbox, kind: &str, reference: &str, name: &str) -> Value {
    let accepted = sandbox.submit(&verification(kind, reference, name)).await.is(202);
    assert_eq!((&accepted["state"], &accepted["outcome"]), (&json!("ACCEPTED"), &json!(null)));
    accepted["id"].clone()
}

fn said(verification: &Value) -> (&str, Vec<&str>) {
    let codes = verification["codes"].as_array().unwrap().iter().map(|code| code.as_str().unwrap());
    (verification["outcome"].as_str().unwrap(), codes.collect())
}

#[tokio::test]
async fn good_names_match_and_are_told_by_callback_and_when_asked() {
    let sandbox = sandbox().await;
    for (at, kind) in KINDS.into_iter().enumerate() {
        let id = submit(&sandbox, kind, kind, ORDINARY).await;
        let hook = sandbox.receiver.wait(at + 1).await[at].json();
        assert_eq!((&hook["event"], &hook["revision"]), (&json!("verification.finished"), &json!(1)));
        let told = &hook["verification"];
        assert_eq!((&told["id"], &told["client_ref"], &told["kind"]), (&id, &json!(kind), &json!(kind)));
        assert_eq!(said(told), ("MATCH", vec![]));
        assert_eq!(sandbox.verification(&id).await, *told);
    }
}

#[tokio::test]
async fn each_reason_is_found_in_the_check_that_it_is_about_and_in_no_other() {
    let sandbox = sandbox().await;
    for (name, of, outcome, code) in [
        (names::DOCUMENT_EXPIRED, "DOC_AUTH", "NO_MATCH", "E1101"),
        (names::IMAGE_BLURRED, "DOC_AUTH", "MANUAL", "E1102"),
        (names::DOCUMENT_FORGED, "DOC_AUTH", "NO_MATCH", "E1103"),
        (names::NAME_MISMATCH, "PERSON_MATCH", "NO_MATCH", "E1201"),
        (names::BIRTH_DATE_MISMATCH, "PERSON_MATCH", "NO_MATCH", "E1202"),
        (names::NO_RECORD, "PERSON_MATCH", "MANUAL", "E1203"),
        (names::ADDRESS_MISMATCH, "ADDRESS_MATCH", "NO_MATCH", "E1301"),
        (names::ADDRESS_UNKNOWN, "ADDRESS_MATCH", "MANUAL", "E1302"),
        (names::WATCHLIST_HIT, "SANCTIONS", "MANUAL", "E1501"),
        (names::POLITICALLY_EXPOSED, "SANCTIONS", "MANUAL", "E1502"),
    ] {
        for kind in KINDS {
            let id = submit(&sandbox, kind, &format!("{code}-{kind}"), name).await;
            let expected = if kind == of { (outcome, vec![code]) } else { ("MATCH", vec![]) };
            assert_eq!(said(&sandbox.verification(&id).await), expected, "{kind}");
        }
    }
}

#[tokio::test]
async fn some_names_do_not_match_whatever_is_checked() {
    let sandbox = sandbox().await;
    for (kind, usual) in KINDS.into_iter().zip([
        ("NO_MATCH", "E1103"),
        ("NO_MATCH", "E1201"),
        ("NO_MATCH", "E1301"),
        ("MANUAL", "E1501"),
    ]) {
        for (name, (outcome, code)) in [
            (names::REFUSED, usual),
            (names::INCONCLUSIVE, ("MANUAL", "E1900")),
            (names::SOURCE_UNAVAILABLE, ("ERROR", "E1901")),
            (names::UNDOCUMENTED, ("PARTIAL", "E7777")),
        ] {
            let id = submit(&sandbox, kind, &format!("{name}-{kind}"), name).await;
            assert_eq!(said(&sandbox.verification(&id).await), (outcome, vec![code]));
        }
    }
}

#[tokio::test]
async fn a_verification_is_made_once_of_a_reference() {
    let sandbox = sandbox().await;
    let asked = verification("DOC_AUTH", "once", ORDINARY);
    let id = submit(&sandbox, "DOC_AUTH", "once", ORDINARY).await;
    let mut signed_anew = asked.clone();
    signed_anew["files"][0]["href"] = json!("https://files.example/passport?signature=2");
    let again = sandbox.submit(&signed_anew).await.is(200);
    assert_eq!((&again["id"], &again["state"]), (&id, &json!("DONE")));
    let other = verification("DOC_AUTH", "once", names::REFUSED);
    sandbox.submit(&other).await.faults(409, "E9005");
    let list = sandbox.kompass(Method::GET, "/verifications?client_ref=once");
    assert_eq!(Answer::of(list).await.unwrap().is(200)["items"], json!([again]));
    let none = sandbox.kompass(Method::GET, "/verifications?client_ref=never");
    assert_eq!(Answer::of(none).await.unwrap().is(200)["items"], json!([]));
    sandbox.settle().await;
    assert_eq!(sandbox.receiver.hooks().len(), 1);
    assert_eq!(sandbox.books("once").await[0]["asked"], 2);
}

#[tokio::test]
async fn a_slow_name_is_accepted_until_its_time_has_come() {
    let sandbox = sandbox().await;
    let id = submit(&sandbox, "PERSON_MATCH", "slow", &names::slow(Duration::from_millis(1_500))).await;
    sandbox.clock.advance(Duration::from_millis(1_499));
    assert_eq!(sandbox.verification(&id).await["state"], "ACCEPTED");
    sandbox.settle().await;
    assert_eq!(sandbox.receiver.hooks().len(), 0);
    sandbox.clock.advance(Duration::from_millis(1));
    // Nobody asks: the clock is looked at.
    sandbox.receiver.wait(1).await;
    assert_eq!(sandbox.verification(&id).await["outcome"], "MATCH");
}

#[tokio::test]
async fn an_account_can_wait_for_every_outcome() {
    let sandbox = sandbox().await;
    sandbox.control(Method::PUT, "/accounts/kompass_town", &json!({ "delay_ms": 60_000 })).await;
    let id = submit(&sandbox, "PERSON_MATCH", "later", names::REFUSED).await;
    assert_eq!(sandbox.verification(&id).await["state"], "ACCEPTED");
    sandbox.tell("/clock", json!({ "advance_seconds": 60 })).await;
    assert_eq!(sandbox.verification(&id).await["outcome"], "NO_MATCH");
    let hook = &sandbox.receiver.wait(1).await[0];
    assert_eq!(hook.json()["verification"]["finished_at"], "2030-06-01T12:01:00Z");
    assert_eq!(hook.timestamp(), sandbox.clock.now().unix_timestamp());
}

#[tokio::test]
async fn a_failing_name_fails_so_many_times_and_then_works() {
    let sandbox = sandbox().await;
    let asked = verification("PERSON_MATCH", "failing", &names::failing(2));
    for _ in 0..2 {
        sandbox.submit(&asked).await.faults(500, "E9010");
        assert_eq!(sandbox.books("failing").await, [Value::Null; 0]);
    }
    sandbox.submit(&asked).await.is(202);
    sandbox.receiver.wait(1).await;
}

#[tokio::test]
async fn a_spoiled_answer_is_of_a_verification_that_was_made() {
    let sandbox = sandbox().await;
    for (at, name) in [names::GARBAGE, names::TRUNCATED, names::WRONG_TYPE].into_iter().enumerate() {
        let answer = Answer::of(sandbox.submitting(&verification("PERSON_MATCH", name, name))).await;
        match name {
            names::GARBAGE => assert_eq!(answer.unwrap().text, "<html><h1>It works!</h1>"),
            names::TRUNCATED => assert!(answer.is_err()),
            _ => assert_eq!(answer.unwrap().headers["content-type"], "text/plain"),
        }
        let hook = &sandbox.receiver.wait(at + 1).await[at];
        assert_eq!(hook.told(), (1, "MATCH".to_owned()));
    }
}

#[tokio::test]
async fn a_contradictory_name_is_told_twice_and_otherwise() {
    let sandbox = sandbox().await;
    let id = submit(&sandbox, "PERSON_MATCH", "contrary", names::CONTRADICTORY).await;
    let hooks = sandbox.receiver.wait(2).await;
    assert_eq!(hooks[0].told(), (1, "MATCH".to_owned()));
    assert_eq!(hooks[1].told(), (2, "NO_MATCH".to_owned()));
    assert_ne!(hooks[0].header("webhook-id"), hooks[1].header("webhook-id"));
    assert_eq!(said(&sandbox.verification(&id).await), ("NO_MATCH", vec!["E1201"]));
}

#[tokio::test]
async fn a_name_that_is_never_answered_stays_accepted_until_it_is_resolved() {
    let sandbox = sandbox().await;
    let id = submit(&sandbox, "PERSON_MATCH", "never", names::NEVER_ANSWERS).await;
    sandbox.clock.advance(Duration::from_secs(90 * 24 * 3_600));
    sandbox.settle().await;
    assert_eq!(sandbox.verification(&id).await["state"], "ACCEPTED");
    assert_eq!(sandbox.receiver.hooks().len(), 0);
    let path = format!("/checks/{}/answer", id.as_str().unwrap());
    for (revision, finding, outcome) in [
        (1, "clear", "MATCH"),
        (2, "refused", "NO_MATCH"),
        (3, "insufficient_data", "MANUAL"),
        (4, "source_unavailable", "ERROR"),
    ] {
        sandbox.tell(&path, json!({ "finding": finding })).await;
        let hooks = sandbox.receiver.wait(revision).await;
        assert_eq!(hooks[revision - 1].told(), (revision as u64, outcome.to_owned()));
        assert_eq!(sandbox.verification(&id).await["outcome"], outcome);
    }
    let wrong = sandbox.controlling(Method::POST, &path, &json!({ "finding": "perhaps" })).await;
    assert_eq!(wrong.refuses(422, "field_invalid")["field"], "finding");
    for _ in 4..10 {
        sandbox.tell(&path, json!({ "finding": "clear" })).await;
    }
    let more = sandbox.controlling(Method::POST, &path, &json!({ "finding": "clear" })).await;
    more.refuses(409, "too_many_answers");
}

#[tokio::test]
async fn a_callback_can_come_before_the_answer() {
    let sandbox = sandbox().await;
    for at in 1..=5 {
        submit(&sandbox, "PERSON_MATCH", &format!("early-{at}"), names::CALLBACK_FIRST).await;
        assert_eq!(sandbox.receiver.hooks().len(), at);
    }
}

#[tokio::test]
async fn a_callback_can_come_an_hour_after_the_outcome() {
    let sandbox = sandbox().await;
    let id = submit(&sandbox, "PERSON_MATCH", "late", names::CALLBACK_LATE).await;
    assert_eq!(sandbox.verification(&id).await["outcome"], "MATCH");
    sandbox.clock.advance(Duration::from_secs(3_599));
    sandbox.settle().await;
    assert_eq!(sandbox.receiver.hooks().len(), 0);
    sandbox.clock.advance(Duration::from_secs(1));
    assert_eq!(sandbox.receiver.wait(1).await[0].told(), (1, "MATCH".to_owned()));
}

#[tokio::test]
async fn a_callback_can_come_twice() {
    let sandbox = sandbox().await;
    submit(&sandbox, "PERSON_MATCH", "twice", names::CALLBACK_TWICE).await;
    let hooks = sandbox.receiver.wait(2).await;
    sandbox.settle().await;
    assert_eq!(sandbox.receiver.hooks().len(), 2);
    assert_eq!(hooks[0].header("webhook-id"), hooks[1].header("webhook-id"));
    assert_eq!(hooks[0].body, hooks[1].body);
}

#[tokio::test]
async fn a_callback_can_never_come() {
    let sandbox = sandbox().await;
    let id = submit(&sandbox, "PERSON_MATCH", "silent", names::NO_CALLBACK).await;
    sandbox.settle().await;
    assert_eq!(sandbox.receiver.hooks().len(), 0);
    assert_eq!(sandbox.verification(&id).await["outcome"], "MATCH");
    assert_eq!(sandbox.deliveries("silent").await[0]["delivery"], "dropped");
}

#[tokio::test]
async fn a_verification_can_name_its_own_place_for_callbacks() {
    let sandbox = sandbox().await;
    let other = Receiver::start().await;
    let mut asked = verification("PERSON_MATCH", "elsewhere", ORDINARY);
    asked["callback_url"] = json!(other.url);
    sandbox.submit(&asked).await.is(202);
    other.wait(1).await;
    sandbox.settle().await;
    assert_eq!(sandbox.receiver.hooks().len(), 0);
}

#[tokio::test]
async fn coverage_says_what_is_taken() {
    let sandbox = sandbox().await;
    let can = Answer::of(sandbox.kompass(Method::GET, "/coverage")).await.unwrap().is(200);
    let kinds = can["kinds"].as_object().unwrap();
    assert_eq!(kinds.len(), KINDS.len());
    for kind in kinds.keys() {
        submit(&sandbox, kind, kind, ORDINARY).await;
    }
    for country in can["kinds"]["DOC_AUTH"]["issuers"].as_array().unwrap() {
        for file in can["kinds"]["DOC_AUTH"]["files"].as_array().unwrap() {
            let mut asked = verification("DOC_AUTH", &format!("{country}-{file}"), ORDINARY);
            (asked["files"][0]["issuer"], asked["files"][0]["kind"]) = (country.clone(), file.clone());
            sandbox.submit(&asked).await.is(202);
        }
    }
    let mut elsewhere = verification("DOC_AUTH", "elsewhere", ORDINARY);
    elsewhere["files"][0]["issuer"] = json!("GB");
    sandbox.submit(&elsewhere).await.faults(422, "E9012");
    sandbox.submit(&verification("LIVENESS", "liveness", ORDINARY)).await.faults(422, "E9011");
}
