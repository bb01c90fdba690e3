//! Handing in, reading, and taking back.

use proto::verification::v1;
use rpc_error::{Code, reason};

use crate::harness::{TestApp, applicant, assert_refused, document};

fn fields(error: &rpc_error::Error) -> Vec<String> {
    error.violations().iter().map(|violation| violation.field.clone()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_case_whose_checks_have_passed_is_approved_and_its_history_says_how() {
    let app = TestApp::start().await;
    let taken = app.submitted("Miller").await;
    assert_eq!((taken.status(), taken.round, taken.policy_version), (v1::CaseStatus::Submitted, 1, 0));
    assert_eq!(taken.applicant, None, "no stored answer has it");
    let case = app.settled(&taken.case_id).await;
    assert_eq!(case.status(), v1::CaseStatus::Approved);
    assert_eq!((case.pending.len(), case.checks.len()), (0, 3));
    assert!(case.checks.iter().all(|check| check.outcome() == v1::CheckOutcome::Passed), "{case:?}");
    let decision = case.decision.as_ref().unwrap();
    assert!(decision.automatic && decision.decided_by.is_empty());
    assert_eq!(case.applicant, Some(applicant("Miller")));

    let seen = app.ada().case(&taken.case_id).await.unwrap();
    assert_eq!(seen.applicant, Some(applicant("Miller")), "she sees what she said");
    assert!(seen.checks.iter().all(|check| check.attempts.is_empty()), "and not whom the office asks");
    let entries = app.ada().entries(&taken.case_id).await.unwrap();
    let mut names: Vec<_> = entries.iter().map(|entry| entry.event.as_str()).collect();
    assert_eq!((names[0], names[names.len() - 1]), ("case_submitted", "approved"));
    names.sort_unstable();
    let counted = |name| names.iter().filter(|event| **event == name).count();
    assert_eq!((names.len(), counted("check_started"), counted("check_passed")), (8, 3, 3));
    assert!(entries.iter().all(|entry| entry.by.is_empty() && entry.provider.is_empty()));
    let mut events = app.event_names(&taken.case_id).await;
    assert_eq!(events.pop().as_deref(), Some("approved"));
    assert_eq!(events.len(), 7);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_broken_rule_of_what_is_handed_in_is_told_at_once_and_nothing_is_stored() {
    let app = TestApp::start().await;
    let (ada, good) = (app.ada(), app.request("ada", "Miller", "residency").await);
    let wrong = v1::SubmitCaseRequest {
        applicant: Some(v1::Applicant {
            birth_date: "2990-01-01".to_owned(),
            address: None,
            ..applicant(" x")
        }),
        documents: vec![document("x", v1::DocumentKind::Unspecified, "de")],
        ..good.clone()
    };
    let refused = ada.submit(wrong).await;
    let error = assert_refused(refused, Code::InvalidArgument, reason::VERIFICATION_INVALID);
    assert_eq!(
        fields(&error),
        [
            "applicant.family_name",
            "applicant.birth_date",
            "applicant.address",
            "documents[0].document_id",
            "documents[0].kind",
            "documents[0].country",
        ]
    );
    let unknown = v1::SubmitCaseRequest { purpose: "x".to_owned(), ..good.clone() };
    let error =
        assert_refused(ada.submit(unknown).await, Code::InvalidArgument, reason::VERIFICATION_INVALID);
    assert_eq!(fields(&error), ["purpose"]);
    let missing = v1::SubmitCaseRequest { documents: good.documents[1..].to_vec(), ..good.clone() };
    let error =
        assert_refused(ada.submit(missing).await, Code::InvalidArgument, reason::VERIFICATION_INVALID);
    assert_eq!(fields(&error), ["documents", "documents"]);

    let foreign = app.request("bob", "Miller", "residency").await;
    assert_refused(ada.submit(foreign).await, Code::NotFound, reason::DOCUMENT_NOT_FOUND);
    let mut unready = good.clone();
    unready.documents[0].document_id = ids::DocumentId::mint(&app.clock).to_string();
    assert_refused(ada.submit(unready).await, Code::NotFound, reason::DOCUMENT_NOT_FOUND);
    let keyless = ada.cases().submit_case(ada.keyless(good)).await.map_err(rpc_error::Error::from);
    assert_refused(keyless, Code::Malformed, reason::IDEMPOTENCY_KEY_MISSING);
    assert_eq!(app.count("select count(*) from cases").await, 0);
    assert_eq!(app.books().await.len(), 0, "nobody was asked");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_has_one_case_of_a_purpose_and_a_repeated_call_makes_no_other() {
    let app = TestApp::start().await;
    app.control("outage", &serde_json::json!({ "mode": "hang" })).await;
    let (ada, request) = (app.ada(), app.request("ada", "Miller", "residency").await);
    let call = || async {
        let answer = ada.cases().submit_case(ada.keyed("k-1", request.clone())).await;
        answer.map(|answer| {
            (answer.metadata().get("idempotent-replayed").is_some(), answer.into_inner().case.unwrap())
        })
    };
    let (first, second) = (call().await.unwrap(), call().await.unwrap());
    assert_eq!((first.0, second.0), (false, true));
    assert_eq!(first.1.case_id, second.1.case_id);
    assert_refused(ada.submit(request.clone()).await, Code::Conflict, reason::CASE_EXISTS);
    // Another purpose is another case, and once the first is over there can be a new one.
    let other = v1::SubmitCaseRequest { purpose: "identity".to_owned(), ..request.clone() };
    ada.submit(other).await.unwrap();
    let over = ada.withdraw(&first.1.case_id).await.unwrap();
    assert_eq!((over.status(), over.pending.len()), (v1::CaseStatus::Withdrawn, 0));
    assert_refused(ada.withdraw(&first.1.case_id).await, Code::Conflict, reason::CASE_STATE);
    ada.submit(request).await.unwrap();
    assert_eq!(ada.list().await.unwrap().len(), 3);
    assert_eq!(app.event_names(&first.1.case_id).await.last().map(String::as_str), Some("withdrawn"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_the_callers_does_not_exist() {
    let app = TestApp::start().await;
    let case = app.submitted("Miller").await;
    let bob = app.bob();
    assert_refused(bob.case(&case.case_id).await, Code::NotFound, reason::CASE_NOT_FOUND);
    assert_refused(bob.entries(&case.case_id).await, Code::NotFound, reason::CASE_NOT_FOUND);
    assert_refused(bob.withdraw(&case.case_id).await, Code::NotFound, reason::CASE_NOT_FOUND);
    assert_refused(bob.case("x").await, Code::NotFound, reason::CASE_NOT_FOUND);
    assert_eq!(bob.list().await.unwrap(), []);
    let elsewhere = app.person("lea", "lakeside", "reviewer");
    assert_refused(elsewhere.case(&case.case_id).await, Code::NotFound, reason::CASE_NOT_FOUND);
    assert_refused(elsewhere.claim(&case.case_id).await, Code::NotFound, reason::CASE_NOT_FOUND);
    assert_refused(
        app.rita().submit(v1::SubmitCaseRequest::default()).await,
        Code::PermissionDenied,
        reason::PERMISSION_DENIED,
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_asked_for_again_is_looked_at_anew_and_not_waited_for_for_ever() {
    let app = TestApp::start().await;
    let case = app.submitted("Blurred").await;
    let case = app.settled(&case.case_id).await;
    assert_eq!(case.status(), v1::CaseStatus::NeedsReview);
    assert_eq!(case.pending, [v1::PendingReason::CheckInconclusive as i32]);
    let (rita, ada, id) = (app.rita(), app.ada(), case.case_id.clone());
    rita.claim(&id).await.unwrap();
    let asked = v1::Asked {
        document_id: case.documents[0].document_id.clone(),
        kind: v1::DocumentKind::Passport.into(),
        reason: v1::AskReason::Unreadable.into(),
    };
    let again = v1::DecideCaseRequest {
        case_id: id.clone(),
        verdict: v1::Verdict::AskAgain.into(),
        reasons: Vec::new(),
        asked: vec![asked.clone()],
    };
    let case = rita.decide(again.clone()).await.unwrap();
    assert_eq!((case.status(), &case.asked[..]), (v1::CaseStatus::MoreAsked, &[asked][..]));
    assert_refused(app.bob().resubmit(&id, Vec::new()).await, Code::NotFound, reason::CASE_NOT_FOUND);
    assert_refused(ada.resubmit(&id, Vec::new()).await, Code::InvalidArgument, reason::VERIFICATION_INVALID);
    let new = app.request("ada", "", "residency").await.documents;
    let case = ada.resubmit(&id, new.clone()).await.unwrap();
    assert_eq!((case.status(), case.round, case.asked.len()), (v1::CaseStatus::Submitted, 2, 0));
    assert_refused(ada.resubmit(&id, new).await, Code::Conflict, reason::CASE_STATE);
    let case = app.settled(&id).await;
    assert_eq!(case.status(), v1::CaseStatus::NeedsReview, "her name has not changed");

    rita.claim(&id).await.unwrap();
    rita.decide(again).await.map(drop).expect_err("the document is of the first round");
    let missing = v1::DecideCaseRequest {
        case_id: id.clone(),
        verdict: v1::Verdict::AskAgain.into(),
        reasons: Vec::new(),
        asked: vec![v1::Asked {
            document_id: String::new(),
            kind: v1::DocumentKind::ProofOfAddress.into(),
            reason: v1::AskReason::Incomplete.into(),
        }],
    };
    rita.decide(missing).await.unwrap();
    app.clock.advance(std::time::Duration::from_secs(30 * 86_400));
    let case = app.until(&id, |case| case.status() == v1::CaseStatus::Withdrawn).await;
    assert_eq!(case.due_at, None);
}
