//! What staff see and do of a service's policies.

use std::net::Ipv4Addr;
use std::time::Duration;

use clock::Clock;
use policy::{Kinds, Policy, Violation};
use reqwest::{Method, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use service::{Shutdown, grpc};
use testkit::TestDb;

use crate::harness::{AWAY, TestApp, problem};

const LOANS: &str = "/v1/staff/policies/document/loans";

/// How long things are lent.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Loans {
    days: u32,
}

impl Policy for Loans {
    const KIND: &'static str = "loans";

    fn builtin() -> Self {
        Self { days: 28 }
    }

    fn check(&self) -> Vec<Violation> {
        let long = self.days > 365;
        long.then(|| Violation::at(&["days"], "must be at most 365")).into_iter().collect()
    }
}

/// `bff` in front of a service that has one kind of policy.
struct World {
    app: TestApp,
    shutdown: Shutdown,
    _database: TestDb,
}

impl World {
    async fn start() -> Self {
        let database = testkit::database("policy", &[&idempotency::MIGRATOR, &policy::MIGRATOR]).await;
        let issuer = testkit::tokens().await;
        let clock = Clock::system();
        let verifier = auth::Verifier::new(&issuer.settings("svc-document"), clock.clone());
        let policies = policy::server(&database.connect(), &clock, Kinds::new().with::<Loans>());
        let shutdown = Shutdown::manual(Duration::from_secs(1));
        let settings = grpc::Settings { addr: (Ipv4Addr::LOCALHOST, 0).into(), max_concurrency: 64 };
        let server = grpc::Server::new(&settings, auth::Layer::new(verifier));
        let addr = server.service(service::grpc_service!(policies)).serve(&shutdown).await.expect("a port");
        let app = TestApp::start_before(issuer, &format!("http://{addr}"), AWAY).await;
        Self { app, shutdown, _database: database }
    }

    async fn get(&self, path: &str) -> Value {
        let answer = self.app.staff("riverton", Method::GET, path).send().await.expect("an answer");
        assert_eq!(answer.status(), StatusCode::OK, "{path}");
        answer.json().await.expect("json")
    }

    async fn post(&self, role: &str, key: &str, body: Value) -> reqwest::Response {
        let token = self.app.issuer.person("max", "riverton", role);
        let request = self.app.request(Method::POST, LOANS).bearer_auth(token);
        request.header("idempotency-key", key).json(&body).send().await.expect("an answer")
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.shutdown.request();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_configures_tries_publishes_compares_and_goes_back() {
    let world = World::start().await;
    let list = world.get("/v1/staff/policies/document").await;
    assert_eq!(list["policies"][0]["body"], json!({"days": 28}));
    assert_eq!((&list["policies"][0]["version"], &list["policies"][0]["note"]), (&json!(0), &Value::Null));

    let body = json!({"body": {"days": 366}, "expected_version": 0, "dry_run": true});
    let tried = world.post("staff", "-", body).await;
    assert_eq!(tried.status(), StatusCode::OK);
    let violation = json!({"pointer": "/days", "rule": "must be at most 365"});
    let none = json!([]);
    let tried: Value = tried.json().await.unwrap();
    assert_eq!((&tried["violations"], &tried["changes"]), (&json!([violation]), &none));
    let publication = json!({"body": {"days": 14}, "expected_version": 0, "note": "OPS-1"});
    let mut tried = publication.clone();
    tried["dry_run"] = true.into();
    let tried: Value = world.post("staff", "-", tried).await.json().await.unwrap();
    assert_eq!(tried["changes"], json!([{"pointer": "/days", "before": 28, "after": 14}]));

    let published = world.post("admin", "k", publication.clone()).await;
    assert_eq!(published.status(), StatusCode::CREATED);
    let again = world.post("admin", "k", publication.clone()).await;
    assert_eq!(again.headers()["idempotent-replayed"], "true");
    let published: Value = published.json().await.unwrap();
    assert_eq!(again.json::<Value>().await.unwrap(), published);
    assert_eq!((&published["version"], &published["published_by"]), (&json!(1), &json!("max")));
    assert_eq!(world.get(LOANS).await, published);
    assert_eq!(world.get(published["_links"]["self"].as_str().unwrap()).await, published);

    let late = world.post("admin", "l", publication).await;
    problem(late, StatusCode::CONFLICT, "POLICY_CHANGED").await;
    let old = world.get(&format!("{LOANS}?version=0")).await;
    let diff = world.get(old["_links"]["diff"].as_str().unwrap()).await;
    assert_eq!(diff["changes"], json!([{"pointer": "/days", "before": 28, "after": 14}]));
    let back = json!({"body": old["body"], "expected_version": 1, "note": "OPS-2"});
    assert_eq!(world.post("admin", "m", back).await.status(), StatusCode::CREATED);
    let versions = world.get(&format!("{LOANS}/versions?page_size=1")).await;
    assert_eq!(
        (&versions["policies"][0]["version"], &versions["policies"][0]["body"]),
        (&json!(2), &Value::Null)
    );
    let token = versions["next_page_token"].as_str().unwrap();
    let versions = world.get(&format!("{LOANS}/versions?page_size=1&page_token={token}")).await;
    assert_eq!(
        (&versions["policies"][0]["version"], &versions["next_page_token"]),
        (&json!(1), &Value::Null)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn others_are_refused_and_bad_requests_name_what_is_wrong() {
    let world = World::start().await;
    let publication = json!({"body": {"days": 14}, "expected_version": 0, "note": "OPS-1"});
    for role in ["citizen", "staff", "reviewer"] {
        let refused = world.post(role, "k", publication.clone()).await;
        problem(refused, StatusCode::FORBIDDEN, "PERMISSION_DENIED").await;
    }
    for path in
        ["/v1/staff/policies/document", LOANS, &format!("{LOANS}/versions"), &format!("{LOANS}/diff?from=0")]
    {
        let answer = world.app.citizen(Method::GET, path).send().await.unwrap();
        problem(answer, StatusCode::FORBIDDEN, "PERMISSION_DENIED").await;
        let answer = world.app.request(Method::GET, path).send().await.unwrap();
        problem(answer, StatusCode::UNAUTHORIZED, "TOKEN_MISSING").await;
    }
    for path in
        ["/v1/staff/policies/billing", "/v1/staff/policies/document/toys", &format!("{LOANS}?version=9")]
    {
        let answer = world.app.staff("riverton", Method::GET, path).send().await.unwrap();
        problem(answer, StatusCode::NOT_FOUND, "POLICY_NOT_FOUND").await;
    }
    let unprocessable = StatusCode::UNPROCESSABLE_ENTITY;
    for (change, status, reason) in [
        (json!({"body": {"days": 366}}), unprocessable, "POLICY_INVALID"),
        (json!({"body": {"weeks": 1}}), unprocessable, "POLICY_INVALID"),
        (json!({"body": []}), unprocessable, "FIELD_INVALID"),
        (json!({"note": null}), unprocessable, "POLICY_NOTE_INVALID"),
        (json!({"force": true}), unprocessable, "FIELD_UNKNOWN"),
        (json!({"expected_version": 3}), StatusCode::CONFLICT, "POLICY_CHANGED"),
    ] {
        let mut body = publication.clone();
        body.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        problem(world.post("admin", "k", body).await, status, reason).await;
    }
}
