use std::time::Duration;

use proto::document::v1::DocumentStatus;
use testkit::eventually;

use crate::harness::{File, SOON, TestApp};

const LEASE: Duration = Duration::from_secs(5 * 60);

/// Waits until the job is in the queue again.
async fn sent_again(app: &TestApp, job: &str) {
    let sent = eventually(SOON, || async {
        let jobs = app.take_jobs().await;
        if jobs.iter().any(|sent| sent.job_id.to_string() == job) { Ok(()) } else { Err(jobs) }
    });
    sent.await.unwrap();
}

/// Waits until no reminder is due any more, whatever it did.
async fn reminders_ran(app: &TestApp) {
    let ran = eventually(SOON, || async {
        let due: i64 =
            sqlx::query_scalar("select count(*) from due where kind = 'scan_unreported' and at <= $1")
                .bind(app.clock.now())
                .fetch_one(&mut app.db.admin().await)
                .await
                .unwrap();
        if due == 0 { Ok(()) } else { Err(due) }
    });
    ran.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_the_queue_lost_is_sent_again_and_again() {
    let app = TestApp::start().await;
    let (_, job) = app.uploaded(&app.ada(), &File::pdf("Ada")).await;
    assert_eq!(app.take_jobs().await.len(), 1, "the queue loses it");
    for _ in 0..3 {
        app.clock.advance(LEASE);
        sent_again(&app, &job).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_somebody_has_is_sent_again_only_after_the_lease() {
    let app = TestApp::start().await;
    let (_, job) = app.uploaded(&app.ada(), &File::pdf("Ada")).await;
    app.take_jobs().await;
    app.clock.advance(Duration::from_secs(4 * 60));
    app.worker().claim(&job).await.unwrap();
    app.clock.advance(Duration::from_secs(60));
    reminders_ran(&app).await;
    assert_eq!(app.take_jobs().await, [], "the scanner still has four minutes");

    app.clock.advance(Duration::from_secs(4 * 60));
    sent_again(&app, &job).await;
    app.worker().claim(&job).await.expect("the lease is over");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reported_job_is_not_sent_again() {
    let app = TestApp::start().await;
    let ada = app.ada();
    let (id, _) = app.ready(&ada, &File::pdf("1")).await;
    app.rejected(&ada, &File::pdf("2")).await;
    app.take_jobs().await;
    assert_eq!(app.count("select count(*) from due where kind = 'scan_unreported'").await, 0);
    app.clock.advance(LEASE);
    reminders_ran(&app).await;
    assert_eq!(app.take_jobs().await, []);
    assert_eq!(app.status(&ada, &id).await, DocumentStatus::Ready);
}
