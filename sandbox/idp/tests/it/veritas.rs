//! Every name at the provider that answers at once.

use std::time::{Duration, Instant};

use idp::names;
use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Answer, ORDINARY, check, sandbox, until};

const TYPES: [&str; 5] = ["document", "identity", "address", "liveness", "watchlist"];

#[tokio::test]
async fn good_names_are_clear_in_every_check() {
    let sandbox = sandbox().await;
    for name in [names::CLEAR, ORDINARY] {
        for kind in TYPES {
            let made = sandbox.ask(&check(kind, &format!("{kind}-{}", name.len()), name)).await.is(201);
            assert_eq!((&made["type"], &made["result"]), (&json!(kind), &json!("clear")));
            assert_eq!((&made["reasons"], &made["score"]), (&json!([]), &json!(97)));
            assert_eq!(made["completed_at"], "2030-06-01T12:00:00Z");
            assert_eq!(sandbox.check(&made["id"]).await, made);
        }
    }
}

#[tokio::test]
async fn each_reason_is_found_in_the_check_that_it_is_about_and_in_no_other() {
    let sandbox = sandbox().await;
    for (name, of, result, reason) in [
        (names::DOCUMENT_EXPIRED, "document", "consider", "document_expired"),
        (names::DOCUMENT_FORGED, "document", "consider", "document_forged"),
        (names::IMAGE_BLURRED, "document", "unidentified", "image_blurred"),
        (names::NAME_MISMATCH, "identity", "consider", "name_mismatch"),
        (names::BIRTH_DATE_MISMATCH, "identity", "consider", "birth_date_mismatch"),
        (names::NO_RECORD, "identity", "unidentified", "no_record"),
        (names::ADDRESS_MISMATCH, "address", "consider", "address_mismatch"),
        (names::ADDRESS_UNKNOWN, "address", "unidentified", "address_unknown"),
        (names::FACE_MISMATCH, "liveness", "consider", "face_mismatch"),
        (names::SPOOF_SUSPECTED, "liveness", "consider", "spoof_suspected"),
        (names::WATCHLIST_HIT, "watchlist", "consider", "watchlist_hit"),
        (names::POLITICALLY_EXPOSED, "watchlist", "consider", "politically_exposed"),
    ] {
        for kind in TYPES {
            let made = sandbox.ask(&check(kind, &format!("{reason}-{kind}"), name)).await.is(201);
            let (result, reasons) = if kind == of { (result, json!([reason])) } else { ("clear", json!([])) };
            assert_eq!((&made["result"], &made["reasons"]), (&json!(result), &reasons), "{kind}");
        }
    }
}

#[tokio::test]
async fn some_names_are_not_clear_whatever_is_checked() {
    let sandbox = sandbox().await;
    for (kind, usual) in TYPES.into_iter().zip([
        "document_forged",
        "name_mismatch",
        "address_mismatch",
        "face_mismatch",
        "watchlist_hit",
    ]) {
        for (name, result, reason, score) in [
            (names::REFUSED, "consider", usual, 12),
            (names::INCONCLUSIVE, "unidentified", "insufficient_data", 50),
            (names::SOURCE_UNAVAILABLE, "unidentified", "source_unavailable", 50),
            (names::UNDOCUMENTED, "caution", "policy_7b", 50),
        ] {
            let made = sandbox.ask(&check(kind, &format!("{name}-{kind}"), name)).await.is(201);
            assert_eq!((&made["result"], &made["reasons"]), (&json!(result), &json!([reason])));
            assert_eq!(made["score"], score);
        }
    }
}

#[tokio::test]
async fn a_check_is_made_once_under_its_key() {
    let sandbox = sandbox().await;
    let asked = check("document", "once", ORDINARY);
    let first = sandbox.ask(&asked).await;
    assert!(!first.headers.contains_key("idempotent-replayed"));
    // A URL that is signed anew makes no other request.
    let mut signed_anew = asked.clone();
    signed_anew["documents"][0]["url"] = json!("https://files.example/passport?signature=2");
    let again = sandbox.ask(&signed_anew).await;
    assert_eq!(again.is(201), first.is(201));
    assert_eq!(again.headers["idempotent-replayed"], "true");
    let mut other = asked.clone();
    other["applicant"]["last_name"] = json!(names::REFUSED);
    sandbox.ask(&other).await.refuses(422, "idempotency_key_reused");

    let second = Answer::of(sandbox.asking("another-key", &asked)).await.unwrap().is(201);
    let ids: Vec<Value> = sandbox.checks_of("once").await.iter().map(|one| one["id"].clone()).collect();
    assert_eq!(ids, [first.json()["id"].clone(), second["id"].clone()]);
    let books = sandbox.books("once").await;
    assert_eq!([&books[0]["asked"], &books[1]["asked"]], [2, 1]);
    let calls = sandbox.look("/calls?reference=once").await;
    assert_eq!(calls["counts"], json!({ "create_check": 4 }));
    assert_eq!(calls["totals"]["list_checks"], 1);
}

#[tokio::test]
async fn races_under_one_key_make_one_check() {
    let sandbox = sandbox().await;
    let asked = check("identity", "race", ORDINARY);
    let all = futures::future::join_all((0..32).map(|_| sandbox.ask(&asked))).await;
    assert_eq!(all.iter().filter(|one| !one.headers.contains_key("idempotent-replayed")).count(), 1);
    assert!(all.iter().all(|one| one.is(201) == all[0].json()));
    let books = sandbox.books("race").await;
    assert_eq!((books.len(), &books[0]["asked"]), (1, &json!(32)));
}

