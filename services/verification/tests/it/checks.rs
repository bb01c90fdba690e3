//! What providers say, who is asked instead, and what comes too late.

use proto::verification::v1;
use serde_json::json;

use crate::harness::TestApp;

fn check(case: &v1::Case, kind: v1::CheckKind) -> &v1::Check {
    case.checks.iter().find(|check| check.kind() == kind).expect("the check")
}

fn providers(check: &v1::Check) -> Vec<&str> {
    check.attempts.iter().map(|attempt| attempt.provider.as_str()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_two_providers_say_in_their_own_words_is_one_vocabulary() {
    use v1::{CheckKind as Kind, CheckOutcome as Outcome, CheckReason as Reason};
    let app = TestApp::start().await;
    let said = [
        (idp::names::DOCUMENT_FORGED, Kind::Document, Outcome::Failed, Reason::DocumentForged),
        (idp::names::DOCUMENT_EXPIRED, Kind::Document, Outcome::Failed, Reason::DocumentExpired),
        (idp::names::IMAGE_BLURRED, Kind::Document, Outcome::Inconclusive, Reason::ImageUnreadable),
        (idp::names::NAME_MISMATCH, Kind::Identity, Outcome::Failed, Reason::NameMismatch),
        (idp::names::BIRTH_DATE_MISMATCH, Kind::Identity, Outcome::Failed, Reason::BirthDateMismatch),
        (idp::names::NO_RECORD, Kind::Identity, Outcome::Inconclusive, Reason::NoRecord),
        (idp::names::ADDRESS_MISMATCH, Kind::Address, Outcome::Failed, Reason::AddressMismatch),
        (idp::names::INCONCLUSIVE, Kind::Identity, Outcome::Inconclusive, Reason::InsufficientData),
        (idp::names::UNDOCUMENTED, Kind::Identity, Outcome::Inconclusive, Reason::UnknownAnswer),
    ];
    for primary in ["veritas_town", "kompass_town"] {
        app.publish(|policy| {
            let order = [primary];
            policy["first"] = json!({ "document": order, "identity": order, "address": order });
        })
        .await;
        for (name, kind, outcome, reason) in said {
            let case = app.submitted(name).await;
            let case = app.settled(&case.case_id).await;
            let found = check(&case, kind);
            assert_eq!((found.outcome(), found.reason()), (outcome, reason), "{name} at {primary}: {case:?}");
            assert_eq!(providers(found), [primary], "{name}");
            assert_eq!(case.status(), v1::CaseStatus::NeedsReview, "{name} at {primary}");
            app.ada().withdraw(&case.case_id).await.unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_is_down_hangs_fails_or_talks_nonsense_is_given_up_for_the_next() {
    let app = TestApp::start().await;
    let faults = [
        json!({ "operation": "create_check", "times": 6, "answer": "status", "status": 500 }),
        json!({ "operation": "create_check", "times": 6, "answer": "garbage" }),
        json!({ "operation": "create_check", "times": 6, "answer": "cut" }),
        json!({ "operation": "create_check", "times": 6, "answer": "truncate" }),
        json!({ "operation": "create_check", "times": 6, "answer": "oversize" }),
        json!({ "operation": "create_check", "times": 6, "answer": "empty", "when": "after" }),
    ];
    for fault in faults {
        // So that it is this provider's answer that counts, and not its circuit.
        app.admin().force("veritas_town", v1::ProviderForce::In).await.unwrap();
        app.control("faults", &fault).await;
        let case = app.submitted("Miller").await;
        let case = app.settled(&case.case_id).await;
        assert_eq!(case.status(), v1::CaseStatus::Approved, "{fault}: {case:?}");
        let changed = case.checks.iter().filter(|check| providers(check) == ["veritas_town", "kompass_town"]);
        assert!(changed.count() >= 1, "{fault}: {case:?}");
        let events = app.event_names(&case.case_id).await;
        assert!(events.iter().any(|event| event == "failed_over"), "{fault}: {events:?}");
        let url = format!("{}/control/faults", app.idp.veritas_url().trim_end_matches("/veritas"));
        drop(reqwest::Client::new().delete(url.replace("faults", "script")).send().await.unwrap());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn where_nobody_answers_in_time_a_person_decides_and_she_is_told_of_no_outage() {
    let app = TestApp::start().await;
    app.control("outage", &json!({ "mode": "refuse" })).await;
    let case = app.submitted("Miller").await;
    let case = app.settled(&case.case_id).await;
    assert_eq!(case.status(), v1::CaseStatus::NeedsReview);
    assert_eq!(case.pending, [v1::PendingReason::ProvidersUnavailable as i32]);
    for check in &case.checks {
        assert_eq!(
            (check.outcome(), check.reason()),
            (v1::CheckOutcome::Unavailable, v1::CheckReason::NoAnswer)
        );
    }
    let events = app.event_names(&case.case_id).await;
    assert_eq!(events.last().map(String::as_str), Some("review_needed"));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_has_taken_it_and_says_nothing_more_is_given_up_in_its_time() {
    let app = TestApp::start().await;
    app.publish(|policy| {
        policy["first"] = json!({ "identity": ["kompass_town"], "document": ["kompass_town"] });
        policy["purposes"]["identity"]["provider_seconds"] = json!(5);
    })
    .await;
    let request = app.request("ada", idp::names::NEVER_ANSWERS, "identity").await;
    let case = app.ada().submit(request).await.unwrap();
    let case = app.settled(&case.case_id).await;
    let identity = check(&case, v1::CheckKind::Identity);
    assert_eq!(providers(identity), ["kompass_town", "veritas_town"]);
    assert_eq!(identity.attempts[0].outcome(), v1::CheckOutcome::Unavailable);
    assert_eq!(case.status(), v1::CaseStatus::NeedsReview, "veritas does not answer, either");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_comes_after_another_was_asked_is_kept_and_decides_nothing() {
    let app = TestApp::start().await;
    app.publish(|policy| {
        policy["first"] = json!({ "identity": ["kompass_town"], "document": ["kompass_town"] });
        policy["purposes"]["identity"]["provider_seconds"] = json!(5);
    })
    .await;
    let name = idp::names::slow(std::time::Duration::from_secs(40));
    let request = app.request("ada", &name, "identity").await;
    // Veritas would be slow, too.
    app.control("lying", &json!({ "provider": "veritas", "lies": true })).await;
    let case = app.ada().submit(request).await.unwrap();
    let case = app.settled(&case.case_id).await;
    let failed_over = case.checks.iter().all(|check| providers(check).first() == Some(&"kompass_town"));
    assert!(failed_over, "{case:?}");
    let before = (case.status(), case.decision.clone());
    let late = app
        .until(&case.case_id, |case| {
            case.checks.iter().all(|check| check.attempts.first().is_some_and(|first| first.late_answer))
        })
        .await;
    assert_eq!((late.status(), late.decision.clone()), before, "nothing is decided anew");
    assert_eq!(late.checks.iter().map(v1::Check::outcome).collect::<Vec<_>>().len(), 2);
    let entries = app.rita().entries(&case.case_id).await.unwrap();
    assert_eq!(entries.iter().filter(|entry| entry.event == "late_answer").count(), 2);
    assert!(app.count("select count(*) from answers where late").await >= 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_contradicts_itself_is_noted_and_believed_the_first_time() {
    let app = TestApp::start().await;
    app.publish(|policy| policy["first"] = json!({ "identity": ["kompass_town"] })).await;
    let request = app.request("ada", "Miller", "identity").await;
    let case = app.ada().submit(request).await.unwrap();
    let case = app.settled(&case.case_id).await;
    assert_eq!(case.status(), v1::CaseStatus::Approved);
    let books = app.books().await;
    let of_kompass = books.iter().find(|check| check["provider"] == json!("kompass")).expect("it was asked");
    let id = of_kompass["id"].as_str().expect("an id");
    app.control(&format!("checks/{id}/answer"), &json!({ "finding": "refused" })).await;
    let case = app
        .until(&case.case_id, |case| {
            case.checks.iter().any(|check| check.attempts.iter().any(|attempt| attempt.late_answer))
        })
        .await;
    let decided = case.decision.as_ref().unwrap();
    assert_eq!((case.status(), decided.number), (v1::CaseStatus::Approved, 1));
    assert_eq!(app.count("select count(*) from answers where late").await, 1, "what it says now is kept");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_callback_makes_no_difference_but_that_it_is_known_sooner() {
    let app = TestApp::start().await;
    app.publish(|policy| {
        policy["first"] = json!({ "identity": ["kompass_town"], "document": ["kompass_town"], "address": ["kompass_town"] });
    })
    .await;
    for name in [
        "Miller",
        idp::names::CALLBACK_FIRST,
        idp::names::CALLBACK_TWICE,
        idp::names::CALLBACK_LATE,
        idp::names::NO_CALLBACK,
    ] {
        let case = app.submitted(name).await;
        let case = app.settled(&case.case_id).await;
        assert_eq!(case.status(), v1::CaseStatus::Approved, "{name}: {case:?}");
        assert!(case.checks.iter().all(|check| providers(check) == ["kompass_town"]), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_tenant_publishes_decides_who_decides() {
    let app = TestApp::start().await;
    app.publish(|policy| policy["purposes"]["residency"]["reject_failed"] = json!(true)).await;
    let case = app.submitted(idp::names::DOCUMENT_FORGED).await;
    let case = app.settled(&case.case_id).await;
    let decision = case.decision.unwrap();
    assert_eq!((case.status, case.policy_version), (v1::CaseStatus::Rejected as i32, 1));
    assert_eq!(decision.reasons, [v1::DecisionReason::DocumentNotGenuine as i32]);
    assert!(decision.automatic);

    app.publish(|policy| policy["purposes"]["residency"]["always_review"] = json!(true)).await;
    let case = app.submitted("Miller").await;
    let case = app.settled(&case.case_id).await;
    assert_eq!((case.status(), case.policy_version), (v1::CaseStatus::NeedsReview, 2));
    assert_eq!(case.pending, [v1::PendingReason::Policy as i32]);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_check_is_asked_for_once_whatever_is_called_again() {
    let app = TestApp::start().await;
    // The first call of each is made, and not answered.
    app.control(
        "faults",
        &json!({ "operation": "create_check", "times": 3, "when": "after", "answer": "cut" }),
    )
    .await;
    let case = app.submitted("Miller").await;
    let case = app.settled(&case.case_id).await;
    assert_eq!(case.status(), v1::CaseStatus::Approved);
    let books = app.books().await;
    assert_eq!(books.len(), 3, "{books:?}");
    assert!(books.iter().all(|check| check["asked"] == json!(2)), "{books:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn documents_are_attached_to_their_case_and_their_bytes_can_be_fetched() {
    let app = TestApp::start().await;
    app.fetch_files().await;
    let case = app.submitted("Miller").await;
    let case = app.settled(&case.case_id).await;
    assert_eq!(case.status(), v1::CaseStatus::Approved, "the digests are right: {case:?}");
    let mut attached = app.attached(&case.case_id).await;
    let mut handed_in: Vec<_> = case.documents.iter().map(|document| document.document_id.clone()).collect();
    attached.sort();
    handed_in.sort();
    assert_eq!(attached, handed_in);
}
