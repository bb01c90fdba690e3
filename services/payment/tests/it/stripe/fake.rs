//! A server that keeps sessions and refunds as Stripe's documentation has it, over real HTTP, and fails as it is told.

use std::collections::{BTreeMap, VecDeque};
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{Method, Request, Response, StatusCode};
use clock::Clock;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::AbortHandle;

/// How many of a list one page has: few, so that more than one is read.
const PAGE: usize = 2;
const SESSIONS: &str = "/v1/checkout/sessions";

/// What one call meets.
#[derive(Clone, Debug)]
pub(crate) enum Fault {
    /// Nothing: it is the next that meets one.
    None,
    /// It is done, and the connection breaks in the middle of the answer.
    Lost,
    /// It is done, and fails after that. The key says so for a day.
    DoneAndFailed,
    /// It fails. The key says so for a day.
    Failed,
    /// It is not looked at.
    Status(u16),
    /// It is refused for this.
    Refused(Value),
    /// What comes is no JSON.
    Garbage,
}

/// A call, as it came.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) key: Option<String>,
    pub(crate) version: Option<String>,
    pub(crate) form: BTreeMap<String, String>,
}

/// The server, for as long as it lives.
pub(crate) struct Fake {
    pub(crate) url: String,
    books: Books,
    server: AbortHandle,
}

type Books = Arc<Mutex<Inner>>;

struct Inner {
    clock: Clock,
    calls: Vec<Call>,
    faults: VecDeque<Fault>,
    /// Oldest first.
    sessions: Vec<Value>,
    intents: BTreeMap<String, Value>,
    refunds: Vec<Value>,
    /// Disputes, payouts and balance transactions, newest first.
    books: BTreeMap<&'static str, Vec<Value>>,
    /// How the next refunds stand at first.
    refund_status: String,
    keys: BTreeMap<String, (BTreeMap<String, String>, StatusCode, Value)>,
}

impl Fake {
    pub(crate) async fn start(clock: Clock) -> Self {
        let inner = Inner {
            clock,
            calls: Vec::new(),
            faults: VecDeque::new(),
            sessions: Vec::new(),
            intents: BTreeMap::new(),
            refunds: Vec::new(),
            books: BTreeMap::new(),
            refund_status: "succeeded".to_owned(),
            keys: BTreeMap::new(),
        };
        let books: Books = Arc::new(Mutex::new(inner));
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let router = Router::new().fallback(answer).with_state(books.clone());
        let server = tokio::spawn(async move {
            axum::serve(listener, router).await.expect("calls are answered");
        });
        Self { url, books, server: server.abort_handle() }
    }

    fn with<T>(&self, work: impl FnOnce(&mut Inner) -> T) -> T {
        work(&mut self.books.lock().expect("not poisoned"))
    }

    /// The next call meets this, and the one after it what is told next.
    pub(crate) fn next(&self, fault: Fault) {
        self.with(|inner| inner.faults.push_back(fault));
    }

    /// Keys are kept for a day.
    pub(crate) fn forget_keys(&self) {
        self.with(|inner| inner.keys.clear());
    }

    pub(crate) fn calls(&self) -> Vec<Call> {
        self.with(|inner| inner.calls.clone())
    }

    /// The calls as `POST /v1/…`, without what they ask for.
    pub(crate) fn paths(&self) -> Vec<String> {
        self.calls().iter().map(|call| format!("{} {}", call.method, call.path)).collect()
    }

    pub(crate) fn sessions(&self) -> Vec<Value> {
        self.with(|inner| inner.sessions.clone())
    }

    pub(crate) fn refunds(&self) -> Vec<Value> {
        self.with(|inner| inner.refunds.clone())
    }

    /// Others who use the account have had so many sessions made since.
    pub(crate) fn strangers(&self, count: usize) {
        self.with(|inner| {
            for n in 0..count {
                let form = BTreeMap::from([("client_reference_id".to_owned(), format!("order {n}"))]);
                inner.make_session(&form);
            }
        });
    }

