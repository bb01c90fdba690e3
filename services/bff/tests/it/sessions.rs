//! Sessions live in Redis, under their own expiry, and nowhere else.

use std::time::Duration;

use clock::Clock;
use deadpool_redis::redis::AsyncCommands;
use deadpool_redis::{Config, Runtime};
use reqwest::{Method, StatusCode};
use time::OffsetDateTime;
use tower_sessions::SessionStore;
use tower_sessions::session::{Id, Record};

use crate::harness::{TestApp, problem};

pub(crate) fn pool() -> deadpool_redis::Pool {
    Config::from_url(testkit::env().redis_url()).create_pool(Some(Runtime::Tokio1)).expect("pool")
}

#[tokio::test]
async fn a_session_is_kept_found_renewed_and_forgotten() {
    let now = OffsetDateTime::from_unix_timestamp(1_800_000_000).unwrap();
    let pool = pool();
    let store = bff::session::RedisStore::new(pool.clone(), Clock::frozen(now));
    let mut record =
        Record { id: Id::default(), data: Default::default(), expiry_date: now + Duration::from_secs(60) };
    record.data.insert("k".to_owned(), "v".into());
    store.create(&mut record).await.unwrap();
    assert_eq!(store.load(&record.id).await.unwrap(), Some(record.clone()));
    let left: i64 = pool.get().await.unwrap().ttl(format!("bff:session:{}", record.id)).await.unwrap();
    assert!((1..=60).contains(&left), "{left}");

    // An id that is taken is never written over.
    let mut second = Record { data: Default::default(), ..record.clone() };
    store.create(&mut second).await.unwrap();
    assert_ne!(second.id, record.id);
    assert_eq!(store.load(&record.id).await.unwrap(), Some(record.clone()));

    store.delete(&record.id).await.unwrap();
    assert_eq!(store.load(&record.id).await.unwrap(), None);
    store.delete(&second.id).await.unwrap();
}

#[tokio::test]
async fn a_sign_in_only_leads_back_to_this_site() {
    let app = TestApp::start().await;
    for path in ["https://evil.example", "//evil.example", "/\\evil.example", "evil", "/a%0d%0ab"] {
        let answer = app.request(Method::GET, &format!("/auth/login?return_to={path}")).send().await.unwrap();
        problem(answer, StatusCode::UNPROCESSABLE_ENTITY, "FIELD_INVALID").await;
    }
}

#[tokio::test]
async fn a_callback_that_nobody_started_is_refused() {
    let app = TestApp::start().await;
    let answer = app.request(Method::GET, "/auth/callback?code=x&state=y").send().await.unwrap();
    problem(answer, StatusCode::UNAUTHORIZED, "SIGN_IN_FAILED").await;
}
