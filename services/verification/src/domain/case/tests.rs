use clock::Clock;
use ids::CheckId;
use policy::Policy as _;
use time::macros::datetime;

use super::*;
use crate::domain::{CheckKind, Reason, VerificationPolicy};

const NOW: OffsetDateTime = datetime!(2026-12-01 08:00 UTC);

fn subject(name: &str) -> Subject {
    name.parse().expect("a subject")
}

fn case() -> Case {
    let clock = Clock::frozen(NOW);
    let owner = ("riverton".parse().expect("a tenant"), subject("ada"));
    Case::submit(CaseId::mint(&clock), owner, ("identity".to_owned(), 0), NOW)
}

fn rules(change: impl FnOnce(&mut PurposeRules)) -> PurposeRules {
    let mut rules = VerificationPolicy::builtin().purpose("identity").expect("a purpose").clone();
    change(&mut rules);
    rules
}

fn checks(outcomes: &[Option<Outcome>]) -> Vec<Check> {
    let clock = Clock::frozen(NOW);
    outcomes
        .iter()
        .zip(CheckKind::ALL)
        .map(|(outcome, kind)| {
            let check = Check::new(CheckId::mint(&clock), CaseId::mint(&clock), 1, kind, NOW, Duration::HOUR);
            Check { over: outcome.map(|outcome| (outcome, NOW)), ..check }
        })
        .collect()
}

fn reviewed() -> Case {
    let failed = checks(&[Some(Outcome::Failed(Reason::NameMismatch))]);
    case().check_ended(&failed, &rules(|_| {}), NOW).case
}

fn judgement(verdict: Verdict) -> Judgement {
    Judgement { verdict, reasons: vec![DecisionReason::Legal], asked: Vec::new() }
}

#[test]
fn it_waits_for_all_of_its_checks_and_passes_by_itself_when_they_have() {
    let case = case().check_began(NOW);
    assert_eq!(case.status, Status::Checking);
    let one = checks(&[Some(Outcome::Passed), None]);
    let waiting = case.clone().check_ended(&one, &rules(|_| {}), NOW);
    assert_eq!((waiting.event, &waiting.case), (None, &case));
    let all = checks(&[Some(Outcome::Passed), Some(Outcome::Passed)]);
    let moved = case.clone().check_ended(&all, &rules(|_| {}), NOW);
    assert_eq!((moved.event, moved.case.status), (Some(Event::Approved), Status::Approved));
    let decided = moved.decided.unwrap();
    assert_eq!((decided.by, decided.number, decided.verdict), (None, 1, Verdict::Approve));
    assert!(moved.case.pending.is_empty());
    let always = case.check_ended(&all, &rules(|rules| rules.always_review = true), NOW);
    assert_eq!(always.case.pending, [Pending::Policy].into());
}

#[test]
fn a_doubt_brings_it_to_a_person_with_every_reason() {
    let outcomes = [
        Some(Outcome::Failed(Reason::NameMismatch)),
        Some(Outcome::Inconclusive(Reason::NoRecord)),
        Some(Outcome::Unavailable(Reason::NoAnswer)),
        Some(Outcome::Passed),
    ];
    let moved = case().check_ended(&checks(&outcomes), &rules(|rules| rules.reject_failed = true), NOW);
    assert_eq!((moved.event, moved.case.status), (Some(Event::ReviewNeeded), Status::NeedsReview));
    let all = [Pending::CheckFailed, Pending::CheckInconclusive, Pending::ProvidersUnavailable];
    assert_eq!((moved.case.pending, moved.case.due_at), (all.into(), Some(NOW + Duration::hours(48))));
}

#[test]
fn it_is_rejected_without_a_person_only_where_the_policy_says_so_and_nothing_is_in_doubt() {
    let outcomes =
        [Some(Outcome::Failed(Reason::DocumentForged)), Some(Outcome::Failed(Reason::AddressMismatch))];
    let moved = case().check_ended(&checks(&outcomes), &rules(|rules| rules.reject_failed = true), NOW);
    assert_eq!((moved.event, moved.case.status), (Some(Event::Rejected), Status::Rejected));
    let told = [DecisionReason::DocumentNotGenuine, DecisionReason::AddressNotConfirmed];
    assert_eq!(moved.decided.unwrap().reasons, told);
    assert_eq!(reviewed().status, Status::NeedsReview);
}

