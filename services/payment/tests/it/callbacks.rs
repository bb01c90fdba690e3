//! What providers call us with, and who only says to be one.

use proto::payment::v1;
use psp::cards;
use rpc_error::{Code, reason};
use serde_json::json;

use crate::harness::{SOON, TestApp, assert_refused};

/// A callback as the provider has sent it. That of the capture has come as well, so that no other comes later.
async fn a_callback(app: &TestApp) -> v1::ReceiveCallbackRequest {
    let bill = app.issued().await;
    let payment = app.submitted(&bill.bill_id).await;
    app.card(&payment, cards::APPROVE).await;
    app.finished(&payment.payment_id).await;
    let seen = testkit::eventually(SOON, || async {
        let seen = app.inbox.seen.lock().expect("not poisoned");
        let mut taken =
            seen.iter().filter(|(_, refused)| refused.is_none()).map(|(message, _)| message.clone());
        taken.next().zip(taken.next()).ok_or(seen.len())
    });
    seen.await.expect("two callbacks").0
}

#[tokio::test(flavor = "multi_thread")]
async fn a_callback_is_stored_once_and_is_believed_by_nobody() {
    let app = TestApp::start().await;
    let message = a_callback(&app).await;
    let bff = app.tenantless("svc-bff");
    let payments = app.count("select count(*) from payment_entries").await;
    for _ in 0..3 {
        bff.callback(message.clone()).await.unwrap();
    }
    assert_eq!(app.count("select count(*) from callbacks").await, 2);
    assert_eq!(app.count("select count(*) from payment_entries").await, payments);
    let body: Vec<u8> = sqlx::query_scalar("select body from callbacks where provider_event = $1")
        .bind(&message.headers["webhook-id"])
        .fetch_one(&mut app.db.admin().await)
        .await
        .unwrap();
    assert_eq!(body, message.body, "as it came");
    assert_eq!(app.count("select count(*) from callbacks where payment_id is null").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_provider_has_not_signed_now_is_refused_and_not_stored() {
    let app = TestApp::start().await;
    let good = a_callback(&app).await;
    let bff = app.tenantless("svc-bff");
    let stored = app.count("select count(*) from callbacks").await;
    let mut changed = good.clone();
    changed.body[10] ^= 1;
    let mut unsigned = good.clone();
    unsigned.headers.clear();
    let mut renamed = good.clone();
    renamed.headers.insert("webhook-id".to_owned(), "evt_other".to_owned());
    for bad in [changed, unsigned, renamed] {
        assert_refused(bff.callback(bad).await, Code::Unauthenticated, reason::SIGNATURE_INVALID);
    }
    let of_another = v1::ReceiveCallbackRequest { account_id: "acct_water".to_owned(), ..good.clone() };
    assert_refused(bff.callback(of_another).await, Code::Unauthenticated, reason::SIGNATURE_INVALID);
    for account_id in ["", "acct_nobody", "../x"] {
        let unknown = v1::ReceiveCallbackRequest { account_id: account_id.to_owned(), ..good.clone() };
        assert_refused(bff.callback(unknown).await, Code::NotFound, reason::ACCOUNT_NOT_FOUND);
    }
    for body in [Vec::new(), vec![b'x'; 64 * 1024 + 1]] {
        let bad = v1::ReceiveCallbackRequest { body, ..good.clone() };
        assert_refused(bff.callback(bad).await, Code::InvalidArgument, reason::CALLBACK_INVALID);
    }
    app.clock.advance(std::time::Duration::from_secs(301));
    assert_refused(bff.callback(good.clone()).await, Code::Unauthenticated, reason::SIGNATURE_INVALID);
    assert_eq!(app.count("select count(*) from callbacks").await, stored);

    for actor in [app.ada(), app.sam(), app.fin(), app.tenantless("svc-worker")] {
        assert_refused(actor.callback(good.clone()).await, Code::PermissionDenied, reason::PERMISSION_DENIED);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn webhooks_of_the_provider_that_are_broken_are_refused_and_the_next_try_is_taken() {
    let app = TestApp::start().await;
    for (mode, wanted) in [
        ("bad_signature", reason::SIGNATURE_INVALID),
        ("no_signature", reason::SIGNATURE_INVALID),
        ("changed_body", reason::SIGNATURE_INVALID),
        ("old_timestamp", reason::SIGNATURE_INVALID),
    ] {
        let bill = app.issued().await;
        let payment = app.submitted(&bill.bill_id).await;
        let rule = json!({ "mode": mode, "type": "payment.captured", "seconds": 600 });
        app.control("webhooks", &rule).await;
        app.card(&payment, cards::APPROVE).await;
        let refused = testkit::eventually(SOON, || async {
            let seen = app.inbox.seen.lock().unwrap();
            let found = seen.iter().any(|(_, refused)| refused.as_deref() == Some(wanted));
            if found { Ok(()) } else { Err(seen.len()) }
        });
        refused.await.unwrap();
        app.inbox.seen.lock().unwrap().clear();
        // The authorisation's own webhook, or a later look, has told by now.
        app.finished(&payment.payment_id).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_callback_about_a_stranger_is_kept_and_listed_for_those_who_look_into_it() {
    let app = TestApp::start().await;
    let account = app.psp.account("acct_town");
    let stranger = json!({
        "amount": 100, "currency": "EUR", "reference": "018f0000-0000-7000-8000-000000000000", "return_url": "https://x.example/",
        "notify_url": null,
    });
    // Somebody else uses the account: its webhooks come here as well.
    app.control_put_notify("acct_town").await;
    let client = reqwest::Client::new();
    let made = client
        .post(format!("{}/v1/payments", app.psp.url()))
        .bearer_auth(&account.api_key.0)
        .header("idempotency-key", "stranger")
        .json(&stranger)
        .send()
        .await
        .unwrap();
    assert_eq!(made.status(), 201);
    let made: serde_json::Value = made.json().await.unwrap();
    let path = format!("payments/{}/pay", made["id"].as_str().unwrap());
    app.control(&path, &json!({ "card": cards::APPROVE })).await;
    let kept = testkit::eventually(SOON, || async {
        let kept = app.count("select count(*) from callbacks where payment_id is null").await;
        if kept > 0 { Ok(()) } else { Err(kept) }
    });
    kept.await.unwrap();
    assert_eq!(app.count("select count(*) from due where kind = 'payment_step'").await, 0);

    let listed = app.fin().unknown_callbacks(0, "").await.unwrap();
    assert!(!listed.callbacks.is_empty() && listed.next_page_token.is_empty());
    for callback in &listed.callbacks {
        assert_eq!(
            (callback.account_id.as_str(), callback.provider_reference.as_str()),
            ("acct_town", made["id"].as_str().unwrap())
        );
        assert!(callback.event_type.starts_with("payment."), "{callback:?}");
        assert!(
            callback.received_at.is_some() && callback.callback_id.parse::<ids::CallbackId>().is_ok(),
            "{callback:?}"
        );
    }
    for other in [app.sam(), app.ada()] {
        assert_refused(
            other.unknown_callbacks(0, "").await,
            Code::PermissionDenied,
            reason::PERMISSION_DENIED,
        );
    }
    let elsewhere = app.person("fin", "lakeside", "finance");
    assert!(elsewhere.unknown_callbacks(0, "").await.unwrap().callbacks.is_empty(), "it is another tenant's");
}

#[tokio::test(flavor = "multi_thread")]
async fn callbacks_about_nobody_are_listed_newest_first_and_page_by_page() {
    let app = TestApp::start().await;
    // What is about a payment is in no list, nor is another tenant's.
    a_callback(&app).await;
    let mut wanted = Vec::new();
    for n in 0..5_i64 {
        app.clock.advance(std::time::Duration::from_millis(1));
        let id = ids::CallbackId::mint(&app.clock).to_string();
        let insert = "insert into callbacks (id, tenant, account, provider_event, received_at, body, event_type)
             values ($1::uuid, $2, 'acct_town', $3, now(), 'secret', case when $4 > 0 then 'payment.captured' end)";
        for (id, tenant) in [(&id, "riverton"), (&ids::CallbackId::mint(&app.clock).to_string(), "lakeside")]
        {
            let row = sqlx::query(insert).bind(id).bind(tenant).bind(format!("evt_{n}")).bind(n);
            row.execute(&mut app.db.admin().await).await.unwrap();
        }
        wanted.insert(0, id);
    }
    let (fin, mut seen, mut token) = (app.fin(), Vec::new(), String::new());
    for left in [3, 1, 0] {
        let page = fin.unknown_callbacks(2, &token).await.unwrap();
        assert!(page.callbacks.iter().all(|callback| callback.provider_reference.is_empty()));
        seen.extend(page.callbacks);
        token = page.next_page_token;
        assert_eq!(token.is_empty(), left == 0);
    }
    assert_eq!(seen.iter().map(|callback| callback.callback_id.clone()).collect::<Vec<_>>(), wanted);
    let types: Vec<_> = seen.iter().map(|callback| callback.event_type.as_str()).collect();
    assert_eq!(types, ["payment.captured", "payment.captured", "payment.captured", "payment.captured", ""]);
    assert_refused(fin.unknown_callbacks(201, "").await, Code::InvalidArgument, reason::PAGE_SIZE_INVALID);
    assert_refused(fin.unknown_callbacks(0, "x").await, Code::InvalidArgument, reason::PAGE_TOKEN_INVALID);
}

impl TestApp {
    /// Has every event of an account come here.
    async fn control_put_notify(&self, account: &str) {
        let here = self.state.providers.find(&account.parse().expect("it works")).expect("it works");
        let callback = here.callback_url().expect("a place to call").to_string();
        let url = format!("{}/control/accounts/{account}", self.psp.url());
        let put = reqwest::Client::new()
            .put(url)
            .json(&json!({ "notify_url": callback }))
            .send()
            .await
            .expect("it works");
        assert!(put.status().is_success(), "{}", put.status());
    }
}
