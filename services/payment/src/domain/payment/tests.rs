//! Whatever the provider says, in whatever order and how often, at whatever time.

use clock::Clock;
use proptest::prelude::*;
use time::macros::datetime;

use super::*;
use crate::domain::{Refund, RefundSeen, RefundState};

const BEGAN: OffsetDateTime = datetime!(2026-11-29 06:00 UTC);
const PATIENCE: Duration = Duration::minutes(2);
const AMOUNT: i64 = 1_000;

fn payment() -> Payment {
    let clock = Clock::frozen(BEGAN);
    Payment {
        id: PaymentId::mint(&clock),
        tenant: "riverton".parse().expect("a tenant"),
        bill_id: BillId::mint(&clock),
        payer: "ada".parse().expect("a subject"),
        account: "acct_town".parse().expect("an account"),
        amount: AMOUNT,
        currency: "EUR".parse().expect("a currency"),
        return_url: Some("https://town.example/".to_owned()),
        state: State::Initiated,
        provider_id: None,
        charge_id: None,
        next_url: None,
        cancel: None,
        silent_since: None,
        refunded: 0,
        refunding: 0,
        disputed: 0,
        created_at: BEGAN,
        expires_at: BEGAN + Duration::minutes(90),
        finished_at: None,
        receipt_id: None,
    }
}

fn record(standing: Standing) -> Seen {
    Seen::Record { provider_id: "pay_1".to_owned(), standing }
}

fn charged(amount: i64) -> Standing {
    Standing::Charged { amount, charge_id: None }
}

fn open() -> Seen {
    record(Standing::Open { next_url: "https://psp.example/checkout/pay_1".to_owned() })
}

/// Applies one after the other, a second apart; the events they made.
fn after(seen: impl IntoIterator<Item = Seen>) -> (Payment, Vec<Event>) {
    let (mut payment, mut events, mut now) = (payment(), Vec::new(), BEGAN);
    for seen in seen {
        now += Duration::seconds(1);
        let applied = payment.apply(seen, now, PATIENCE);
        payment = applied.payment;
        events.extend(applied.event);
    }
    (payment, events)
}

#[test]
fn a_payment_is_made_then_looked_at_then_over() {
    assert_eq!(payment().ask(BEGAN), Some(Ask::Create));
    let (submitted, events) = after([open()]);
    assert_eq!(events, [Event::Submitted]);
    assert_eq!(submitted.next_url.as_deref(), Some("https://psp.example/checkout/pay_1"));
    assert_eq!(submitted.ask(BEGAN), Some(Ask::Look("pay_1".to_owned())));
    let (paid, events) = after([open(), record(Standing::Charging), record(charged(AMOUNT))]);
    assert_eq!(events, [Event::Submitted, Event::Completed]);
    assert_eq!((paid.captured(), paid.available()), (AMOUNT, AMOUNT));
    assert_eq!(
        (paid.ask(BEGAN), paid.ask_at(BEGAN), paid.next_url, paid.return_url),
        (None, None, None, None)
    );
}

#[test]
fn each_way_to_end_has_its_state_and_event() {
    let ways = [
        (record(Standing::Declined), State::Failed(Failure::Declined), Event::Failed),
        (record(Standing::Broken), State::Failed(Failure::ProviderError), Event::Failed),
        (record(Standing::Expired), State::Failed(Failure::Expired), Event::Expired),
        (record(Standing::Cancelled), State::Cancelled(CancelledBy::Payer), Event::Cancelled),
        (record(charged(1)), State::Completed { captured: 1 }, Event::Completed),
        (Seen::Refused, State::Failed(Failure::ProviderError), Event::Failed),
    ];
    for (seen, state, event) in ways {
        let (payment, events) = after([seen]);
        assert_eq!((payment.state, events), (state, vec![event]));
    }
}

#[test]
fn what_is_to_be_cancelled_is_made_first_and_then_cancelled() {
    let asked = payment().ask_cancel(CancelledBy::Staff).expect("not over");
    assert_eq!(asked.ask(BEGAN), Some(Ask::Create));
    let applied = asked.apply(open(), BEGAN, PATIENCE);
    assert_eq!(applied.payment.next_url, None);
    assert_eq!(applied.payment.ask(BEGAN), Some(Ask::Cancel("pay_1".to_owned())));
    let second = applied.payment.clone().ask_cancel(CancelledBy::Payer).expect("not over");
    let cancelled = second.apply(record(Standing::Cancelled), BEGAN, PATIENCE);
    assert_eq!(cancelled.payment.state, State::Cancelled(CancelledBy::Staff));
    assert_eq!(cancelled.payment.clone().ask_cancel(CancelledBy::Payer), Err(Over));
    // It was charged before the provider heard of it: the money has moved, so it is paid.
    let charged = applied.payment.apply(record(charged(AMOUNT)), BEGAN, PATIENCE);
    assert_eq!(charged.payment.state, State::Completed { captured: AMOUNT });
}

