//! What becomes of payments by time alone.

use std::time::Duration;

use psp::cards;
use serde_json::json;

use crate::harness::{manual, sandbox, terms};

#[tokio::test]
async fn a_payment_expires_when_its_payer_does_not_pay() {
    let sandbox = sandbox().await;
    let usual = sandbox.create(&terms("usual", 1_000)).await;
    let mut short = terms("short", 1_000);
    short["expires_in_seconds"] = json!(60);
    let short = sandbox.create(&short).await;
    sandbox.pay(&short, cards::CHALLENGE).await;
    sandbox.clock.advance(Duration::from_secs(59));
    assert_eq!(sandbox.payment(&short).await["state"], "challenged");
    sandbox.clock.advance(Duration::from_secs(1));
    assert_eq!(sandbox.receiver.wait(1).await[0].kind(), "payment.expired");
    assert_eq!(sandbox.payment(&short).await["state"], "expired");
    assert_eq!(sandbox.payment(&usual).await["state"], "created");
    sandbox.clock.advance(Duration::from_secs(5_400 - 60));
    let payment = sandbox.payment(&usual).await;
    assert_eq!((&payment["state"], &payment["checkout_url"]), (&json!("expired"), &json!(null)));
    assert_eq!(sandbox.lines().await, []);
}

#[tokio::test]
async fn an_authorisation_that_nobody_captures_ends_after_seven_days() {
    let sandbox = sandbox().await;
    let id = sandbox.create(&manual("authorised", 1_000)).await;
    sandbox.pay(&id, cards::APPROVE).await;
    sandbox.clock.advance(Duration::from_secs(7 * 24 * 3_600 - 1));
    assert_eq!(sandbox.payment(&id).await["state"], "authorised");
    sandbox.clock.advance(Duration::from_secs(1));
    assert_eq!(sandbox.capture(&id, "late", json!({})).await.refuses(409, "state")["state"], "expired");
}

#[tokio::test]
async fn the_clock_can_be_moved_for_everything_but_signatures() {
    let sandbox = sandbox().await;
    let id = sandbox.create(&terms("moved", 1_000)).await;
    let moved = sandbox.tell("/clock", json!({ "advance_seconds": 5_400 })).await;
    assert_eq!((&moved["now"], &moved["offset_seconds"]), (&json!("2030-06-01T13:30:00Z"), &json!(5_400)));
    let hook = &sandbox.receiver.wait(1).await[0];
    assert_eq!(hook.kind(), "payment.expired");
    assert_eq!(hook.json()["created_at"], "2030-06-01T13:30:00Z");
    assert_eq!(hook.timestamp(), sandbox.clock.now().unix_timestamp());
    assert_eq!(sandbox.payment(&id).await["state"], "expired");
}
