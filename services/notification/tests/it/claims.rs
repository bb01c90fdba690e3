//! A worker takes a job under a lease, and gets the e-mail with it.

use std::time::Duration;

use futures::future::join_all;
use notification::domain::job::{FIRST_REPEAT, LEASE};
use notification::domain::status::FeedStatus;
use proto::notification::v1::DeliveryOutcome;
use rpc_error::{Code, reason};

use crate::harness::{RIVERTON, SOON, TestApp, assert_refused, patiently};

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test(flavor = "multi_thread")]
async fn a_claimed_mail_is_written_in_the_recipients_language() {
    let app = TestApp::start().await;
    for (locale, status, code) in [
        ("en", FeedStatus::DocumentReady, ""),
        ("de-AT", FeedStatus::DocumentRejected, "INFECTED"),
        ("pt-BR", FeedStatus::DocumentExpired, ""),
    ] {
        app.bff().upsert("ada", "ada@example.org", locale).await.expect("a recipient");
        app.tell("ada", status, code).await;
        let job = app.jobs_in_table().await.pop().expect("a job");
        let claimed = app.worker().claim(&job).await.expect("claimed");
        assert_eq!(claimed.to_address, "ada@example.org");
        let lease = claimed.lease_expires_at.expect("a lease");
        assert_eq!(lease.seconds, (app.clock.now() + LEASE).unix_timestamp());
        insta::assert_snapshot!(
            format!("mail-{}-{locale}", status.as_str()),
            format!(
                "Subject: {}\n\n{}\n\n--- html\n{}",
                claimed.subject, claimed.text_body, claimed.html_body
            )
        );
        app.worker().report(&job, DeliveryOutcome::Sent).await.expect("reported");
        app.clock.advance(SECOND);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_name_cannot_write_into_the_mail() {
    let app = TestApp::start().await;
    app.ada_signs_in().await;
    let file_name = "<script>alert(1)</script>{{ code }}.pdf";
    let document = app.documents.add(&app.clock, RIVERTON, file_name, "<b>identity</b>");
    let notice = notification::app::notify::Notice {
        subject_id: document.into(),
        ..app.notice("ada", FeedStatus::DocumentReady, "")
    };
    crate::harness::tell(&app.state, RIVERTON, &notice).await;
    let job = app.jobs_in_table().await.pop().expect("a job");
    let claimed = app.worker().claim(&job).await.expect("claimed");
    assert!(claimed.text_body.contains(file_name), "{}", claimed.text_body);
    assert!(
        !claimed.html_body.contains("<script>") && !claimed.html_body.contains("<b>"),
        "{}",
        claimed.html_body
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn of_64_claims_at_once_one_gets_the_job() {
    let app = TestApp::start().await;
    let job = app.queued().await;
    let worker = app.worker();
    let claims = join_all((0..64).map(|_| patiently(|| worker.claim(&job)))).await;
    let (taken, refused): (Vec<_>, Vec<_>) = claims.into_iter().partition(Result::is_ok);
    assert_eq!(taken.len(), 1);
    for claim in refused {
        let error = assert_refused(claim, Code::Conflict, reason::JOB_LEASED);
        assert_eq!(error.retry_delay(), Some(LEASE));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lease_ends_after_five_minutes_and_a_report_ends_the_job() {
    let app = TestApp::start().await;
    let job = app.claimed().await;
    app.clock.advance(LEASE - SECOND);
    assert_refused(app.worker().claim(&job).await, Code::Conflict, reason::JOB_LEASED);
    app.clock.advance(SECOND);
    let first = app.worker().claim(&job).await.expect("the lease has ended");
    app.clock.advance(LEASE);
    let again = app.worker().claim(&job).await.expect("and that one too");
    assert_eq!(first.delivery_id, again.delivery_id, "the Message-ID stays the same");
    app.worker().report(&job, DeliveryOutcome::Sent).await.expect("reported");
    assert_refused(app.worker().claim(&job).await, Code::Conflict, reason::JOB_FINISHED);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_nobody_reports_is_asked_for_again_unless_somebody_has_it() {
    let app = TestApp::start().await;
    let job = app.queued().await;
    assert_eq!(app.take_jobs().await.len(), 1);

    app.clock.advance(FIRST_REPEAT);
    app.eventually_count("select count(*) from due where due_at > '2030-01-01 12:05:30Z'", 1).await;
    let [(again, _)] = &*app.take_jobs().await else { panic!("it is asked for again") };
    assert_eq!(again.job_id.to_string(), job);

    app.worker().claim(&job).await.expect("claimed");
    app.clock.advance(LEASE - SECOND);
    app.eventually_count("select count(*) from due where at <= '2030-01-01 12:09:59Z'", 0).await;
    assert_eq!(app.take_jobs().await.len(), 0, "a worker has it");

    app.clock.advance(SECOND);
    app.eventually_count("select count(*) from due where at > '2030-01-01 12:10:00Z'", 1).await;
    assert_eq!(app.take_jobs().await.len(), 1, "the worker never came back");

    app.worker().claim(&job).await.expect("claimed");
    app.worker().report(&job, DeliveryOutcome::Sent).await.expect("reported");
    assert_eq!(app.count("select count(*) from due").await, 0, "nothing is asked for any more");
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_document_service_is_away_nothing_is_leased() {
    let mut app = TestApp::start().await;
    let job = app.queued().await;
    app.documents.stop().await;
    assert_refused(app.worker().claim(&job).await, Code::Unavailable, reason::UNAVAILABLE);
    assert_eq!(app.count("select count(*) from delivery_jobs where leased_until is not null").await, 0);
    app.documents.start_again().await;
    let worker = app.worker();
    let claimed = testkit::eventually(SOON, || worker.claim(&job)).await;
    assert_eq!(claimed.expect("it is back").to_address, "ada@example.org");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_about_a_document_that_is_gone_is_given_up() {
    let app = TestApp::start().await;
    let job = app.queued().await;
    app.documents.forget_all();
    assert_refused(app.worker().claim(&job).await, Code::Conflict, reason::JOB_FINISHED);
    assert_refused(app.worker().claim(&job).await, Code::Conflict, reason::JOB_FINISHED);
    let feed = app.adas_feed().await;
    assert_eq!(feed.last(), Some(&(3, "delivery.failed".to_owned(), "DOCUMENT_GONE".to_owned())));
    assert_eq!(app.count("select count(*) from deliveries where state = 'technical_failure'").await, 1);
    assert_eq!(app.count("select count(*) from due").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_whose_address_was_taken_away_is_given_up() {
    let app = TestApp::start().await;
    let job = app.queued().await;
    app.bff().upsert("ada", "", "").await.expect("no address any more");
    assert_refused(app.worker().claim(&job).await, Code::Conflict, reason::JOB_FINISHED);
    let feed = app.adas_feed().await;
    assert_eq!(feed.last(), Some(&(3, "delivery.failed".to_owned(), "NO_ADDRESS".to_owned())));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_does_not_exist_is_not_found() {
    let app = TestApp::start().await;
    for id in ["", "1", "01890a5d-ac96-774b-bcce-b302099a8057"] {
        assert_refused(app.worker().claim(id).await, Code::NotFound, reason::JOB_NOT_FOUND);
        let reported = app.worker().report(id, DeliveryOutcome::Sent).await;
        assert_refused(reported, Code::NotFound, reason::JOB_NOT_FOUND);
    }
}
