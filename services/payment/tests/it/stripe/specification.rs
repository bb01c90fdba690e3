//! Each call that is made is one of Stripe's: stripe-mock holds it against the specification and answers from it. What it answers says
//! nothing of what was asked for, so a relay before it fills in the few fields that we compare.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{Request, Response, StatusCode};
use payment::domain::{Ask, Day, Payment, RefundSeen, RefundState, Seen, Standing};
use payment::provider::SettlementSeen;
use serde_json::{Value, json};
use time::Duration;
use tokio::net::TcpListener;
use tokio::task::AbortHandle;

use super::{NOW, payment, provider, refund};

const MOCK: &str = "GUILDHALL_STRIPE_URL";

struct Relay {
    url: String,
    state: Arc<Relayed>,
    server: AbortHandle,
}

struct Relayed {
    client: reqwest::Client,
    /// What is filled in, by kind of thing.
    fields: BTreeMap<&'static str, Value>,
    /// Calls and what the specification says to them.
    calls: Mutex<Vec<(String, u16)>>,
    /// Whether sessions that are made come to be known here.
    deaf: bool,
}

impl Relay {
    async fn start(fields: BTreeMap<&'static str, Value>, deaf: bool) -> Self {
        let state = Relayed { client: reqwest::Client::new(), fields, calls: Mutex::default(), deaf };
        let state = Arc::new(state);
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let router = Router::new().fallback(relay).with_state(state.clone());
        let server = tokio::spawn(async move {
            axum::serve(listener, router).await.expect("calls are answered");
        });
        Self { url, state, server: server.abort_handle() }
    }

    fn calls(&self) -> Vec<(String, u16)> {
        self.state.calls.lock().expect("not poisoned").clone()
    }
}