#[test]
fn it_is_asked_about_at_longer_and_longer_waits() {
    let waits = |payment: &Payment, ages: &[i64]| -> Vec<i64> {
        let at = |age: &i64| {
            let now = BEGAN + Duration::seconds(*age);
            payment.ask_at(now).map_or(-1, |at| (at - now).whole_seconds())
        };
        ages.iter().map(at).collect()
    };
    let begun = payment();
    assert_eq!(waits(&begun, &[0, 3, 40, 240, 1_000]), [1, 1, 10, 60, 60]);
    let submitted = Payment { state: State::Submitted, ..payment() };
    assert_eq!(
        waits(&submitted, &[0, 40, 1_200, 4_000, 5_399, 5_400, 8_000]),
        [2, 10, 300, 300, 1, 300, 300]
    );
    // Counted from when it fell silent.
    let silent = Some(BEGAN + Duration::seconds(100));
    let unknown = Payment { state: State::OutcomeUnknown, silent_since: silent, ..payment() };
    assert_eq!(waits(&unknown, &[100, 180, 4_000, 100_000]), [5, 20, 900, 900]);
    for state in [
        State::Completed { captured: 1 },
        State::Failed(Failure::Declined),
        State::Cancelled(CancelledBy::Staff),
    ] {
        assert_eq!(waits(&Payment { state, ..payment() }, &[0]), [-1]);
    }
}

#[test]
fn it_can_be_cancelled_once_while_it_is_not_over() {
    assert!(payment().can_cancel());
    let asked = payment().ask_cancel(CancelledBy::Payer).unwrap();
    assert!(!asked.can_cancel());
    assert_eq!(
        asked.ask_cancel(CancelledBy::Staff).map(|payment| payment.cancel),
        Ok(Some(CancelledBy::Payer))
    );
    let over = Payment { state: State::Failed(Failure::Expired), ..payment() };
    assert!(!over.can_cancel());
    assert_eq!(over.ask_cancel(CancelledBy::Payer), Err(Over));
}

#[test]
fn what_is_available_is_what_was_charged_and_nobody_has_a_claim_on() {
    let state = State::Completed { captured: 900 };
    let paid = Payment { state, refunded: 100, refunding: 30, disputed: 7, ..payment() };
    assert_eq!((paid.captured(), paid.available(), payment().available()), (900, 763, 0));
    assert_eq!(paid.clone().dispute_opened(763).map(|paid| paid.disputed), Ok(770));
    assert_eq!(paid.clone().dispute_opened(764), Err(NotDisputed::RefundsUnderWay));
    assert_eq!(paid.clone().dispute_opened(793), Err(NotDisputed::RefundsUnderWay));
    assert_eq!(paid.clone().dispute_opened(794), Err(NotDisputed::AboveCaptured));
    assert_eq!(paid.clone().dispute_won(7).disputed, 0);
    let ended = paid.clone().refund_ended(30, true);
    assert_eq!((ended.refunded, ended.refunding), (130, 0));
    let failed = paid.refund_ended(30, false);
    assert_eq!((failed.refunded, failed.refunding), (100, 0));
}

#[test]
fn what_the_charge_is_called_is_kept_from_the_first_answer_that_says_so() {
    let named = |name: &str| Standing::Charged { amount: AMOUNT, charge_id: Some(name.to_owned()) };
    let (paid, _) = after([open(), record(named("pi_1")), record(named("pi_2"))]);
    assert_eq!(paid.charge_id.as_deref(), Some("pi_1"));
}

#[test]
fn what_is_not_paid_in_time_is_cancelled_and_has_expired() {
    let (submitted, _) = after([open()]);
    let late = submitted.expires_at;
    assert_eq!(submitted.ask_at(late - Duration::seconds(1)), Some(late));
    // From then on nobody is sent there.
    for (now, somewhere) in [(late - Duration::nanoseconds(1), true), (late, false)] {
        let shown = submitted.clone().apply(open(), now, PATIENCE).payment;
        assert_eq!(shown.next_url.is_some(), somewhere, "{now}");
    }
    assert_eq!(submitted.ask(late), Some(Ask::Cancel("pay_1".to_owned())));
    let expired = submitted.apply(record(Standing::Cancelled), late, PATIENCE);
    assert_eq!(
        (expired.payment.state, expired.event),
        (State::Failed(Failure::Expired), Some(Event::Expired))
    );
}

