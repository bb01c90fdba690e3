//! Staff share documents, grantees find them, and owners see who read.

use std::net::Ipv4Addr;
use std::time::Duration;

use clock::Clock;
use document::config::Reconcile;
use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};
use service::{Shutdown, admin, grpc};
use testkit::{TestDb, TestKafka, TestS3, TestSqs};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::harness::{AWAY, TestApp, problem};

const GRANTS: &str = "/v1/staff/grants";

/// `bff` in front of a real document service.
pub(crate) struct World {
    pub(crate) app: TestApp,
    shutdown: Shutdown,
    _servers: (TestDb, TestKafka, TestSqs, TestS3),
}

impl World {
    pub(crate) async fn start() -> Self {
        let (db, kafka, sqs, s3, issuer) = tokio::join!(
            testkit::database("document", document::MIGRATORS),
            testkit::kafka(),
            testkit::sqs(),
            testkit::s3(),
            testkit::tokens()
        );
        let addr = (Ipv4Addr::LOCALHOST, 0).into();
        let config = document::Config {
            db: db.settings(),
            kafka: kafka.settings.clone(),
            sqs: sqs.settings.clone(),
            kms: testkit::kms(),
            s3: s3.settings.clone(),
            keep_rejected: time::Duration::ZERO,
            keep_exports: time::Duration::days(7),
            audit: testkit::audit(),
            tsa: None,
            auth: issuer.settings("svc-document"),
            telemetry: telemetry::Settings::default(),
            grpc: grpc::Settings { addr, max_concurrency: 64 },
            admin: admin::Settings { addr },
            reconcile: Reconcile { every: None, horizon: time::Duration::days(2), pause: Duration::ZERO },
            integrity_every: time::Duration::days(30),
        };
        let shutdown = Shutdown::manual(Duration::from_secs(1));
        let running = Box::pin(document::start(&config, Clock::system(), &shutdown)).await.expect("it works");
        running.admin.started();
        let app = TestApp::start_before(issuer, &format!("http://{}", running.grpc), AWAY).await;
        Self { app, shutdown, _servers: (db, kafka, sqs, s3) }
    }

    pub(crate) async fn get(&self, who: &str, role: &str, path: &str) -> Response {
        let token = self.app.issuer.person(who, "riverton", role);
        self.app.request(Method::GET, path).bearer_auth(token).send().await.expect("an answer")
    }

    pub(crate) async fn post(&self, who: &str, role: &str, path: &str, key: &str, body: &Value) -> Response {
        let token = self.app.issuer.person(who, "riverton", role);
        let request = self.app.request(Method::POST, path).bearer_auth(token);
        request.header("idempotency-key", key).json(body).send().await.expect("an answer")
    }

    /// A document of Ada's of which nothing was uploaded yet.
    pub(crate) async fn document(&self) -> String {
        let declaration = json!({
            "purpose": "statement", "file_name": "statement.pdf", "content_type": "application/pdf",
            "size_bytes": 3, "sha256": "00".repeat(32),
        });
        let answer = self.post("ada", "citizen", "/v1/documents", "d", &declaration).await;
        assert_eq!(answer.status(), StatusCode::CREATED);
        body(answer).await["id"].as_str().expect("an id").to_owned()
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.shutdown.request();
    }
}

pub(crate) async fn body(answer: Response) -> Value {
    answer.json().await.expect("json")
}

fn tomorrow() -> String {
    let at = Clock::system().now() + time::Duration::DAY;
    at.format(&Rfc3339).expect("a time")
}

