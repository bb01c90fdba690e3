//! What becomes of payments and refunds at Stripe, and what is asked for.

use std::collections::BTreeMap;

use clock::Clock;
use payment::domain::{Ask, CancelledBy, Payment, RefundSeen, RefundState, Seen, Standing};
use payment::provider::Provider;
use serde_json::json;

use super::fake::{Fake, Fault};
use super::{NOW, payment, provider, refund};

pub(super) const SESSION: &str = "cs_test_1";

/// A payment that Stripe has, on its page.
async fn open(fake: &Fake, stripe: &Provider) -> Payment {
    let payment = payment();
    let seen = stripe.ask(&payment, &Ask::Create, NOW).await;
    assert!(matches!(seen, Seen::Record { standing: Standing::Open { .. }, .. }), "{seen:?}");
    assert_eq!(fake.sessions().len(), 1);
    Payment { provider_id: Some(SESSION.to_owned()), ..payment }
}

async fn look(stripe: &Provider, payment: &Payment) -> Seen {
    stripe.ask(payment, &Ask::Look(SESSION.to_owned()), NOW).await
}

fn standing(standing: Standing) -> Seen {
    Seen::Record { provider_id: SESSION.to_owned(), standing }
}

fn on_its_page() -> Seen {
    standing(Standing::Open { next_url: format!("https://checkout.stripe.com/c/pay/{SESSION}#fid") })
}

#[tokio::test]
async fn a_payment_is_asked_for_by_its_id_and_without_a_word_about_who_pays() {
    let fake = Fake::start(Clock::frozen(NOW)).await;
    let payment = payment();
    assert_eq!(provider(&fake.url).ask(&payment, &Ask::Create, NOW).await, on_its_page());
    let calls = fake.calls();
    let call = &calls[0];
    assert_eq!((calls.len(), call.path.as_str()), (1, "/v1/checkout/sessions"));
    assert_eq!(call.key, Some(format!("create-{}", payment.id)));
    assert_eq!(call.version.as_deref(), Some("2026-08-26.dahlia"));
    let (id, ends) = (payment.id.to_string(), payment.expires_at.unix_timestamp().to_string());
    let asked = [
        ("mode", "payment"),
        ("client_reference_id", &id),
        ("success_url", "https://town.example/bills?a=1&b=ü"),
        ("cancel_url", "https://town.example/bills?a=1&b=ü"),
        ("expires_at", &ends),
        ("line_items[0][quantity]", "1"),
        ("line_items[0][price_data][currency]", "eur"),
        ("line_items[0][price_data][unit_amount]", "1050"),
        ("line_items[0][price_data][product_data][name]", "Bill of Hilltop"),
        ("adaptive_pricing[enabled]", "false"),
        ("payment_intent_data[capture_method]", "automatic"),
        ("payment_intent_data[metadata][guildhall_payment]", &id),
        ("metadata[guildhall_payment]", &id),
        ("payment_method_types[0]", "card"),
        ("expand[0]", "payment_intent"),
    ];
    let asked: BTreeMap<_, _> =
        asked.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect();
    assert_eq!(call.form, asked);
}

#[tokio::test]
async fn a_declined_card_is_no_end_and_one_that_is_charged_is() {
    let fake = Fake::start(Clock::frozen(NOW)).await;
    let stripe = provider(&fake.url);
    let payment = open(&fake, &stripe).await;
    fake.pay(SESSION, "requires_payment_method", Some("card_error"));
    assert_eq!(look(&stripe, &payment).await, on_its_page());
    fake.pay(SESSION, "processing", None);
    assert_eq!(look(&stripe, &payment).await, standing(Standing::Charging));
    fake.pay(SESSION, "succeeded", None);
    assert_eq!(look(&stripe, &payment).await, standing(super::charged(1_050)));
}

#[tokio::test]
async fn a_bank_that_says_no_after_the_page_was_left_ends_it() {
    let fake = Fake::start(Clock::frozen(NOW)).await;
    let stripe = provider(&fake.url);
    let payment = open(&fake, &stripe).await;
    fake.pay(SESSION, "processing", None);
    fake.pay(SESSION, "requires_payment_method", Some("card_error"));
    assert_eq!(look(&stripe, &payment).await, standing(Standing::Declined));
}

#[tokio::test]
async fn what_is_to_be_cancelled_is_and_what_was_charged_before_stays() {
    let fake = Fake::start(Clock::frozen(NOW)).await;
    let stripe = provider(&fake.url);
    let payment = Payment { cancel: Some(CancelledBy::Payer), ..open(&fake, &stripe).await };
    let cancel = Ask::Cancel(SESSION.to_owned());
    assert_eq!(stripe.ask(&payment, &cancel, NOW).await, standing(Standing::Cancelled));
    // Again: it is not open any more.
    assert_eq!(stripe.ask(&payment, &cancel, NOW).await, standing(Standing::Cancelled));
    let expire = format!("POST /v1/checkout/sessions/{SESSION}/expire");
    let look = format!("GET /v1/checkout/sessions/{SESSION}");
    assert_eq!(fake.paths()[1..], [expire.clone(), expire, look]);
    assert_eq!(fake.calls()[1].key, None, "a failure would be said for a day");

    let fake = Fake::start(Clock::frozen(NOW)).await;
    let stripe = provider(&fake.url);
    let payment = Payment { cancel: Some(CancelledBy::Payer), ..open(&fake, &stripe).await };
    fake.pay(SESSION, "succeeded", None);
    assert_eq!(stripe.ask(&payment, &cancel, NOW).await, standing(super::charged(1_050)));
}

