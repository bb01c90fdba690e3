//! What the provider says of a refund, and what becomes of it.

use clock::Clock;
use time::macros::datetime;

use super::*;

const NOW: OffsetDateTime = datetime!(2026-11-29 06:00 UTC);

fn refund(state: RefundState, provider_id: Option<&str>) -> Refund {
    let clock = Clock::frozen(NOW);
    Refund {
        id: RefundId::mint(&clock),
        tenant: "riverton".parse().expect("a tenant"),
        payment_id: PaymentId::mint(&clock),
        amount: 100,
        state,
        provider_id: provider_id.map(str::to_owned),
        reason: None,
        requested_by: "fin".parse().expect("a subject"),
        created_at: NOW,
        finished_at: None,
    }
}

fn record(state: RefundState) -> RefundSeen {
    RefundSeen::Record { provider_id: "re_1".to_owned(), state }
}

#[test]
fn states_have_names() {
    let names = [RefundState::Submitted, RefundState::Completed, RefundState::Failed].map(RefundState::name);
    assert_eq!(names, ["submitted", "completed", "failed"]);
}

#[test]
fn it_is_over_once_when_the_provider_says_how_it_ended() {
    let later = NOW + Duration::seconds(5);
    let known = Some("re_1");
    for (known_as, seen, state, provider_id, over) in [
        (None, RefundSeen::NoAnswer, RefundState::Submitted, None, false),
        (None, RefundSeen::Refused, RefundState::Failed, None, true),
        // What it has once taken it cannot refuse.
        (known, RefundSeen::Refused, RefundState::Submitted, known, false),
        (None, record(RefundState::Submitted), RefundState::Submitted, known, false),
        (None, record(RefundState::Completed), RefundState::Completed, known, true),
        (known, record(RefundState::Failed), RefundState::Failed, known, true),
    ] {
        let (after, was_over) = refund(RefundState::Submitted, known_as).apply(seen.clone(), later);
        assert_eq!(
            (after.state, after.provider_id.as_deref(), was_over),
            (state, provider_id, over),
            "{seen:?}"
        );
        assert_eq!(after.finished_at, over.then_some(later));
        // Whatever it says after that means nothing.
        if over {
            assert_eq!(after.clone().apply(record(RefundState::Completed), NOW), (after, false));
        }
    }
}

#[test]
fn it_is_asked_about_at_longer_and_longer_waits_until_it_is_over() {
    let asked = refund(RefundState::Submitted, None);
    for (age, wait) in [(0, 1), (3, 1), (8, 2), (400, 100), (3_600, 900), (100_000, 900)] {
        let now = NOW + Duration::seconds(age);
        assert_eq!(asked.ask_at(now), Some(now + Duration::seconds(wait)), "{age}");
    }
    for state in [RefundState::Completed, RefundState::Failed] {
        assert_eq!(refund(state, None).ask_at(NOW), None);
    }
}