    /// What there is of the only session changes.
    pub(crate) fn change(&self, change: impl FnOnce(&mut Value)) {
        self.with(|inner| change(inner.sessions.first_mut().expect("a session")));
    }

    /// The payer puts in a card, and this becomes of it.
    pub(crate) fn pay(&self, session: &str, intent: &str, error: Option<&str>) {
        self.with(|inner| {
            let amount = inner.find_session(session).expect("a session")["amount_total"].clone();
            let id = format!("pi_{session}");
            let received = if intent == "succeeded" { amount.clone() } else { json!(0) };
            let error = error.map(|kind| json!({ "type": kind, "code": "card_declined", "decline_code": "generic_decline" }));
            let made = json!({
                "id": id, "object": "payment_intent", "amount": amount, "amount_capturable": 0, "amount_received": received,
                "capture_method": "automatic", "currency": "eur", "last_payment_error": error, "status": intent,
            });
            inner.intents.insert(id.clone(), made);
            let session = inner.find_session(session).expect("a session");
            session["payment_intent"] = json!(id);
            if matches!(intent, "succeeded" | "processing") {
                session["status"] = json!("complete");
                session["url"] = Value::Null;
                session["payment_status"] = json!(if intent == "succeeded" { "paid" } else { "unpaid" });
            }
        });
    }

    /// How the refunds that are made from now on stand at first.
    pub(crate) fn refunds_are(&self, status: &str) {
        self.with(|inner| status.clone_into(&mut inner.refund_status));
    }

    /// What its list of these has, newest first.
    pub(crate) fn books(&self, of: &'static str, all: Vec<Value>) {
        self.with(|inner| inner.books.insert(of, all));
    }

