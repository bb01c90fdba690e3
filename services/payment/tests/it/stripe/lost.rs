//! What got no answer is found again, whatever has become of it, and nothing is made twice.

use clock::Clock;
use payment::domain::{Ask, Payment, RefundSeen, RefundState, Seen, Standing};
use serde_json::json;
use time::Duration;

use super::fake::{Fake, Fault};
use super::standing::{SESSION, paid};
use super::{NOW, payment, provider, refund};

const CREATE: &str = "POST /v1/checkout/sessions";
const LIST: &str = "GET /v1/checkout/sessions";

fn is_open(seen: &Seen) -> bool {
    matches!(seen, Seen::Record { provider_id, standing: Standing::Open { .. } } if provider_id == SESSION)
}

#[tokio::test]
async fn an_answer_that_was_lost_is_given_again_under_the_key() {
    let fake = Fake::start(Clock::frozen(NOW)).await;
    let (stripe, payment) = (provider(&fake.url), payment());
    fake.next(Fault::Lost);
    assert_eq!(stripe.ask(&payment, &Ask::Create, NOW).await, Seen::NoAnswer);
    assert_eq!(fake.sessions().len(), 1, "it was made");
    // Whatever else is asked for meanwhile: the same form, byte by byte, or the key would be refused.
    let wanted = Payment { silent_since: Some(NOW), cancel: None, ..payment };
    assert!(is_open(&stripe.ask(&wanted, &Ask::Create, NOW + Duration::minutes(20)).await));
    assert_eq!(fake.sessions().len(), 1);
    assert_eq!(fake.paths(), [CREATE, CREATE]);
}

#[tokio::test]
async fn what_was_made_before_it_failed_is_found_in_the_list() {
    let fake = Fake::start(Clock::frozen(NOW)).await;
    let (stripe, payment) = (provider(&fake.url), payment());
    fake.next(Fault::DoneAndFailed);
    fake.next(Fault::Status(500));
    assert_eq!(stripe.ask(&payment, &Ask::Create, NOW).await, Seen::NoAnswer, "neither answers");
    fake.strangers(3);
    // The key says for a day that it failed. The list has others before ours, on two pages.
    assert!(is_open(&stripe.ask(&payment, &Ask::Create, NOW).await));
    assert_eq!(fake.paths(), [CREATE, LIST, CREATE, LIST, LIST]);
    let calls = fake.calls();
    let page = &calls.last().unwrap().form;
    assert_eq!((&*page["starting_after"], &*page["expand[]"]), ("cs_test_3", "data.payment_intent"));
}

#[tokio::test]
async fn what_failed_and_was_not_made_is_given_up_when_its_time_is_over() {
    let fake = Fake::start(Clock::frozen(NOW)).await;
    let (stripe, payment) = (provider(&fake.url), payment());
    fake.next(Fault::Failed);
    for (minutes, wanted) in [
        (0, Seen::NoAnswer),
        (60, Seen::NoAnswer),
        (90, Seen::NoAnswer),
        (94, Seen::NoAnswer),
        (95, Seen::Refused),
    ] {
        let seen = stripe.ask(&payment, &Ask::Create, NOW + Duration::minutes(minutes)).await;
        assert_eq!(seen, wanted, "after {minutes} minutes");
    }
    assert!(fake.sessions().is_empty());
}

#[tokio::test]
async fn after_a_day_the_key_is_forgotten_and_nothing_is_made_anew() {
    let clock = Clock::frozen(NOW);
    let fake = Fake::start(clock.clone()).await;
    let (stripe, payment) = (provider(&fake.url), payment());
    fake.next(Fault::Lost);
    assert_eq!(stripe.ask(&payment, &Ask::Create, NOW).await, Seen::NoAnswer);
    clock.advance(std::time::Duration::from_secs(25 * 3_600));
    fake.forget_keys();
    // Stripe takes no session that has ended already, and the one of yesterday was paid.
    fake.pay(SESSION, "succeeded", None);
    let seen = stripe.ask(&payment, &Ask::Create, clock.now()).await;
    assert_eq!(seen, Seen::Record { provider_id: SESSION.to_owned(), standing: super::charged(1_050) });
    assert_eq!(fake.sessions().len(), 1);
    assert_eq!(fake.paths(), [CREATE, CREATE, LIST]);
}

#[tokio::test]
async fn what_reaches_stripe_too_late_is_refused_unless_it_had_been_made() {
    let clock = Clock::frozen(NOW);
    let fake = Fake::start(clock.clone()).await;
    let stripe = provider(&fake.url);
    // Stripe wants half an hour at least.
    clock.advance(std::time::Duration::from_secs(61 * 60));
    assert_eq!(stripe.ask(&payment(), &Ask::Create, clock.now()).await, Seen::Refused);
    assert!(fake.sessions().is_empty());
}