#[test]
fn each_reason_of_a_check_is_told_as_one_of_a_decision() {
    for reason in Reason::ALL {
        assert!(because(Outcome::Failed(reason)).is_some());
        assert_eq!(because(Outcome::Inconclusive(reason)), None);
    }
    assert_eq!(because(Outcome::Passed), None);
}

#[test]
fn a_claim_ends_and_only_who_has_it_decides() {
    let (rita, ron) = (subject("rita"), subject("ron"));
    let claimed = reviewed().claim(&rita, NOW).unwrap();
    assert_eq!(claimed.claimed_by(NOW + CLAIM - Duration::SECOND), Some(&rita));
    assert_eq!(claimed.claimed_by(NOW + CLAIM), None);
    assert_eq!(claimed.clone().claim(&ron, NOW), Err(Stays::Claimed));
    assert_eq!(
        claimed.clone().claim(&rita, NOW + Duration::MINUTE).unwrap().claim.map(|c| c.until),
        Some(NOW + Duration::MINUTE + CLAIM)
    );
    assert_eq!(claimed.clone().reassign(&ron, None, NOW), Err(Stays::Claimed));
    assert_eq!(claimed.clone().reassign(&rita, None, NOW).unwrap().claim, None);
    let given = claimed.clone().reassign(&rita, Some(&ron), NOW).unwrap();
    assert_eq!(given.claimed_by(NOW), Some(&ron));
    assert_eq!(claimed.clone().reassign(&rita, Some(&subject("ada")), NOW), Err(Stays::Own));
    let decide =
        |case: &Case, by: &Subject| case.clone().decide(by, judgement(Verdict::Approve), &rules(|_| {}), NOW);
    assert_eq!(decide(&claimed, &ron), Err(Stays::NotClaimed));
    assert_eq!(decide(&claimed, &subject("ada")), Err(Stays::Own));
    assert_eq!(decide(&case(), &rita), Err(Stays::Status));
    let moved = decide(&claimed, &rita).unwrap();
    assert_eq!((moved.case.status, moved.case.claim), (Status::Approved, None));
    assert_eq!(case().claim(&rita, NOW), Err(Stays::Status));
    assert_eq!(case().reassign(&rita, None, NOW), Err(Stays::Status));
}

#[test]
fn two_persons_agree_or_the_newer_word_waits_for_another() {
    let two = rules(|rules| rules.four_eyes = true);
    let (rita, ron) = (subject("rita"), subject("ron"));
    let first = reviewed().claim(&rita, NOW).unwrap();
    let first = first.decide(&rita, judgement(Verdict::Approve), &two, NOW).unwrap();
    assert_eq!((first.event, first.decided), (None, None));
    let waits = first.case;
    assert!(waits.pending.contains(&Pending::SecondPerson));
    assert_eq!(waits.clone().claim(&rita, NOW), Err(Stays::SecondPersonNeeded));
    let claimed = waits.claim(&ron, NOW).unwrap();
    let agreed = claimed.clone().decide(&ron, judgement(Verdict::Approve), &two, NOW).unwrap();
    let decided = agreed.decided.unwrap();
    assert_eq!((decided.by, decided.agreed_by), (Some(rita.clone()), Some(ron.clone())));
    assert_eq!(decided.reasons, [DecisionReason::Legal], "said twice, told once");
    let differs = claimed.decide(&ron, judgement(Verdict::Reject), &two, NOW).unwrap();
    assert_eq!(differs.case.proposal.as_ref().map(|p| (&p.by, p.verdict)), Some((&ron, Verdict::Reject)));
    assert_eq!(differs.case.claim(&ron, NOW), Err(Stays::SecondPersonNeeded));

    // Anew, too; there is nothing to claim then.
    let again = agreed.case.decide(&rita, judgement(Verdict::Reject), &two, NOW).unwrap().case;
    assert_eq!(again.status, Status::Approved, "one is not enough");
    assert_eq!(
        again.clone().decide(&rita, judgement(Verdict::Reject), &two, NOW),
        Err(Stays::SecondPersonNeeded)
    );
    let again = again.decide(&ron, judgement(Verdict::Reject), &two, NOW).unwrap();
    assert_eq!((again.case.status, again.decided.unwrap().number), (Status::Rejected, 2));
}

