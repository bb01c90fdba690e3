//! Feeds are listed in pages, and notifications read once.

use futures::future::join_all;
use idempotency::REPLAYED;
use notification::domain::status::FeedStatus;
use proto::notification::v1::MarkReadRequest;
use rpc_error::{Code, reason};

use crate::harness::{RIVERTON, TestApp, assert_refused, numbers, patiently};

#[tokio::test(flavor = "multi_thread")]
async fn a_feed_is_listed_from_any_number_in_pages() {
    let app = TestApp::start().await;
    for _ in 0..60 {
        app.tell("ada", FeedStatus::DocumentUploaded, "").await;
    }
    let ada = app.ada();
    let page = ada.list("", 0, 0).await.expect("a page of the default size");
    assert_eq!(page.items.iter().map(|item| item.seq).collect::<Vec<_>>(), numbers(50));
    assert_eq!(page.head_seq, 60);
    let page = ada.list("", 58, 200).await.expect("the rest");
    assert_eq!(page.items.iter().map(|item| item.seq).collect::<Vec<_>>(), [59, 60]);
    for after in [60, 61, i64::MAX] {
        let page = ada.list("", after, 1).await.expect("nothing more");
        assert_eq!((page.items.len(), page.head_seq), (0, 60));
    }
    for size in [-1, 201, i32::MAX] {
        assert_refused(ada.list("", 0, size).await, Code::InvalidArgument, reason::PAGE_SIZE_INVALID);
    }
    assert_refused(ada.list("", -1, 0).await, Code::InvalidArgument, reason::SEQUENCE_INVALID);
}

#[tokio::test(flavor = "multi_thread")]
async fn people_list_their_own_feed_only_and_services_name_one() {
    let app = TestApp::start().await;
    let own = app.ada_signs_in().await;
    let bens = app.bff().upsert("ben", "", "").await.expect("a recipient");
    app.tell("ada", FeedStatus::DocumentUploaded, "").await;
    assert_eq!(app.ada().all_rows(&own).await.len(), 1, "naming oneself is fine");
    assert_eq!(app.bff().all_rows(&own).await.len(), 1);
    let missing = |listed| assert_refused(listed, Code::NotFound, reason::RECIPIENT_NOT_FOUND);
    missing(app.ada().list(&bens, 0, 0).await);
    missing(app.ada().list("x", 0, 0).await);
    missing(app.bff().list("", 0, 0).await);
    missing(app.bff().list("01890a5d-ac96-774b-bcce-b302099a8057", 0, 0).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn heads_are_given_of_known_recipients() {
    let app = TestApp::start().await;
    let ada = app.ada_signs_in().await;
    let ben = app.bff().upsert("ben", "", "").await.expect("a recipient");
    app.tell("ada", FeedStatus::DocumentReady, "").await;
    let nobody = "01890a5d-ac96-774b-bcce-b302099a8057".to_owned();
    let mut heads = app.bff().heads(vec![ada.clone(), ben.clone(), nobody.clone()]).await.expect("heads");
    heads.sort_by_key(|head| head.seq);
    let heads: Vec<_> = heads.into_iter().map(|head| (head.recipient_id, head.seq)).collect();
    assert_eq!(heads, [(ben, 0), (ada, 2)]);
    assert_eq!(app.bff().heads(vec![nobody.clone(); 1_000]).await.expect("heads"), []);
    for bad in [vec![], vec!["x".to_owned()], vec![nobody; 1_001]] {
        assert_refused(app.bff().heads(bad).await, Code::InvalidArgument, reason::RECIPIENTS_INVALID);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_notification_is_read_once() {
    let app = TestApp::start().await;
    app.ada_signs_in().await;
    app.tell("ada", FeedStatus::DocumentUploaded, "").await;
    let ada = app.ada();
    let id = ada.all_rows("").await[0].notification_id.clone();
    let first = ada.read("one", &id).await.expect("read");
    assert!(first.metadata().get(REPLAYED).is_none());
    app.clock.advance(std::time::Duration::from_secs(60));
    let again = ada.read("one", &id).await.expect("the same call");
    assert_eq!(again.metadata().get(REPLAYED).and_then(|value| value.to_str().ok()), Some("true"));
    let other = ada.read("two", &id).await.expect("another call");
    assert!(other.metadata().get(REPLAYED).is_none());
    assert_eq!(first.get_ref(), again.get_ref());
    assert_eq!(first.get_ref(), other.get_ref(), "it says when it was first read");
    let rows = ada.all_rows("").await;
    assert_eq!(
        rows.iter().map(|row| row.status.as_str()).collect::<Vec<_>>(),
        ["document.uploaded", "notification.read"]
    );
    assert!(rows.iter().all(|row| row.read));
    let events = app.feed_events().await;
    assert_eq!(events[1].0.type_, "guildhall.notification.read.v1");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_reads_at_once_one_makes_a_row() {
    let app = TestApp::start().await;
    app.tell("ada", FeedStatus::DocumentUploaded, "").await;
    let ada = app.ada();
    let id = ada.all_rows("").await[0].notification_id.clone();
    let keys: Vec<_> = (0..32).map(|i| format!("key-{i}")).collect();
    for read in join_all(keys.iter().map(|key| patiently(|| ada.read(key, &id)))).await {
        read.expect("read");
    }
    assert_eq!(ada.all_rows("").await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_needs_a_key_and_a_notification_of_the_callers() {
    let app = TestApp::start().await;
    app.tell("ada", FeedStatus::DocumentUploaded, "").await;
    let ada = app.ada();
    let id = ada.all_rows("").await[0].notification_id.clone();
    let keyless = ada.client().mark_read(ada.request(MarkReadRequest { notification_id: id.clone() })).await;
    assert_refused(keyless.map_err(Into::into), Code::Malformed, reason::IDEMPOTENCY_KEY_MISSING);
    let missing = |read| assert_refused(read, Code::NotFound, reason::NOTIFICATION_NOT_FOUND);
    missing(app.citizen("ben", RIVERTON).read("k", &id).await);
    missing(ada.read("k", "").await);
    missing(ada.read("k", "01890a5d-ac96-774b-bcce-b302099a8057").await);
    ada.read("k", &id).await.expect("what was refused took no key");
    let reused = ada.read("k", "01890a5d-ac96-774b-bcce-b302099a8057").await;
    assert_refused(reused, Code::InvalidArgument, reason::IDEMPOTENCY_KEY_REUSED);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_of_a_newer_version_is_listed_without_words() {
    let app = TestApp::start().await;
    for _ in 0..3 {
        app.tell("ada", FeedStatus::DocumentUploaded, "").await;
    }
    for newer in [
        "update feed set status = 'comet.seen' where seq = 1",
        "update feed set template_version = 9 where seq = 2",
    ] {
        sqlx::query(newer).execute(&mut app.db.admin().await).await.expect("changed");
    }
    let rows = app.ada().all_rows("").await;
    assert_eq!(rows.iter().map(|row| row.seq).collect::<Vec<_>>(), numbers(3));
    let titles: Vec<_> = rows.iter().map(|row| row.title.as_str()).collect();
    assert_eq!(titles, ["", "", "Document received"]);
    assert_eq!(rows[0].status, "comet.seen");
}
