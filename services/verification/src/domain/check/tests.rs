use clock::Clock;
use proptest::prelude::*;
use time::macros::datetime;

use super::*;

const NOW: OffsetDateTime = datetime!(2026-12-01 08:00 UTC);
const BUDGET: Duration = Duration::minutes(10);
const PATIENCE: Duration = Duration::minutes(1);

fn account(name: &str) -> AccountName {
    name.parse().expect("a name")
}

fn candidates(permitted: &[(&str, bool)]) -> Vec<Candidate> {
    permitted
        .iter()
        .map(|(name, permitted)| Candidate {
            account: account(name),
            permitted: *permitted,
            patience: PATIENCE,
        })
        .collect()
}

fn new() -> Check {
    let clock = Clock::frozen(NOW);
    Check::new(CheckId::mint(&clock), CaseId::mint(&clock), 1, CheckKind::Identity, NOW, BUDGET)
}

fn asked(step: Step) -> (Check, Begun) {
    match step {
        Step::Ask(check, begun) => (check, begun),
        other => panic!("{other:?}"),
    }
}

fn over(step: Step) -> Outcome {
    match step {
        Step::Over(check) => check.outcome().expect("an outcome"),
        other => panic!("{other:?}"),
    }
}

fn answer(outcome: Outcome) -> Seen {
    Seen::Answer { provider_id: "p-1".to_owned(), outcome }
}

#[test]
fn the_first_that_is_permitted_is_asked_and_asked_again_it_is_the_same_attempt() {
    let both = candidates(&[("a", false), ("b", true), ("c", true)]);
    let (check, begun) = asked(new().step(&both, NOW));
    assert_eq!(begun, Begun::First);
    let attempt = check.under_way().unwrap();
    assert_eq!((attempt.number, attempt.account.as_str()), (1, "b"));
    assert_eq!(
        (attempt.expires_at, attempt.reference(check.id)),
        (NOW + PATIENCE, format!("{}.1", check.id))
    );
    let (again, begun) = asked(check.clone().step(&both, NOW + PATIENCE - Duration::milliseconds(1)));
    assert_eq!((again, begun), (check, Begun::Nothing));
}

#[test]
fn yes_no_and_cannot_tell_end_it() {
    let all = candidates(&[("a", true), ("b", true)]);
    for outcome in
        [Outcome::Passed, Outcome::Failed(Reason::NameMismatch), Outcome::Inconclusive(Reason::NoRecord)]
    {
        let (check, _) = asked(new().step(&all, NOW));
        let (check, changed) = check.apply(1, &answer(outcome), NOW);
        assert_eq!((check.outcome(), changed), (Some(outcome), true));
        assert_eq!(check.look_at(NOW), None);
        assert_eq!(check.step(&all, NOW), Step::Nothing);
    }
}

#[test]
fn two_silences_in_a_row_a_refusal_or_a_source_that_is_away_have_the_next_asked() {
    let all = candidates(&[("a", true), ("b", true)]);
    let (check, _) = asked(new().step(&all, NOW));
    let (check, _) = check.apply(1, &Seen::NoAnswer, NOW);
    assert_eq!(check.look_at(NOW), Some(NOW + RETRY));
    // What was taken meanwhile begins the count anew.
    let (taken, _) = check.clone().apply(1, &Seen::Accepted { provider_id: "p".to_owned() }, NOW);
    assert_eq!(taken.clone().apply(1, &Seen::NoAnswer, NOW).0.under_way().map(|a| a.silences), Some(1));
    assert_eq!(taken.look_at(NOW), Some(NOW + Duration::seconds(1)));
    let (check, _) = check.apply(1, &Seen::NoAnswer, NOW);
    assert_eq!((check.under_way(), check.look_at(NOW)), (None, Some(NOW)));
    let (check, begun) = asked(check.step(&all, NOW));
    assert_eq!(begun, Begun::Instead(account("a")));
    assert_eq!(check.attempts[0].over, Some((Outcome::Unavailable(Reason::NoAnswer), NOW)));

    for (seen, reason) in [
        (Seen::Refused, Reason::NotCovered),
        (Seen::SourceAway { provider_id: "p".to_owned() }, Reason::NoAnswer),
    ] {
        let (check, _) = asked(new().step(&all, NOW));
        let (check, _) = check.apply(1, &seen, NOW);
        assert_eq!(check.attempts[0].over, Some((Outcome::Unavailable(reason), NOW)));
        let (check, begun) = asked(check.step(&all, NOW));
        assert_eq!((begun, check.attempts.len()), (Begun::Instead(account("a")), 2));
    }
}

