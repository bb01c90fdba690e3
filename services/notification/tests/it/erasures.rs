//! A person is erased: here at once, elsewhere as the others report.

use std::time::Duration;

use kafka::CloudEvent;
use proto::document::v1::DocumentSubjectErased;
use proto::notification::v1::{Erasure, GetErasureRequest, RequestErasureRequest};
use proto::payment::v1::PaymentSubjectErased;
use proto::subject::v1::{ErasureFinished, ErasureRequested};
use rpc_error::{Code, Error, reason};
use testkit::canary::Canary;
use testkit::eventually;
use topology::topics;

use crate::harness::{Actor, LAKESIDE, RIVERTON, Result, SOON, TestApp, What, assert_refused};

async fn request(actor: &Actor, key: &str, subject: &str) -> Result<Erasure> {
    let message = RequestErasureRequest { subject: subject.to_owned() };
    let answer = actor.client().request_erasure(actor.keyed(key, message)).await;
    Ok(answer.map_err(Error::from_status)?.into_inner().erasure.expect("an erasure"))
}

async fn get(actor: &Actor, id: &str) -> Result<Erasure> {
    let message = GetErasureRequest { erasure_id: id.to_owned() };
    let answer = actor.client().get_erasure(actor.request(message)).await;
    Ok(answer.map_err(Error::from_status)?.into_inner().erasure.expect("an erasure"))
}

/// What the document service says when it has done its part.
fn done(app: &TestApp, erasure: &Erasure, erased: i64, kept: i64) -> CloudEvent {
    let message = DocumentSubjectErased {
        erasure_id: erasure.erasure_id.clone(),
        subject: erasure.subject.clone(),
        erased,
        kept,
        kept_reasons: if kept > 0 { vec!["LEGAL_HOLD".to_owned()] } else { Vec::new() },
    };
    let event = app.cloud(app.document(), "subject_erased", &message);
    CloudEvent { key: erasure.subject.clone(), subject: erasure.erasure_id.clone(), ..event }
}

/// What the payment service says when it has done its part.
fn done_by_payment(app: &TestApp, erasure: &Erasure) -> CloudEvent {
    let message = PaymentSubjectErased {
        erasure_id: erasure.erasure_id.clone(),
        subject: erasure.subject.clone(),
        ..PaymentSubjectErased::default()
    };
    let event = app.cloud(app.document(), "subject_erased", &message);
    let type_ = "guildhall.payment.subject_erased.v1".to_owned();
    CloudEvent { type_, key: erasure.erasure_id.clone(), subject: erasure.erasure_id.clone(), ..event }
}