#[tokio::test]
async fn a_list_that_is_not_read_to_its_end_says_nothing() {
    let clock = Clock::frozen(NOW);
    let fake = Fake::start(clock.clone()).await;
    let stripe = provider(&fake.url);
    clock.advance(std::time::Duration::from_secs(61 * 60));
    fake.strangers(3);
    for fault in [
        Fault::Status(429),
        Fault::Status(500),
        Fault::Garbage,
        Fault::Refused(json!({ "type": "invalid_request_error" })),
    ] {
        (0..2).for_each(|_| fake.next(Fault::None));
        fake.next(fault.clone());
        assert_eq!(stripe.ask(&payment(), &Ask::Create, clock.now()).await, Seen::NoAnswer, "{fault:?}");
    }
}

#[tokio::test]
async fn a_key_under_which_something_else_was_asked_for_refuses_nothing() {
    let fake = Fake::start(Clock::frozen(NOW)).await;
    let (stripe, payment) = (provider(&fake.url), payment());
    fake.next(Fault::Lost);
    assert_eq!(stripe.ask(&payment, &Ask::Create, NOW).await, Seen::NoAnswer);
    // The account's settings were changed in between.
    let elsewhere = Payment { return_url: Some("https://town.example/other".to_owned()), ..payment.clone() };
    assert!(is_open(&stripe.ask(&elsewhere, &Ask::Create, NOW).await), "it is found in the list");
    fake.change(|session| session["client_reference_id"] = json!("somebody else's"));
    assert_eq!(stripe.ask(&elsewhere, &Ask::Create, NOW).await, Seen::NoAnswer);
}

#[tokio::test]
async fn nothing_follows_from_no_answer() {
    let fake = Fake::start(Clock::frozen(NOW)).await;
    let (stripe, payment) = (provider(&fake.url), payment());
    // Past its time as well: whoever says nothing has refused nothing.
    for now in [NOW, NOW + Duration::days(2)] {
        for fault in
            [Fault::Status(409), Fault::Status(429), Fault::Status(401), Fault::Status(403), Fault::Garbage]
        {
            fake.next(fault.clone());
            assert_eq!(stripe.ask(&payment, &Ask::Create, now).await, Seen::NoAnswer, "{fault:?}");
        }
    }
    assert!(fake.paths().iter().all(|path| path == CREATE), "nor is a list looked through for it");
    let nobody = provider("http://127.0.0.1:1");
    assert_eq!(nobody.ask(&payment, &Ask::Create, NOW).await, Seen::NoAnswer);
    assert_eq!(nobody.ask_refund(&payment, &refund(&payment, 1)).await, RefundSeen::NoAnswer);
}

#[tokio::test]
async fn a_refund_whose_answer_was_lost_is_made_once_also_after_a_day() {
    for forgotten in [false, true] {
        let fake = Fake::start(Clock::frozen(NOW)).await;
        let stripe = provider(&fake.url);
        let payment = paid(&fake, &stripe).await;
        let others = [refund(&payment, 1), refund(&payment, 2), refund(&payment, 3)];
        let refund = refund(&payment, 50);
        // The session and the list are answered, and what the refund came to is not.
        (0..2).for_each(|_| fake.next(Fault::None));
        fake.next(Fault::Lost);
        assert_eq!(stripe.ask_refund(&payment, &refund).await, RefundSeen::NoAnswer);
        for other in others {
            assert!(matches!(stripe.ask_refund(&payment, &other).await, RefundSeen::Record { .. }));
        }
        if forgotten {
            fake.forget_keys();
        }
        let found = RefundSeen::Record { provider_id: "re_1".to_owned(), state: RefundState::Completed };
        assert_eq!(stripe.ask_refund(&payment, &refund).await, found);
        assert_eq!(fake.refunds().len(), 4);
        assert_eq!(fake.paths().iter().filter(|path| *path == "POST /v1/refunds").count(), 4);
    }
}

#[tokio::test]
async fn a_refund_that_failed_after_it_was_made_is_found() {
    let fake = Fake::start(Clock::frozen(NOW)).await;
    let stripe = provider(&fake.url);
    let payment = paid(&fake, &stripe).await;
    let refund = refund(&payment, 50);
    (0..2).for_each(|_| fake.next(Fault::None));
    fake.next(Fault::DoneAndFailed);
    assert_eq!(stripe.ask_refund(&payment, &refund).await, RefundSeen::NoAnswer);
    assert!(matches!(stripe.ask_refund(&payment, &refund).await, RefundSeen::Record { .. }));
    assert_eq!(fake.refunds().len(), 1);
}
