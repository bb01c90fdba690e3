//! The service with an account at Stripe: a bill is paid and given back in part, and callbacks make it look.

use aws_lc_rs::hmac;
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

    let mut out = Vec::new();
    let proven = payment::books::verify(&app.state.db, &"hilltop".parse().unwrap(), &mut out).await;
    assert!(proven.is_ok(), "{}", String::from_utf8_lossy(&out));
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