async fn subject_events(app: &TestApp) -> Vec<CloudEvent> {
    let records = app.records(topics::SUBJECT).await;
    records.iter().map(|record| CloudEvent::parse(record).expect("an event")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_erased_person_is_unreadable_at_once_gets_no_mail_and_is_not_kept_again() {
    let app = TestApp::start().await;
    let (canary, sam) = (Canary::new(), app.staff("sam", RIVERTON));
    app.bff().upsert("ada", &canary.email(), "en").await.expect("a recipient");
    app.bff().upsert("ben", "ben@example.org", "en").await.expect("a recipient");
    app.publish(&app.event(app.document(), "ada", What::Ready)).await;
    let job = app.next_job().await;

    let erasure = request(&sam, "k", "ada").await.expect("requested");
    assert_eq!((erasure.subject.as_str(), erasure.finished_at), ("ada", None));
    let awaited: Vec<_> = erasure.reports.iter().map(|report| report.service.as_str()).collect();
    assert_eq!(awaited, ["document", "payment"]);

    let claimed = app.worker().claim(&job).await;
    assert_refused(claimed, Code::Conflict, reason::JOB_FINISHED);
    let again = app.bff().upsert("ada", &canary.email(), "en").await;
    assert_refused(again, Code::Gone, reason::SUBJECT_ERASED);
    app.bff().upsert("ben", "ben@example.org", "en").await.expect("others are kept");
    app.publish(&app.event(app.document(), "ada", What::Ready)).await;
    app.eventually_count("select count(*) from deliveries where state = 'suppressed'", 1).await;
    assert_eq!(app.count("select count(*) from subject_keys where subject = 'ada'").await, 0);
    let kept =
        "select count(*) from recipients where subject = 'ada' and (email is not null or locale is not null)";
    assert_eq!(app.count(kept).await, 0);

    let events = subject_events(&app).await;
    assert_eq!(events.len(), 1);
    assert_eq!(events[0].type_, "guildhall.subject.erasure_requested.v1");
    let message: ErasureRequested = events[0].decode().expect("the message");
    assert_eq!((events[0].key.as_str(), message.subject.as_str()), ("ada", "ada"));
    assert_eq!((&message.erasure_id, &events[0].subject), (&erasure.erasure_id, &erasure.erasure_id));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_report_finishes_an_erasure_once_and_later_ones_correct_it() {
    let app = TestApp::start().await;
    let sam = app.staff("sam", RIVERTON);
    let erasure = request(&sam, "k", "ada").await.expect("requested");
    let id = &erasure.erasure_id;
    app.publish(&done_by_payment(&app, &erasure)).await;
    let first = eventually(SOON, || async {
        let shown = get(&sam, id).await.expect("it is there");
        if shown.reports[1].reported_at.is_some() { Ok(shown) } else { Err(shown) }
    });
    assert_eq!(first.await.expect("reported").finished_at, None, "the other has not");
    for (erased, kept) in [(2, 1), (3, 0)] {
        app.publish(&done(&app, &erasure, erased, kept)).await;
        let reported = eventually(SOON, || async {
            let shown = get(&sam, id).await.expect("it is there");
            if shown.reports[0].erased == erased { Ok(shown) } else { Err(shown) }
        });
        let shown = reported.await.expect("reported");
        assert!(shown.finished_at.is_some() && shown.reports[0].reported_at.is_some());
        assert_eq!((shown.reports[0].kept, shown.reports[0].kept_reasons.is_empty()), (kept, kept == 0));
    }
    let events = subject_events(&app).await;
    let types: Vec<_> = events.iter().map(|event| event.type_.as_str()).collect();
    assert_eq!(types, ["guildhall.subject.erasure_requested.v1", "guildhall.subject.erasure_finished.v1"]);
    let message: ErasureFinished = events[1].decode().expect("the message");
    assert_eq!((&message.erasure_id, message.subject.as_str()), (id, "ada"));
    assert_eq!(app.count("select count(*) from due where kind = 'erasure_unreported'").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_reported_is_asked_for_again_every_day() {
    let app = TestApp::start().await;
    let erasure = request(&app.staff("sam", RIVERTON), "k", "ada").await.expect("requested");
    for asked in 2..=3 {
        app.clock.advance(Duration::from_secs(24 * 3_600));
        let again = eventually(SOON, || async {
            let events = subject_events(&app).await;
            if events.len() == asked { Ok(events) } else { Err(events.len()) }
        });
        let events = again.await.expect("asked again");
        assert!(events.iter().all(|event| event.subject == erasure.erasure_id));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_is_erased_once_and_per_tenant() {
    let app = TestApp::start().await;
    let (sam, lea) = (app.staff("sam", RIVERTON), app.staff("lea", LAKESIDE));
    let first = request(&sam, "k", "ada").await.expect("requested");
    for key in ["k", "k2"] {
        assert_eq!(request(&sam, key, "ada").await.expect("the same").erasure_id, first.erasure_id);
    }
    let other = request(&lea, "k", "ada").await.expect("another tenant's ada");
    assert_ne!(other.erasure_id, first.erasure_id);
    assert_refused(get(&lea, &first.erasure_id).await, Code::NotFound, reason::ERASURE_NOT_FOUND);
    assert_refused(get(&sam, "x").await, Code::NotFound, reason::ERASURE_NOT_FOUND);
    assert_refused(request(&sam, "k3", "").await, Code::InvalidArgument, reason::RECIPIENT_INVALID);
    for stranger in [app.ada(), app.bff(), app.worker()] {
        let refused = request(&stranger, "k", "ben").await;
        assert_refused(refused, Code::PermissionDenied, reason::PERMISSION_DENIED);
        let refused = get(&stranger, &first.erasure_id).await;
        assert_refused(refused, Code::PermissionDenied, reason::PERMISSION_DENIED);
    }
    assert_eq!(app.count("select count(*) from erasures").await, 2);
}
