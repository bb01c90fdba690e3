//! The checkout as a browser sees it; pages are looked at by people.

use psp::cards;
use reqwest::Method;
use serde_json::json;

use crate::harness::{Answer, RETURN, Sandbox, manual, sandbox, terms};

async fn show(sandbox: &Sandbox, id: &str) -> Answer {
    Answer::of(sandbox.request(Method::GET, &format!("/checkout/{id}"))).await.unwrap()
}

async fn submit(sandbox: &Sandbox, id: &str, action: &str, card: &str) -> Answer {
    let request = sandbox.request(Method::POST, &format!("/checkout/{id}"));
    Answer::of(request.form(&[("action", action), ("card", card)])).await.unwrap()
}

/// Where a form leads.
#[track_caller]
fn goes_to(answer: &Answer) -> &str {
    assert_eq!(answer.status, 303, "{answer:?}");
    answer.headers["location"].to_str().unwrap()
}

#[tokio::test]
async fn a_payer_pays_and_goes_back() {
    let sandbox = sandbox().await;
    let mut order = terms("bill-7", 123_456);
    order["description"] = json!("Dog licence <2030> & more");
    let id = sandbox.create(&order).await;
    let checkout = sandbox.payment(&id).await["checkout_url"].as_str().unwrap().to_owned();
    assert_eq!(checkout, format!("{}/checkout/{id}", sandbox.psp.url()));
    let page = show(&sandbox, &id).await;
    assert_eq!(page.status, 200);
    for shown in [
        "1234.56 EUR",
        "Town of Riverton",
        "Dog licence &lt;2030&gt; &amp; more",
        "bill-7",
        "<html lang=\"en\">",
    ] {
        assert!(page.text.contains(shown), "{shown}: {}", page.text);
    }
    assert!(page.headers["content-security-policy"].to_str().unwrap().starts_with("default-src 'none'"));
    assert_eq!(goes_to(&submit(&sandbox, &id, "pay", "4242 4242 4242 4242").await), RETURN);
    assert_eq!(sandbox.payment(&id).await["state"], "captured");
    // Going back and pressing again charges nothing.
    assert_eq!(goes_to(&submit(&sandbox, &id, "pay", cards::APPROVE).await), format!("/checkout/{id}"));
    let done = show(&sandbox, &id).await;
    assert!(done.text.contains("Payment received") && done.text.contains("href=\"https:"), "{}", done.text);
    assert_eq!(sandbox.totals().await["EUR"]["charged"], 123_456);
}

#[tokio::test]
async fn a_wrong_number_is_told_and_can_be_corrected() {
    let sandbox = sandbox().await;
    let id = sandbox.create(&terms("wrong", 1_000)).await;
    for (card, told) in [
        ("4242 4242 4242 4241", "Check the card number"),
        ("", "Check the card number"),
        ("\"><script>alert(1)</script>", "Check the card number"),
        ("4111 1111 1111 1111", "does not know this card"),
    ] {
        let page = submit(&sandbox, &id, "pay", card).await;
        assert_eq!(page.status, 422);
        assert!(page.text.contains(told) && page.text.contains("role=\"alert\""), "{card}: {}", page.text);
        assert!(page.text.contains("aria-invalid=\"true\""));
        assert!(!page.text.contains("<script>"));
    }
    assert!(
        submit(&sandbox, &id, "pay", "4242 4242 4242 4241")
            .await
            .text
            .contains("value=\"4242 4242 4242 4241\"")
    );
    assert_eq!(sandbox.payment(&id).await["state"], "created");
    assert_eq!(goes_to(&submit(&sandbox, &id, "pay", cards::APPROVE).await), RETURN);
}

#[tokio::test]
async fn the_bank_asks_on_a_page_of_its_own() {
    let sandbox = sandbox().await;
    for (action, state) in [("approve", "captured"), ("refuse", "failed")] {
        let id = sandbox.create(&terms(action, 1_000)).await;
        let path = format!("/checkout/{id}");
        assert_eq!(goes_to(&submit(&sandbox, &id, "pay", cards::CHALLENGE).await), path);
        assert!(show(&sandbox, &id).await.text.contains("Your bank asks"));
        assert_eq!(goes_to(&submit(&sandbox, &id, action, "").await), RETURN);
        assert_eq!(sandbox.payment(&id).await["state"], state);
    }
}

#[tokio::test]
async fn a_payer_can_cancel_until_the_card_was_put_in() {
    let sandbox = sandbox().await;
    let id = sandbox.create(&terms("cancelled", 1_000)).await;
    assert_eq!(goes_to(&submit(&sandbox, &id, "cancel", "").await), RETURN);
    let payment = sandbox.payment(&id).await;
    assert_eq!((&payment["state"], &payment["cancelled_by"]), (&json!("cancelled"), &json!("payer")));
    let id = sandbox.create(&manual("authorised", 1_000)).await;
    submit(&sandbox, &id, "pay", cards::APPROVE).await;
    assert_eq!(goes_to(&submit(&sandbox, &id, "cancel", "").await), format!("/checkout/{id}"));
    assert_eq!(sandbox.payment(&id).await["state"], "authorised");
}

#[tokio::test]
async fn every_other_state_says_how_it_stands() {
    let sandbox = sandbox().await;
    for (card, told) in
        [(cards::NO_FUNDS, "There is not enough money"), (cards::NEVER_ANSWERS, "Do not pay again")]
    {
        let id = sandbox.create(&terms(card, 1_000)).await;
        submit(&sandbox, &id, "pay", card).await;
        assert!(show(&sandbox, &id).await.text.contains(told), "{told}");
    }
    let id = sandbox.create(&terms("expired", 1_000)).await;
    sandbox.clock.advance(std::time::Duration::from_secs(5_400));
    assert!(show(&sandbox, &id).await.text.contains("Payment expired"));
    let missing = show(&sandbox, "pay_none").await;
    assert_eq!(missing.status, 404);
    assert!(missing.text.contains("no such payment"));
    assert_eq!(submit(&sandbox, "pay_none", "pay", cards::APPROVE).await.status, 404);
}

#[tokio::test]
async fn a_payer_may_wait_for_ever_though_the_card_was_charged() {
    let sandbox = sandbox().await;
    let id = sandbox.create(&terms("hangs", 1_000)).await;
    let request = sandbox.request(Method::POST, &format!("/checkout/{id}"));
    let form = request.form(&[("action", "pay"), ("card", cards::TIMEOUT_AFTER_CHARGE)]);
    let waiting = tokio::spawn(Answer::of(form));
    sandbox.until_hanging(1).await;
    assert_eq!(sandbox.payment(&id).await["state"], "captured");
    sandbox.tell("/release", json!({})).await;
    assert_eq!(goes_to(&waiting.await.unwrap().unwrap()), RETURN);
}
