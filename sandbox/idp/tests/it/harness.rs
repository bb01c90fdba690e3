//! Both providers, a receiver of callbacks, and the verbs of all.

use std::time::{Duration, Instant};

use clock::Clock;
use idp::{Idp, KOMPASS_TOWN, Options, VERITAS_TOWN};
use reqwest::header::HeaderMap;
use reqwest::{Client, Method, RequestBuilder};
use serde_json::{Value, json};
use time::macros::datetime;

use crate::receiver::Receiver;

/// A name that no table has.
pub(crate) const ORDINARY: &str = "Muster-Ångström";
/// SHA-256 of nothing.
pub(crate) const DIGEST: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
pub(crate) const FILE: &str = "https://files.example/passport?signature=1";

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

    /// Checks a refusal of veritas, or of `/control`.
    #[track_caller]
    pub(crate) fn refuses(&self, status: u16, code: &str) -> Value {
        let error = self.is(status)["error"].clone();
        assert_eq!(error["code"], code, "{error}");
        error
    }

    /// Checks a refusal of kompass.
    #[track_caller]
    pub(crate) fn faults(&self, status: u16, code: &str) -> Value {
        let fault = self.is(status)["fault"].clone();
        assert_eq!(fault["code"], code, "{fault}");
        fault
    }
}

/// An account's end of both APIs.
#[derive(Clone, Debug)]
pub(crate) struct Api {
    pub(crate) http: Client,
    pub(crate) base: String,
    pub(crate) veritas_key: String,
    pub(crate) kompass_key: String,
}

impl Api {
    pub(crate) fn new(base: &str, veritas: &str, kompass: &str) -> Self {
        Self {
            http: Client::new(),
            base: base.to_owned(),
            veritas_key: format!("sk_sandbox_{veritas}"),
            kompass_key: format!("sk_sandbox_{kompass}"),
        }
    }

    /// A call of veritas.
    pub(crate) fn veritas(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}/veritas/v1{path}", self.base)).bearer_auth(&self.veritas_key)
    }

    /// A call of kompass.
    pub(crate) fn kompass(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.http.request(method, format!("{}/kompass/api{path}", self.base));
        request.header("x-api-key", &self.kompass_key)
    }

    pub(crate) fn asking(&self, key: &str, check: &Value) -> RequestBuilder {
        self.veritas(Method::POST, "/checks").header("idempotency-key", key).json(check)
    }

    /// Asks veritas under the reference as the key.
    pub(crate) async fn ask(&self, check: &Value) -> Answer {
        Answer::of(self.asking(check["reference"].as_str().unwrap(), check)).await.unwrap()
    }

    pub(crate) fn submitting(&self, verification: &Value) -> RequestBuilder {
        self.kompass(Method::POST, "/verifications").json(verification)
    }

    /// Asks kompass.
    pub(crate) async fn submit(&self, verification: &Value) -> Answer {
        Answer::of(self.submitting(verification)).await.unwrap()
    }

    /// A check of veritas as it is now.
    pub(crate) async fn check(&self, id: &Value) -> Value {
        let path = format!("/checks/{}", id.as_str().unwrap());
        Answer::of(self.veritas(Method::GET, &path)).await.unwrap().is(200)
    }

    /// A verification of kompass as it is now.
    pub(crate) async fn verification(&self, id: &Value) -> Value {
        let path = format!("/verifications/{}", id.as_str().unwrap());
        Answer::of(self.kompass(Method::GET, &path)).await.unwrap().is(200)
    }

    /// Veritas's checks of a reference.
    pub(crate) async fn checks_of(&self, reference: &str) -> Vec<Value> {
        let path = format!("/checks?reference={reference}");
        let list = Answer::of(self.veritas(Method::GET, &path)).await.unwrap().is(200);
        list["data"].as_array().unwrap().clone()
    }

    pub(crate) async fn controlling(&self, method: Method, path: &str, body: &Value) -> Answer {
        let request = self.http.request(method, format!("{}/control{path}", self.base));
        Answer::of(request.json(body)).await.unwrap()
    }

    pub(crate) async fn control(&self, method: Method, path: &str, body: &Value) -> Value {
        self.controlling(method, path, body).await.is(200)
    }

    pub(crate) async fn tell(&self, path: &str, body: Value) -> Value {
        self.control(Method::POST, path, &body).await
    }

    pub(crate) async fn look(&self, path: &str) -> Value {
        self.control(Method::GET, path, &Value::Null).await
    }

    /// The books of a reference.
    pub(crate) async fn books(&self, reference: &str) -> Vec<Value> {
        self.look(&format!("/books?reference={reference}")).await["data"].as_array().unwrap().clone()
    }

    /// Where the callbacks of a reference stand.
    pub(crate) async fn deliveries(&self, reference: &str) -> Vec<Value> {
        self.look(&format!("/webhooks?reference={reference}")).await["data"].as_array().unwrap().clone()
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

/// Providers with a frozen clock, whose account `kompass_town` is called back at `receiver`.
pub(crate) struct Sandbox {
    pub(crate) clock: Clock,
    pub(crate) idp: Idp,
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
    let town = options.accounts.iter_mut().find(|account| account.id == KOMPASS_TOWN);
    town.unwrap().callback_url = Some(receiver.url.clone());
    set(&mut options);
    let idp = idp::start_with(options).await.unwrap();
    let api = Api::new(&idp.url(), VERITAS_TOWN, KOMPASS_TOWN);
    Sandbox { clock, idp, api, receiver }
}

/// What veritas is asked.
pub(crate) fn check(kind: &str, reference: &str, last_name: &str) -> Value {
    let address =
        json!({ "line1": "1 Mill Lane", "city": "Riverton", "postal_code": "RV1 2AB", "country": "GB" });
    let applicant = json!({
        "first_name": "Ada", "last_name": last_name, "birth_date": "1990-12-31", "address": address,
    });
    let document = json!({ "kind": "passport", "country": "GB", "sha256": DIGEST, "url": FILE });
    json!({
        "type": kind, "reference": reference, "applicant": applicant,
        "documents": [document], "selfie": { "sha256": DIGEST, "url": FILE },
    })
}

/// What kompass is asked.
pub(crate) fn verification(kind: &str, reference: &str, family_name: &str) -> Value {
    let residence =
        json!({ "street": "Mühlweg 1", "postcode": "80331", "town": "Flussstadt", "country": "DE" });
    let subject = json!({
        "given_names": "Ada", "family_name": family_name, "born_on": "1990-12-31", "residence": residence,
    });
    let file =
        json!({ "kind": "PASSPORT", "issuer": "DE", "digest": format!("sha256:{DIGEST}"), "href": FILE });
    json!({ "kind": kind, "client_ref": reference, "subject": subject, "files": [file] })
}
