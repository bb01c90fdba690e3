//! The service with an account at Stripe: a bill is paid and given back in part, and callbacks make it look.

use aws_lc_rs::hmac;
use payment::domain::Day;
use proto::payment::v1;
use rpc_error::{Code, reason};
use serde_json::{Value, json};
use testkit::eventually;

use super::fake::{Fake, Fault};
use super::standing::SESSION;
use super::{ACCOUNT, SECRET, account};
use crate::harness::{Actor, SOON, TestApp, assert_refused, bill, frozen, units};

/// What Stripe calls with, signed now.
fn callback(app: &TestApp, id: &str, kind: &str, object: &Value) -> v1::ReceiveCallbackRequest {
    let body =
        json!({ "id": id, "object": "event", "type": kind, "livemode": false, "data": { "object": object } })
            .to_string();
    let at = app.clock.now().unix_timestamp();
    let tag =
        hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes()), format!("{at}.{body}").as_bytes());
    let signature = format!("t={at},v1={}", hex::encode(tag));
    v1::ReceiveCallbackRequest {
        account_id: ACCOUNT.to_owned(),
        body: body.into_bytes(),
        headers: [("stripe-signature".to_owned(), signature)].into(),
    }
}

/// What `payment settlement fetch` says.
async fn settle(app: &TestApp) -> Vec<String> {
    let (tenant, account) = ("hilltop".parse().expect("settled"), ACCOUNT.parse().expect("settled"));
    let mut out = Vec::new();
    let state = &app.state;
    payment::settlements::fetch(&state.db, &app.clock, &state.providers, &tenant, &account, &mut out)
        .await
        .expect("settled");
    String::from_utf8(out).expect("settled").lines().map(str::to_owned).collect()
}

/// The books are right.
async fn proven(app: &TestApp) {
    let mut out = Vec::new();
    let proven = payment::books::verify(&app.state.db, &"hilltop".parse().expect("a tenant"), &mut out).await;
    assert!(proven.is_ok(), "{}", String::from_utf8_lossy(&out));
}