impl Relayed {
    fn fill_in(&self, said: &mut Value) {
        let Some(Value::Object(fields)) = said["object"].as_str().and_then(|kind| self.fields.get(kind))
        else {
            return;
        };
        for (name, value) in fields.clone() {
            said[name] = value;
        }
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn relay(State(state): State<Arc<Relayed>>, request: Request<Body>) -> Response<Body> {
    let (head, body) = request.into_parts();
    let body: Bytes = axum::body::to_bytes(body, 1 << 20).await.expect("a body");
    let url = format!("{}{}", testkit::env().get(MOCK), head.uri);
    let mut headers = head.headers;
    headers.remove("host");
    let answer = state
        .client
        .request(head.method.clone(), url)
        .headers(headers)
        .body(body)
        .send()
        .await
        .expect("an answer");
    let status = answer.status();
    state
        .calls
        .lock()
        .expect("not poisoned")
        .push((format!("{} {}", head.method, head.uri.path()), status.as_u16()));
    let mut said: Value = answer.json().await.expect("JSON");
    let kind = said["object"].as_str().unwrap_or_default().to_owned();
    state.fill_in(&mut said);
    // Sessions and refunds that a list shows are others'.
    let listed = said["data"].as_array_mut().into_iter().flatten();
    let ours = |one: &&mut Value| matches!(one["object"].as_str(), Some("payout" | "balance_transaction"));
    listed.filter(ours).for_each(|one| state.fill_in(one));
    let made = kind == "checkout.session" && head.uri.path() == "/v1/checkout/sessions";
    let status = if state.deaf && made { StatusCode::INTERNAL_SERVER_ERROR } else { status };
    Response::builder().status(status).body(Body::from(said.to_string())).expect("an answer")
}

fn of(payment: &Payment) -> BTreeMap<&'static str, Value> {
    let session =
        json!({ "client_reference_id": payment.id, "amount_total": payment.amount, "currency": "eur" });
    [("checkout.session", session)].into()
}

#[tokio::test]
async fn the_calls_of_a_payment_are_in_the_specification() {
    let asked = payment();
    let relay = Relay::start(of(&asked), false).await;
    let stripe = provider(&relay.url);
    let Seen::Record { provider_id, standing: Standing::Open { next_url } } =
        stripe.ask(&asked, &Ask::Create, NOW).await
    else {
        panic!("it is made: {:?}", relay.calls());
    };
    assert!(
        provider_id.starts_with("cs_test_") && next_url.starts_with("https://checkout.stripe.com/"),
        "{next_url}"
    );
    for ask in [Ask::Look(provider_id.clone()), Ask::Cancel(provider_id.clone())] {
        let seen = stripe.ask(&asked, &ask, NOW).await;
        assert!(matches!(seen, Seen::Record { standing: Standing::Open { .. }, .. }), "{ask:?} {seen:?}");
    }
    let id = &provider_id;
    assert_eq!(
        relay.calls(),
        [
            ("POST /v1/checkout/sessions".to_owned(), 200),
            (format!("GET /v1/checkout/sessions/{id}"), 200),
            (format!("POST /v1/checkout/sessions/{id}/expire"), 200),
        ]
    );
}

#[tokio::test]
async fn looking_for_a_payment_is_in_the_specification() {
    let asked = payment();
    let relay = Relay::start(of(&asked), true).await;
    // The one that its list shows is another's.
    let seen = provider(&relay.url).ask(&asked, &Ask::Create, NOW + Duration::days(1)).await;
    assert_eq!(seen, Seen::Refused);
    let list = "GET /v1/checkout/sessions".to_owned();
    assert_eq!(relay.calls(), [("POST /v1/checkout/sessions".to_owned(), 200), (list, 200)]);
}

#[tokio::test]
async fn the_calls_of_a_refund_are_in_the_specification() {
    let paid = Payment { provider_id: Some("cs_test_1".to_owned()), ..payment() };
    let mut back = refund(&paid, 50);
    let mut fields = of(&paid);
    let written = json!({ "guildhall_refund": back.id, "guildhall_payment": paid.id });
    fields.insert("refund", json!({ "metadata": written, "currency": "eur", "amount": 50 }));
    let relay = Relay::start(fields, false).await;
    let stripe = provider(&relay.url);
    let seen = stripe.ask_refund(&paid, &back).await;
    let RefundSeen::Record { provider_id, state: RefundState::Completed } = seen else {
        panic!("it is made: {seen:?} {:?}", relay.calls());
    };
    back.provider_id = Some(provider_id.clone());
    assert!(matches!(stripe.ask_refund(&paid, &back).await, RefundSeen::Record { .. }));
    assert_eq!(
        relay.calls(),
        [
            ("GET /v1/checkout/sessions/cs_test_1".to_owned(), 200),
            ("GET /v1/refunds".to_owned(), 200),
            ("POST /v1/refunds".to_owned(), 200),
            (format!("GET /v1/refunds/{provider_id}"), 200),
        ]
    );
}

#[tokio::test]
async fn what_is_asked_about_disputes_and_payouts_is_in_the_specification() {
    let paid = Payment {
        provider_id: Some("cs_test_1".to_owned()),
        charge_id: Some("pi_1".to_owned()),
        ..payment()
    };
    let mut fields = of(&paid);
    fields.insert("payout", json!({ "status": "paid", "automatic": true, "reconciliation_status": "completed", "currency": "eur" }));
    fields.insert("balance_transaction", json!({ "currency": "eur" }));
    let relay = Relay::start(fields, false).await;
    let stripe = provider(&relay.url);
    // The one dispute that its list shows is an inquiry.
    assert_eq!(stripe.ask_disputes(&paid).await, Some(Vec::new()));
    let shown = stripe.settlement(Day::of(NOW), NOW + Duration::days(1)).await;
    let list = |of: &str| (format!("GET /v1/{of}"), 200);
    assert!(matches!(&shown, SettlementSeen::Report(report) if !report.lines().is_empty()), "{shown:?}");
    assert_eq!(relay.calls(), [list("disputes"), list("payouts"), list("balance_transactions")]);
}

#[tokio::test]
async fn what_is_not_in_the_specification_is_refused_and_so_is_another_version() {
    let sessions = format!("{}/v1/checkout/sessions", testkit::env().get(MOCK));
    let post = |version: &'static str, field: &'static str| {
        let request = reqwest::Client::new().post(&sessions).bearer_auth("sk_test_0123456789abcdef");
        request.header("stripe-version", version).form(&[("mode", "payment"), (field, "1")]).send()
    };
    assert_eq!(post("2026-08-26.dahlia", "client_reference_id").await.unwrap().status(), 200);
    assert_eq!(post("2026-08-26.dahlia", "colour").await.unwrap().status(), 400);
    assert_eq!(post("2020-08-27", "client_reference_id").await.unwrap().status(), 400);
}
