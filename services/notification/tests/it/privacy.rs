//! Personal data is in the answer to a claim, and nowhere else but sealed.

use proto::notification::v1::DeliveryOutcome;
use testkit::canary::Canary;
use topology::topics;

use crate::harness::{RIVERTON, TestApp, What};

#[tokio::test(flavor = "multi_thread")]
async fn neither_events_nor_jobs_nor_other_tables_know_address_or_file_name() {
    let app = TestApp::start().await;
    let canary = Canary::new();
    app.bff().upsert("ada", &canary.email(), "en").await.expect("a recipient");
    let document = app.documents.add(&app.clock, RIVERTON, &canary.file_name(), "identity");
    app.publish(&app.event(document, "ada", What::Ready)).await;
    app.eventually_count("select count(*) from delivery_jobs", 1).await;
    let job = app.jobs_in_table().await.pop().expect("a job");
    let claimed = app.worker().claim(&job).await.expect("claimed");
    assert!(canary.leaks(&claimed.to_address) && canary.leaks(&claimed.text_body), "the worker gets both");
    app.worker().report(&job, DeliveryOutcome::Sent).await.expect("reported");

    let bodies: Vec<_> = app.take_jobs().await.into_iter().map(|(_, body)| body).collect();
    assert_eq!(bodies.len(), 1);
    assert!(bodies.iter().all(|body| !canary.leaks(body)));
    let records = app.records(topics::NOTIFICATION).await;
    assert_eq!(records.len(), 3);
    for record in records {
        assert!(!canary.leaks(format!("{record:?}")));
        assert!(!canary.leaks(record.payload.unwrap_or_default()));
    }
    let tables: Vec<String> = sqlx::query_scalar(
        "select relname::text from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace",
    )
    .fetch_all(&mut app.db.admin().await)
    .await
    .expect("tables");
    assert!(tables.len() > 8, "{tables:?}");
    for table in tables {
        let dump = format!("select coalesce(string_agg(t::text, ' '), '') from {table} t");
        let dump: String = sqlx::query_scalar(sqlx::AssertSqlSafe(dump))
            .fetch_one(&mut app.db.admin().await)
            .await
            .expect("a dump");
        assert!(!canary.leaks(&dump), "{table}");
    }
}