#[tokio::test(flavor = "multi_thread")]
async fn staff_share_a_document_list_it_and_take_it_back() {
    let world = World::start().await;
    let id = world.document().await;
    let until = tomorrow();
    let wanted = json!({
        "document_id": id, "grantee_subject": "ben", "purpose": "casework", "until": until, "reason": "asked for",
    });
    let given = world.post("sam", "staff", GRANTS, "k", &wanted).await;
    assert_eq!(given.status(), StatusCode::CREATED);
    let grant = body(given).await;
    assert_eq!((&grant["document_id"], &grant["case"]), (&json!(id), &Value::Null));
    assert_eq!((&grant["stands"], &grant["revoked"]), (&json!(true), &Value::Null));
    let (ends, asked) = (grant["until"].as_str().expect("a time"), until.as_str());
    let micros =
        |text: &str| OffsetDateTime::parse(text, &Rfc3339).expect("a time").unix_timestamp_nanos() / 1_000;
    assert_eq!(micros(ends), micros(asked));
    let again = world.post("sam", "staff", GRANTS, "k", &wanted).await;
    assert_eq!(again.headers()["idempotent-replayed"], "true");

    let shared = body(world.get("ben", "citizen", "/v1/documents/shared").await).await;
    let found = &shared["shared"][0];
    assert_eq!((&found["document"]["id"], &found["grant_id"]), (&json!(id), &grant["id"]));
    for link in ["confirm", "upload_url", "erase", "correct"] {
        assert_eq!(found["document"]["_links"][link], Value::Null, "{link} is the owner's");
    }
    let read = body(world.get("ben", "citizen", &format!("/v1/documents/{id}")).await).await;
    assert_eq!(read, found["document"]);
    let own = body(world.get("ada", "citizen", &format!("/v1/documents/{id}")).await).await;
    assert!(own["_links"]["confirm"].is_string());
    let early = world.get("ben", "citizen", &format!("/v1/documents/{id}/download")).await;
    problem(early, StatusCode::LOCKED, "DOCUMENT_NOT_SCANNED").await;
    let listed = world.get("sam", "staff", &format!("{GRANTS}?grantee_subject=ben&standing_only=true")).await;
    assert_eq!(body(listed).await["grants"], json!([grant]));

    let revoke = format!("{GRANTS}/{}/revoke", grant["id"].as_str().expect("an id"));
    let revoked = world.post("sam", "staff", &revoke, "r", &json!({"reason": "over"})).await;
    let revoked = body(revoked).await;
    assert_eq!((&revoked["stands"], &revoked["revoked"]["by"]), (&json!(false), &json!("sam")));
    let over = world.get("ben", "citizen", &format!("/v1/documents/{id}")).await;
    problem(over, StatusCode::GONE, "GRANT_ENDED").await;
    let none = body(world.get("ben", "citizen", "/v1/documents/shared").await).await;
    assert_eq!(none, json!({"shared": [], "next_page_token": null}));
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_name_what_is_wrong_and_strangers_find_nothing() {
    let world = World::start().await;
    let id = world.document().await;
    let wanted = |change: fn(&mut Value)| {
        let mut wanted = json!({
            "document_id": id, "grantee_subject": "ben", "purpose": "casework", "until": tomorrow(), "reason": "why",
        });
        change(&mut wanted);
        wanted
    };
    for (change, reason) in [
        (wanted(|w| w["until"] = json!("tomorrow")), "GRANT_INVALID"),
        (wanted(|w| w["until"] = json!("2000-01-01T00:00:00Z")), "GRANT_INVALID"),
        (wanted(|w| w["purpose"] = json!("curiosity")), "GRANT_INVALID"),
        (wanted(|w| w["case"] = json!("2026-1")), "GRANT_INVALID"),
        (wanted(|w| w["reason"] = json!(" ")), "REASON_INVALID"),
        (wanted(|w| w["who"] = json!("ben")), "FIELD_UNKNOWN"),
    ] {
        let refused = world.post("sam", "staff", GRANTS, "k", &change).await;
        problem(refused, StatusCode::UNPROCESSABLE_ENTITY, reason).await;
    }
    let citizens = world.post("ada", "citizen", GRANTS, "k", &wanted(|_| ())).await;
    problem(citizens, StatusCode::FORBIDDEN, "PERMISSION_DENIED").await;
    let unknown =
        world.post("sam", "staff", &format!("{GRANTS}/x/revoke"), "k", &json!({"reason": "r"})).await;
    problem(unknown, StatusCode::NOT_FOUND, "GRANT_NOT_FOUND").await;

    let accesses = format!("/v1/documents/{id}/accesses");
    for (who, role) in [("ada", "citizen"), ("sam", "staff")] {
        let log = body(world.get(who, role, &accesses).await).await;
        assert_eq!(log, json!({"accesses": [], "next_page_token": null}));
    }
    let stranger = world.get("ben", "citizen", &accesses).await;
    problem(stranger, StatusCode::NOT_FOUND, "DOCUMENT_NOT_FOUND").await;
    let download = format!("/v1/documents/{id}/download");
    let silent = world.get("sam", "staff", &download).await;
    let told = problem(silent, StatusCode::UNPROCESSABLE_ENTITY, "ACCESS_PURPOSE_INVALID").await;
    assert_eq!(told["errors"][0]["field"], "purpose");
    let named = world.get("sam", "staff", &format!("{download}?purpose=casework")).await;
    problem(named, StatusCode::LOCKED, "DOCUMENT_NOT_SCANNED").await;
}
