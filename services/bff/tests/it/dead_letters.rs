//! What staff see and do of events that the notification service could not apply.

use std::net::Ipv4Addr;
use std::time::Duration;

use clock::Clock;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use service::{Shutdown, admin, grpc};
use testkit::{TestDb, TestKafka, TestSqs};

use crate::harness::{AWAY, TestApp, problem};

const LIST: &str = "/v1/staff/dead-letters?service=notification";
const REDRIVE: &str = "/v1/staff/dead-letters/redrive";

/// `bff` in front of a real notification service.
pub(crate) struct World {
    pub(crate) app: TestApp,
    db: TestDb,
    shutdown: Shutdown,
    _servers: (TestKafka, TestSqs),
}

impl World {
    pub(crate) async fn start() -> Self {
        let migrators = notification::migrators();
        let (db, kafka, sqs, issuer) = tokio::join!(
            testkit::database("notification", &migrators),
            testkit::kafka(),
            testkit::sqs(),
            testkit::tokens()
        );
        let addr = (Ipv4Addr::LOCALHOST, 0).into();
        let config = notification::Config {
            db: db.settings(),
            kafka: kafka.settings.clone(),
            sqs: sqs.settings.clone(),
            kms: testkit::kms(),
            auth: issuer.settings("svc-notification"),
            telemetry: telemetry::Settings::default(),
            grpc: grpc::Settings { addr, max_concurrency: 64 },
            admin: admin::Settings { addr },
            document: "http://127.0.0.1:9".parse().expect("it works"),
        };
        let shutdown = Shutdown::manual(Duration::from_secs(1));
        let running =
            Box::pin(notification::start(&config, Clock::system(), &shutdown)).await.expect("it works");
        running.admin.started();
        let app = TestApp::start_before(issuer, AWAY, &format!("http://{}", running.grpc)).await;
        Self { app, db, shutdown, _servers: (kafka, sqs) }
    }

