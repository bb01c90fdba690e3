//! Who receives callbacks.

use std::collections::VecDeque;
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::AbortHandle;

/// A callback as it came.
#[derive(Clone, Debug)]
pub(crate) struct Hook {
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Hook {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// Revision and outcome.
    pub(crate) fn told(&self) -> (u64, String) {
        let body = self.json();
        let outcome = body["verification"]["outcome"].as_str().unwrap().to_owned();
        (body["revision"].as_u64().unwrap(), outcome)
    }

    pub(crate) fn timestamp(&self) -> i64 {
        self.header("webhook-timestamp").parse().unwrap()
    }

    /// Whether one of its signatures is by this secret, as OpenSSL computes it.
    pub(crate) fn is_signed_by(&self, secret: &str) -> bool {
        let key = hex::encode(STANDARD.decode(secret.strip_prefix("whsec_").unwrap()).unwrap());
        let mut openssl = Command::new("openssl")
            .args(["dgst", "-sha256", "-mac", "HMAC", "-macopt", &format!("hexkey:{key}"), "-binary"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let head = format!("{}.{}.", self.header("webhook-id"), self.header("webhook-timestamp"));
        let mut stdin = openssl.stdin.take().unwrap();
        stdin.write_all(head.as_bytes()).unwrap();
        stdin.write_all(&self.body).unwrap();
        drop(stdin);
        let expected = format!("v1,{}", STANDARD.encode(openssl.wait_with_output().unwrap().stdout));
        self.header("webhook-signature").split(' ').any(|signature| signature == expected)
    }
}

#[derive(Default)]
struct Seen {
    hooks: Mutex<Vec<Hook>>,
    /// What the next are answered; 200 when there is nothing left. 0 is no answer.
    answers: Mutex<VecDeque<u16>>,
    count: watch::Sender<usize>,
}

/// A receiver on a port of its own.
pub(crate) struct Receiver {
    seen: Arc<Seen>,
    pub(crate) url: String,
    server: AbortHandle,
}

impl Receiver {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hooks", listener.local_addr().unwrap());
        let seen = Arc::new(Seen::default());
        let router = Router::new().route("/hooks", post(receive)).with_state(seen.clone());
        let server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { seen, url, server: server.abort_handle() }
    }

    pub(crate) fn answer_next(&self, statuses: &[u16]) {
        self.seen.answers.lock().unwrap().extend(statuses);
    }

    pub(crate) fn hooks(&self) -> Vec<Hook> {
        self.seen.hooks.lock().unwrap().clone()
    }

    /// What came: references and outcomes.
    pub(crate) fn outcomes(&self) -> Vec<(String, String)> {
        let of = |hook: &Hook| {
            let verification = &hook.json()["verification"];
            let text = |name: &str| verification[name].as_str().unwrap().to_owned();
            (text("client_ref"), text("outcome"))
        };
        self.hooks().iter().map(of).collect()
    }

    /// Waits until there are so many.
    pub(crate) async fn wait(&self, count: usize) -> Vec<Hook> {
        let mut counts = self.seen.count.subscribe();
        let enough = tokio::time::timeout(Duration::from_secs(20), counts.wait_for(|seen| *seen >= count));
        assert!(enough.await.is_ok(), "{} callbacks instead of {count}", self.hooks().len());
        self.hooks()
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn receive(State(seen): State<Arc<Seen>>, headers: HeaderMap, body: Bytes) -> Response {
    let answer = seen.answers.lock().unwrap().pop_front().unwrap_or(200);
    seen.hooks.lock().unwrap().push(Hook { headers, body });
    seen.count.send_modify(|count| *count += 1);
    if answer == 0 {
        std::future::pending::<()>().await;
    }
    let location = [("location", "/elsewhere")];
    (StatusCode::from_u16(answer).unwrap(), location).into_response()
}