#[test]
fn silence_is_unknown_after_a_while_and_any_answer_ends_it() {
    for silent in [Seen::NoAnswer, record(Standing::Charging)] {
        let first = payment().apply(silent.clone(), BEGAN, PATIENCE);
        assert_eq!((first.payment.state, first.event), (State::Initiated, None));
        let almost = first.payment.apply(silent.clone(), BEGAN + PATIENCE - Duration::seconds(1), PATIENCE);
        assert_eq!(almost.payment.state, State::Initiated);
        let unknown = almost.payment.apply(silent.clone(), BEGAN + PATIENCE, PATIENCE);
        assert_eq!(
            (unknown.payment.state, unknown.event),
            (State::OutcomeUnknown, Some(Event::OutcomeUnknown))
        );
        let again = unknown.payment.clone().apply(silent, BEGAN + PATIENCE * 2, PATIENCE);
        assert_eq!((again.payment.state, again.event), (State::OutcomeUnknown, None));
        let back = again.payment.apply(open(), BEGAN + PATIENCE * 3, PATIENCE);
        assert_eq!((back.payment.state, back.event), (State::Submitted, Some(Event::Submitted)));
        let paid = unknown.payment.apply(record(charged(AMOUNT)), BEGAN + PATIENCE, PATIENCE);
        assert_eq!(paid.event, Some(Event::Completed));
    }
}

#[test]
fn what_cannot_be_is_noted_and_believed_by_nobody() {
    let other = Seen::Record { provider_id: "pay_2".to_owned(), standing: charged(AMOUNT) };
    for wrong in [record(charged(AMOUNT + 1)), record(charged(0)), record(charged(-1)), other, Seen::Refused]
    {
        let (submitted, _) = after([open()]);
        let applied = submitted.apply(wrong, BEGAN, PATIENCE);
        assert!(applied.contradiction.is_some());
        assert_eq!((applied.payment.state, applied.event), (State::Submitted, None));
    }
    let (failed, _) = after([open(), record(Standing::Declined)]);
    let applied = failed.clone().apply(record(charged(AMOUNT)), BEGAN, PATIENCE);
    assert!(applied.contradiction.is_some());
    assert_eq!((applied.payment, applied.event), (failed, None));
}

#[test]
fn a_refund_needs_what_was_charged_and_a_right_belief() {
    let (paid, _) = after([open(), record(charged(AMOUNT))]);
    assert_eq!(payment().refund(1, 0).unwrap_err(), NotRefunded::NotCharged);
    assert_eq!(paid.clone().refund(1, AMOUNT - 1).unwrap_err(), NotRefunded::Stale);
    assert_eq!(paid.clone().refund(AMOUNT + 1, AMOUNT).unwrap_err(), NotRefunded::AboveAvailable);
    let part = paid.refund(400, AMOUNT).expect("it is available");
    assert_eq!(part.available(), 600);
    assert_eq!(part.clone().refund_ended(400, false).available(), AMOUNT);
    assert_eq!(part.refund_ended(400, true).available(), 600);
}

fn seen() -> impl Strategy<Value = Seen> {
    let standing = prop_oneof![
        4 => Just(Standing::Open { next_url: "https://psp.example/x".to_owned() }),
        4 => Just(Standing::Charging),
        2 => (-1..AMOUNT + 2).prop_map(charged),
        1 => Just(charged(AMOUNT)),
        1 => Just(Standing::Declined),
        1 => Just(Standing::Broken),
        1 => Just(Standing::Cancelled),
        1 => Just(Standing::Expired),
    ];
    let name = prop_oneof![9 => Just("pay_1"), 1 => Just("pay_2")];
    prop_oneof![
        8 => (name, standing).prop_map(|(name, standing)| Seen::Record { provider_id: name.to_owned(), standing }),
        4 => Just(Seen::NoAnswer),
        1 => Just(Seen::Refused),
    ]
}

#[derive(Clone, Debug)]
enum Step {
    Hear(Seen),
    AskCancel,
    Refund(i64),
    RefundSeen(usize, RefundSeen),
}

