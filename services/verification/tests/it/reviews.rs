//! People who decide.

use std::time::Duration;

use proto::verification::v1;
use rpc_error::{Code, reason};

use crate::harness::{TestApp, assert_refused, verdict};

use v1::{DecisionReason as Reason, Verdict};

/// A case that waits for somebody.
async fn waiting(app: &TestApp, subject: &str, purpose: &str) -> String {
    let request = app.request(subject, idp::names::NAME_MISMATCH, purpose).await;
    let case = app.person(subject, "riverton", "citizen").submit(request).await.unwrap();
    let case = app.settled(&case.case_id).await;
    assert_eq!(case.status(), v1::CaseStatus::NeedsReview);
    case.case_id
}

#[tokio::test(flavor = "multi_thread")]
async fn one_person_at_a_time_has_a_case_and_decides_it() {
    let app = TestApp::start().await;
    let id = waiting(&app, "ada", "identity").await;
    app.stand_still();
    let (rita, ron) = (app.rita(), app.ron());
    let approve = verdict(&id, Verdict::Approve, Reason::ConfirmedByOffice);
    assert_refused(rita.decide(approve.clone()).await, Code::Conflict, reason::REVIEW_NOT_CLAIMED);
    let review = rita.claim("").await.unwrap();
    assert_eq!((review.case_id.as_str(), review.claimed_by.as_str()), (id.as_str(), "rita"));
    assert_refused(ron.claim(&id).await, Code::Conflict, reason::REVIEW_CLAIMED);
    assert_refused(ron.claim("").await, Code::NotFound, reason::REVIEW_NONE_WAITING);
    assert_eq!((ron.queue(true).await.unwrap().len(), ron.queue(false).await.unwrap().len()), (0, 1));
    assert_refused(ron.decide(approve.clone()).await, Code::Conflict, reason::REVIEW_NOT_CLAIMED);
    assert_refused(ron.reassign(&id, "ron").await, Code::Conflict, reason::REVIEW_CLAIMED);
    app.clock.advance(Duration::from_secs(31 * 60));
    ron.claim(&id).await.expect("nobody has a case for ever");
    let given = ron.reassign(&id, "rita").await.unwrap();
    assert_eq!(given.claimed_by, "rita");
    assert_refused(ron.decide(approve.clone()).await, Code::Conflict, reason::REVIEW_NOT_CLAIMED);
    let case = rita.decide(approve).await.unwrap();
    assert_eq!(case.status(), v1::CaseStatus::Approved);
    let decision = case.decision.unwrap();
    assert_eq!((decision.decided_by.as_str(), decision.automatic, decision.number), ("rita", false, 1));
    let seen = app.ada().case(&id).await.unwrap().decision.unwrap();
    assert_eq!(seen.decided_by, "", "she is not told who");
    assert_eq!(seen.reasons, [Reason::ConfirmedByOffice as i32]);
    assert_eq!(app.event_names(&id).await.last().map(String::as_str), Some("approved"));
    assert_eq!(rita.queue(false).await.unwrap(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_decides_about_themselves() {
    let app = TestApp::start().await;
    let id = waiting(&app, "rita", "identity").await;
    let rita = app.rita();
    assert_refused(rita.claim(&id).await, Code::PermissionDenied, reason::OWN_CASE);
    assert_refused(rita.claim("").await, Code::NotFound, reason::REVIEW_NONE_WAITING);
    let approve = verdict(&id, Verdict::Approve, Reason::ConfirmedByOffice);
    assert_refused(rita.decide(approve.clone()).await, Code::PermissionDenied, reason::OWN_CASE);
    app.ron().claim(&id).await.unwrap();
    assert_refused(app.ron().reassign(&id, "rita").await, Code::PermissionDenied, reason::OWN_CASE);
    app.ron().decide(approve).await.unwrap();
    let anew = verdict(&id, Verdict::Reject, Reason::Legal);
    assert_refused(rita.decide(anew).await, Code::PermissionDenied, reason::OWN_CASE);
    let direct = sqlx::query("update cases set status = 'needs_review', pending = '{policy}', claimed_by = subject, claimed_until = now()")
        .execute(&mut app.db.admin().await)
        .await;
    let direct = direct.expect_err("the database does not know it").to_string();
    assert!(direct.contains("cases_nobody_decides_about_themselves"), "{direct}");
}

#[tokio::test(flavor = "multi_thread")]
async fn where_two_have_to_agree_they_are_two() {
    let app = TestApp::start().await;
    let id = waiting(&app, "ada", "grant").await;
    let (rita, ron) = (app.rita(), app.ron());
    let (approve, reject) = (
        verdict(&id, Verdict::Approve, Reason::ConfirmedByOffice),
        verdict(&id, Verdict::Reject, Reason::DetailsDiffer),
    );
    rita.claim(&id).await.unwrap();
    let case = rita.decide(approve.clone()).await.unwrap();
    assert_eq!(case.status(), v1::CaseStatus::NeedsReview, "one is not enough");
    assert!(case.pending.contains(&(v1::PendingReason::SecondPerson as i32)));
    assert_refused(rita.claim(&id).await, Code::Conflict, reason::SECOND_PERSON_NEEDED);
    ron.claim(&id).await.unwrap();
    let case = ron.decide(reject.clone()).await.unwrap();
    assert_eq!(case.status(), v1::CaseStatus::NeedsReview, "they do not agree");
    let waits = &rita.queue(true).await.unwrap()[0];
    assert_eq!((waits.first_decided_by.as_str(), waits.first_verdict()), ("ron", Verdict::Reject));
    rita.claim(&id).await.unwrap();
    let case = rita.decide(reject).await.unwrap();
    assert_eq!(case.status(), v1::CaseStatus::Rejected);
    let decision = case.decision.unwrap();
    assert_eq!((decision.decided_by.as_str(), decision.agreed_by.as_str()), ("ron", "rita"));
    assert_eq!(rita.decisions(&id).await.unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_decision_is_never_changed_and_a_new_one_is_another() {
    let app = TestApp::start().await;
    let id = waiting(&app, "ada", "identity").await;
    let (rita, ron) = (app.rita(), app.ron());
    rita.claim(&id).await.unwrap();
    rita.decide(verdict(&id, Verdict::Reject, Reason::DetailsDiffer)).await.unwrap();
    let case = ron.decide(verdict(&id, Verdict::Approve, Reason::ConfirmedByOffice)).await.unwrap();
    assert_eq!(case.status(), v1::CaseStatus::Approved);
    let decisions = rita.decisions(&id).await.unwrap();
    let said: Vec<_> = decisions.iter().map(|d| (d.number, d.verdict(), d.decided_by.as_str())).collect();
    assert_eq!(said, [(1, Verdict::Reject, "rita"), (2, Verdict::Approve, "ron")]);
    let mut admin = app.db.admin().await;
    for change in ["update decisions set verdict = 'approve'", "delete from decisions"] {
        let refused = sqlx::query(change).execute(&mut admin).await.expect_err("refused").to_string();
        assert!(refused.contains("a decision is never changed"), "{refused}");
    }
    let events = app.event_names(&id).await;
    assert_eq!(events[events.len() - 2..], ["rejected", "approved"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_decided_keeps_to_the_rules() {
    let app = TestApp::start().await;
    let id = waiting(&app, "ada", "identity").await;
    let rita = app.rita();
    rita.claim(&id).await.unwrap();
    let bare = v1::DecideCaseRequest { case_id: id.clone(), ..v1::DecideCaseRequest::default() };
    let error = assert_refused(rita.decide(bare).await, Code::InvalidArgument, reason::DECISION_INVALID);
    assert_eq!(error.violations()[0].field, "verdict");
    let groundless = v1::DecideCaseRequest {
        case_id: id.clone(),
        verdict: Verdict::Reject.into(),
        ..v1::DecideCaseRequest::default()
    };
    let error =
        assert_refused(rita.decide(groundless).await, Code::InvalidArgument, reason::DECISION_INVALID);
    assert_eq!(error.violations()[0].field, "reasons");
    assert_refused(app.ada().queue(false).await, Code::PermissionDenied, reason::PERMISSION_DENIED);
    let staff = app.person("sam", "riverton", "staff");
    assert_refused(staff.claim(&id).await, Code::PermissionDenied, reason::PERMISSION_DENIED);
    assert_eq!(app.settled(&id).await.status(), v1::CaseStatus::NeedsReview);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_review_that_is_late_is_told_once_and_stays_first() {
    let app = TestApp::start().await;
    let (first, second) = (waiting(&app, "ada", "identity").await, waiting(&app, "bob", "identity").await);
    let queue: Vec<_> =
        app.rita().queue(true).await.unwrap().into_iter().map(|review| review.case_id).collect();
    assert_eq!(queue, [first.clone(), second]);
    app.clock.advance(Duration::from_secs(48 * 3_600));
    let mut seen = Vec::new();
    let told = testkit::eventually(crate::harness::SOON, || async {
        let queue = app.rita().queue(false).await.unwrap();
        if queue.iter().all(|review| review.escalated) { Ok(queue) } else { Err(queue) }
    });
    seen.extend(told.await.unwrap());
    assert_eq!(seen.len(), 2);
    let events = app.event_names(&first).await;
    assert_eq!(events.iter().filter(|event| *event == "review_escalated").count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn notes_are_the_offices_own() {
    let app = TestApp::start().await;
    let id = waiting(&app, "ada", "identity").await;
    let (rita, ron) = (app.rita(), app.ron());
    let note = rita.note(&id, "Called her on Monday.\nShe has moved.").await.unwrap();
    assert_eq!(note.by, "rita");
    assert_eq!(ron.notes(&id).await.unwrap(), [note]);
    assert_refused(app.ada().notes(&id).await, Code::PermissionDenied, reason::PERMISSION_DENIED);
    for text in ["", " ", "a\0", &"x".repeat(2_001)] {
        assert_refused(rita.note(&id, text).await, Code::InvalidArgument, reason::NOTE_INVALID);
    }
    assert_refused(rita.note("x", "y").await, Code::NotFound, reason::CASE_NOT_FOUND);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_who_claim_at_once_one_gets_it_and_of_many_decisions_one_counts() {
    let app = TestApp::start().await;
    let id = waiting(&app, "ada", "identity").await;
    let people: Vec<_> = (0..16).map(|n| app.person(&format!("rev{n}"), "riverton", "reviewer")).collect();
    let claims = futures::future::join_all(people.iter().map(|person| person.claim(&id))).await;
    let who: Vec<_> = claims.iter().enumerate().filter(|(_, claim)| claim.is_ok()).map(|(n, _)| n).collect();
    assert_eq!(who.len(), 1);
    let person = &people[who[0]];
    let verdicts = (0..16).map(|n| {
        let (what, why) = if n % 2 == 0 {
            (Verdict::Approve, Reason::ConfirmedByOffice)
        } else {
            (Verdict::AskAgain, Reason::DetailsDiffer)
        };
        let mut request = verdict(&id, what, why);
        if what == Verdict::AskAgain {
            request.asked = vec![v1::Asked {
                document_id: String::new(),
                kind: v1::DocumentKind::Passport.into(),
                reason: v1::AskReason::Expired.into(),
            }];
        }
        person.decide(request)
    });
    let decided = futures::future::join_all(verdicts).await;
    let case = app.rita().case(&id).await.unwrap();
    let decisions = app.rita().decisions(&id).await.unwrap();
    let counted = decided.iter().filter(|result| result.is_ok()).count();
    assert_eq!(decisions.len(), counted, "each that was taken is kept");
    assert_eq!(decisions.last().map(v1::Decision::verdict), case.decision.map(|decision| decision.verdict()));
    let events = app.event_names(&id).await;
    let told = events.iter().filter(|event| ["approved", "more_asked"].contains(&event.as_str())).count();
    assert_eq!(told, counted);
}