#[tokio::test]
async fn a_slow_name_is_answered_late() {
    let sandbox = sandbox().await;
    let started = Instant::now();
    let made = sandbox.ask(&check("identity", "slow", &names::slow(Duration::from_millis(120)))).await;
    assert_eq!(made.is(201)["result"], "clear");
    assert!(started.elapsed() >= Duration::from_millis(120));
}

#[tokio::test]
async fn a_failing_name_fails_so_many_times_and_then_works() {
    let sandbox = sandbox().await;
    for reference in ["failing-1", "failing-2"] {
        let asked = check("identity", reference, &names::failing(3));
        for _ in 0..3 {
            sandbox.ask(&asked).await.refuses(500, "internal");
            assert_eq!(sandbox.checks_of(reference).await, [Value::Null; 0]);
        }
        assert_eq!(sandbox.ask(&asked).await.is(201)["result"], "clear");
        assert_eq!(sandbox.ask(&asked).await.is(201)["result"], "clear");
    }
}

#[tokio::test]
async fn a_spoiled_answer_is_of_a_check_that_was_made() {
    let sandbox = sandbox().await;
    for name in [names::GARBAGE, names::TRUNCATED, names::WRONG_TYPE] {
        // The same whenever it is asked.
        for _ in 0..2 {
            let answer = Answer::of(sandbox.asking(name, &check("identity", name, name))).await;
            match name {
                names::GARBAGE => {
                    let answer = answer.unwrap();
                    assert_eq!((answer.status, &*answer.text), (201, "<html><h1>It works!</h1>"));
                    assert_eq!(answer.headers["content-type"], "application/json");
                }
                names::TRUNCATED => assert!(answer.is_err()),
                _ => {
                    let answer = answer.unwrap();
                    assert_eq!(answer.headers["content-type"], "text/plain");
                    assert_eq!(answer.is(201)["result"], "clear");
                }
            }
        }
        let found = sandbox.checks_of(name).await;
        assert_eq!((found.len(), &found[0]["result"]), (1, &json!("clear")), "{name}");
    }
}

#[tokio::test]
async fn a_truncated_answer_had_begun() {
    let sandbox = sandbox().await;
    let response = sandbox.asking("cut", &check("identity", "cut", names::TRUNCATED)).send().await.unwrap();
    assert_eq!(response.status(), 201);
    assert!(response.content_length().unwrap() > 100);
    assert!(response.text().await.is_err());
}

#[tokio::test]
async fn a_contradictory_name_is_clear_until_it_is_looked_at_again() {
    let sandbox = sandbox().await;
    let made = sandbox.ask(&check("identity", "contrary", names::CONTRADICTORY)).await.is(201);
    assert_eq!(made["result"], "clear");
    let now = sandbox.check(&made["id"]).await;
    assert_eq!((&now["result"], &now["reasons"]), (&json!("consider"), &json!(["name_mismatch"])));
    assert_eq!(sandbox.checks_of("contrary").await, [now]);
    // The call's answer stays what it was.
    assert_eq!(sandbox.ask(&check("identity", "contrary", names::CONTRADICTORY)).await.is(201), made);
    assert_eq!(sandbox.books("contrary").await[0]["answers"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn a_name_that_is_never_answered_is_found_by_its_reference() {
    let sandbox = sandbox().await;
    let asked = check("identity", "never", names::NEVER_ANSWERS);
    for caller in [1, 2] {
        let waiting = tokio::spawn(sandbox.asking("never", &asked).send());
        sandbox.until_hanging(1).await;
        waiting.abort();
        until(async || {
            let calls = sandbox.look("/calls?operation=create_check").await;
            let gone = calls["data"].as_array().unwrap().iter().filter(|one| one["outcome"] == "caller_gone");
            gone.count() == caller
        })
        .await;
    }
    let found = sandbox.checks_of("never").await;
    assert_eq!((found.len(), &found[0]["result"]), (1, &json!("clear")));

    let api = sandbox.api.clone();
    let waiting = tokio::spawn(async move { api.ask(&asked).await });
    sandbox.until_hanging(1).await;
    assert_eq!(sandbox.tell("/release", json!({})).await["released"], 1);
    assert_eq!(waiting.await.unwrap().is(201)["id"], found[0]["id"]);
}

#[tokio::test]
async fn capabilities_say_what_is_taken() {
    let sandbox = sandbox().await;
    let can = Answer::of(sandbox.veritas(Method::GET, "/capabilities")).await.unwrap().is(200);
    let types = can["check_types"].as_array().unwrap();
    assert_eq!(types.iter().map(|one| one["type"].as_str().unwrap()).collect::<Vec<_>>(), TYPES);
    for country in types[0]["document_countries"].as_array().unwrap() {
        for kind in types[0]["document_kinds"].as_array().unwrap() {
            let reference = format!("{country}-{kind}");
            let mut asked = check("document", &reference, ORDINARY);
            (asked["documents"][0]["country"], asked["documents"][0]["kind"]) =
                (country.clone(), kind.clone());
            Answer::of(sandbox.asking(&reference, &asked)).await.unwrap().is(201);
        }
    }
    let mut elsewhere = check("document", "elsewhere", ORDINARY);
    elsewhere["documents"][0]["country"] = json!("AT");
    sandbox.ask(&elsewhere).await.refuses(422, "country_unsupported");
    sandbox.ask(&check("credit", "credit", ORDINARY)).await.refuses(422, "type_unsupported");
}