fn step() -> impl Strategy<Value = Step> {
    let state =
        prop_oneof![Just(RefundState::Submitted), Just(RefundState::Completed), Just(RefundState::Failed)];
    let refund_seen = prop_oneof![
        3 => state.prop_map(|state| RefundSeen::Record { provider_id: "re_1".to_owned(), state }),
        1 => Just(RefundSeen::Refused),
        1 => Just(RefundSeen::NoAnswer),
    ];
    prop_oneof![
        6 => seen().prop_map(Step::Hear),
        1 => Just(Step::AskCancel),
        3 => (1..AMOUNT + 10).prop_map(Step::Refund),
        3 => (0usize..4, refund_seen).prop_map(|(which, seen)| Step::RefundSeen(which, seen)),
    ]
}

/// Sequences of answers; each night more.
fn cases() -> u32 {
    std::env::var("GUILDHALL_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(10_000)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(cases()))]

    #[test]
    fn no_order_of_answers_breaks_a_rule(steps in proptest::collection::vec((step(), 0i64..2_000), 1..25)) {
        let (mut payment, mut refunds, mut now) = (payment(), Vec::<Refund>::new(), BEGAN);
        let mut ends = 0;
        for (step, seconds) in steps {
            now += Duration::seconds(seconds);
            let before = payment.clone();
            match step {
                Step::Hear(seen) => {
                    let charged = matches!(&seen, Seen::Record { provider_id, standing: Standing::Charged { amount, .. } }
                        if (1..=AMOUNT).contains(amount)
                            && before.provider_id.as_ref().is_none_or(|known| known == provider_id));
                    let applied = payment.apply(seen, now, PATIENCE);
                    payment = applied.payment;
                    if before.state.is_over() {
                        prop_assert_eq!(&payment.state, &before.state);
                        prop_assert_eq!(applied.event, None);
                    } else {
                        // An edge has an event, and nothing else has.
                        prop_assert_eq!(applied.event.is_some(), payment.state != before.state);
                        prop_assert_eq!(charged, matches!(payment.state, State::Completed { .. }));
                        ends += u32::from(payment.state.is_over());
                    }
                }
                Step::AskCancel => match payment.clone().ask_cancel(CancelledBy::Payer) {
                    Ok(asked) => payment = asked,
                    Err(Over) => prop_assert!(payment.state.is_over()),
                },
                Step::Refund(amount) => {
                    let (available, captured) = (payment.available(), payment.captured());
                    match payment.clone().refund(amount, available) {
                        Ok(begun) => {
                            payment = begun;
                            refunds.push(Refund {
                                id: ids::RefundId::mint(&Clock::frozen(now)),
                                tenant: payment.tenant.clone(),
                                payment_id: payment.id,
                                amount,
                                state: RefundState::Submitted,
                                provider_id: None,
                                reason: None,
                                requested_by: payment.payer.clone(),
                                created_at: now,
                                finished_at: None,
                            });
                        }
                        Err(_) => prop_assert!(captured == 0 || amount > available),
                    }
                }
                Step::RefundSeen(which, seen) => {
                    if let Some(refund) = refunds.get_mut(which) {
                        let was = refund.state;
                        let (moved, over) = refund.clone().apply(seen, now);
                        prop_assert_eq!(over, was == RefundState::Submitted && moved.state != RefundState::Submitted);
                        if was != RefundState::Submitted {
                            prop_assert_eq!(&moved, &*refund);
                        }
                        if over {
                            payment = payment.refund_ended(moved.amount, moved.state == RefundState::Completed);
                        }
                        *refund = moved;
                    }
                }
            }
            let sum = |state| refunds.iter().filter(|refund| refund.state == state).map(|refund| refund.amount).sum::<i64>();
            prop_assert_eq!(payment.refunded, sum(RefundState::Completed));
            prop_assert_eq!(payment.refunding, sum(RefundState::Submitted));
            prop_assert!(payment.available() >= 0 && payment.captured() <= AMOUNT);
            prop_assert_eq!(payment.state.is_over(), payment.finished_at.is_some());
            prop_assert_eq!(payment.ask(now).is_none(), payment.state.is_over());
            match payment.ask_at(now) {
                None => prop_assert!(payment.state.is_over()),
                Some(at) => prop_assert!(at > now && at <= now + Duration::minutes(15)),
            }
            prop_assert!(payment.next_url.is_none() || payment.state == State::Submitted);
        }
        prop_assert!(ends <= 1);
    }
}
