//! What other tests lean on.

use std::time::Duration;

use clock::Clock;
use serde_json::json;
use sqlx::Row;
use sqlx::migrate::{Migration, MigrationType, Migrator};
use tracing::Instrument;

const WITHIN: Duration = Duration::from_secs(20);

/// A migrator with one migration, as a service's own.
fn migrator(sql: &'static str) -> Migrator {
    let migration =
        Migration::new(1, "first".into(), MigrationType::Simple, sqlx::SqlStr::from_static(sql), false);
    Migrator { migrations: vec![migration].into(), ..Migrator::DEFAULT }
}

const THINGS: &str = "create table things (tenant text not null, name text not null);
     alter table things enable row level security; alter table things force row level security;
     create policy tenant on things to guildhall_app using (tenant = current_setting('app.tenant', true));
     grant select, insert on things to guildhall_app;";

#[tokio::test]
async fn databases_are_migrated_separate_and_gone_afterwards() {
    let things = migrator(THINGS);
    let migrators = [&things];
    let (one, two) =
        tokio::join!(testkit::database("testkit", &migrators), testkit::database("testkit", &migrators));
    assert_ne!(one.name, two.name);
    let tenant: ids::Tenant = "riverton".parse().unwrap();
    let db = one.connect();
    let add = db.tenant(&tenant, |tx| {
        Box::pin(async move {
            sqlx::query("insert into things values ('riverton', 'a')").execute(&mut **tx).await?;
            Ok::<_, pg::Error>(())
        })
    });
    add.await.unwrap();
    for (db, count) in [(&one, 1_i64), (&two, 0)] {
        let row = sqlx::query("select count(*) from things").fetch_one(&mut db.admin().await).await.unwrap();
        assert_eq!(row.get::<i64, _>(0), count);
    }
    let mut server = two.admin().await;
    let name = one.name.clone();
    drop(one);
    let left = sqlx::query("select 1 from pg_database where datname = $1").bind(name);
    assert!(left.fetch_optional(&mut server).await.unwrap().is_none());
}

#[tokio::test]
async fn the_issuer_is_one_that_auth_trusts() {
    let issuer = testkit::tokens().await;
    let settings = issuer.settings("svc-worker");
    let verifier = auth::Verifier::new(&settings, Clock::system());
    let ada = verifier.verify(&issuer.citizen("ada", "riverton")).await.unwrap();
    assert_eq!((ada.subject.as_str(), ada.tenant.unwrap().as_str()), ("ada", "riverton"));
    assert_eq!(ada.roles, [auth::Role::Citizen]);
    assert!(verifier.verify(&issuer.mint(json!({"sub": "ada", "exp": 1}))).await.is_err());
    assert!(verifier.verify(&issuer.mint(json!({"sub": "ada", "aud": null}))).await.is_err());
    assert!(verifier.verify(&testkit::tokens().await.citizen("ada", "riverton")).await.is_err());

    let source = auth::TokenSource::new(&settings, Clock::system()).unwrap();
    let worker = verifier.verify(source.token().await.unwrap().expose()).await.unwrap();
    assert_eq!((worker.client_id.as_str(), worker.roles), ("svc-worker", vec![auth::Role::Service]));
}

#[tokio::test]
async fn topics_exist_under_their_prefix() {
    let kafka = testkit::kafka().await;
    let name = kafka.topic(topology::topics::DOCUMENT);
    let consumer: rdkafka::consumer::BaseConsumer = kafka.settings.client().create().unwrap();
    let metadata = tokio::task::spawn_blocking(move || {
        use rdkafka::consumer::Consumer;
        consumer.fetch_metadata(Some(&name), WITHIN).unwrap().topics()[0].partitions().len()
    });
    assert_eq!(metadata.await.unwrap(), 3);
}

#[tokio::test]
async fn the_sink_sees_spans_with_parents_and_attributes() {
    let otlp = testkit::otlp().await;
    let settings =
        telemetry::Settings { otlp_endpoint: Some(otlp.endpoint().parse().unwrap()), ..Default::default() };
    let guard = telemetry::init("testkit-test", &settings);
    let parent = "0af7651916cd43dd8448eb211c80319c";
    async {
        let span = tracing::info_span!("inner", otel.kind = "client", answer = 42);
        telemetry::context::set_parent(&span, &format!("00-{parent}-b7ad6b7169203331-01"));
        async {}.instrument(span).await;
    }
    .await;
    guard.shutdown().await;
    let span = otlp
        .wait_for(WITHIN, |spans| spans.iter().find(|span| span.trace_id == parent).cloned())
        .await
        .unwrap();
    assert_eq!(
        (span.service.as_str(), span.name.as_str(), span.kind.as_str()),
        ("testkit-test", "inner", "client")
    );
    assert_eq!((span.parent.as_str(), span.attributes["answer"].as_str()), ("b7ad6b7169203331", "42"));
    assert!(span.start_unix_nano > 0 && span.end_unix_nano >= span.start_unix_nano);
    assert_eq!(otlp.trace(parent), [span]);
    let missing = otlp.wait_for(Duration::from_millis(1), |_| None::<()>).await.unwrap_err();
    assert!(missing.to_string().contains("inner"), "{missing}");
}

#[tokio::test]
async fn a_missing_mail_is_an_error() {
    let address = testkit::canary::Canary::new().email();
    assert!(testkit::mailbox().to(&address, Duration::ZERO).await.is_err());
}
