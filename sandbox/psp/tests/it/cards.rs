//! Every row of the table of cards.

use std::time::Duration;

use psp::cards;
use serde_json::json;

use crate::harness::{RETURN, manual, sandbox, terms};

#[tokio::test]
async fn good_cards_are_charged() {
    let sandbox = sandbox().await;
    for (card, brand) in [(cards::APPROVE, "visa"), (cards::APPROVE_TOO, "mastercard")] {
        let id = sandbox.create(&terms(brand, 1_000)).await;
        let paid = sandbox.pay(&id, card).await;
        assert_eq!((&paid["answered"], &paid["goes_to"]), (&json!(true), &json!(RETURN)));
        let payment = sandbox.payment(&id).await;
        assert_eq!(payment["state"], "captured");
        assert_eq!(payment["amount_captured"], 1_000);
        assert_eq!(payment["fee"], 34);
        assert_eq!(payment["card"], json!({ "brand": brand, "last4": &card[12..] }));
        assert_eq!(payment["checkout_url"], json!(null));
    }
    assert_eq!(sandbox.totals().await["EUR"]["charged"], 2_000);
    sandbox.settle().await;
    assert_eq!(sandbox.receiver.kinds(), ["payment.authorised", "payment.captured"].repeat(2));
}

#[tokio::test]
async fn bad_cards_are_declined_with_their_reason_and_nothing_is_booked() {
    let sandbox = sandbox().await;
    for (card, code) in [
        (cards::DECLINE, "card_declined"),
        (cards::NO_FUNDS, "insufficient_funds"),
        (cards::EXPIRED, "card_expired"),
        (cards::STOLEN, "card_stolen"),
        (cards::ERROR, "processing_error"),
    ] {
        let id = sandbox.create(&terms(code, 1_000)).await;
        let paid = sandbox.pay(&id, card).await;
        assert_eq!(paid["payment"]["state"], "failed");
        assert_eq!(paid["payment"]["failure"]["code"], code);
        let again = sandbox.request(reqwest::Method::POST, &format!("/control/payments/{id}/pay"));
        let again = crate::harness::Answer::of(again.json(&json!({ "card": cards::APPROVE }))).await.unwrap();
        assert_eq!(again.refuses(409, "state")["state"], "failed");
    }
    assert_eq!(sandbox.lines().await, []);
    sandbox.settle().await;
    assert_eq!(sandbox.receiver.kinds(), ["payment.failed"; 5]);
}

#[tokio::test]
async fn a_challenged_card_waits_for_its_payer() {
    let sandbox = sandbox().await;
    for (approve, state) in [(true, "captured"), (false, "failed")] {
        let id = sandbox.create(&terms(state, 1_000)).await;
        let paid = sandbox.pay(&id, cards::CHALLENGE).await;
        assert_eq!(paid["payment"]["state"], "challenged");
        assert_eq!(paid["goes_to"], paid["payment"]["checkout_url"]);
        let answered =
            sandbox.tell(&format!("/payments/{id}/challenge"), json!({ "approve": approve })).await;
        assert_eq!(answered["payment"]["state"], state);
        assert_eq!(answered["goes_to"], RETURN);
    }
    let failed = &sandbox.of_reference("failed").await[0];
    assert_eq!(failed["failure"]["code"], "authentication_failed");
    assert_eq!(sandbox.totals().await["EUR"]["charged"], 1_000);
}

#[tokio::test]
async fn a_slow_card_is_processing_until_its_time_has_come() {
    let sandbox = sandbox().await;
    let id = sandbox.create(&terms("slow", 1_000)).await;
    sandbox.pay(&id, &cards::slow(Duration::from_millis(1_500))).await;
    assert_eq!(sandbox.payment(&id).await["state"], "processing");
    let cancel = sandbox.post(&format!("/v1/payments/{id}/cancel"), "cancel", &json!({})).await;
    assert_eq!(cancel.refuses(409, "state")["state"], "processing");
    sandbox.clock.advance(Duration::from_millis(1_499));
    assert_eq!(sandbox.payment(&id).await["state"], "processing");
    sandbox.clock.advance(Duration::from_millis(1));
    // Nobody asks: the clock is looked at.
    let hooks = sandbox.receiver.wait(2).await;
    assert_eq!(hooks[1].kind(), "payment.captured");
    assert_eq!(sandbox.payment(&id).await["state"], "captured");
}

