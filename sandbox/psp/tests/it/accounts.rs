//! Accounts see what is theirs.

use psp::cards;
use reqwest::Method;
use serde_json::json;

use crate::harness::{Answer, Api, sandbox, terms};

#[tokio::test]
async fn what_is_another_accounts_does_not_exist() {
    let sandbox = sandbox().await;
    let id = sandbox.create(&terms("mine", 1_000)).await;
    sandbox.pay(&id, cards::APPROVE).await;
    let refund = sandbox.refund(&id, "refund", 100).await.is(201)["id"].as_str().unwrap().to_owned();
    let dispute = sandbox.tell(&format!("/payments/{id}/dispute"), json!({ "amount": 100 })).await;
    let dispute = dispute["id"].as_str().unwrap();
    let water = Api::new(&sandbox.psp.url(), &sandbox.psp.account("acct_water").api_key.0);
    for path in [
        format!("/v1/payments/{id}"),
        format!("/v1/payments/{id}/refunds"),
        format!("/v1/payments/{id}/disputes"),
        format!("/v1/refunds/{refund}"),
        format!("/v1/disputes/{dispute}"),
    ] {
        sandbox.get(&path).await.is(200);
        water.get(&path).await.refuses(404, "not_found");
    }
    for (path, body) in [
        (format!("/v1/payments/{id}/capture"), json!({})),
        (format!("/v1/payments/{id}/cancel"), json!({})),
        (format!("/v1/payments/{id}/refunds"), json!({ "amount": 1 })),
        (format!("/v1/disputes/{dispute}/evidence"), json!({ "text": "not ours" })),
    ] {
        water.post(&path, &path, &body).await.refuses(404, "not_found");
    }
    assert_eq!(water.of_reference("mine").await.len(), 0);
    assert_eq!(water.get("/v1/events").await.is(200)["data"], json!([]));
    assert_eq!(water.get("/v1/books").await.is(200)["data"], json!([]));
    assert_eq!(sandbox.payment(&id).await["amount_refundable"], 800);
}

#[tokio::test]
async fn a_key_is_needed() {
    let sandbox = sandbox().await;
    let request = || sandbox.request(Method::GET, "/v1/payments");
    Answer::of(request()).await.unwrap().refuses(401, "unauthenticated");
    Answer::of(request().bearer_auth("sk_sandbox_acct_tow")).await.unwrap().refuses(401, "unauthenticated");
    Answer::of(request().header("authorization", "sk_sandbox_acct_town"))
        .await
        .unwrap()
        .refuses(401, "unauthenticated");
    Answer::of(request().bearer_auth("sk_sandbox_acct_town")).await.unwrap().is(200);
}

#[tokio::test]
async fn accounts_can_be_made_and_their_keys_changed() {
    let sandbox = sandbox().await;
    let made = sandbox.control(Method::PUT, "/accounts/acct_library", &json!({ "name": "Library" })).await;
    assert_eq!(made["api_key"], "sk_sandbox_acct_library");
    let library = Api::new(&sandbox.psp.url(), "sk_sandbox_acct_library");
    library.create(&terms("fine", 100)).await;
    let changed = json!({ "api_key": "sk_new", "notify_url": sandbox.receiver.url });
    let changed = sandbox.control(Method::PUT, "/accounts/acct_library", &changed).await;
    assert_eq!(changed["name"], "Library");
    library.get("/v1/payments").await.refuses(401, "unauthenticated");
    let library = Api::new(&sandbox.psp.url(), "sk_new");
    assert_eq!(library.of_reference("fine").await.len(), 1);
    let unnamed =
        sandbox.control(Method::PUT, "/accounts/acct_library", &json!({ "notify_url": null })).await;
    assert_eq!(unnamed["notify_url"], json!(null));
    assert_eq!(sandbox.look("/accounts").await["data"].as_array().unwrap().len(), 3);

    for (id, body, field) in [
        ("acct_library", json!({ "api_key": "sk_sandbox_acct_town" }), "api_key"),
        ("acct_library", json!({ "webhook_secrets": [] }), "webhook_secrets"),
        ("acct_library", json!({ "webhook_secrets": ["whsec_short"] }), "webhook_secrets[0]"),
        ("acct_library", json!({ "notify_url": "ftp://library" }), "notify_url"),
        ("acct_library", json!({ "retry_seconds": vec![1; 17] }), "retry_seconds"),
        ("not%20an%20id", json!({}), "id"),
    ] {
        let request = sandbox.request(Method::PUT, &format!("/control/accounts/{id}")).json(&body);
        let error = Answer::of(request).await.unwrap().refuses(422, "field_invalid");
        assert_eq!(error["field"], field);
    }
}
