//! Payments from their beginning to what the provider says became of them.

use std::time::Duration;

use proto::payment::v1::{self, AccountKind, BillStatus, CancelledBy, PaymentFailure, PaymentStatus};
use psp::cards;
use rpc_error::{Code, reason};
use serde_json::json;
use topology::topics;

use crate::harness::{TestApp, assert_refused, eur, initiation, is_replayed, units};

#[tokio::test(flavor = "multi_thread")]
async fn an_approved_card_pays_the_bill_once_and_books_it() {
    let app = TestApp::start().await;
    let bill = app.issued().await;
    let begun = app.ada().pay(&bill.bill_id).await.unwrap();
    assert_eq!(
        (begun.status(), begun.next_url.as_str(), begun.can_cancel),
        (PaymentStatus::Processing, "", true)
    );
    let submitted = app.until(&begun.payment_id, |payment| !payment.next_url.is_empty()).await;
    assert!(submitted.next_url.starts_with(&app.psp.url()));
    assert_eq!(app.sam().payment(&begun.payment_id).await.unwrap().next_url, "", "staff are not sent there");
    assert_refused(app.ada().pay(&bill.bill_id).await, Code::Conflict, reason::PAYMENT_UNDER_WAY);
    assert_refused(app.sam().cancel_bill(&bill.bill_id).await, Code::Conflict, reason::PAYMENT_UNDER_WAY);
    assert_refused(
        app.sam().credit(&bill.bill_id, 1).await,
        Code::Conflict,
        reason::AMOUNT_ABOVE_OUTSTANDING,
    );

    app.card(&submitted, cards::APPROVE).await;
    let paid = app.finished(&begun.payment_id).await;
    assert_eq!((paid.status(), units(paid.captured.as_ref())), (PaymentStatus::Completed, 10_000));
    assert_eq!((paid.next_url.as_str(), paid.can_cancel), ("", false));
    assert_eq!(units(paid.refund_available.as_ref()), 10_000);
    let bill = app.ada().bill(&bill.bill_id).await.unwrap();
    assert_eq!(
        (bill.status(), units(bill.paid.as_ref()), units(bill.outstanding.as_ref())),
        (BillStatus::Paid, 10_000, 0)
    );
    assert_eq!(app.balance(AccountKind::Clearing, "acct_town").await, 10_000);
    assert_eq!(app.balance(AccountKind::Receivable, "ada").await, 0);
    assert_refused(app.ada().pay(&bill.bill_id).await, Code::Conflict, reason::BILL_STATE);
    assert_refused(app.ada().cancel(&begun.payment_id).await, Code::Conflict, reason::PAYMENT_STATE);

    let names = ["initiated", "submitted", "completed"];
    assert_eq!(app.ada().history(&begun.payment_id).await.unwrap(), names);
    assert_eq!(app.event_names(topics::PAYMENT, &begun.payment_id).await, names);
    assert_eq!(app.event_names(topics::BILLING, &bill.bill_id).await, ["bill_issued", "bill_paid"]);
    // The last callback may have come after that.
    let idle = testkit::eventually(crate::harness::SOON, || async {
        match app.count("select count(*) from due where kind = 'payment_step'").await {
            0 => Ok(()),
            waiting => Err(waiting),
        }
    });
    idle.await.unwrap();
    app.at_provider(&begun.payment_id).await;
    app.assert_books().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_call_begins_one_payment() {
    let app = TestApp::start().await;
    let (bill, ada) = (app.issued().await, app.ada());
    let mut answers = Vec::new();
    for replayed in [false, true] {
        let request = ada.keyed("one", initiation(&bill.bill_id));
        let answer = ada.payments().initiate_payment(request).await.unwrap();
        assert_eq!(is_replayed(&answer), replayed);
        answers.push(answer.into_inner());
    }
    assert_eq!(answers[0], answers[1]);
    let mut other = initiation(&bill.bill_id);
    other.return_url.push('x');
    let error = ada.payments().initiate_payment(ada.keyed("one", other)).await.unwrap_err();
    assert_eq!(rpc_error::Error::from(error).reason(), reason::IDEMPOTENCY_KEY_REUSED);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_part_is_paid_then_the_rest() {
    let app = TestApp::start().await;
    let bill = app.issued().await;
    let part = v1::InitiatePaymentRequest { amount: Some(eur(4_000)), ..initiation(&bill.bill_id) };
    let begun = app.ada().initiate(part).await.unwrap();
    let submitted = app.until(&begun.payment_id, |payment| !payment.next_url.is_empty()).await;
    app.card(&submitted, cards::APPROVE).await;
    app.finished(&begun.payment_id).await;
    let seen = app.ada().bill(&bill.bill_id).await.unwrap();
    assert_eq!((seen.status(), units(seen.outstanding.as_ref())), (BillStatus::PartPaid, 6_000));
    assert_refused(app.sam().cancel_bill(&bill.bill_id).await, Code::Conflict, reason::BILL_STATE);
    let rest = app.submitted(&bill.bill_id).await;
    assert_eq!(units(rest.amount.as_ref()), 6_000);
    // Of what is to be charged half is: what is not stays owed.
    app.card(&rest, cards::PARTIAL_CAPTURE).await;
    let rest = app.finished(&rest.payment_id).await;
    assert_eq!((rest.status(), units(rest.captured.as_ref())), (PaymentStatus::Completed, 3_000));
    let seen = app.ada().bill(&bill.bill_id).await.unwrap();
    assert_eq!((seen.status(), units(seen.outstanding.as_ref())), (BillStatus::PartPaid, 3_000));
    app.assert_books().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_declined_card_leaves_the_bill_to_be_paid_again() {
    let app = TestApp::start().await;
    let bill = app.issued().await;
    for (card, failure) in
        [(cards::DECLINE, PaymentFailure::Declined), (cards::ERROR, PaymentFailure::ProviderError)]
    {
        let payment = app.submitted(&bill.bill_id).await;
        app.card(&payment, card).await;
        let failed = app.finished(&payment.payment_id).await;
        assert_eq!((failed.status(), failed.failure()), (PaymentStatus::Failed, failure));
    }
    let payment = app.submitted(&bill.bill_id).await;
    app.card(&payment, cards::APPROVE).await;
    assert_eq!(app.finished(&payment.payment_id).await.status(), PaymentStatus::Completed);
    let list = v1::ListPaymentsRequest { bill_id: bill.bill_id.clone(), ..Default::default() };
    let list = app.ada().payments().list_payments(app.ada().keyless(list)).await.unwrap().into_inner();
    assert_eq!(list.payments.len(), 3);
    app.assert_books().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_cancelled_is_cancelled_at_the_provider_unless_it_was_charged_before() {
    let app = TestApp::start().await;
    let bill = app.issued().await;
    for (actor, by) in [(app.ada(), CancelledBy::Payer), (app.sam(), CancelledBy::Staff)] {
        let payment = app.submitted(&bill.bill_id).await;
        assert!(!actor.cancel(&payment.payment_id).await.unwrap().can_cancel);
        let cancelled = app.finished(&payment.payment_id).await;
        assert_eq!((cancelled.status(), cancelled.cancelled_by()), (PaymentStatus::Cancelled, by));
        assert_eq!(app.at_provider(&payment.payment_id).await["state"], "cancelled");
    }
    // The webhook does not come: the provider says that it is charged when it is asked to cancel.
    let payment = app.submitted(&bill.bill_id).await;
    app.card(&payment, cards::NO_WEBHOOK).await;
    app.ada().cancel(&payment.payment_id).await.unwrap();
    let paid = app.finished(&payment.payment_id).await;
    assert_eq!((paid.status(), paid.cancelled_by()), (PaymentStatus::Completed, CancelledBy::Unspecified));
    assert_eq!(
        app.ada().history(&payment.payment_id).await.unwrap(),
        ["initiated", "submitted", "cancel_asked", "completed"]
    );
    app.assert_books().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_paid_in_time_expires_here_and_there() {
    let app = TestApp::start().await;
    let bill = app.issued().await;
    let payment = app.submitted(&bill.bill_id).await;
    app.clock.advance(Duration::from_secs(91 * 60));
    let expired = app.finished(&payment.payment_id).await;
    assert_eq!((expired.status(), expired.failure()), (PaymentStatus::Failed, PaymentFailure::Expired));
    let state = app.at_provider(&payment.payment_id).await["state"].clone();
    assert!(state == "expired" || state == "cancelled", "{state}");
    assert_eq!(
        app.event_names(topics::PAYMENT, &payment.payment_id).await,
        ["initiated", "submitted", "expired"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bank_that_never_answers_is_an_unknown_outcome_that_blocks_a_second_charge() {
    let app = TestApp::start().await;
    for (approve, status) in [(true, PaymentStatus::Completed), (false, PaymentStatus::Failed)] {
        let bill = app.issued().await;
        let payment = app.submitted(&bill.bill_id).await;
        app.card(&payment, cards::NEVER_ANSWERS).await;
        // Each look is later by a quarter of the payment's age; the first begins the silence.
        let silent = "select count(*) from payments where silent_since is not null and status = 'submitted'";
        app.clock.advance(Duration::from_secs(5));
        let noticed = testkit::eventually(crate::harness::SOON, || async {
            app.advance(&payment.payment_id).await;
            let found = app.count(silent).await;
            if found == 1 { Ok(()) } else { Err(found) }
        });
        noticed.await.unwrap();
        app.clock.advance(Duration::from_secs(150));
        let unknown =
            app.until(&payment.payment_id, |payment| payment.status() == PaymentStatus::OutcomeUnknown).await;
        assert_eq!(unknown.next_url, "");
        assert_refused(app.ada().pay(&bill.bill_id).await, Code::Conflict, reason::PAYMENT_UNDER_WAY);
        // Not even past its time: it may have been charged.
        app.clock.advance(Duration::from_secs(2 * 3_600));
        assert_refused(app.ada().pay(&bill.bill_id).await, Code::Conflict, reason::PAYMENT_UNDER_WAY);
        let id = app.at_provider(&payment.payment_id).await["id"].as_str().unwrap().to_owned();
        app.control(&format!("payments/{id}/resolve"), &json!({ "approve": approve })).await;
        assert_eq!(app.finished(&payment.payment_id).await.status(), status);
    }
    app.assert_books().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_is_away_or_talks_nonsense_delays_and_charges_once() {
    let app = TestApp::start().await;
    let faults = [
        json!({ "operation": "create_payment", "when": "before", "answer": "status", "status": 503 }),
        json!({ "operation": "create_payment", "when": "after", "answer": "cut" }),
        json!({ "operation": "create_payment", "when": "after", "answer": "garbage" }),
        json!({ "operation": "create_payment", "when": "after", "answer": "empty" }),
        json!({ "operation": "create_payment", "when": "after", "answer": "oversize" }),
        json!({ "operation": "create_payment", "when": "after", "answer": "truncate" }),
        json!({ "operation": "get_payment", "when": "before", "answer": "status", "status": 500 }),
    ];
    for fault in faults {
        let bill = app.issued().await;
        app.control("faults", &fault).await;
        let begun = app.ada().pay(&bill.bill_id).await.unwrap();
        let retried = testkit::eventually(crate::harness::SOON, || async {
            app.clock.advance(Duration::from_secs(2));
            app.advance(&begun.payment_id).await;
            let payment = app.ada().payment(&begun.payment_id).await.unwrap();
            if payment.next_url.is_empty() { Err(payment) } else { Ok(payment) }
        });
        let submitted = retried.await.unwrap();
        app.card(&submitted, cards::APPROVE).await;
        let paid = testkit::eventually(crate::harness::SOON, || async {
            app.clock.advance(Duration::from_secs(2));
            app.advance(&begun.payment_id).await;
            let payment = app.ada().payment(&begun.payment_id).await.unwrap();
            if payment.finished_at.is_none() { Err(payment) } else { Ok(payment) }
        });
        assert_eq!(paid.await.unwrap().status(), PaymentStatus::Completed, "{fault}");
        app.at_provider(&begun.payment_id).await;
    }
    app.assert_books().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn webhooks_that_come_twice_first_out_of_order_or_never_make_no_difference() {
    let app = TestApp::start().await;
    let cards = [
        cards::WEBHOOK_TWICE,
        cards::WEBHOOK_FIRST,
        cards::WEBHOOK_OUT_OF_ORDER,
        cards::NO_WEBHOOK,
        cards::TIMEOUT_AFTER_CHARGE,
    ];
    for card in cards {
        let bill = app.issued().await;
        let payment = app.submitted(&bill.bill_id).await;
        let id = app.at_provider(&payment.payment_id).await["id"].as_str().unwrap().to_owned();
        app.control(&format!("payments/{id}/pay"), &json!({ "card": card })).await;
        let paid = testkit::eventually(crate::harness::SOON, || async {
            app.clock.advance(Duration::from_secs(1));
            app.advance(&payment.payment_id).await;
            let payment = app.ada().payment(&payment.payment_id).await.unwrap();
            if payment.finished_at.is_none() { Err(payment) } else { Ok(payment) }
        });
        assert_eq!(paid.await.unwrap().status(), PaymentStatus::Completed, "{card}");
        assert_eq!(
            app.ada().history(&payment.payment_id).await.unwrap(),
            ["initiated", "submitted", "completed"],
            "{card}"
        );
    }
    app.assert_books().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_breaks_a_rule_is_refused_and_nothing_is_begun() {
    let app = TestApp::start().await;
    let (bill, ada) = (app.issued().await, app.ada());
    for (amount, currency) in
        [(0, "EUR"), (-1, "EUR"), (i64::MIN, "EUR"), (1, "SEK"), (1, ""), (1, "eur"), (1, "XXX")]
    {
        let refused = ada.initiate(asked(&bill.bill_id, amount, currency)).await;
        assert_refused(refused, Code::InvalidArgument, reason::AMOUNT_INVALID);
    }
    for above in [10_001, i64::MAX] {
        assert_refused(
            ada.initiate(asked(&bill.bill_id, above, "EUR")).await,
            Code::Conflict,
            reason::AMOUNT_ABOVE_OUTSTANDING,
        );
    }
    let elsewhere = v1::InitiatePaymentRequest {
        return_url: "http://evil.example".to_owned(),
        ..initiation(&bill.bill_id)
    };
    assert_refused(ada.initiate(elsewhere).await, Code::InvalidArgument, reason::RETURN_URL_INVALID);
    for id in ["", "x", "018f0000-0000-7000-8000-000000000000"] {
        assert_refused(ada.pay(id).await, Code::NotFound, reason::BILL_NOT_FOUND);
    }
    assert_refused(
        app.citizen("ben", "riverton").pay(&bill.bill_id).await,
        Code::NotFound,
        reason::BILL_NOT_FOUND,
    );
    assert_refused(
        app.citizen("ada", "lakeside").pay(&bill.bill_id).await,
        Code::NotFound,
        reason::BILL_NOT_FOUND,
    );
    assert_refused(
        app.citizen("ada", "hilltop").pay(&bill.bill_id).await,
        Code::Unavailable,
        reason::PROVIDER_ACCOUNT_MISSING,
    );
    assert_refused(app.sam().pay(&bill.bill_id).await, Code::PermissionDenied, reason::PERMISSION_DENIED);
    let cancelled = app.issued().await;
    app.sam().cancel_bill(&cancelled.bill_id).await.unwrap();
    assert_refused(ada.pay(&cancelled.bill_id).await, Code::Conflict, reason::BILL_STATE);
    for sql in ["select count(*) from payments", "select count(*) from due where kind = 'payment_step'"] {
        assert_eq!(app.count(sql).await, 0);
    }
    assert_eq!(app.count("select sum(reserved)::bigint from bills").await, 0);
}

fn asked(bill_id: &str, minor_units: i64, currency: &str) -> v1::InitiatePaymentRequest {
    let amount = Some(proto::common::v1::Money { minor_units, currency: currency.to_owned() });
    v1::InitiatePaymentRequest { amount, ..initiation(bill_id) }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_workflow_is_told_what_to_look_at_and_again_for_as_long_as_it_does_not() {
    let app = TestApp::start_alone().await;
    let bill = app.issued().await;
    let begun = app.ada().pay(&bill.bill_id).await.unwrap();
    let id = &begun.payment_id;
    assert_eq!(app.event_names(topics::WORK, id).await, ["payment_wanted"]);
    for reminders in 2..4 {
        app.clock.advance(Duration::from_secs(61));
        let reminded = testkit::eventually(crate::harness::SOON, || async {
            let told = app.event_names(topics::WORK, id).await.len();
            if told == reminders { Ok(()) } else { Err(told) }
        });
        reminded.await.unwrap();
    }
    // One that looks is not reminded before its wait is over: what it was told last is longer ago by then.
    let step = app.advance(id).await;
    assert!(!step.settled && step.wait_ms > 0, "{step:?}");
    let told = app.event_names(topics::WORK, id).await.len();
    app.ada().cancel(id).await.unwrap();
    assert_eq!(app.event_names(topics::WORK, id).await.len(), told + 1);
    app.finished(id).await;
    assert!(app.advance(id).await.settled);
    app.clock.advance(Duration::from_secs(600));
    assert_eq!(app.count("select count(*) from due where kind = 'payment_step'").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn waits_grow_with_what_is_waited_for_and_end_when_somebody_wants_more() {
    let app = TestApp::start_alone().await;
    let bill = app.issued().await;
    let payment = app.submitted(&bill.bill_id).await;
    let id = &payment.payment_id;
    let mut waits = Vec::new();
    for seconds in [0, 40, 400] {
        app.clock.advance(Duration::from_secs(seconds));
        waits.push(app.advance(id).await.wait_ms);
    }
    assert!(waits.is_sorted() && waits[0] < waits[2], "{waits:?}");
    // The provider is asked and hangs, and meanwhile somebody cancels: what comes back then is older than that.
    app.control("faults", &json!({ "operation": "get_payment", "when": "after", "answer": "hang" })).await;
    let asking = app.advance(id);
    let cancelling = async {
        let hangs = testkit::eventually(crate::harness::SOON, || async {
            let asked = app.requests_at_provider().await;
            let hanging = asked.iter().any(|request| request["outcome"] == "hanging");
            if hanging { Ok(()) } else { Err(asked) }
        });
        hangs.await.unwrap();
        app.ada().cancel(id).await.unwrap();
        app.control("release", &json!({})).await;
    };
    let (step, ()) = tokio::join!(asking, cancelling);
    assert_eq!((step.settled, step.wait_ms), (false, 0));
    app.finished(id).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_that_is_not_there_or_anothers_is_not_advanced() {
    let app = TestApp::start().await;
    let bill = app.issued().await;
    let begun = app.ada().pay(&bill.bill_id).await.unwrap();
    for id in ["", "x", "018f0000-0000-7000-8000-000000000000"] {
        assert_refused(app.worker("riverton").advance(id).await, Code::NotFound, reason::PAYMENT_NOT_FOUND);
    }
    let elsewhere = app.worker("lakeside").advance(&begun.payment_id).await;
    assert_refused(elsewhere, Code::NotFound, reason::PAYMENT_NOT_FOUND);
    for actor in [app.ada(), app.sam(), app.fin()] {
        let refused = actor.advance(&begun.payment_id).await;
        assert_refused(refused, Code::PermissionDenied, reason::PERMISSION_DENIED);
    }
}