    /// How every refund stands now.
    pub(crate) fn refunds_become(&self, status: &str) {
        self.with(|inner| inner.refunds.iter_mut().for_each(|refund| refund["status"] = json!(status)));
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn answer(State(books): State<Books>, request: Request<Body>) -> Response<Body> {
    let (head, body) = request.into_parts();
    let body: Bytes = axum::body::to_bytes(body, 1 << 20).await.expect("a body");
    let text = if head.method == Method::GET {
        head.uri.query().unwrap_or_default().to_owned()
    } else {
        String::from_utf8(body.to_vec()).expect("a form")
    };
    let form = url::form_urlencoded::parse(text.as_bytes()).into_owned().collect();
    let header = |name: &str| head.headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    assert_eq!(header("authorization").as_deref(), Some("Bearer sk_test_0123456789abcdef"));
    let call = Call {
        method: head.method,
        path: head.uri.path().to_owned(),
        key: header("idempotency-key"),
        version: header("stripe-version"),
        form,
    };
    let mut inner = books.lock().expect("not poisoned");
    inner.calls.push(call.clone());
    let fault = inner.faults.pop_front();
    let (status, body) = match &fault {
        Some(Fault::Status(status)) => (StatusCode::from_u16(*status).expect("a status"), failed()),
        Some(Fault::Refused(error)) => (StatusCode::BAD_REQUEST, json!({ "error": error })),
        Some(Fault::Garbage) => return Response::new(Body::from("<html>")),
        Some(Fault::Failed) => inner.failed(&call),
        Some(Fault::DoneAndFailed) => {
            inner.under_key(&call);
            inner.failed(&call)
        }
        Some(Fault::Lost | Fault::None) | None => inner.under_key(&call),
    };
    let text = body.to_string();
    let body = if matches!(fault, Some(Fault::Lost)) {
        let broken = [Ok(Bytes::from(text[..10].to_owned())), Err(std::io::Error::other("cut"))];
        Body::from_stream(futures::stream::iter(broken))
    } else {
        Body::from(text)
    };
    let response = Response::builder().status(status).header("content-type", "application/json");
    response.body(body).expect("an answer")
}

fn failed() -> Value {
    json!({ "error": { "type": "api_error", "message": "An unknown error occurred" } })
}

fn refused(kind: &str, code: Option<&str>, param: Option<&str>) -> (StatusCode, Value) {
    let error = json!({ "type": kind, "code": code, "param": param, "message": "No." });
    (StatusCode::BAD_REQUEST, json!({ "error": error }))
}

impl Inner {
    fn failed(&mut self, call: &Call) -> (StatusCode, Value) {
        let answer = (StatusCode::INTERNAL_SERVER_ERROR, failed());
        if let Some(key) = &call.key {
            self.keys.insert(key.clone(), (call.form.clone(), answer.0, answer.1.clone()));
        }
        answer
    }

    /// What was done under a key is said again; what was refused before it was begun is not kept.
    fn under_key(&mut self, call: &Call) -> (StatusCode, Value) {
        let Some(key) = &call.key else { return self.done(call) };
        if let Some((form, status, body)) = self.keys.get(key) {
            return if *form == call.form {
                (*status, body.clone())
            } else {
                refused("idempotency_error", None, None)
            };
        }
        let (status, body) = self.done(call);
        if status == StatusCode::OK {
            self.keys.insert(key.clone(), (call.form.clone(), status, body.clone()));
        }
        (status, body)
    }

    fn done(&mut self, call: &Call) -> (StatusCode, Value) {
        let path: Vec<&str> = call.path.trim_start_matches("/v1/").split('/').collect();
        match (&call.method, path.as_slice()) {
            (&Method::POST, ["checkout", "sessions"]) => self.create(call),
            (&Method::GET, ["checkout", "sessions"]) => self.list_sessions(call),
            (&Method::GET, ["checkout", "sessions", id]) => match self.find_session(id).cloned() {
                Some(session) => (StatusCode::OK, self.expanded(&session)),
                None => (
                    StatusCode::NOT_FOUND,
                    refused("invalid_request_error", Some("resource_missing"), Some("session")).1,
                ),
            },
            (&Method::POST, ["checkout", "sessions", id, "expire"]) => {
                let Some(session) = self.find_session(id) else {
                    return refused("invalid_request_error", None, None);
                };
                if session["status"] != "open" {
                    return refused("invalid_request_error", None, None);
                }
                session["status"] = json!("expired");
                session["url"] = Value::Null;
                let session = session.clone();
                (StatusCode::OK, self.expanded(&session))
            }
            (&Method::POST, ["refunds"]) => self.refund(call),
            (&Method::GET, ["refunds"]) => {
                let of = |refund: &&Value| {
                    refund["payment_intent"].as_str() == call.form.get("payment_intent").map(String::as_str)
                };
                let all: Vec<Value> = self.refunds.iter().rev().filter(of).cloned().collect();
                (StatusCode::OK, page(&all, call))
            }
            (&Method::GET, ["refunds", id]) => match self.refunds.iter().find(|refund| refund["id"] == *id) {
                Some(refund) => (StatusCode::OK, refund.clone()),
                None => (
                    StatusCode::NOT_FOUND,
                    refused("invalid_request_error", Some("resource_missing"), None).1,
                ),
            },
            (&Method::GET, [books @ ("disputes" | "payouts" | "balance_transactions")]) => {
                (StatusCode::OK, self.list_books(books, call))
            }
            _ => (StatusCode::NOT_FOUND, refused("invalid_request_error", None, None).1),
        }
    }

    fn create(&mut self, call: &Call) -> (StatusCode, Value) {
        let number = |name: &str| call.form.get(name).and_then(|text| text.parse::<i64>().ok());
        let lasts = number("expires_at").unwrap_or_default() - self.clock.now().unix_timestamp();
        if !(1_800..=86_400).contains(&lasts) {
            return refused("invalid_request_error", None, Some("expires_at"));
        }
        if number("line_items[0][price_data][unit_amount]").unwrap_or_default() < 50 {
            return refused("invalid_request_error", Some("amount_too_small"), None);
        }
        (StatusCode::OK, self.make_session(&call.form))
    }

    fn make_session(&mut self, form: &BTreeMap<String, String>) -> Value {
        let id = format!("cs_test_{}", self.sessions.len() + 1);
        let said = |name: &str| form.get(name).cloned();
        let amount = said("line_items[0][price_data][unit_amount]").and_then(|text| text.parse::<i64>().ok());
        let session = json!({
            "id": id, "object": "checkout.session", "amount_subtotal": amount, "amount_total": amount, "mode": "payment",
            "client_reference_id": said("client_reference_id"), "currency": said("line_items[0][price_data][currency]"),
            "created": self.clock.now().unix_timestamp(), "expires_at": said("expires_at"), "livemode": false, "status": "open",
            "payment_status": "unpaid", "payment_intent": null, "url": format!("https://checkout.stripe.com/c/pay/{id}#fid"),
        });
        self.sessions.push(session.clone());
        session
    }

    fn find_session(&mut self, id: &str) -> Option<&mut Value> {
        self.sessions.iter_mut().find(|session| session["id"] == id)
    }

    fn expanded(&self, session: &Value) -> Value {
        let mut session = session.clone();
        if let Some(intent) = session["payment_intent"].as_str().and_then(|id| self.intents.get(id)) {
            session["payment_intent"] = intent.clone();
        }
        session
    }

    fn list_sessions(&self, call: &Call) -> (StatusCode, Value) {
        let bound =
            |name: &str| call.form.get(name).and_then(|text| text.parse::<i64>().ok()).expect("a bound");
        let asked = bound("created[gte]")..=bound("created[lte]");
        let within = |session: &&Value| session["created"].as_i64().is_some_and(|at| asked.contains(&at));
        let all: Vec<Value> =
            self.sessions.iter().rev().filter(within).map(|session| self.expanded(session)).collect();
        (StatusCode::OK, page(&all, call))
    }

    /// Those that are of what is asked for, or arrive within a time.
    fn list_books(&self, books: &str, call: &Call) -> Value {
        let bound = |name: &str| call.form.get(name).map(|text| text.parse::<i64>().expect("a moment"));
        let (from, until) = (bound("arrival_date[gte]"), bound("arrival_date[lt]"));
        let wanted = |one: &&Value| {
            let at = one["arrival_date"].as_i64();
            ["payment_intent", "payout"]
                .iter()
                .all(|name| call.form.get(*name).is_none_or(|of| one[*name] == **of))
                && from.is_none_or(|from| at >= Some(from))
                && until.is_none_or(|until| at < Some(until))
        };
        let all: Vec<Value> = self.books.get(books).into_iter().flatten().filter(wanted).cloned().collect();
        page(&all, call)
    }

    fn refund(&mut self, call: &Call) -> (StatusCode, Value) {
        let said = |name: &str| call.form.get(name).cloned();
        let (Some(intent), Some(amount)) =
            (said("payment_intent"), said("amount").and_then(|n| n.parse::<i64>().ok()))
        else {
            return refused("invalid_request_error", Some("parameter_missing"), None);
        };
        let Some(paid) = self.intents.get(&intent).and_then(|intent| intent["amount_received"].as_i64())
        else {
            return refused("invalid_request_error", Some("resource_missing"), Some("payment_intent"));
        };
        let given: i64 = self
            .refunds
            .iter()
            .filter(|refund| refund["payment_intent"] == *intent && refund["status"] != "failed")
            .filter_map(|refund| refund["amount"].as_i64())
            .sum();
        if given + amount > paid {
            return refused("invalid_request_error", Some("charge_already_refunded"), None);
        }
        let refund = json!({
            "id": format!("re_{}", self.refunds.len() + 1), "object": "refund", "amount": amount, "currency": "eur",
            "payment_intent": intent, "status": self.refund_status, "metadata": {
                "guildhall_payment": said("metadata[guildhall_payment]"), "guildhall_refund": said("metadata[guildhall_refund]"),
            },
        });
        self.refunds.push(refund.clone());
        (StatusCode::OK, refund)
    }
}

fn page(all: &[Value], call: &Call) -> Value {
    let after = call.form.get("starting_after");
    let start = after.map_or(0, |id| all.iter().take_while(|one| one["id"] != **id).count() + 1);
    let rest = all.get(start..).unwrap_or_default();
    let data = &rest[..rest.len().min(PAGE)];
    json!({ "object": "list", "url": SESSIONS, "data": data, "has_more": rest.len() > PAGE })
}