#[test]
fn a_provider_is_given_up_in_its_time_and_a_check_in_its_own() {
    let all = candidates(&[("a", true), ("b", true)]);
    let (check, _) = asked(new().step(&all, NOW));
    let (check, _) = check.apply(1, &Seen::Accepted { provider_id: "p".to_owned() }, NOW);
    let (check, begun) = asked(check.step(&all, NOW + PATIENCE));
    assert_eq!(begun, Begun::Instead(account("a")));
    let late = NOW + BUDGET - Duration::seconds(5);
    let short = Check { expires_at: late + Duration::seconds(5), ..new() };
    let (short, _) = asked(short.step(&all, late));
    assert_eq!(short.under_way().map(|attempt| attempt.expires_at), Some(NOW + BUDGET));
    assert_eq!(
        over(check.clone().step(&all, NOW + PATIENCE * 2)),
        Outcome::Unavailable(Reason::NoAnswer),
        "both were"
    );
    assert_eq!(over(check.step(&all, NOW + BUDGET)), Outcome::Unavailable(Reason::NoAnswer));
}

#[test]
fn where_nobody_can_be_asked_it_is_over_at_once_and_says_why() {
    assert_eq!(over(new().step(&[], NOW)), Outcome::Unavailable(Reason::NotCovered));
    let out = candidates(&[("a", false)]);
    assert_eq!(over(new().step(&out, NOW)), Outcome::Unavailable(Reason::NoAnswer));
}

#[test]
fn what_is_said_after_it_is_over_is_noted_and_changes_nothing() {
    let all = candidates(&[("a", true), ("b", true)]);
    let (check, _) = asked(new().step(&all, NOW));
    let (check, _) = check.apply(1, &Seen::Refused, NOW);
    let (check, _) = asked(check.step(&all, NOW));
    let (late, changed) = check.clone().apply(1, &answer(Outcome::Passed), NOW);
    assert!(changed && late.attempts[0].late_answer);
    assert_eq!(late.outcome(), None, "who was given up decides nothing");
    let (check, _) = check.apply(2, &answer(Outcome::Passed), NOW);
    let (same, changed) = check.clone().apply(2, &answer(Outcome::Passed), NOW);
    assert!(!changed && !same.attempts[1].late_answer, "the same again is nothing new");
    let (other, changed) = check.clone().apply(2, &answer(Outcome::Failed(Reason::NameMismatch)), NOW);
    assert!(changed && other.attempts[1].late_answer);
    assert_eq!(other.outcome(), Some(Outcome::Passed));
    assert_eq!(
        check.clone().apply(9, &answer(Outcome::Passed), NOW),
        (check, false),
        "there is no such attempt"
    );
}

#[test]
fn every_name_is_read_back() {
    for kind in CheckKind::ALL {
        assert_eq!(CheckKind::named(kind.name()), Some(kind));
    }
    for reason in Reason::ALL {
        assert_eq!(Reason::named(reason.name()), Some(reason));
        for outcome in [Outcome::Failed(reason), Outcome::Inconclusive(reason), Outcome::Unavailable(reason)]
        {
            assert_eq!(Outcome::named(outcome.name(), outcome.reason()), Some(outcome));
        }
    }
    assert_eq!(Outcome::named("passed", None), Some(Outcome::Passed));
    assert_eq!(Outcome::named("passed", Some(Reason::NoAnswer)), None);
    assert_eq!(Outcome::named("failed", None), None);
}

fn anything() -> impl Strategy<Value = Seen> {
    prop_oneof![
        Just(Seen::NoAnswer),
        Just(Seen::Refused),
        Just(Seen::Accepted { provider_id: "p".to_owned() }),
        Just(Seen::SourceAway { provider_id: "p".to_owned() }),
        Just(answer(Outcome::Passed)),
        Just(answer(Outcome::Failed(Reason::NoRecord))),
        Just(answer(Outcome::Inconclusive(Reason::NoRecord))),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(10_000))]

    #[test]
    fn whatever_is_said_it_ends_in_its_time_asks_nobody_twice_and_never_changes_its_mind(
        said in proptest::collection::vec((anything(), 1..6_i32, any::<u8>(), 1..90_i64), 0..40),
    ) {
        let (mut check, mut now) = (new(), NOW);
        let mut ended = None;
        for (seen, number, permitted, seconds) in said {
            let all = candidates(&[("a", permitted & 1 > 0), ("b", permitted & 2 > 0), ("c", permitted & 4 > 0)]);
            check = match check.clone().step(&all, now) {
                Step::Ask(check, _) | Step::Over(check) => check,
                Step::Nothing => check,
            };
            check = check.apply(number, &seen, now).0;
            if let Some(ended) = ended {
                prop_assert_eq!(check.outcome(), Some(ended));
            }
            ended = check.outcome();
            let names: std::collections::BTreeSet<_> = check.attempts.iter().map(|a| a.account.clone()).collect();
            prop_assert_eq!(names.len(), check.attempts.len());
            let under_way = check.attempts.iter().filter(|attempt| attempt.over.is_none()).count();
            prop_assert!(under_way <= 1);
            prop_assert!(ended.is_none() || check.look_at(now).is_none());
            now += Duration::seconds(seconds);
        }
        let last = check.clone().step(&[], NOW + BUDGET);
        let over = matches!(last, Step::Over(_) | Step::Nothing);
        prop_assert!(over);
    }
}