async fn until(ada: &Actor, id: &str, right: impl Fn(&v1::Payment) -> bool) -> v1::Payment {
    let seen = eventually(SOON, || async {
        let payment = ada.payment(id).await.expect("her payment");
        if right(&payment) { Ok(payment) } else { Err(payment) }
    });
    seen.await.expect("it comes to that")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bill_is_paid_at_stripe_and_given_back_in_part() {
    let clock = frozen();
    let fake = Fake::start(clock.clone()).await;
    let app = TestApp::start_beside(clock, vec![account(&fake.url)]).await;
    let (ada, sam) = (app.citizen("ada", "hilltop"), app.staff("sam", "hilltop"));
    let (fin, bff) = (app.person("fin", "hilltop", "finance"), app.tenantless("svc-bff"));

    // The first answer is lost: what it would have said is said again.
    fake.next(Fault::Lost);
    let bill = sam.create(bill(10_000)).await.unwrap();
    let begun = ada.pay(&bill.bill_id).await.unwrap();
    let id = begun.payment_id.clone();
    // What got no answer is due again in a moment, and time stands still.
    let open = until(&ada, &id, |payment| {
        app.clock.advance(std::time::Duration::from_secs(1));
        !payment.next_url.is_empty()
    });
    let open = open.await;
    assert_eq!(open.next_url, format!("https://checkout.stripe.com/c/pay/{SESSION}#fid"));
    assert_eq!(fake.sessions().len(), 1);

    // Nothing but the callback has it looked at, since time stands still.
    fake.pay(SESSION, "succeeded", None);
    let session = json!({ "id": SESSION, "object": "checkout.session", "client_reference_id": id, "payment_status": "unpaid" });
    let completed = callback(&app, "evt_1", "checkout.session.completed", &session);
    let mut forged = completed.clone();
    forged.body[10] ^= 1;
    assert_refused(bff.callback(forged).await, Code::Unauthenticated, reason::SIGNATURE_INVALID);
    for _ in 0..2 {
        bff.callback(completed.clone()).await.unwrap();
    }
    let paid = until(&ada, &id, |payment| payment.finished_at.is_some()).await;
    assert_eq!((paid.status(), units(paid.captured.as_ref())), (v1::PaymentStatus::Completed, 10_000));
    assert_eq!(
        app.count("select count(*) from callbacks where tenant = 'hilltop' and payment_id is not null").await,
        1
    );

    let refund = fin.refund(&id, 2_500, 10_000).await.unwrap();
    let given = eventually(SOON, || async {
        let refunds = fin.refunds(&id).await.expect("refunds");
        if refunds[0].finished_at.is_some() { Ok(refunds) } else { Err(refunds) }
    });
    let given = given.await.unwrap();
    assert_eq!(
        (given[0].refund_id.as_str(), given[0].status()),
        (refund.refund_id.as_str(), v1::RefundStatus::Completed)
    );
    assert_eq!(fake.refunds().len(), 1);

    proven(&app).await;
}

async fn disputes(actor: &Actor, payment_id: &str) -> Vec<v1::Dispute> {
    let message = v1::ListDisputesRequest { payment_id: payment_id.to_owned(), ..Default::default() };
    let listed = actor.payments().list_disputes(actor.keyless(message)).await;
    listed.expect("disputes").into_inner().disputes
}

/// A bill of 100 euros that is paid by now, and its payment.
async fn paid(app: &TestApp, fake: &Fake) -> String {
    let (ada, sam) = (app.citizen("ada", "hilltop"), app.staff("sam", "hilltop"));
    let bill = sam.create(bill(10_000)).await.expect("paid");
    let id = ada.pay(&bill.bill_id).await.expect("paid").payment_id;
    until(&ada, &id, |payment| !payment.next_url.is_empty()).await;
    fake.pay(SESSION, "succeeded", None);
    let session = json!({ "id": SESSION, "object": "checkout.session", "client_reference_id": id });
    let told = callback(app, "evt_paid", "checkout.session.completed", &session);
    app.tenantless("svc-bff").callback(told).await.expect("paid");
    until(&ada, &id, |payment| payment.finished_at.is_some()).await;
    id
}

/// A dispute about a part of the only payment.
fn dispute(status: &str) -> Value {
    json!({ "id": "du_1", "object": "dispute", "amount": 4_000, "currency": "eur", "charge": "ch_1", "metadata": {},
        "payment_intent": format!("pi_{SESSION}"), "reason": "fraudulent", "status": status, "created": 1_796_018_400,
        "evidence_details": { "due_by": 1_796_623_200 }, "balance_transactions": [] })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dispute_at_stripe_is_followed_from_its_callback_to_its_end() {
    let clock = frozen();
    let fake = Fake::start(clock.clone()).await;
    let app = TestApp::start_beside(clock, vec![account(&fake.url)]).await;
    let (fin, bff) = (app.person("fin", "hilltop", "finance"), app.tenantless("svc-bff"));
    let id = paid(&app, &fake).await;
    let asked_as = format!("pi_{SESSION}");

    for (event, status, wanted) in [
        ("evt_1", "warning_needs_response", None),
        ("evt_2", "needs_response", Some(v1::DisputeStatus::NeedsResponse)),
        ("evt_3", "under_review", Some(v1::DisputeStatus::UnderReview)),
        ("evt_4", "won", Some(v1::DisputeStatus::Won)),
    ] {
        fake.books("disputes", vec![dispute(status)]);
        let before = fake.calls().len();
        let told = callback(&app, event, "charge.dispute.updated", &dispute(status));
        bff.callback(told).await.unwrap();
        let seen = eventually(SOON, || async {
            let disputes = disputes(&fin, &id).await;
            let asked = fake.calls()[before..].iter().any(|call| {
                call.path == "/v1/disputes" && call.form.get("payment_intent") == Some(&asked_as)
            });
            let status = disputes.first().map(v1::Dispute::status);
            if asked && status == wanted { Ok(()) } else { Err((asked, disputes)) }
        });
        seen.await.unwrap();
    }
    let of_a_stranger =
        json!({ "id": "du_2", "object": "dispute", "payment_intent": "pi_other", "metadata": {} });
    bff.callback(callback(&app, "evt_5", "charge.dispute.created", &of_a_stranger)).await.unwrap();
    let unknown = fin.unknown_callbacks(0, "").await.unwrap().callbacks;
    assert_eq!(unknown.iter().map(|one| one.provider_reference.as_str()).collect::<Vec<_>>(), ["du_2"]);
    proven(&app).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_stripe_pays_out_settles_the_payments_that_are_in_it() {
    let clock = frozen();
    let fake = Fake::start(clock.clone()).await;
    let app = TestApp::start_beside(clock, vec![account(&fake.url)]).await;
    let id = paid(&app, &fake).await;
    fake.books("disputes", vec![dispute("lost")]);
    let told = callback(&app, "evt_1", "charge.dispute.closed", &dispute("lost"));
    app.tenantless("svc-bff").callback(told).await.unwrap();
    let fin = app.person("fin", "hilltop", "finance");
    let lost = eventually(SOON, || async {
        let disputes = disputes(&fin, &id).await;
        if disputes.iter().any(|one| one.status() == v1::DisputeStatus::Lost) {
            Ok(())
        } else {
            Err(disputes)
        }
    });
    lost.await.unwrap();

    let now = app.clock.now();
    let day = |days: i64| Day::of(now + time::Duration::days(days));
    let arrives = day(2).begin().unix_timestamp();
    let payout = |status: &str| {
        json!({ "id": "po_1", "object": "payout", "status": status, "automatic": true, "amount": 3_825, "currency": "eur",
            "arrival_date": arrives, "reconciliation_status": "completed" })
    };
    let intent = format!("pi_{SESSION}");
    let charge = json!({ "id": "ch_1", "object": "charge", "payment_intent": intent, "metadata": { "guildhall_payment": id } });
    let moved = |n: u8, category: &str, amount: i64, fee: i64, source: &Value| {
        json!({ "id": format!("txn_{n}"), "object": "balance_transaction", "reporting_category": category, "amount": amount, "fee": fee,
            "currency": "eur", "source": source, "payout": "po_1" })
    };
    fake.books(
        "balance_transactions",
        vec![
            moved(1, "payout", -3_825, 0, &json!("po_1")),
            moved(2, "dispute", -4_000, 2_000, &dispute("lost")),
            moved(3, "charge", 10_000, 175, &charge),
        ],
    );
    fake.books("payouts", vec![payout("in_transit")]);
    app.clock.advance(std::time::Duration::from_secs(4 * 86_400));
    let nothing = |days: i64| format!("acct_hill {}: 0 lines, 0 match, 0 do not", day(days));
    assert_eq!(settle(&app).await, [nothing(0), nothing(1), format!("acct_hill {}: not ready", day(2))]);
    fake.books("payouts", vec![payout("paid")]);
    let all = format!("acct_hill {}: 4 lines, 4 match, 0 do not", day(2));
    assert_eq!(settle(&app).await, [all, nothing(3), format!("acct_hill {}: not ready", day(4))]);
    proven(&app).await;
    let balances = fin.balances().await.unwrap();
    let of = |kind: v1::AccountKind| {
        let of =
            balances.iter().find(|one| one.account.as_ref().is_some_and(|account| account.kind() == kind));
        of.map_or(0, |one| one.debits - one.credits)
    };
    assert_eq!(
        (of(v1::AccountKind::Bank), of(v1::AccountKind::Clearing), of(v1::AccountKind::Suspense)),
        (3_825, 0, 0)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_stripe_tells_of_others_is_listed_and_never_its_body() {
    let clock = frozen();
    let fake = Fake::start(clock.clone()).await;
    let app = TestApp::start_beside(clock, vec![account(&fake.url)]).await;
    let bff = app.tenantless("svc-bff");
    let charge = json!({ "id": "ch_stranger", "object": "charge", "billing_details": { "name": "Canary" }, "metadata": {} });
    bff.callback(callback(&app, "evt_2", "charge.succeeded", &charge)).await.unwrap();
    let listed = app.person("fin", "hilltop", "finance").unknown_callbacks(0, "").await.unwrap().callbacks;
    assert_eq!(listed.len(), 1);
    let one = &listed[0];
    assert_eq!(
        (one.account_id.as_str(), one.event_type.as_str(), one.provider_reference.as_str()),
        (ACCOUNT, "charge.succeeded", "ch_stranger")
    );
    assert!(!format!("{listed:?}").contains("Canary"));
    let not_an_event =
        v1::ReceiveCallbackRequest { body: b"{}".to_vec(), ..callback(&app, "", "", &json!({})) };
    assert_refused(bff.callback(not_an_event).await, Code::Unauthenticated, reason::SIGNATURE_INVALID);
    let nameless = callback(&app, "", "charge.succeeded", &charge);
    assert_refused(bff.callback(nameless).await, Code::InvalidArgument, reason::CALLBACK_INVALID);
    assert!(fake.calls().is_empty(), "nobody is asked about a stranger");
}