#[tokio::test]
async fn a_card_that_never_answers_blocks_everything_until_it_is_resolved() {
    let sandbox = sandbox().await;
    for (approve, state) in [(true, "captured"), (false, "failed")] {
        let id = sandbox.create(&terms(state, 1_000)).await;
        sandbox.pay(&id, cards::NEVER_ANSWERS).await;
        sandbox.clock.advance(Duration::from_secs(90 * 24 * 3_600));
        assert_eq!(sandbox.payment(&id).await["state"], "processing");
        for (path, body) in
            [("cancel", json!({})), ("capture", json!({})), ("refunds", json!({ "amount": 1 }))]
        {
            let key = format!("{state}-{path}");
            let refused = sandbox.post(&format!("/v1/payments/{id}/{path}"), &key, &body).await;
            assert_eq!(refused.refuses(409, "state")["state"], "processing", "{path}");
        }
        let resolved = sandbox.tell(&format!("/payments/{id}/resolve"), json!({ "approve": approve })).await;
        assert_eq!(resolved["payment"]["state"], state);
    }
    assert_eq!(sandbox.totals().await["EUR"]["charged"], 1_000);
}

#[tokio::test]
async fn a_capture_can_fail_after_the_authorisation() {
    let sandbox = sandbox().await;
    let id = sandbox.create(&manual("manual", 1_000)).await;
    let paid = sandbox.pay(&id, cards::CAPTURE_FAILS).await;
    assert_eq!(paid["payment"]["state"], "authorised");
    for replayed in [false, true] {
        let failed = sandbox.capture(&id, "capture", json!({})).await;
        assert_eq!(failed.is(402)["failure"]["code"], "capture_declined");
        assert_eq!(failed.headers.contains_key("idempotent-replayed"), replayed);
    }
    let id = sandbox.create(&terms("automatic", 1_000)).await;
    assert_eq!(sandbox.pay(&id, cards::CAPTURE_FAILS).await["payment"]["state"], "failed");
    assert_eq!(sandbox.lines().await, []);
    sandbox.settle().await;
    assert_eq!(sandbox.receiver.kinds(), ["payment.authorised", "payment.failed"].repeat(2));
}

#[tokio::test]
async fn a_partial_capture_takes_half() {
    let sandbox = sandbox().await;
    let id = sandbox.create(&terms("automatic", 1_001)).await;
    assert_eq!(sandbox.pay(&id, cards::PARTIAL_CAPTURE).await["payment"]["amount_captured"], 501);
    let id = sandbox.create(&manual("manual", 1_000)).await;
    sandbox.pay(&id, cards::PARTIAL_CAPTURE).await;
    let captured = sandbox.capture(&id, "capture", json!({ "amount": 300 })).await.is(200);
    assert_eq!((&captured["state"], &captured["amount_captured"]), (&json!("captured"), &json!(150)));
    assert_eq!(
        sandbox.refund(&id, "refund", 151).await.refuses(422, "amount_above_available")["available"],
        150
    );
    assert_eq!(sandbox.totals().await["EUR"]["charged"], 651);
}

