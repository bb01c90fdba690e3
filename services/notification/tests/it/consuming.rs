//! Events of documents become rows of feeds, once each; what cannot be applied waits without holding up others.

use ids::DocumentId;
use kafka::CloudEvent;
use proto::document::v1::{
    DocumentAccessed, DocumentErased, DocumentGranted, DocumentInitiated, ErasureCause, RejectionReason,
};

use crate::harness::{RIVERTON, TestApp, What};

const NOTIFICATIONS: &str = "select count(*) from notifications";

/// What is parked: key's document, type and reason, in order.
async fn parked(app: &TestApp) -> Vec<(String, String)> {
    sqlx::query_as("select convert_from(key, 'UTF8'), reason from parked order by id")
        .fetch_all(&mut app.db.admin().await)
        .await
        .expect("parked events")
}

#[tokio::test(flavor = "multi_thread")]
async fn each_event_tells_the_owner_and_outcomes_are_mailed() {
    let app = TestApp::start().await;
    let recipient = app.ada_signs_in().await;
    let (good, bad, late) = (app.document(), app.document(), app.document());
    for event in [
        app.event(good, "ada", What::Uploaded),
        app.event(good, "ada", What::Scanning),
        app.event(good, "ada", What::Ready),
    ] {
        app.publish(&event).await;
    }
    app.eventually_count(NOTIFICATIONS, 3).await;
    app.publish(&app.event(bad, "ada", What::Rejected(RejectionReason::TypeMismatch))).await;
    app.eventually_count(NOTIFICATIONS, 4).await;
    app.publish(&app.event(late, "ada", What::Expired)).await;
    app.eventually_count(NOTIFICATIONS, 5).await;
    app.publish(&app.event(app.document(), "ada", What::Quarantined)).await;
    app.eventually_count(NOTIFICATIONS, 6).await;

    let feed = app.adas_feed().await;
    let feed: Vec<_> =
        feed.iter().map(|(seq, status, code)| (*seq, status.as_str(), code.as_str())).collect();
    assert_eq!(
        feed,
        [
            (1, "document.uploaded", ""),
            (2, "document.scanning", ""),
            (3, "document.ready", ""),
            (4, "delivery.queued", ""),
            (5, "document.rejected", "TYPE_MISMATCH"),
            (6, "delivery.queued", ""),
            (7, "document.expired", ""),
            (8, "delivery.queued", ""),
            (9, "document.quarantined", ""),
            (10, "delivery.queued", ""),
        ]
    );
    let rows = app.ada().all_rows("").await;
    assert!(rows[..4].iter().all(|row| row.subject_id == good.to_string() && row.subject_type == "document"));
    assert_eq!(rows[2].notification_id, rows[3].notification_id, "the mail is about the notification");
    assert!(rows.iter().all(|row| row.category == "document" && !row.read));

    let events = app.feed_events().await;
    let types: Vec<_> = events.iter().map(|(event, message)| (message.seq, event.type_.as_str())).collect();
    let (row, queued) = ("guildhall.notification.feed_row_added.v1", "guildhall.notification.queued.v1");
    assert_eq!(
        types,
        [
            (1, row),
            (2, row),
            (3, row),
            (4, queued),
            (5, row),
            (6, queued),
            (7, row),
            (8, queued),
            (9, row),
            (10, queued),
        ]
    );
    for ((event, message), row) in events.iter().zip(&rows) {
        assert_eq!((event.tenant.as_str(), event.source.as_str()), (RIVERTON, "/guildhall/notification"));
        assert_eq!((&message.recipient_id, &message.status), (&recipient, &row.status));
        assert_eq!((&message.notification_id, &message.subject_id), (&row.notification_id, &row.subject_id));
    }
    let jobs: Vec<_> = app.take_jobs().await.into_iter().map(|(job, _)| job.job_id.to_string()).collect();
    assert_eq!(jobs.len(), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_comes_again_changes_nothing() {
    let app = TestApp::start().await;
    app.ada_signs_in().await;
    let document = app.document();
    let ready = app.event(document, "ada", What::Ready);
    for _ in 0..3 {
        app.publish(&ready).await;
    }
    // Of the same key, so that it is applied after all of them.
    app.publish(&app.event(document, "ada", What::Expired)).await;
    app.eventually_count(NOTIFICATIONS, 2).await;
    assert_eq!(
        app.adas_statuses().await,
        ["document.ready", "delivery.queued", "document.expired", "delivery.queued"]
    );
    assert_eq!(app.jobs_in_table().await.len(), 2);
    assert_eq!(app.take_jobs().await.len(), 2);
    assert_eq!(app.feed_events().await.len(), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_owner_nobody_knows_gets_a_feed_and_no_mail() {
    let app = TestApp::start().await;
    app.publish(&app.event(app.document(), "ada", What::Ready)).await;
    app.eventually_count(NOTIFICATIONS, 1).await;
    let feed = app.adas_feed().await;
    let feed: Vec<_> = feed.iter().map(|(_, status, code)| (status.as_str(), code.as_str())).collect();
    assert_eq!(feed, [("document.ready", ""), ("delivery.suppressed", "NO_ADDRESS")]);
    assert_eq!(app.take_jobs().await, []);

    // The first sign-in finds the recipient, whose next mail is sent.
    let recipient = app.ada_signs_in().await;
    let rows = app.bff().all_rows(&recipient).await;
    assert_eq!(rows.len(), 2, "it is the same recipient");
    app.publish(&app.event(app.document(), "ada", What::Ready)).await;
    app.eventually_count("select count(*) from deliveries where state = 'created'", 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn events_that_nobody_is_told_of_write_nothing() {
    let app = TestApp::start().await;
    let document = app.document();
    let (document_id, owner) = (document.to_string(), "ada".to_owned());
    let initiated = DocumentInitiated {
        document_id: document_id.clone(),
        owner: owner.clone(),
        purpose: "identity".to_owned(),
        version: 1,
    };
    let accessed = DocumentAccessed {
        document_id,
        owner,
        accessor: "sam".to_owned(),
        version: 1,
        purpose: "casework".to_owned(),
        grant_id: String::new(),
    };
    app.publish(&app.cloud(document, "initiated", &initiated)).await;
    app.publish(&app.cloud(document, "accessed", &accessed)).await;
    app.publish(&app.event(document, "ada", What::Uploaded)).await;
    app.eventually_count(NOTIFICATIONS, 1).await;
    assert_eq!(app.count("select count(*) from inbox").await, 1);
    assert_eq!(app.adas_statuses().await, ["document.uploaded"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_with_whom_something_was_shared_is_told_without_names() {
    let app = TestApp::start().await;
    app.bff().upsert("ben", "ben@example.org", "de").await.unwrap();
    let document = app.document();
    let grant = |subject: &str, client: &str| DocumentGranted {
        grant_id: ids::GrantId::mint(&app.clock).to_string(),
        document_id: document.to_string(),
        owner: "ada".to_owned(),
        grantee_subject: subject.to_owned(),
        grantee_client: client.to_owned(),
        purpose: "casework".to_owned(),
        ..Default::default()
    };
    let to_ben = grant("ben", "");
    app.publish(&app.cloud(document, "granted", &grant("", "partner"))).await;
    app.publish(&app.cloud(document, "granted", &to_ben)).await;
    app.eventually_count(NOTIFICATIONS, 1).await;

    let rows = app.citizen("ben", RIVERTON).all_rows("").await;
    let told: Vec<_> = rows.iter().map(|row| row.status.as_str()).collect();
    assert_eq!(told, ["document.shared", "delivery.queued"]);
    assert_eq!((rows[0].subject_type.as_str(), &rows[0].subject_id), ("grant", &to_ben.grant_id));
    // The mail is written without asking for the document: the grantee may not be told its name by mail.
    app.documents.forget_all();
    let [job] = &*app.jobs_in_table().await else { panic!("one job") };
    let claimed = app.worker().claim(job).await.unwrap();
    assert_eq!(claimed.to_address, "ben@example.org");
    assert_eq!(claimed.subject, "Mit Ihnen wurde etwas geteilt");
    for text in [&claimed.subject, &claimed.text_body, &claimed.html_body] {
        assert!(!text.contains("passport") && !testkit::has_word(text, "ada"), "{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_erasure_is_told_once_nothing_is_left_and_only_to_who_is_there_to_be_told() {
    let app = TestApp::start().await;
    app.ada_signs_in().await;
    let erased = |whole, cause: ErasureCause| DocumentErased {
        document_id: app.document().to_string(),
        owner: "ada".to_owned(),
        purpose: "identity".to_owned(),
        versions: vec![1],
        whole,
        cause: cause.into(),
    };
    for message in [
        erased(false, ErasureCause::RetentionEnded),
        erased(true, ErasureCause::SubjectErased),
        erased(true, ErasureCause::RetentionEnded),
    ] {
        let document = message.document_id.parse().unwrap();
        app.publish(&app.cloud(document, "erased", &message)).await;
    }
    app.eventually_count("select count(*) from inbox", 3).await;
    assert_eq!(app.adas_statuses().await, ["document.erased"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn poison_is_parked_and_later_events_of_its_key_wait_behind_it() {
    let app = TestApp::start().await;
    app.ada_signs_in().await;
    let good = app.event(app.document(), "ada", What::Uploaded);
    let (garbage, unknown, nobody): (DocumentId, DocumentId, DocumentId) =
        (app.document(), app.document(), app.document());
    let poison: [(DocumentId, CloudEvent); 3] = [
        (garbage, CloudEvent { payload: vec![0xff; 9], ..app.event(garbage, "ada", What::Uploaded) }),
        (unknown, app.event(unknown, "ada", What::Rejected(RejectionReason::Unspecified))),
        (nobody, app.event(nobody, "not a subject", What::Uploaded)),
    ];
    for (document, event) in &poison {
        app.publish(event).await;
        app.publish(&app.event(*document, "ada", What::Ready)).await;
    }
    app.publish(&good).await;
    app.eventually_count("select count(*) from parked", 6).await;
    app.eventually_count(NOTIFICATIONS, 1).await;

    let parked = parked(&app).await;
    let of = |id: DocumentId| {
        let id = id.to_string();
        parked.iter().filter(|(key, _)| *key == id).map(|(_, reason)| reason.as_str()).collect::<Vec<_>>()
    };
    assert_eq!(of(garbage), ["PAYLOAD_UNREADABLE", "BEHIND_PARKED"]);
    assert_eq!(of(unknown), ["REASON_UNKNOWN", "BEHIND_PARKED"]);
    assert_eq!(of(nobody), ["ID_UNREADABLE", "BEHIND_PARKED"]);
    assert_eq!(app.adas_statuses().await, ["document.uploaded"]);
}
