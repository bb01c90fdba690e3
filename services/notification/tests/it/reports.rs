//! How an attempt went moves the delivery on, once.

use std::time::Duration;

use futures::future::join_all;
use notification::domain::delivery::MAX_ATTEMPTS;
use notification::domain::job::LEASE;
use proto::notification::v1::DeliveryOutcome;
use rpc_error::{Code, reason};

use crate::harness::{TestApp, assert_refused, patiently};

const MINUTE: Duration = Duration::from_secs(60);

async fn state(app: &TestApp) -> String {
    let state = sqlx::query_scalar("select state from deliveries");
    state.fetch_one(&mut app.db.admin().await).await.expect("one delivery")
}

#[tokio::test(flavor = "multi_thread")]
async fn sent_is_told_once_however_often_and_by_how_many_it_is_reported() {
    let app = TestApp::start().await;
    let job = app.claimed().await;
    let worker = app.worker();
    for report in join_all((0..16).map(|_| patiently(|| worker.report(&job, DeliveryOutcome::Sent)))).await {
        report.expect("reported");
    }
    worker.report(&job, DeliveryOutcome::PermanentFailure).await.expect("the first report stands");
    assert_eq!(state(&app).await, "sent");
    assert_eq!(app.adas_statuses().await, ["document.ready", "delivery.queued", "delivery.sent"]);
    let events = app.feed_events().await;
    let types: Vec<_> = events.iter().map(|(event, _)| event.type_.as_str()).collect();
    assert_eq!(types[2..], ["guildhall.notification.sent.v1"]);
    assert_eq!(app.count("select count(*) from due").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_outcomes_at_once_one_stands() {
    let app = TestApp::start().await;
    let job = app.claimed().await;
    let worker = app.worker();
    let outcomes = [DeliveryOutcome::Sent, DeliveryOutcome::PermanentFailure];
    for report in join_all((0..32).map(|i| {
        let (worker, job) = (&worker, &job);
        patiently(move || worker.report(job, outcomes[i % 2]))
    }))
    .await
    {
        report.expect("reported");
    }
    let statuses = app.adas_statuses().await;
    let wanted = if state(&app).await == "sent" { "delivery.sent" } else { "delivery.failed" };
    assert_eq!(statuses, ["document.ready", "delivery.queued", wanted]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_is_true_even_after_the_lease() {
    let app = TestApp::start().await;
    let job = app.claimed().await;
    app.clock.advance(LEASE * 3);
    app.worker().report(&job, DeliveryOutcome::Sent).await.expect("reported late");
    assert_eq!(state(&app).await, "sent");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused_for_good_is_told_and_not_tried_again() {
    let app = TestApp::start().await;
    let job = app.claimed().await;
    let outcome = DeliveryOutcome::PermanentFailure;
    app.worker().report_with(&job, outcome, "550").await.expect("reported");
    assert_eq!(state(&app).await, "permanent_failure");
    let feed = app.adas_feed().await;
    assert_eq!(feed.last(), Some(&(3, "delivery.failed".to_owned(), "PERMANENT_FAILURE".to_owned())));
    assert_eq!(app.jobs_in_table().await.len(), 1);
    let code: String = sqlx::query_scalar("select provider_code from delivery_jobs")
        .fetch_one(&mut app.db.admin().await)
        .await
        .expect("one job");
    assert_eq!(code, "550");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_temporary_failure_is_tried_again_as_another_job_after_a_while() {
    let app = TestApp::start().await;
    let first = app.claimed().await;
    app.take_jobs().await;
    app.worker().report(&first, DeliveryOutcome::TemporaryFailure).await.expect("reported");
    app.worker().report(&first, DeliveryOutcome::TemporaryFailure).await.expect("reported again");
    assert_eq!(state(&app).await, "temporary_failure");
    assert_eq!(app.adas_statuses().await, ["document.ready", "delivery.queued"], "nothing to tell yet");
    assert_eq!(app.jobs_in_table().await.len(), 2);
    assert_eq!(app.take_jobs().await.len(), 0, "not at once");

    app.clock.advance(MINUTE);
    app.eventually_count("select count(*) from due where at > '2030-01-01 12:01:00Z'", 1).await;
    let [(job, _)] = &*app.take_jobs().await else { panic!("it is asked for") };
    let second = job.job_id.to_string();
    assert_ne!(first, second);
    assert_refused(app.worker().claim(&first).await, Code::Conflict, reason::JOB_FINISHED);
    app.worker().claim(&second).await.expect("claimed");
    app.worker().report(&second, DeliveryOutcome::Sent).await.expect("reported");
    assert_eq!(app.adas_statuses().await, ["document.ready", "delivery.queued", "delivery.sent"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn after_the_last_attempt_it_is_given_up_and_told() {
    let app = TestApp::start().await;
    let mut job = app.queued().await;
    app.take_jobs().await;
    for attempt in 1..=MAX_ATTEMPTS {
        app.worker().claim(&job).await.expect("claimed");
        app.worker().report(&job, DeliveryOutcome::TemporaryFailure).await.expect("reported");
        if attempt < MAX_ATTEMPTS {
            assert_eq!(state(&app).await, "temporary_failure");
            // The longest wait there is.
            app.clock.advance(6 * 60 * MINUTE);
            job = app.next_job().await;
        }
    }
    assert_eq!(state(&app).await, "technical_failure");
    let feed = app.adas_feed().await;
    assert_eq!(feed.last(), Some(&(3, "delivery.failed".to_owned(), "TECHNICAL_FAILURE".to_owned())));
    assert_eq!(app.count("select count(*) from due").await, 0);
    assert_eq!(app.jobs_in_table().await.len(), usize::from(MAX_ATTEMPTS));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_success_reported_late_stops_the_attempt_that_was_planned() {
    let app = TestApp::start().await;
    let first = app.claimed().await;
    app.worker().report(&first, DeliveryOutcome::TemporaryFailure).await.expect("one worker failed");
    app.worker().report(&first, DeliveryOutcome::Sent).await.expect("one that outlived its lease did not");
    assert_eq!(state(&app).await, "sent");
    let second = app.jobs_in_table().await.pop().expect("a planned job");
    assert_refused(app.worker().claim(&second).await, Code::Conflict, reason::JOB_FINISHED);
    app.take_jobs().await;
    app.clock.advance(MINUTE);
    app.eventually_count("select count(*) from due", 0).await;
    assert_eq!(app.take_jobs().await.len(), 0);
    assert_eq!(app.adas_statuses().await, ["document.ready", "delivery.queued", "delivery.sent"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_a_report_is_refused() {
    let app = TestApp::start().await;
    let job = app.queued().await;
    let (sent, none) = (DeliveryOutcome::Sent, DeliveryOutcome::Unspecified);
    let error =
        assert_refused(app.worker().report(&job, sent).await, Code::InvalidArgument, reason::OUTCOME_INVALID);
    assert_eq!(error.violations()[0].field, "job_id", "nobody has claimed it");
    app.worker().claim(&job).await.expect("claimed");
    let error =
        assert_refused(app.worker().report(&job, none).await, Code::InvalidArgument, reason::OUTCOME_INVALID);
    assert_eq!(error.violations()[0].field, "outcome");
    for code in ["550 5.1.1 <ada@example.org>", "a@b", &"5".repeat(33)] {
        let refused = app.worker().report_with(&job, sent, code).await;
        let error = assert_refused(refused, Code::InvalidArgument, reason::OUTCOME_INVALID);
        assert_eq!(error.violations()[0].field, "provider_code");
    }
    assert_eq!(state(&app).await, "sending");
}