#[tokio::test]
async fn a_timeout_after_charging_leaves_a_charge_that_nobody_was_told_of() {
    let sandbox = sandbox().await;
    let id = sandbox.create(&manual("manual", 1_000)).await;
    sandbox.pay(&id, cards::TIMEOUT_AFTER_CHARGE).await;
    let capture = sandbox.posting(&format!("/v1/payments/{id}/capture"), "capture", &json!({}));
    let waiting = tokio::spawn(capture.send());
    sandbox.until_hanging(1).await;
    waiting.abort();
    crate::harness::until(async || sandbox.look("/script").await["hanging"] == 0).await;
    let calls = sandbox.look("/requests").await;
    let call = calls["data"].as_array().unwrap().iter().find(|call| call["operation"] == "capture_payment");
    assert_eq!(call.unwrap()["outcome"], "caller_gone");
    // It finds out by asking, and by asking again.
    assert_eq!(sandbox.of_reference("manual").await[0]["state"], "captured");
    let again = sandbox.capture(&id, "capture", json!({})).await;
    assert_eq!(again.is(200)["amount_captured"], 1_000);
    assert!(again.headers.contains_key("idempotent-replayed"));

    let id = sandbox.create(&terms("automatic", 1_000)).await;
    let paid = sandbox.pay(&id, cards::TIMEOUT_AFTER_CHARGE).await;
    assert_eq!((&paid["answered"], &paid["goes_to"]), (&json!(false), &json!(null)));
    assert_eq!(paid["payment"]["state"], "captured");
    sandbox.settle().await;
    assert_eq!(sandbox.receiver.kinds(), ["payment.authorised"]);
    assert_eq!(sandbox.totals().await["EUR"]["charged"], 2_000);
}

#[tokio::test]
async fn a_webhook_can_come_twice() {
    let sandbox = sandbox().await;
    let id = sandbox.create(&terms("twice", 1_000)).await;
    sandbox.pay(&id, cards::WEBHOOK_TWICE).await;
    sandbox.refund(&id, "refund", 400).await.is(201);
    let hooks = sandbox.receiver.wait(6).await;
    sandbox.settle().await;
    assert_eq!(sandbox.receiver.hooks().len(), 6);
    for kind in ["payment.authorised", "payment.captured", "refund.succeeded"] {
        let same: Vec<_> = hooks.iter().filter(|hook| hook.kind() == kind).collect();
        assert_eq!(same.len(), 2, "{kind}");
        assert_eq!(same[0].header("webhook-id"), same[1].header("webhook-id"));
        assert_eq!(same[0].body, same[1].body);
    }
}

#[tokio::test]
async fn a_webhook_can_come_before_the_answer() {
    let sandbox = sandbox().await;
    let id = sandbox.create(&manual("first", 1_000)).await;
    sandbox.pay(&id, cards::WEBHOOK_FIRST).await;
    assert_eq!(sandbox.receiver.kinds(), ["payment.authorised"]);
    sandbox.capture(&id, "capture", json!({})).await.is(200);
    assert_eq!(sandbox.receiver.kinds(), ["payment.authorised", "payment.captured"]);
    sandbox.refund(&id, "refund", 400).await.is(201);
    assert_eq!(sandbox.receiver.kinds()[2..], ["refund.succeeded"]);
}

#[tokio::test]
async fn webhooks_can_come_out_of_order() {
    let sandbox = sandbox().await;
    let id = sandbox.create(&terms("automatic", 1_000)).await;
    sandbox.pay(&id, cards::WEBHOOK_OUT_OF_ORDER).await;
    let hooks = sandbox.receiver.wait(2).await;
    assert_eq!(sandbox.receiver.kinds(), ["payment.captured", "payment.authorised"]);
    assert_eq!([&hooks[0].json()["sequence"], &hooks[1].json()["sequence"]], [2, 1]);

    let id = sandbox.create(&manual("manual", 1_000)).await;
    sandbox.pay(&id, cards::WEBHOOK_OUT_OF_ORDER).await;
    sandbox.settle().await;
    assert_eq!(sandbox.receiver.hooks().len(), 2);
    sandbox.capture(&id, "capture", json!({})).await.is(200);
    sandbox.receiver.wait(4).await;
    assert_eq!(sandbox.receiver.kinds()[2..], ["payment.captured", "payment.authorised"]);
}

#[tokio::test]
async fn a_webhook_can_never_come() {
    let sandbox = sandbox().await;
    let id = sandbox.create(&terms("never", 1_000)).await;
    sandbox.pay(&id, cards::NO_WEBHOOK).await;
    sandbox.refund(&id, "refund", 1_000).await.is(201);
    sandbox.settle().await;
    assert_eq!(sandbox.receiver.hooks().len(), 0);
    let events = sandbox.get("/v1/events?after=1").await.is(200);
    let kinds: Vec<_> = events["data"].as_array().unwrap().iter().map(|event| &event["type"]).collect();
    assert_eq!(kinds, ["payment.captured", "refund.succeeded"]);
}

