//! Staff have a person erased.

use clock::Clock;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use time::{Duration, OffsetDateTime};
use tower_sessions::SessionStore;
use tower_sessions::session::{Id, Record};

use crate::dead_letters::World;
use crate::harness::problem;
use crate::sessions::pool;

const ERASURES: &str = "/v1/staff/erasures";

#[tokio::test(flavor = "multi_thread")]
async fn staff_request_an_erasure_and_the_persons_sessions_end() {
    let world = World::start().await;
    let now = OffsetDateTime::from_unix_timestamp(1_800_000_000).unwrap();
    let store = bff::session::RedisStore::new(pool(), Clock::frozen(now));
    // A subject of this run alone: Redis is shared.
    let gone = Id::default().to_string();
    let (tenant, subject) = ("riverton".parse().unwrap(), gone.parse().unwrap());
    let mut sessions = Vec::new();
    for name in [&subject, &subject, &"somebody-else".parse().unwrap()] {
        let expiry_date = now + Duration::minutes(1);
        let mut record = Record { id: Id::default(), data: Default::default(), expiry_date };
        store.create(&mut record).await.unwrap();
        store.note(&tenant, name, &record.id).await.unwrap();
        sessions.push(record.id);
    }

    let accepted = world.post("riverton", ERASURES, "k", json!({"subject": gone})).await;
    assert_eq!(accepted.status(), StatusCode::ACCEPTED);
    let accepted: Value = accepted.json().await.unwrap();
    assert_eq!((&accepted["status"], &accepted["subject"]), (&json!("running"), &json!(gone)));
    assert_eq!(
        (&accepted["reports"][0]["service"], &accepted["finished_at"]),
        (&json!("document"), &Value::Null)
    );
    assert_eq!((&accepted["kept"], &accepted["kept_reasons"]), (&json!(0), &json!([])));
    let again = world.post("riverton", ERASURES, "k", json!({"subject": gone})).await;
    assert_eq!(again.headers()["idempotent-replayed"], "true");
    assert_eq!(again.json::<Value>().await.unwrap(), accepted);

    for (id, there) in sessions.iter().zip([false, false, true]) {
        assert_eq!(store.load(id).await.unwrap().is_some(), there);
    }
    let own = accepted["_links"]["self"].as_str().unwrap();
    let shown = world.app.staff("riverton", Method::GET, own).send().await.unwrap();
    assert_eq!(shown.json::<Value>().await.unwrap(), accepted);
    let elsewhere = world.app.staff("lakeside", Method::GET, own).send().await.unwrap();
    problem(elsewhere, StatusCode::NOT_FOUND, "ERASURE_NOT_FOUND").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn citizens_may_not_and_bad_requests_name_what_is_wrong() {
    let world = World::start().await;
    let whom = json!({"subject": "ada"});
    let request = world.app.citizen(Method::POST, ERASURES).header("idempotency-key", "k");
    let refused = request.json(&whom).send().await.unwrap();
    problem(refused, StatusCode::FORBIDDEN, "PERMISSION_DENIED").await;
    for (body, reason) in [
        (json!({"subject": ""}), "RECIPIENT_INVALID"),
        (json!({"subject": "ada lovelace"}), "RECIPIENT_INVALID"),
        (json!({}), "FIELD_MISSING"),
        (json!({"subject": "ada", "why": "asked"}), "FIELD_UNKNOWN"),
    ] {
        let refused = world.post("riverton", ERASURES, "k", body).await;
        problem(refused, StatusCode::UNPROCESSABLE_ENTITY, reason).await;
    }
    let keyless = world.app.staff("riverton", Method::POST, ERASURES).json(&whom).send().await.unwrap();
    problem(keyless, StatusCode::BAD_REQUEST, "IDEMPOTENCY_KEY_MISSING").await;
    let unknown = world.app.staff("riverton", Method::GET, "/v1/staff/erasures/x").send().await.unwrap();
    problem(unknown, StatusCode::NOT_FOUND, "ERASURE_NOT_FOUND").await;
}
