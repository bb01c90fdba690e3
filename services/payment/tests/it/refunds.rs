//! Money given back.

use proto::payment::v1::{AccountKind, RefundStatus};
use psp::cards;
use rpc_error::{Code, reason};
use serde_json::json;
use topology::topics;

use crate::harness::{TestApp, assert_refused, units};

#[tokio::test(flavor = "multi_thread")]
async fn a_part_and_then_the_rest_is_given_back_and_never_more() {
    let app = TestApp::start().await;
    let (_, payment) = app.paid().await;
    let (id, fin) = (&payment.payment_id, app.fin());
    assert_refused(app.sam().refund(id, 1, 10_000).await, Code::PermissionDenied, reason::PERMISSION_DENIED);
    assert_refused(fin.refund(id, 1, 9_999).await, Code::PreconditionFailed, reason::AMOUNT_AVAILABLE_STALE);
    assert_refused(fin.refund(id, 10_001, 10_000).await, Code::Conflict, reason::AMOUNT_ABOVE_AVAILABLE);
    for amount in [0, -1] {
        assert_refused(fin.refund(id, amount, 10_000).await, Code::InvalidArgument, reason::AMOUNT_INVALID);
    }
    let part = fin.refund(id, 2_500, 10_000).await.unwrap();
    assert_eq!((part.status(), part.reason.as_str()), (RefundStatus::Submitted, "paid too much"));
    assert_refused(
        fin.refund(id, 2_500, 10_000).await,
        Code::PreconditionFailed,
        reason::AMOUNT_AVAILABLE_STALE,
    );
    let done = app.refunded(id, &part.refund_id).await;
    assert_eq!(done.status(), RefundStatus::Completed);
    assert_eq!(app.ada().refunds(id).await.unwrap()[0].reason, "", "the office's own words");
    let rest = fin.refund(id, 7_500, 7_500).await.unwrap();
    app.refunded(id, &rest.refund_id).await;
    let after = app.ada().payment(id).await.unwrap();
    assert_eq!((units(after.refunded.as_ref()), units(after.refund_available.as_ref())), (10_000, 0));
    assert_refused(fin.refund(id, 1, 0).await, Code::Conflict, reason::AMOUNT_ABOVE_AVAILABLE);
    assert_eq!(app.balance(AccountKind::Clearing, "acct_town").await, 0);
    assert_eq!(app.balance(AccountKind::Refunds, "acct_town").await, 10_000);
    assert_eq!(app.at_provider(id).await["amount_refunded"], 10_000);
    assert_eq!(
        app.event_names(topics::PAYMENT, id).await,
        [
            "initiated",
            "submitted",
            "completed",
            "refund_submitted",
            "refund_completed",
            "refund_submitted",
            "refund_completed"
        ]
    );
    app.assert_books().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refund_that_fails_is_available_again_and_a_pending_one_is_not() {
    let app = TestApp::start().await;
    let bill = app.issued().await;
    let payment = app.submitted(&bill.bill_id).await;
    app.card(&payment, cards::REFUND_FAILS).await;
    let id = app.finished(&payment.payment_id).await.payment_id;
    let refund = app.fin().refund(&id, 10_000, 10_000).await.unwrap();
    assert_eq!(app.refunded(&id, &refund.refund_id).await.status(), RefundStatus::Failed);
    assert_eq!(units(app.ada().payment(&id).await.unwrap().refund_available.as_ref()), 10_000);

    let bill = app.issued().await;
    let payment = app.submitted(&bill.bill_id).await;
    app.card(&payment, cards::REFUND_PENDING).await;
    let id = app.finished(&payment.payment_id).await.payment_id;
    let refund = app.fin().refund(&id, 4_000, 10_000).await.unwrap();
    let known = testkit::eventually(crate::harness::SOON, || async {
        app.advance(&id).await;
        let known = app
            .count("select count(*) from refunds where status = 'submitted' and provider_id is not null")
            .await;
        if known == 1 { Ok(()) } else { Err(known) }
    });
    known.await.unwrap();
    assert_eq!(units(app.ada().payment(&id).await.unwrap().refund_available.as_ref()), 6_000);
    app.assert_books().await;
    let mut admin = app.db.admin().await;
    let at_provider: String = sqlx::query_scalar(
        "select provider_id from refunds where provider_id is not null and status = 'submitted'",
    )
    .fetch_one(&mut admin)
    .await
    .unwrap();
    app.control(&format!("refunds/{at_provider}/resolve"), &json!({ "succeed": true })).await;
    assert_eq!(app.refunded(&id, &refund.refund_id).await.status(), RefundStatus::Completed);
    app.assert_books().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_cuts_the_answer_refunds_once() {
    let app = TestApp::start().await;
    let (_, payment) = app.paid().await;
    let id = &payment.payment_id;
    for answer in ["cut", "garbage", "empty"] {
        app.control("faults", &json!({ "operation": "create_refund", "when": "after", "answer": answer }))
            .await;
        let available = units(app.ada().payment(id).await.unwrap().refund_available.as_ref());
        let refund = app.fin().refund(id, 1_000, available).await.unwrap();
        let done = testkit::eventually(crate::harness::SOON, || async {
            app.clock.advance(std::time::Duration::from_secs(2));
            app.advance(id).await;
            let all = app.fin().refunds(id).await.unwrap();
            let one = all.into_iter().find(|one| one.refund_id == refund.refund_id).unwrap();
            if one.finished_at.is_some() { Ok(one) } else { Err(one) }
        });
        assert_eq!(done.await.unwrap().status(), RefundStatus::Completed);
    }
    assert_eq!(app.at_provider(id).await["amount_refunded"], 3_000);
    app.assert_books().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_not_charged_is_not_refunded() {
    let app = TestApp::start().await;
    let bill = app.issued().await;
    let payment = app.submitted(&bill.bill_id).await;
    let refused = app.fin().refund(&payment.payment_id, 1, 0).await;
    assert_refused(refused, Code::Conflict, reason::PAYMENT_STATE);
    let elsewhere = app.person("fin", "lakeside", "finance").refund(&payment.payment_id, 1, 0).await;
    assert_refused(elsewhere, Code::NotFound, reason::PAYMENT_NOT_FOUND);
}
