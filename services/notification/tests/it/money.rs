//! Payers are told what becomes of their bills and payments.

use ids::{BillId, PaymentId};
use kafka::CloudEvent;
use prost::Name;
use proto::common::v1::Money;
use proto::payment::v1::{BillEvent, PaymentEvent, PaymentFailure, RefundEvent};

use crate::harness::TestApp;

const NOTIFICATIONS: &str = "select count(*) from notifications";

/// An event of the payment service, about a thing of this id.
fn event<M: Name>(app: &TestApp, name: &str, id: &str, message: &M) -> CloudEvent {
    let event = app.cloud(app.document(), "x", message);
    let topic = if name.starts_with("bill_") { "billing" } else { "payment" };
    let type_ = format!("guildhall.{topic}.{name}.v1");
    CloudEvent { type_, key: id.to_owned(), subject: id.to_owned(), ..event }
}

fn bill(app: &TestApp, id: &str, name: &str, amount: i64) -> CloudEvent {
    let message = BillEvent {
        bill_id: id.to_owned(),
        payer: "ada".to_owned(),
        amount: Some(Money { minor_units: amount, currency: "EUR".to_owned() }),
        ..BillEvent::default()
    };
    event(app, name, id, &message)
}

fn payment(app: &TestApp, id: &str, name: &str, failure: PaymentFailure) -> CloudEvent {
    let message = PaymentEvent {
        payment_id: id.to_owned(),
        payer: "ada".to_owned(),
        failure: failure.into(),
        ..PaymentEvent::default()
    };
    event(app, name, id, &message)
}

#[tokio::test(flavor = "multi_thread")]
async fn each_step_is_a_row_of_the_payers_feed_and_what_they_must_know_is_mailed() {
    let app = TestApp::start().await;
    app.bff().upsert("ada", "ada@example.org", "en").await.expect("a recipient");
    let (bill_id, payment_id) =
        (BillId::mint(&app.clock).to_string(), PaymentId::mint(&app.clock).to_string());
    let refund = |name| {
        let message =
            RefundEvent { payment_id: payment_id.clone(), payer: "ada".to_owned(), ..RefundEvent::default() };
        event(&app, name, &payment_id, &message)
    };
    let none = PaymentFailure::Unspecified;
    let steps = [
        (bill(&app, &bill_id, "bill_issued", 0), "bill.issued", "", true),
        (payment(&app, &payment_id, "submitted", none), "payment.submitted", "", false),
        (payment(&app, &payment_id, "failed", PaymentFailure::Declined), "payment.failed", "DECLINED", true),
        (
            payment(&app, &payment_id, "failed", PaymentFailure::ProviderError),
            "payment.failed",
            "PROVIDER_ERROR",
            true,
        ),
        (payment(&app, &payment_id, "expired", PaymentFailure::Expired), "payment.expired", "", false),
        (payment(&app, &payment_id, "cancelled", none), "payment.cancelled", "", false),
        (payment(&app, &payment_id, "outcome_unknown", none), "payment.outcome_unknown", "", true),
        (payment(&app, &payment_id, "completed", none), "payment.completed", "", false),
        (bill(&app, &bill_id, "bill_part_paid", 1), "bill.part_paid", "", true),
        (bill(&app, &bill_id, "bill_credited", 1), "bill.credited", "", false),
        (bill(&app, &bill_id, "bill_overdue", 0), "bill.overdue", "", true),
        (bill(&app, &bill_id, "bill_paid", 1), "bill.paid", "", true),
        (bill(&app, &bill_id, "bill_cancelled", 1), "bill.cancelled", "", true),
        (bill(&app, &bill_id, "bill_written_off", 1), "bill.written_off", "", false),
        (bill(&app, &bill_id, "bill_pdf_ready", 0), "bill.pdf_ready", "", false),
        (payment(&app, &payment_id, "receipt_ready", none), "payment.receipt_ready", "", false),
        (refund("refund_submitted"), "refund.submitted", "", false),
        (refund("refund_completed"), "refund.completed", "", true),
        (refund("refund_failed"), "refund.failed", "", true),
    ];
    let mut wanted = Vec::new();
    for (number, (event, status, code, mailed)) in (1..).zip(&steps) {
        app.publish(event).await;
        // Twice makes no difference.
        app.publish(event).await;
        app.eventually_count(NOTIFICATIONS, number).await;
        wanted.push((*status, *code));
        if *mailed {
            wanted.push(("delivery.queued", *code));
        }
    }
    let rows = app.ada().all_rows("").await;
    let told: Vec<_> = rows.iter().map(|row| (row.status.as_str(), row.code.as_str())).collect();
    let wanted: Vec<_> = wanted
        .into_iter()
        .map(|(status, code)| if status == "delivery.queued" { (status, "") } else { (status, code) })
        .collect();
    assert_eq!(told, wanted);
    assert!(rows.iter().all(|row| {
        let of_bill = row.subject_type == "bill" && row.category == "bill" && row.subject_id == bill_id;
        of_bill
            || (row.subject_type == "payment" && row.category == "payment" && row.subject_id == payment_id)
    }));
    assert!(rows.iter().all(|row| !row.title.is_empty() && !row.body.is_empty()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_says_what_happened_and_not_how_much_it_is_about() {
    let app = TestApp::start().await;
    app.bff().upsert("ada", "ada@example.org", "en").await.expect("a recipient");
    let id = BillId::mint(&app.clock).to_string();
    app.publish(&bill(&app, &id, "bill_issued", 12_345)).await;
    let job = app.next_job().await;
    let claimed = app.worker().claim(&job).await.expect("claimed");
    assert_eq!(
        (claimed.to_address.as_str(), claimed.subject.as_str()),
        ("ada@example.org", "You have a new bill")
    );
    assert!(
        !claimed.text_body.contains("EUR") && !claimed.text_body.contains("123"),
        "what is owed is read where one signs in"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_told_of_a_draft_that_was_taken_back_and_what_is_unreadable_is_parked() {
    let app = TestApp::start().await;
    app.bff().upsert("ada", "ada@example.org", "en").await.expect("a recipient");
    let id = BillId::mint(&app.clock).to_string();
    app.publish(&bill(&app, &id, "bill_cancelled", 0)).await;
    let broken = BillId::mint(&app.clock).to_string();
    let message = BillEvent { bill_id: "x".to_owned(), payer: "ada".to_owned(), ..BillEvent::default() };
    app.publish(&event(&app, "bill_issued", &broken, &message)).await;
    app.eventually_count("select count(*) from parked where reason = 'ID_UNREADABLE'", 1).await;
    app.eventually_count("select count(*) from inbox where tenant = 'riverton'", 2).await;
    assert_eq!(app.count(NOTIFICATIONS).await, 0);
}
