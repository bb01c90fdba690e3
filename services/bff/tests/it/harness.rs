//! A running `bff` whose services are away, which is how most errors are seen.

use std::net::SocketAddr;
use std::time::Duration;

use bff::Config;
use clock::Clock;
use reqwest::{Method, Response, StatusCode};
use serde_json::Value;
use service::Shutdown;
use settings::Env;
use testkit::Issuer;

/// Where no service is: nobody listens on port 9 (discard).
pub(crate) const AWAY: &str = "http://127.0.0.1:9";

/// A running `bff`; ends with this value.
pub(crate) struct TestApp {
    /// Where it is.
    pub(crate) addr: SocketAddr,
    /// Whose tokens it trusts.
    pub(crate) issuer: Issuer,
    http: reqwest::Client,
    shutdown: Shutdown,
}

impl TestApp {
    /// Starts one.
    pub(crate) async fn start() -> Self {
        Self::start_before(testkit::tokens().await, AWAY, AWAY).await
    }

    /// Starts one in front of a document and a notification service.
    pub(crate) async fn start_before(issuer: Issuer, document: &str, notification: &str) -> Self {
        Self::start_before_all(issuer, document, AWAY, notification).await
    }

    /// Starts one in front of a document, a payment and a notification service.
    pub(crate) async fn start_before_all(
        issuer: Issuer,
        document: &str,
        payment: &str,
        notification: &str,
    ) -> Self {
        let kafka = testkit::env().kafka_brokers();
        let redis = testkit::env().redis_url();
        let vars = [
            ("BFF__HTTP__ADDR", "127.0.0.1:0"),
            ("BFF__HTTP__PUBLIC_URL", "http://localhost:8080/"),
            ("BFF__HTTP__UPLOAD_ORIGIN", "http://localhost:17070"),
            ("BFF__HTTP__ALLOWED_ORIGINS", "https://portal.example"),
            ("BFF__ADMIN__ADDR", "127.0.0.1:0"),
            ("BFF__AUTH__ISSUER", issuer.url()),
            ("BFF__AUTH__CLIENT_ID", "svc-bff"),
            ("BFF__AUTH__CLIENT_SECRET", "test-secret"),
            ("BFF__OIDC__CLIENT_ID", "portal"),
            ("BFF__OIDC__CLIENT_SECRET", "secret"),
            ("BFF__REDIS__URL", &redis),
            ("BFF__KAFKA__BROKERS", &kafka),
            ("BFF__DOCUMENT__URL", document),
            ("BFF__PAYMENT__URL", payment),
            ("BFF__NOTIFICATION__URL", notification),
        ];
        let config = Config::from_env(Env::from_pairs("BFF", vars)).expect("settings");
        let shutdown = Shutdown::manual(Duration::from_secs(1));
        let running = bff::start(config, Clock::system(), &shutdown).await.expect("bff");
        let http = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(Duration::from_secs(20))
            .build()
            .expect("client");
        Self { addr: running.http, issuer, http, shutdown }
    }

    /// A request to a path.
    pub(crate) fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.http.request(method, format!("http://{}{path}", self.addr))
    }

    /// A request of a citizen by bearer token.
    pub(crate) fn citizen(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.request(method, path).bearer_auth(self.issuer.citizen("ada", "riverton"))
    }

    /// A request of a tenant's staff by bearer token.
    pub(crate) fn staff(&self, tenant: &str, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.request(method, path).bearer_auth(self.issuer.staff("sam", tenant))
    }
}

impl Drop for TestApp {
    fn drop(&mut self) {
        self.shutdown.request();
    }
}

/// Checks that an answer is a problem with this status and reason; gives its body.
pub(crate) async fn problem(answer: Response, status: StatusCode, reason: &str) -> Value {
    let (got, kind) = (answer.status(), answer.headers()["content-type"].clone());
    let request_id = answer.headers()["x-request-id"].to_str().expect("ascii").to_owned();
    let body: Value = answer.json().await.expect("json");
    assert_eq!((got, body["code"].as_str()), (status, Some(reason)), "{body}");
    assert_eq!(kind, "application/problem+json");
    assert_eq!(body["status"], status.as_u16());
    assert_eq!(body["instance"], request_id);
    let page = body["type"].as_str().expect("type").rsplit('/').next().expect("page").to_owned();
    assert_eq!(page, format!("{reason}.md"));
    body
}