#[tokio::test]
async fn a_page_that_nobody_wanted_closed_has_run_out() {
    let fake = Fake::start(Clock::frozen(NOW)).await;
    let stripe = provider(&fake.url);
    let payment = open(&fake, &stripe).await;
    fake.change(|session| session["status"] = json!("expired"));
    assert_eq!(look(&stripe, &payment).await, standing(Standing::Expired));
}

#[tokio::test]
async fn what_shows_another_amount_or_nothing_that_is_understood_means_nothing() {
    let fake = Fake::start(Clock::frozen(NOW)).await;
    let stripe = provider(&fake.url);
    let payment = open(&fake, &stripe).await;
    for fault in [
        Fault::Status(429),
        Fault::Status(503),
        Fault::Status(401),
        Fault::Status(302),
        Fault::Garbage,
        Fault::Lost,
    ] {
        fake.next(fault.clone());
        assert_eq!(look(&stripe, &payment).await, Seen::NoAnswer, "{fault:?}");
    }
    let of_another = stripe.ask(&payment, &Ask::Look("cs_other".to_owned()), NOW).await;
    assert_eq!(of_another, Seen::NoAnswer, "it is not there: that says nothing about what was charged");
    fake.change(|session| session["amount_total"] = json!(1_051));
    assert_eq!(look(&stripe, &payment).await, Seen::NoAnswer);
}

#[tokio::test]
async fn what_stripe_will_not_take_is_refused() {
    let fake = Fake::start(Clock::frozen(NOW)).await;
    let stripe = provider(&fake.url);
    let small = Payment { amount: 10, ..payment() };
    assert_eq!(stripe.ask(&small, &Ask::Create, NOW).await, Seen::Refused);
    assert!(fake.sessions().is_empty());
    // Stripe counts ariary in whole ones, and dinars to the hundredth: nobody is even asked.
    let calls = fake.calls().len();
    for (amount, currency) in [(1_050, "MGA"), (1_051, "KWD"), (1_000, "IQD")] {
        let payment = Payment { amount, currency: currency.parse().unwrap(), ..payment() };
        assert_eq!(stripe.ask(&payment, &Ask::Create, NOW).await, Seen::Refused, "{currency}");
    }
    assert_eq!(fake.calls().len(), calls);
}

#[tokio::test]
async fn krona_are_asked_for_in_hundredths() {
    let fake = Fake::start(Clock::frozen(NOW)).await;
    let payment = Payment { amount: 500, currency: "ISK".parse().unwrap(), ..payment() };
    assert_eq!(provider(&fake.url).ask(&payment, &Ask::Create, NOW).await, on_its_page());
    let call = &fake.calls()[0];
    assert_eq!(call.form["line_items[0][price_data][unit_amount]"], "50000");
    assert_eq!(call.form["line_items[0][price_data][currency]"], "isk");
}

/// A payment that is charged.
pub(super) async fn paid(fake: &Fake, stripe: &Provider) -> Payment {
    let payment = open(fake, stripe).await;
    fake.pay(SESSION, "succeeded", None);
    payment
}

#[tokio::test]
async fn a_refund_is_made_once_and_is_asked_about_until_it_is_over() {
    let fake = Fake::start(Clock::frozen(NOW)).await;
    let stripe = provider(&fake.url);
    let payment = paid(&fake, &stripe).await;
    fake.refunds_are("pending");
    let mut refund = refund(&payment, 50);
    let under_way = RefundSeen::Record { provider_id: "re_1".to_owned(), state: RefundState::Submitted };
    assert_eq!(stripe.ask_refund(&payment, &refund).await, under_way);
    let calls = fake.calls();
    let made = calls.last().unwrap();
    assert_eq!(made.key, Some(format!("refund-{}", refund.id)));
    let (id, of) = (refund.id.to_string(), payment.id.to_string());
    let asked = [
        ("payment_intent", "pi_cs_test_1"),
        ("amount", "50"),
        ("metadata[guildhall_payment]", &of),
        ("metadata[guildhall_refund]", &id),
    ];
    assert_eq!(made.form, asked.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect());

    refund.provider_id = Some("re_1".to_owned());
    for (status, state) in [
        ("pending", RefundState::Submitted),
        ("requires_action", RefundState::Submitted),
        ("succeeded", RefundState::Completed),
        ("failed", RefundState::Failed),
    ] {
        fake.refunds_become(status);
        let wanted = RefundSeen::Record { provider_id: "re_1".to_owned(), state };
        assert_eq!(stripe.ask_refund(&payment, &refund).await, wanted, "{status}");
    }
    assert_eq!(fake.refunds().len(), 1);
}

#[tokio::test]
async fn a_refund_that_stripe_will_not_make_has_failed_and_one_that_it_does_not_answer_has_not() {
    let fake = Fake::start(Clock::frozen(NOW)).await;
    let stripe = provider(&fake.url);
    let payment = paid(&fake, &stripe).await;
    assert_eq!(stripe.ask_refund(&payment, &refund(&payment, 1_051)).await, RefundSeen::Refused);
    let refund = refund(&payment, 50);
    // The session, the list and the refund itself are asked for: each may go without an answer.
    for before in 0..3 {
        for fault in
            [Fault::Status(429), Fault::Status(409), Fault::Status(500), Fault::Status(403), Fault::Garbage]
        {
            (0..before).for_each(|_| fake.next(Fault::None));
            fake.next(fault.clone());
            assert_eq!(
                stripe.ask_refund(&payment, &refund).await,
                RefundSeen::NoAnswer,
                "{before} {fault:?}"
            );
        }
    }
    assert!(fake.refunds().is_empty());
    let never_submitted = Payment { provider_id: None, ..payment };
    assert_eq!(stripe.ask_refund(&never_submitted, &refund).await, RefundSeen::NoAnswer);
}
