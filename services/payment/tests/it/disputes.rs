//! Charges that payers contest: the provider's record decides, the books follow.

use std::time::Duration;

use payment::{app, books};
use proto::payment::v1::{self, AccountKind, DisputeStatus, RefundStatus};
use psp::cards;
use rpc_error::{Code, reason};
use serde_json::{Value, json};
use testkit::eventually;
use topology::topics;

use crate::harness::{Actor, Result, SOON, TestApp, assert_refused, units};

const ACCOUNT: &str = "acct_town";

async fn list(actor: &Actor, message: v1::ListDisputesRequest) -> Result<Vec<v1::Dispute>> {
    Ok(actor.payments().list_disputes(actor.keyless(message)).await?.into_inner().disputes)
}

impl TestApp {
    /// Waits until no provider is to be asked about any payment.
    async fn until_nobody_is_asked(&self) {
        let idle = eventually(SOON, || async {
            match self.count("select count(*) from due where kind = 'payment_step'").await {
                0 => Ok(()),
                waiting => Err(waiting),
            }
        });
        idle.await.expect("nobody is asked any more");
    }

    /// The payer contests; what the provider calls the dispute.
    async fn contest(&self, payment_id: &str, amount: Option<i64>) -> String {
        let at_provider = self.at_provider(payment_id).await["id"].as_str().expect("an id").to_owned();
        let body = json!({ "amount": amount, "reason": "duplicate" });
        let dispute = self.control(&format!("payments/{at_provider}/dispute"), &body).await;
        dispute["id"].as_str().expect("an id").to_owned()
    }

    async fn answer(&self, dispute: &str) {
        let url = format!("{}/v1/disputes/{dispute}/evidence", self.psp.url());
        let request = reqwest::Client::new().post(url).bearer_auth(&self.psp.account(ACCOUNT).api_key.0);
        let request = request.header("idempotency-key", dispute).json(&json!({ "text": "it was owed" }));
        let answer = request.send().await.expect("an answer");
        assert!(answer.status().is_success(), "{}", answer.status());
    }

    async fn decide(&self, dispute: &str, won: bool) {
        self.control(&format!("disputes/{dispute}/resolve"), &json!({ "won": won })).await;
    }

    /// The only dispute of a payment, once it stands so.
    async fn disputed(&self, payment_id: &str, status: DisputeStatus) -> v1::Dispute {
        let sam = self.sam();
        let message = v1::ListDisputesRequest { payment_id: payment_id.to_owned(), ..Default::default() };
        let seen = eventually(SOON, || async {
            let mut all = list(&sam, message.clone()).await.expect("disputes");
            assert!(all.len() <= 1, "{all:?}");
            all.pop().filter(|dispute| dispute.status() == status).ok_or("not so")
        });
        seen.await.expect("it comes to that")
    }

