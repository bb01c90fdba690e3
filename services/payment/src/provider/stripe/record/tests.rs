use serde_json::{Value, json};
use time::macros::datetime;

use super::*;
use crate::domain::{CancelledBy, PaymentState};

const URL: &str = "https://checkout.stripe.com/c/pay/cs_test_1#x";

pub(in crate::provider::stripe) fn payment() -> Payment {
    Payment {
        id: "019a0000-0000-7000-8000-000000000001".parse().expect("an id"),
        tenant: "riverton".parse().expect("a tenant"),
        bill_id: "019a0000-0000-7000-8000-000000000002".parse().expect("an id"),
        payer: "ada".parse().expect("a subject"),
        account: "acct_town".parse().expect("a name"),
        amount: 1_050,
        currency: "EUR".parse().expect("a currency"),
        return_url: None,
        state: PaymentState::Submitted,
        provider_id: None,
        charge_id: None,
        next_url: None,
        cancel: None,
        silent_since: None,
        refunded: 0,
        refunding: 0,
        disputed: 0,
        created_at: datetime!(2026-11-29 06:00 UTC),
        expires_at: datetime!(2026-11-29 07:30 UTC),
        finished_at: None,
        receipt_id: None,
    }
}

fn charged(amount: i64) -> Standing {
    Standing::Charged { amount, charge_id: Some("pi_1".to_owned()) }
}

fn refund() -> Refund {
    let Payment { tenant, id, created_at, .. } = payment();
    Refund {
        id: "019a0000-0000-7000-8000-000000000003".parse().expect("an id"),
        tenant,
        payment_id: id,
        amount: 50,
        state: RefundState::Submitted,
        provider_id: None,
        reason: None,
        requested_by: "fin".parse().expect("a subject"),
        created_at,
        finished_at: None,
    }
}

fn session(status: &str, intent: &Value) -> Value {
    json!({
        "id": "cs_test_1", "object": "checkout.session", "client_reference_id": payment().id, "mode": "payment",
        "amount_subtotal": 1_050, "amount_total": 1_050, "currency": "eur", "livemode": false, "status": status,
        "payment_status": "unpaid", "url": (status == "open").then_some(URL), "payment_intent": intent,
    })
}

fn intent(status: &str) -> Value {
    let received = if status == "succeeded" { 1_050 } else { 0 };
    json!({ "id": "pi_1", "object": "payment_intent", "status": status, "amount": 1_050, "amount_received": received, "currency": "eur",
        "last_payment_error": null, "metadata": {} })
}

fn failed(why: &str) -> Value {
    let mut intent = intent("requires_payment_method");
    intent["last_payment_error"] =
        json!({ "type": why, "code": "card_declined", "message": "Your card was declined." });
    intent
}

fn seen(payment: &Payment, session: Value) -> Seen {
    serde_json::from_value::<Session>(session).expect("a session").seen(payment)
}

fn standing(session: Value) -> Option<Standing> {
    match seen(&payment(), session) {
        Seen::Record { provider_id, standing } => {
            assert_eq!(provider_id, "cs_test_1");
            Some(standing)
        }
        Seen::NoAnswer => None,
        Seen::Refused => panic!("a record refuses nothing"),
    }
}

#[test]
fn while_the_page_is_open_the_payer_goes_on_there_whatever_was_declined() {
    let open = Some(Standing::Open { next_url: URL.to_owned() });
    for intent in [Value::Null, json!("pi_1"), failed("card_error"), intent("requires_action")] {
        assert_eq!(standing(session("open", &intent)), open, "{intent}");
    }
    let mut nowhere = session("open", &Value::Null);
    nowhere["url"] = Value::Null;
    assert_eq!(standing(nowhere.clone()), None);
    nowhere["url"] = json!(format!("https://checkout.stripe.com/{}", "x".repeat(2_000)));
    assert_eq!(standing(nowhere), None);
}

#[test]
fn what_is_charged_counts_before_what_became_of_the_page() {
    for status in ["open", "complete", "expired"] {
        assert_eq!(standing(session(status, &intent("succeeded"))), Some(charged(1_050)), "{status}");
        for pending in ["processing", "requires_capture"] {
            assert_eq!(
                standing(session(status, &intent(pending))),
                Some(Standing::Charging),
                "{status} {pending}"
            );
        }
    }
    let mut in_another = intent("succeeded");
    in_another["currency"] = json!("usd");
    assert_eq!(standing(session("complete", &in_another)), None);
}