    /// Parks records that are no events, as the consumer does: number, key and tenant.
    async fn parked(&self, keys: &[&str]) {
        for (offset, key) in keys.iter().enumerate() {
            sqlx::query(
                r#"insert into parked (consumer_group, tenant, topic, "partition", "offset", key, header_names,
                                       header_values, payload, reason, detail, attempts, parked_at)
                   values ('notification', 'riverton', 't', 0, $1, $2, array['ce_dataschema'], array[$3], '\x',
                           'EVENT_HEADER_MISSING', 'header ce_id is missing', 1, now())"#,
            )
            .bind(i64::try_from(offset).expect("it works"))
            .bind(key.as_bytes())
            .bind(b"proto:guildhall.document.v1.DocumentReady")
            .execute(&mut self.db.admin().await)
            .await
            .expect("it works");
        }
    }

    /// Parks an event that cannot be published, as the relay does.
    async fn unpublished(&self, key: &str) {
        sqlx::query(
            "insert into outbox (id, tenant, lane, destination, key, type, subject, time, dataschema, payload,
                                 parked_at, parked_reason)
             values ('01890a5d-ac96-774b-bcce-b302099a8057', 'riverton', 'topic', 'guildhall.notification.v1', $1,
                     'guildhall.notification.read.v1', $1, now(), 'proto:guildhall.document.v1.DocumentReady', '',
                     now(), 'RECORD_TOO_LARGE')",
        )
        .bind(key)
        .execute(&mut self.db.admin().await)
        .await
        .expect("it works");
    }

    async fn list(&self, tenant: &str, more: &str) -> Value {
        let answer =
            self.app.staff(tenant, Method::GET, &format!("{LIST}{more}")).send().await.expect("it works");
        assert_eq!(answer.status(), StatusCode::OK);
        answer.json().await.expect("it works")
    }

    pub(crate) async fn post(&self, tenant: &str, path: &str, key: &str, body: Value) -> reqwest::Response {
        let request = self.app.staff(tenant, Method::POST, path).header("idempotency-key", key);
        request.json(&body).send().await.expect("it works")
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.shutdown.request();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn staff_list_show_redrive_and_discard() {
    let world = World::start().await;
    world.parked(&["a", "a", "b"]).await;
    let page = world.list("riverton", "&page_size=2").await;
    assert_eq!(page["dead_letters"].as_array().unwrap().len(), 2);
    let token = page["next_page_token"].as_str().unwrap();
    let rest = world.list("riverton", &format!("&page_size=2&page_token={token}")).await;
    assert_eq!((&rest["dead_letters"][0]["key"], &rest["next_page_token"]), (&json!("b"), &Value::Null));
    let letter = &page["dead_letters"][0];
    assert_eq!(letter["detail"], "header ce_id is missing");
    let own = letter["_links"]["self"].as_str().unwrap();
    let shown = world.app.staff("riverton", Method::GET, own).send().await.unwrap();
    let shown: Value = shown.json().await.unwrap();
    assert_eq!(shown["message_type"], "guildhall.document.v1.DocumentReady");
    assert_eq!((&shown["message"], &shown["id"]), (&json!({}), &letter["id"]));

    let all = json!({"service": "notification", "all": true});
    let first = world.post("riverton", REDRIVE, "k", all.clone()).await;
    assert_eq!(first.status(), StatusCode::OK);
    let first: Value = first.json().await.unwrap();
    assert_eq!((&first["redriven"], &first["left"]), (&json!(0), &json!(3)), "{first}");
    assert_eq!(first["stopped"][1]["reason"], "EVENT_HEADER_MISSING");
    let again = world.post("riverton", REDRIVE, "k", all.clone()).await;
    assert_eq!(again.headers()["idempotent-replayed"], "true");
    assert_eq!(again.json::<Value>().await.unwrap(), first);
    let reused = world.post("riverton", REDRIVE, "k", json!({"service": "notification", "key": "a"})).await;
    problem(reused, StatusCode::UNPROCESSABLE_ENTITY, "IDEMPOTENCY_KEY_REUSED").await;

    let discard = letter["_links"]["discard"].as_str().unwrap();
    let refused = world.post("riverton", discard, "d", json!({"reason": "because of ada@example.org"})).await;
    problem(refused, StatusCode::UNPROCESSABLE_ENTITY, "DEAD_LETTER_REASON_INVALID").await;
    let done = world.post("riverton", discard, "d", json!({"reason": "OPS-1"})).await;
    assert_eq!(done.status(), StatusCode::NO_CONTENT);
    let answer = world.app.staff("riverton", Method::GET, own).send().await.unwrap();
    problem(answer, StatusCode::NOT_FOUND, "DEAD_LETTER_NOT_FOUND").await;
    assert_eq!(world.list("riverton", "&key=a").await["dead_letters"].as_array().unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_could_not_be_published_is_in_the_same_list() {
    let world = World::start().await;
    world.parked(&["a"]).await;
    world.unpublished("b").await;
    let page = world.list("riverton", "").await;
    let sources: Vec<_> = page["dead_letters"].as_array().unwrap().iter().map(|l| &l["source"]).collect();
    assert_eq!(sources, ["inbox", "outbox"]);
    let letter = &page["dead_letters"][1];
    assert_eq!((&letter["group"], &letter["topic"]), (&Value::Null, &json!("guildhall.notification.v1")));
    let own = letter["_links"]["self"].as_str().unwrap();
    let shown = world.app.staff("riverton", Method::GET, own).send().await.unwrap();
    let shown: Value = shown.json().await.unwrap();
    assert_eq!(shown["message_type"], "guildhall.document.v1.DocumentReady");
    assert_eq!(shown["headers"][1]["value"], letter["event_id"]);
    let discard = letter["_links"]["discard"].as_str().unwrap();
    let answer = world.post("lakeside", discard, "k", json!({"reason": "OPS-1"})).await;
    problem(answer, StatusCode::NOT_FOUND, "DEAD_LETTER_NOT_FOUND").await;
    let done = world.post("riverton", discard, "d", json!({"reason": "OPS-1"})).await;
    assert_eq!(done.status(), StatusCode::NO_CONTENT);
    assert_eq!(world.list("riverton", "").await["dead_letters"].as_array().unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn citizens_are_refused_and_another_tenants_staff_find_nothing() {
    let world = World::start().await;
    world.parked(&["a"]).await;
    let page = world.list("riverton", "").await;
    let own = page["dead_letters"][0]["_links"]["self"].as_str().unwrap();
    let discard = format!("{own}/discard");
    let all = json!({"service": "notification", "all": true});
    for path in [LIST, own] {
        let answer = world.app.citizen(Method::GET, path).send().await.unwrap();
        problem(answer, StatusCode::FORBIDDEN, "PERMISSION_DENIED").await;
        let answer = world.app.request(Method::GET, path).send().await.unwrap();
        problem(answer, StatusCode::UNAUTHORIZED, "TOKEN_MISSING").await;
    }
    for (path, body) in [(REDRIVE, all.clone()), (&discard, json!({"reason": "OPS-1"}))] {
        let request = world.app.citizen(Method::POST, path).header("idempotency-key", "k");
        let answer = request.json(&body).send().await.unwrap();
        problem(answer, StatusCode::FORBIDDEN, "PERMISSION_DENIED").await;
    }
    assert_eq!(world.list("lakeside", "").await["dead_letters"], json!([]));
    let answer = world.app.staff("lakeside", Method::GET, own).send().await.unwrap();
    problem(answer, StatusCode::NOT_FOUND, "DEAD_LETTER_NOT_FOUND").await;
    let answer = world.post("lakeside", &discard, "k", json!({"reason": "OPS-1"})).await;
    problem(answer, StatusCode::NOT_FOUND, "DEAD_LETTER_NOT_FOUND").await;
    let answer = world.post("lakeside", REDRIVE, "k", all).await;
    assert_eq!(answer.json::<Value>().await.unwrap(), json!({"redriven": 0, "stopped": [], "left": 0}));
    assert_eq!(world.list("riverton", "").await, page, "nothing was changed");
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_requests_name_what_is_wrong() {
    let world = World::start().await;
    let get = async |path: &str| world.app.staff("riverton", Method::GET, path).send().await.unwrap();
    for path in ["/v1/staff/dead-letters", "/v1/staff/dead-letters?service=billing"] {
        problem(get(path).await, StatusCode::UNPROCESSABLE_ENTITY, "QUERY_INVALID").await;
    }
    problem(
        get(&format!("{LIST}&page_size=201")).await,
        StatusCode::UNPROCESSABLE_ENTITY,
        "PAGE_SIZE_INVALID",
    )
    .await;
    for path in ["/v1/staff/dead-letters/billing/inbox-1", "/v1/staff/dead-letters/notification/x"] {
        problem(get(path).await, StatusCode::NOT_FOUND, "DEAD_LETTER_NOT_FOUND").await;
    }
    for (body, reason) in [
        (json!({"service": "notification"}), "DEAD_LETTER_SELECTION_INVALID"),
        (json!({"service": "notification", "all": true, "key": "a"}), "DEAD_LETTER_SELECTION_INVALID"),
        (json!({"service": "notification", "everything": true}), "FIELD_UNKNOWN"),
        (json!({"all": true}), "FIELD_MISSING"),
        (json!({"service": "billing", "all": true}), "FIELD_INVALID"),
    ] {
        let answer = world.post("riverton", REDRIVE, "k", body).await;
        problem(answer, StatusCode::UNPROCESSABLE_ENTITY, reason).await;
    }
    let all = json!({"service": "notification", "all": true});
    let keyless = world.app.staff("riverton", Method::POST, REDRIVE).json(&all).send().await.unwrap();
    problem(keyless, StatusCode::BAD_REQUEST, "IDEMPOTENCY_KEY_MISSING").await;
}