#[tokio::test]
async fn a_disputed_charge_is_taken_back_until_it_is_won() {
    let sandbox = sandbox().await;
    for (won, refundable, net) in [(true, 1_000, 1_000 - 34 - 1_500), (false, 0, -34 - 1_500)] {
        let before = sandbox.totals().await["EUR"]["net"].as_i64().unwrap_or(0);
        let id = sandbox.create(&terms(&format!("won-{won}"), 1_000)).await;
        sandbox.pay(&id, cards::DISPUTED).await;
        let disputes = sandbox.get(&format!("/v1/payments/{id}/disputes")).await.is(200);
        let dispute = disputes["data"][0]["id"].as_str().unwrap().to_owned();
        assert_eq!(disputes["data"][0]["state"], "needs_response");
        assert_eq!(sandbox.payment(&id).await["amount_refundable"], 0);
        let refused = sandbox.refund(&id, &format!("refund-{won}"), 1).await;
        assert_eq!(refused.refuses(422, "amount_above_available")["available"], 0);

        let evidence = json!({ "text": "the bill and the signature" });
        let path = format!("/v1/disputes/{dispute}/evidence");
        let submitted = sandbox.post(&path, &format!("evidence-{won}"), &evidence).await;
        assert_eq!(submitted.is(200)["state"], "under_review");
        sandbox.tell(&format!("/disputes/{dispute}/resolve"), json!({ "won": won })).await;
        let decided = sandbox.get(&format!("/v1/disputes/{dispute}")).await.is(200);
        assert_eq!(decided["state"], if won { "won" } else { "lost" });
        assert_eq!(sandbox.payment(&id).await["amount_refundable"], refundable);
        assert_eq!(sandbox.totals().await["EUR"]["net"].as_i64().unwrap() - before, net);
    }
    sandbox.settle().await;
    let story = ["payment.authorised", "payment.captured", "dispute.opened", "dispute.under_review"];
    assert_eq!(
        sandbox.receiver.kinds(),
        [&story[..], &["dispute.won"], &story[..], &["dispute.lost"]].concat()
    );
}

#[tokio::test]
async fn a_refund_can_stay_pending_or_fail_afterwards() {
    let sandbox = sandbox().await;
    let id = sandbox.create(&terms("pending", 1_000)).await;
    sandbox.pay(&id, cards::REFUND_PENDING).await;
    for (succeed, state, refundable) in [(true, "succeeded", 400), (false, "failed", 400)] {
        let refund = sandbox.refund(&id, state, if succeed { 600 } else { 400 }).await.is(201);
        assert_eq!(refund["state"], "pending");
        let refund = refund["id"].as_str().unwrap();
        // What is promised cannot be promised again.
        sandbox.refund(&id, &format!("{state}-more"), 401).await.refuses(422, "amount_above_available");
        sandbox.tell(&format!("/refunds/{refund}/resolve"), json!({ "succeed": succeed })).await;
        assert_eq!(sandbox.get(&format!("/v1/refunds/{refund}")).await.is(200)["state"], state);
        assert_eq!(sandbox.payment(&id).await["amount_refundable"], refundable);
    }
    assert_eq!(sandbox.payment(&id).await["amount_refunded"], 600);

    let id = sandbox.create(&terms("fails", 1_000)).await;
    sandbox.pay(&id, cards::REFUND_FAILS).await;
    assert_eq!(sandbox.refund(&id, "fails-refund", 1_000).await.is(201)["state"], "pending");
    let refunds = sandbox.get(&format!("/v1/payments/{id}/refunds")).await.is(200);
    assert_eq!(refunds["data"][0]["state"], "failed");
    assert_eq!(sandbox.payment(&id).await["amount_refundable"], 1_000);
    assert_eq!(sandbox.totals().await["EUR"]["refunded"], 600);
    sandbox.settle().await;
    let told = sandbox.receiver.kinds();
    let of = |kind: &str| told.iter().filter(|told| *told == kind).count();
    assert_eq!([of("refund.succeeded"), of("refund.failed")], [1, 2]);
}
