//! A provider, a receiver of its webhooks, and the verbs of both.

use std::time::{Duration, Instant};

use clock::Clock;
use psp::{Options, Psp};
use reqwest::header::HeaderMap;
use reqwest::{Client, Method, RequestBuilder};
use serde_json::{Value, json};
use time::macros::datetime;

use crate::receiver::Receiver;

pub(crate) const RETURN: &str = "https://portal.example/bills/7?paid=yes";

/// What was answered.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Answer {
    pub(crate) async fn of(request: RequestBuilder) -> reqwest::Result<Self> {
        let response = request.send().await?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Ok(Self { status, headers, text: response.text().await? })
    }

    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }

    /// The body of an answer of this status.
    #[track_caller]
    pub(crate) fn is(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.text);
        self.json()
    }

    /// Checks a refusal.
    #[track_caller]
    pub(crate) fn refuses(&self, status: u16, code: &str) -> Value {
        let error = self.is(status)["error"].clone();
        assert_eq!(error["code"], code, "{error}");
        error
    }
}

/// An account's end of the API.
#[derive(Clone, Debug)]
pub(crate) struct Api {
    pub(crate) http: Client,
    pub(crate) base: String,
    pub(crate) api_key: String,
}

impl Api {
    pub(crate) fn new(base: &str, api_key: &str) -> Self {
        let http = Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
        Self { http, base: base.to_owned(), api_key: api_key.to_owned() }
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.base))
    }

    pub(crate) fn posting(&self, path: &str, key: &str, body: &Value) -> RequestBuilder {
        let request = self.request(Method::POST, path).bearer_auth(&self.api_key);
        request.header("idempotency-key", key).json(body)
    }

    pub(crate) async fn post(&self, path: &str, key: &str, body: &Value) -> Answer {
        Answer::of(self.posting(path, key, body)).await.unwrap()
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        Answer::of(self.request(Method::GET, path).bearer_auth(&self.api_key)).await.unwrap()
    }

    pub(crate) async fn control(&self, method: Method, path: &str, body: &Value) -> Value {
        Answer::of(self.request(method, &format!("/control{path}")).json(body)).await.unwrap().is(200)
    }

    pub(crate) async fn tell(&self, path: &str, body: Value) -> Value {
        self.control(Method::POST, path, &body).await
    }

    pub(crate) async fn look(&self, path: &str) -> Value {
        self.control(Method::GET, path, &Value::Null).await
    }

    /// Makes a payment under its reference as the key, and gives its id.
    pub(crate) async fn create(&self, terms: &Value) -> String {
        let key = terms["reference"].as_str().unwrap().replace(|c: char| !c.is_ascii_graphic(), "-");
        self.post("/v1/payments", &key, terms).await.is(201)["id"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn pay(&self, payment: &str, card: &str) -> Value {
        self.tell(&format!("/payments/{payment}/pay"), json!({ "card": card })).await
    }

    pub(crate) async fn payment(&self, id: &str) -> Value {
        self.get(&format!("/v1/payments/{id}")).await.is(200)
    }

    pub(crate) async fn capture(&self, id: &str, key: &str, body: Value) -> Answer {
        self.post(&format!("/v1/payments/{id}/capture"), key, &body).await
    }

    pub(crate) async fn refund(&self, id: &str, key: &str, amount: i64) -> Answer {
        self.post(&format!("/v1/payments/{id}/refunds"), key, &json!({ "amount": amount })).await
    }

    pub(crate) async fn of_reference(&self, reference: &str) -> Vec<Value> {
        let list = self.get(&format!("/v1/payments?reference={reference}")).await.is(200);
        list["data"].as_array().unwrap().clone()
    }

    pub(crate) async fn totals(&self) -> Value {
        self.get("/v1/books").await.is(200)["totals"].clone()
    }

    /// The account's lines of the books as type and amount.
    pub(crate) async fn lines(&self) -> Vec<(String, i64)> {
        let books = self.get("/v1/books?limit=200").await.is(200);
        let line =
            |entry: &Value| (entry["type"].as_str().unwrap().to_owned(), entry["amount"].as_i64().unwrap());
        books["data"].as_array().unwrap().iter().map(line).collect()
    }

    /// Waits until nothing is being delivered.
    pub(crate) async fn settle(&self) {
        self.look("/webhooks/idle").await;
    }

    /// Waits until so many calls hang.
    pub(crate) async fn until_hanging(&self, calls: u64) {
        until(async || self.look("/script").await["hanging"] == calls).await;
    }
}

/// Asks again and again; each answer takes a round trip.
pub(crate) async fn until(holds: impl AsyncFn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !holds().await {
        assert!(Instant::now() < deadline, "it did not come about");
    }
}

/// A provider with a frozen clock, whose account `acct_town` has its webhooks sent to `receiver`.
pub(crate) struct Sandbox {
    pub(crate) clock: Clock,
    pub(crate) psp: Psp,
    pub(crate) api: Api,
    pub(crate) receiver: Receiver,
}

impl std::ops::Deref for Sandbox {
    type Target = Api;

    fn deref(&self) -> &Api {
        &self.api
    }
}

pub(crate) async fn sandbox() -> Sandbox {
    sandbox_with(|_| {}).await
}

pub(crate) async fn sandbox_with(set: impl FnOnce(&mut Options)) -> Sandbox {
    let clock = Clock::frozen(datetime!(2030-06-01 12:00 UTC));
    let receiver = Receiver::start().await;
    let mut options = Options::new(clock.clone());
    options.accounts[0].notify_url = Some(receiver.url.clone());
    set(&mut options);
    let psp = psp::start_with(options).await.unwrap();
    let api = Api::new(&psp.url(), &psp.account("acct_town").api_key.0);
    Sandbox { clock, psp, api, receiver }
}

/// What a payment of this reference asks for.
pub(crate) fn terms(reference: &str, amount: i64) -> Value {
    json!({ "amount": amount, "currency": "EUR", "reference": reference, "return_url": RETURN })
}

pub(crate) fn manual(reference: &str, amount: i64) -> Value {
    let mut terms = terms(reference, amount);
    terms["capture"] = json!("manual");
    terms
}