    async fn balances(&self) -> [i64; 3] {
        [
            self.balance(AccountKind::Clearing, ACCOUNT).await,
            self.balance(AccountKind::Disputed, ACCOUNT).await,
            self.balance(AccountKind::Losses, ACCOUNT).await,
        ]
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_contested_and_lost_is_gone_and_not_given_back_as_well() {
    let app = TestApp::start().await;
    let (_, payment) = app.paid().await;
    let id = &payment.payment_id;
    let at_provider = app.contest(id, None).await;
    let opened = app.disputed(id, DisputeStatus::NeedsResponse).await;
    assert_eq!((units(opened.amount.as_ref()), &*opened.reason), (10_000, "duplicate"));
    let respond_by = opened.respond_by.as_ref().unwrap().seconds - opened.opened_at.as_ref().unwrap().seconds;
    assert_eq!((respond_by, opened.finished_at.is_none()), (14 * 86_400, true));
    let seen = app.ada().payment(id).await.unwrap();
    assert_eq!((units(seen.disputed.as_ref()), units(seen.refund_available.as_ref())), (10_000, 0));
    assert_refused(app.fin().refund(id, 1, 0).await, Code::Conflict, reason::AMOUNT_ABOVE_AVAILABLE);
    assert_refused(
        app.fin().refund(id, 1, 10_000).await,
        Code::PreconditionFailed,
        reason::AMOUNT_AVAILABLE_STALE,
    );
    assert_eq!(app.balances().await, [0, 10_000, 0]);
    app.assert_books().await;

    app.answer(&at_provider).await;
    app.disputed(id, DisputeStatus::UnderReview).await;
    assert_eq!(app.balances().await, [0, 10_000, 0]);
    app.decide(&at_provider, false).await;
    let lost = app.disputed(id, DisputeStatus::Lost).await;
    assert_eq!((lost.dispute_id, lost.finished_at.is_some()), (opened.dispute_id.clone(), true));
    assert_eq!(app.balances().await, [0, 0, 10_000]);
    assert_refused(app.fin().refund(id, 1, 0).await, Code::Conflict, reason::AMOUNT_ABOVE_AVAILABLE);
    let told =
        ["initiated", "submitted", "completed", "dispute_opened", "dispute_under_review", "dispute_lost"];
    assert_eq!(app.event_names(topics::PAYMENT, id).await, told);
    assert_eq!(app.ada().history(id).await.unwrap(), told);
    let sam = app.sam();
    let message = v1::ListPaymentEventsRequest { payment_id: id.clone() };
    let entries =
        sam.payments().list_payment_events(sam.keyless(message)).await.unwrap().into_inner().entries;
    assert!(entries[3..].iter().all(|entry| entry.dispute_id == opened.dispute_id));
    app.assert_books().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_won_comes_back_and_is_settled_with_its_fee() {
    let app = TestApp::start().await;
    let (_, payment) = app.paid().await;
    let id = &payment.payment_id;
    let at_provider = app.contest(id, Some(4_000)).await;
    app.disputed(id, DisputeStatus::NeedsResponse).await;
    let refund = app.fin().refund(id, 6_000, 6_000).await.unwrap();
    assert_eq!(app.refunded(id, &refund.refund_id).await.status(), RefundStatus::Completed);
    app.decide(&at_provider, true).await;
    app.disputed(id, DisputeStatus::Won).await;
    let seen = app.ada().payment(id).await.unwrap();
    assert_eq!((units(seen.disputed.as_ref()), units(seen.refund_available.as_ref())), (0, 4_000));
    assert_eq!(app.balances().await, [4_000, 0, 0]);
    app.assert_books().await;
    let settled = app.settle_today().await;
    // Charge, refund, dispute, reversal, and two fees.
    assert_eq!((settled.matched, settled.unmatched), (6, 0));
    assert_eq!(app.balances().await, [0, 0, 0]);
    assert_eq!(app.balance(AccountKind::Bank, "main").await, 4_000 - 160 - 1_500);
    assert_eq!(app.balance(AccountKind::Fees, ACCOUNT).await, 1_660);
    app.assert_books().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_charge_that_is_contested_at_once_is_noticed_at_once() {
    let app = TestApp::start().await;
    let bill = app.issued().await;
    let payment = app.submitted(&bill.bill_id).await;
    app.card(&payment, cards::DISPUTED).await;
    let id = app.finished(&payment.payment_id).await.payment_id;
    app.disputed(&id, DisputeStatus::NeedsResponse).await;
    assert_eq!(app.balances().await, [0, 10_000, 0]);
    app.assert_books().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dispute_that_nobody_was_told_of_is_found_by_its_settlement() {
    let app = TestApp::start().await;
    let (_, payment) = app.paid().await;
    let id = &payment.payment_id;
    app.until_nobody_is_asked().await;
    app.control("webhooks", &json!({ "mode": "never", "type": "dispute.opened", "events": 1 })).await;
    app.contest(id, Some(2_500)).await;
    let day = payment::domain::Day::of(app.clock.now());
    app.control(&format!("settlements/{ACCOUNT}/{day}/close"), &json!({})).await;
    assert_eq!(app.settle().await, app::Fetched::Waiting(day));
    app.disputed(id, DisputeStatus::NeedsResponse).await;
    let settled = app.settle_today().await;
    assert_eq!((settled.matched, settled.unmatched), (4, 0));
    app.assert_books().await;
    // One that is known is looked at again by itself.
    app.control("webhooks", &json!({ "mode": "never", "type": "dispute.won", "events": 1 })).await;
    let at_provider = app.count("select count(*) from disputes").await;
    assert_eq!(at_provider, 1);
    let mut admin = app.db.admin().await;
    let name: String =
        sqlx::query_scalar("select provider_id from disputes").fetch_one(&mut admin).await.unwrap();
    app.decide(&name, true).await;
    app.clock.advance(Duration::from_secs(24 * 3_600));
    app.disputed(id, DisputeStatus::Won).await;
    assert_eq!(units(app.ada().payment(id).await.unwrap().refund_available.as_ref()), 10_000);
    app.assert_books().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_does_not_answer_is_asked_again_for_what_its_callback_was_about() {
    let app = TestApp::start().await;
    let (_, payment) = app.paid().await;
    let id = &payment.payment_id;
    app.until_nobody_is_asked().await;
    let fault = json!({ "operation": "list_disputes", "times": 1, "when": "before", "answer": "status" });
    app.control("faults", &fault).await;
    app.contest(id, None).await;
    let asked_in_vain = eventually(SOON, || async {
        let script = format!("{}/control/script", app.psp.url());
        let script: Value = reqwest::get(script).await.unwrap().json().await.unwrap();
        if script.to_string().contains("list_disputes") { Err(script) } else { Ok(()) }
    });
    asked_in_vain.await.unwrap();
    let found = eventually(SOON, || async {
        app.clock.advance(Duration::from_secs(5));
        match app.count("select count(*) from disputes").await {
            1 => Ok(()),
            other => Err(other),
        }
    });
    found.await.unwrap();
    app.disputed(id, DisputeStatus::NeedsResponse).await;
    app.assert_books().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dispute_waits_for_a_refund_that_does_not_fit_beside_it() {
    let app = TestApp::start().await;
    let (_, payment) = app.paid().await;
    let id = &payment.payment_id;
    // Our refund does not reach the provider, which gives the money to the payer's bank meanwhile.
    let fault = json!({ "operation": "create_refund", "times": 1_000, "when": "before", "answer": "status" });
    app.control("faults", &fault).await;
    let refund = app.fin().refund(id, 6_000, 10_000).await.unwrap();
    app.contest(id, None).await;
    let looked = eventually(SOON, || async {
        let requests: Value =
            reqwest::get(format!("{}/control/requests", app.psp.url())).await.unwrap().json().await.unwrap();
        let all = requests["data"].as_array().unwrap().clone();
        let looks = all.iter().filter(|request| request["operation"] == "list_disputes").count();
        // One as it was charged, one for the refund, one for the callback.
        if looks >= 3 { Ok(()) } else { Err(looks) }
    });
    looked.await.unwrap();
    let all = v1::ListDisputesRequest::default();
    assert!(list(&app.sam(), all.clone()).await.unwrap().is_empty());
    app.assert_books().await;
    reqwest::Client::new().delete(format!("{}/control/script", app.psp.url())).send().await.unwrap();
    let failed = eventually(SOON, || async {
        app.clock.advance(Duration::from_secs(2));
        let all = app.fin().refunds(id).await.unwrap();
        let one = all.into_iter().find(|one| one.refund_id == refund.refund_id).unwrap();
        if one.finished_at.is_some() { Ok(one) } else { Err(one) }
    });
    assert_eq!(failed.await.unwrap().status(), RefundStatus::Failed);
    app.disputed(id, DisputeStatus::NeedsResponse).await;
    assert_eq!(app.balances().await, [0, 10_000, 0]);
    app.assert_books().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn callbacks_twice_late_and_out_of_order_change_nothing() {
    let app = TestApp::start().await;
    let (_, payment) = app.paid().await;
    let id = &payment.payment_id;
    app.control("webhooks", &json!({ "mode": "hold", "type": "dispute.opened", "events": 1 })).await;
    app.control("webhooks", &json!({ "mode": "twice", "type": "dispute.lost", "events": 1 })).await;
    let at_provider = app.contest(id, Some(1_000)).await;
    app.answer(&at_provider).await;
    app.decide(&at_provider, false).await;
    app.disputed(id, DisputeStatus::Lost).await;
    app.control("webhooks/deliver", &json!({})).await;
    let told = app.event_names(topics::PAYMENT, id).await;
    let told: Vec<_> = told.iter().filter(|name| name.starts_with("dispute")).collect();
    // What has happened between two looks may be one step; each step is told once, forwards.
    assert_eq!(
        (told.first().unwrap().as_str(), told.last().unwrap().as_str()),
        ("dispute_opened", "dispute_lost")
    );
    assert!(told.len() <= 3, "{told:?}");
    assert_eq!(app.balances().await, [9_000, 0, 1_000]);
    app.assert_books().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn staff_alone_list_disputes_of_their_tenant() {
    let app = TestApp::start().await;
    let (_, payment) = app.paid().await;
    let id = &payment.payment_id;
    app.contest(id, None).await;
    app.disputed(id, DisputeStatus::NeedsResponse).await;
    let all = v1::ListDisputesRequest::default();
    assert_refused(list(&app.ada(), all.clone()).await, Code::PermissionDenied, reason::PERMISSION_DENIED);
    assert_eq!(list(&app.sam(), all.clone()).await.unwrap().len(), 1);
    let won = v1::ListDisputesRequest { status: DisputeStatus::Won.into(), ..Default::default() };
    assert!(list(&app.sam(), won).await.unwrap().is_empty());
    let lea = app.staff("lea", "lakeside");
    assert!(list(&lea, all).await.unwrap().is_empty());
    let of = v1::ListDisputesRequest { payment_id: id.clone(), ..Default::default() };
    assert_refused(list(&lea, of).await, Code::NotFound, reason::PAYMENT_NOT_FOUND);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_database_keeps_refunds_and_disputes_within_the_charge_and_a_proof_finds_who_did_not() {
    let app = TestApp::start().await;
    let (_, payment) = app.paid().await;
    let id = &payment.payment_id;
    app.contest(id, Some(8_000)).await;
    app.disputed(id, DisputeStatus::NeedsResponse).await;
    let (mut admin, tenant) = (app.db.admin().await, "riverton".parse().unwrap());
    for sql in ["update payments set refunded = 2001", "update payments set disputed = 10001"] {
        let refused = sqlx::raw_sql(sql).execute(&mut admin).await.unwrap_err();
        assert!(refused.to_string().contains("payments_given_back"), "{refused}");
    }
    for (tamper, mend, rule) in [
        ("update payments set disputed = 7000", "update payments set disputed = 8000", "PAYMENT_DIFFERS"),
        (
            "update disputes set status = 'won', finished_at = now()",
            "update disputes set status = 'needs_response', finished_at = null",
            "DISPUTE_DIFFERS",
        ),
        ("update disputes set amount = 7000", "update disputes set amount = 8000", "DISPUTE_DIFFERS"),
    ] {
        sqlx::raw_sql(tamper).execute(&mut admin).await.unwrap();
        let mut out = Vec::new();
        books::verify(&app.state.db, &tenant, &mut out).await.unwrap_err();
        let told = String::from_utf8(out).unwrap();
        assert!(told.contains(rule), "{told}");
        sqlx::raw_sql(mend).execute(&mut admin).await.unwrap();
        app.assert_books().await;
    }
}