#[test]
fn what_a_bank_said_days_later_is_the_end() {
    for (intent, wanted) in [
        (failed("card_error"), Standing::Declined),
        (failed("invalid_request_error"), Standing::Declined),
        (failed("api_error"), Standing::Broken),
        (intent("requires_payment_method"), Standing::Charging),
        (intent("canceled"), Standing::Cancelled),
        (json!("pi_1"), Standing::Charging),
        (Value::Null, Standing::Charging),
    ] {
        assert_eq!(standing(session("complete", &intent)), Some(wanted), "{intent}");
    }
}

#[test]
fn a_page_that_has_ended_was_cancelled_where_somebody_wished_so() {
    let wished = Payment { cancel: Some(CancelledBy::Staff), ..payment() };
    for intent in [Value::Null, failed("card_error"), intent("canceled")] {
        assert_eq!(standing(session("expired", &intent)), Some(Standing::Expired), "{intent}");
        let wanted = Seen::Record { provider_id: "cs_test_1".to_owned(), standing: Standing::Cancelled };
        assert_eq!(seen(&wished, session("expired", &intent)), wanted, "{intent}");
    }
    assert_eq!(standing(session("expired", &intent("requires_action"))), Some(Standing::Charging));
    assert_eq!(standing(session("expired", &json!("pi_1"))), None, "nobody shows what became of it");
}

#[test]
fn what_is_of_another_payment_or_not_understood_means_nothing() {
    for (name, value) in [
        ("client_reference_id", json!("019a0000-0000-7000-8000-00000000ffff")),
        ("client_reference_id", Value::Null),
        ("amount_total", json!(1_051)),
        ("amount_total", Value::Null),
        ("currency", json!("usd")),
        ("currency", Value::Null),
        ("id", json!("")),
        ("id", json!("c".repeat(256))),
        ("status", json!("new")),
        ("status", Value::Null),
    ] {
        let mut other = session("open", &Value::Null);
        other[name] = value;
        assert_eq!(standing(other.clone()), None, "{other}");
    }
}

#[test]
fn refunds_are_under_way_given_back_or_not() {
    let seen = |change: &dyn Fn(&mut Value)| {
        let mut record = json!({
            "id": "re_1", "object": "refund", "amount": 50, "currency": "eur", "status": "succeeded", "payment_intent": "pi_1",
            "metadata": { "guildhall_payment": payment().id, "guildhall_refund": refund().id },
        });
        change(&mut record);
        serde_json::from_value::<RefundRecord>(record).expect("a refund").seen(&payment(), &refund())
    };
    for (status, state) in [
        ("pending", RefundState::Submitted),
        ("requires_action", RefundState::Submitted),
        ("succeeded", RefundState::Completed),
        ("failed", RefundState::Failed),
        ("canceled", RefundState::Failed),
    ] {
        let wanted = RefundSeen::Record { provider_id: "re_1".to_owned(), state };
        assert_eq!(seen(&|record| record["status"] = json!(status)), wanted, "{status}");
    }
    for (name, value) in [
        ("amount", json!(51)),
        ("currency", json!("usd")),
        ("status", json!("new")),
        ("status", Value::Null),
        ("metadata", json!({})),
        ("metadata", Value::Null),
        ("metadata", json!({ "guildhall_refund": payment().id })),
        ("id", json!("")),
    ] {
        assert_eq!(seen(&|record| record[name] = value.clone()), RefundSeen::NoAnswer, "{name} {value}");
    }
}

#[test]
fn a_refusal_is_final_where_it_is_about_what_was_asked_for() {
    let refusal = |kind: &str, code: Option<&str>| RefusalError {
        r#type: kind.to_owned(),
        code: code.map(str::to_owned),
        param: None,
    };
    assert!(refusal("invalid_request_error", Some("amount_too_small")).is_final());
    assert!(refusal("invalid_request_error", None).is_final());
    assert!(refusal("card_error", Some("card_declined")).is_final());
    assert!(!refusal("idempotency_error", None).is_final(), "something has been done under the key");
    assert!(
        !refusal("invalid_request_error", Some("resource_missing")).is_final(),
        "a wrong account can be set right"
    );
}
