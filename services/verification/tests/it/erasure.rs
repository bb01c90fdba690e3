//! What is left of somebody who is erased.

use ids::EventId;
use kafka::rdkafka::producer::{FutureProducer, FutureRecord};
use kafka::{CloudEvent, Tracing};
use prost::Message as _;
use proto::subject::v1::ErasureRequested;
use proto::verification::v1;
use rpc_error::{Code, reason};
use testkit::eventually;
use topology::topics;

use crate::harness::{SOON, TestApp, assert_refused};

const NAME: &str = "Zwiebelfisch";

/// Everything that somebody has said, in the clear and as tables show bytes.
fn words() -> Vec<String> {
    let said = [NAME, "Adelheid", "Quellgasse", "1990-12-31", "Flussstadt"];
    said.iter().flat_map(|word| [(*word).to_owned(), hex::encode(word)]).collect()
}

async fn erase(app: &TestApp, subject: &str) -> String {
    let id = ids::ErasureId::mint(&app.clock);
    let message = ErasureRequested { erasure_id: id.to_string(), subject: subject.to_owned() };
    let event = CloudEvent {
        id: EventId::mint(&app.clock),
        type_: "guildhall.subject.erasure_requested.v1".to_owned(),
        source: "/guildhall/notification".to_owned(),
        subject: id.to_string(),
        time: app.clock.now(),
        tenant: "riverton".parse().expect("a tenant"),
        dataschema: kafka::dataschema::<ErasureRequested>(),
        traceparent: None,
        key: subject.to_owned(),
        payload: message.encode_to_vec(),
    };
    let producer: FutureProducer = app.kafka.settings.producer().create().expect("a producer");
    let topic = app.kafka.topic(topics::SUBJECT);
    let record = FutureRecord::to(&topic)
        .key(&event.key)
        .payload(&event.payload)
        .headers(event.headers(Tracing::AsIs));
    producer.send(record, SOON).await.map_err(|(error, _)| error).expect("acknowledged");
    let done = eventually(SOON, || async {
        match app.count("select count(*) from subject_erasures").await {
            0 => Err("nothing is erased"),
            _ => Ok(()),
        }
    });
    done.await.unwrap();
    id.to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_people_say_is_readable_in_no_table_no_event_and_no_stored_answer() {
    let app = TestApp::start().await;
    let case = app.submitted(NAME).await;
    let case = app.settled(&case.case_id).await;
    app.rita().note(&case.case_id, &format!("{NAME} has called.")).await.unwrap();
    for (table, rows) in app.tables().await {
        for word in words() {
            assert!(!rows.contains(&word), "{word} is in {table}");
        }
    }
    for record in app.records(&case.case_id).await {
        let shown = format!("{record:?}");
        let payload = String::from_utf8_lossy(record.payload.as_deref().unwrap_or_default()).into_owned();
        assert!(words().iter().all(|word| !shown.contains(word) && !payload.contains(word)), "{shown}");
    }
    let (answers, sealed) = (
        app.count("select count(*) from answers").await,
        app.count("select count(*) from answers where octet_length(body) > 40").await,
    );
    assert_eq!((answers, sealed), (3, 3), "what providers have said is kept");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_somebody_who_is_erased_is_left_and_the_proof_still_holds() {
    let app = TestApp::start().await;
    let case = app.submitted(NAME).await;
    let case = app.settled(&case.case_id).await;
    app.rita().note(&case.case_id, "a note").await.unwrap();
    let request = app.request("ada", "Misnamed", "identity").await;
    let open = app.ada().submit(request).await.unwrap();
    app.settled(&open.case_id).await;
    let erasure = erase(&app, "ada").await;

    assert_eq!(app.count("select count(*) from answers").await, 0);
    assert_eq!(app.count("select count(*) from cases where applicant is not null").await, 0);
    assert_eq!(app.count("select count(*) from notes where body is not null").await, 0);
    let seen = app.rita().case(&case.case_id).await.unwrap();
    assert_eq!((seen.status(), seen.applicant, seen.checks.len()), (v1::CaseStatus::Approved, None, 3));
    assert_eq!(app.rita().notes(&case.case_id).await.unwrap()[0].text, "");
    let seen = app.rita().case(&open.case_id).await.unwrap();
    assert_eq!(seen.status(), v1::CaseStatus::Withdrawn, "what was not over is taken back");
    assert_refused(app.rita().note(&case.case_id, "another").await, Code::Gone, reason::SUBJECT_ERASED);
    let request = app.request("ada", NAME, "residency").await;
    assert_refused(app.ada().submit(request).await, Code::Gone, reason::SUBJECT_ERASED);
    assert_eq!(app.event_names(&erasure).await, ["subject_erased"]);

    let tenant = "riverton".parse().unwrap();
    let chained = eventually(SOON, || async {
        let report = app.trail.books.verify(&tenant, |_| {}).await.map_err(|error| error.to_string())?;
        if report.findings.is_empty() && report.entries > 0 { Ok(report) } else { Err(format!("{report:?}")) }
    });
    chained.await.unwrap();
}