#[test]
fn what_was_asked_for_is_waited_for_in_its_time() {
    let (rita, rules) = (subject("rita"), rules(|_| {}));
    let asked = Asked {
        document_id: None,
        kind: crate::domain::DocumentKind::Passport,
        reason: crate::domain::AskReason::Expired,
    };
    let claimed = reviewed().claim(&rita, NOW).unwrap();
    let judged = Judgement { verdict: Verdict::AskAgain, reasons: Vec::new(), asked: vec![asked.clone()] };
    let moved = claimed.decide(&rita, judged.clone(), &rules, NOW).unwrap();
    assert_eq!((moved.event, moved.decided.unwrap().verdict), (Some(Event::MoreAsked), Verdict::AskAgain));
    let case = moved.case;
    assert_eq!((case.asked.clone(), case.pending.clone()), (vec![asked], [Pending::MoreAsked].into()));
    let due = NOW + Duration::days(30);
    assert_eq!(case.due_at, Some(due));
    assert_eq!(case.clone().due(due - Duration::SECOND).event, None);
    let over = case.clone().due(due);
    assert_eq!((over.event, over.case.status), (Some(Event::Withdrawn), Status::Withdrawn));
    let again = case.clone().resubmit(NOW).unwrap();
    assert_eq!((again.event, again.case.round, again.case.asked.len()), (Some(Event::Submitted), 2, 0));
    assert_eq!(again.case.resubmit(NOW), Err(Stays::Status));
    assert_eq!(Case { round: MOST_ROUNDS, ..case }.resubmit(NOW), Err(Stays::Rounds));
    let approved = reviewed()
        .claim(&rita, NOW)
        .unwrap()
        .decide(&rita, judgement(Verdict::Approve), &rules, NOW)
        .unwrap();
    assert_eq!(
        approved.case.decide(&rita, judged, &rules, NOW),
        Err(Stays::Status),
        "what is over is decided anew, not asked about"
    );
}

#[test]
fn a_late_review_is_told_once() {
    let case = reviewed();
    let due = case.due_at.unwrap();
    let told = case.due(due);
    assert_eq!((told.event, told.case.escalated), (Some(Event::ReviewEscalated), true));
    assert_eq!(told.case.due(due + Duration::DAY).event, None);
}

#[test]
fn what_is_over_stays_over() {
    let withdrawn = case().withdraw(NOW).unwrap();
    assert_eq!((withdrawn.event, withdrawn.case.status), (Some(Event::Withdrawn), Status::Withdrawn));
    let case = withdrawn.case;
    assert_eq!(case.clone().withdraw(NOW), Err(Stays::Status));
    assert_eq!(case.clone().resubmit(NOW), Err(Stays::Status));
    let passed = checks(&[Some(Outcome::Passed)]);
    assert_eq!(case.clone().check_ended(&passed, &rules(|_| {}), NOW).event, None);
    assert_eq!(case.clone().check_began(NOW), case);
    assert_eq!(
        case.decide(&subject("rita"), judgement(Verdict::Approve), &rules(|_| {}), NOW),
        Err(Stays::Status)
    );
}

#[test]
fn every_name_is_read_back() {
    for status in Status::ALL {
        assert_eq!(Status::named(status.name()), Some(status));
        assert_eq!(
            status.is_over(),
            matches!(status, Status::Approved | Status::Rejected | Status::Withdrawn)
        );
    }
    for pending in Pending::ALL {
        assert_eq!(Pending::named(pending.name()), Some(pending));
    }
    let events = [
        (Event::Submitted, "case_submitted"),
        (Event::ReviewNeeded, "review_needed"),
        (Event::ReviewEscalated, "review_escalated"),
        (Event::Approved, "approved"),
        (Event::Rejected, "rejected"),
        (Event::MoreAsked, "more_asked"),
        (Event::Withdrawn, "withdrawn"),
    ];
    for (event, name) in events {
        assert_eq!(event.name(), name);
    }
}
