//! A feed has neither gap nor repeat, whoever writes it and however often.

use std::collections::BTreeMap;

use futures::future::join_all;
use ids::Tenant;
use notification::Error;
use notification::app::notify::notify;
use notification::domain::status::FeedStatus;

use crate::harness::{RIVERTON, TestApp, What, numbers, tell};

/// The numbers of each recipient's events, as they are on the topic.
async fn published(app: &TestApp) -> BTreeMap<String, Vec<i64>> {
    let mut seqs = BTreeMap::<String, Vec<i64>>::new();
    for (event, message) in app.feed_events().await {
        assert_eq!(event.key, message.recipient_id, "the key is the recipient");
        assert_eq!(event.subject, message.notification_id, "the subject is the notification");
        seqs.entry(message.recipient_id).or_default().push(message.seq);
    }
    seqs
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_events_at_once_each_told_thrice_by_two_replicas_are_numbered_without_gap() {
    let app = TestApp::start().await;
    let recipient = app.ada_signs_in().await;
    let other = app.replica().await;
    let statuses = [FeedStatus::DocumentUploaded, FeedStatus::DocumentReady];
    let notices: Vec<_> = (0..50).map(|i| app.notice("ada", statuses[i % 2], "")).collect();
    let repeats = notices
        .iter()
        .flat_map(|notice| [&app.state, &other, &app.state].map(|replica| tell(replica, RIVERTON, notice)));
    join_all(repeats).await;

    // 25 that are mailed make two rows each.
    let rows = app.bff().all_rows(&recipient).await;
    assert_eq!(rows.iter().map(|row| row.seq).collect::<Vec<_>>(), numbers(75));
    let heads = app.bff().heads(vec![recipient.clone()]).await.expect("heads");
    assert_eq!(heads[0].seq, 75);
    assert_eq!(published(&app).await, BTreeMap::from([(recipient, numbers(75))]));
    assert_eq!(app.take_jobs().await.len(), 25);
}

#[tokio::test(flavor = "multi_thread")]
async fn repeated_events_on_kafka_with_two_consumers_are_numbered_without_gap() {
    let app = TestApp::start().await;
    let _other = app.replica().await;
    let owners = ["ada", "ben"];
    for i in 0..12 {
        let (document, owner) = (app.document(), owners[i % 2]);
        for what in [What::Uploaded, What::Scanning, What::Ready] {
            let event = app.event(document, owner, what);
            app.publish(&event).await;
            app.publish(&event).await;
        }
        // The last of a key: once it is applied, so is everything before it.
        app.publish(&app.event(document, owner, What::Expired)).await;
    }
    app.eventually_count("select count(*) from notifications where status = 'document.expired'", 12).await;

    // Six documents each: uploaded, scanning, ready and expired, the last two with a suppressed mail.
    for owner in owners {
        let rows = app.citizen(owner, RIVERTON).all_rows("").await;
        assert_eq!(rows.iter().map(|row| row.seq).collect::<Vec<_>>(), numbers(36), "{owner}");
    }
    let published = published(&app).await;
    assert_eq!(published.len(), 2);
    for seqs in published.values() {
        assert_eq!(*seqs, numbers(36));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_number_is_taken_back_with_its_transaction() {
    let app = TestApp::start().await;
    app.ada_signs_in().await;
    app.tell("ada", FeedStatus::DocumentUploaded, "").await;
    let tenant: Tenant = RIVERTON.parse().expect("a tenant");
    let (shared, notice) = (app.state.clone(), app.notice("ada", FeedStatus::DocumentReady, ""));
    let undone: Result<(), Error> = app
        .state
        .db
        .tenant(&tenant, move |tx| {
            Box::pin(async move {
                notify(tx, &shared, &notice).await?;
                Err(Error::JobFinished)
            })
        })
        .await;
    assert!(matches!(undone, Err(Error::JobFinished)));
    app.tell("ada", FeedStatus::DocumentScanning, "").await;

    let feed = app.adas_feed().await;
    let feed: Vec<_> = feed.iter().map(|(seq, status, _)| (*seq, status.as_str())).collect();
    assert_eq!(feed, [(1, "document.uploaded"), (2, "document.scanning")]);
    let published = published(&app).await;
    assert_eq!(published.into_values().collect::<Vec<_>>(), [numbers(2)]);
}
