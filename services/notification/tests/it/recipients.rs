//! How people can be reached is kept at sign-in.

use rpc_error::{Code, reason};

use crate::harness::{RIVERTON, TestApp, assert_refused, patiently};
use notification::domain::status::FeedStatus;

#[tokio::test(flavor = "multi_thread")]
async fn signing_in_again_keeps_the_recipient_and_replaces_its_data() {
    let app = TestApp::start().await;
    let bff = app.bff();
    let first = bff.upsert("ada", "ada@example.org", "de-at").await.expect("a recipient");
    let second = bff.upsert("ada", "", "").await.expect("the same");
    let other = bff.upsert("ben", "ada@example.org", "").await.expect("another with the same address");
    assert_eq!(first, second);
    assert_ne!(first, other);
    let stored: (Option<Vec<u8>>, Option<String>) =
        sqlx::query_as("select email, locale from recipients where subject = 'ada'")
            .fetch_one(&mut app.db.admin().await)
            .await
            .expect("one row");
    assert_eq!(stored, (None, None));
}

#[tokio::test(flavor = "multi_thread")]
async fn sixteen_sign_ins_at_once_make_one_recipient() {
    let app = TestApp::start().await;
    let bff = app.bff();
    let signed_in =
        futures::future::join_all((0..16).map(|_| patiently(|| bff.upsert("ada", "ada@example.org", "en"))))
            .await;
    let ids: std::collections::BTreeSet<_> =
        signed_in.into_iter().map(|id| id.expect("a recipient")).collect();
    assert_eq!(ids.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_field_that_breaks_its_rule_is_named() {
    let app = TestApp::start().await;
    let refused = app.bff().upsert("", "Ada <ada@example.org>", "german!").await;
    let error = assert_refused(refused, Code::InvalidArgument, reason::RECIPIENT_INVALID);
    let named: Vec<_> = error.violations().iter().map(|violation| violation.field.as_str()).collect();
    assert_eq!(named, ["subject", "email", "locale"]);
    assert!(!error.to_string().contains("ada@"), "{error}");
    assert_eq!(app.count("select count(*) from recipients").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_feed_is_read_in_the_recipients_language_or_the_next_best_one() {
    let app = TestApp::start().await;
    app.tell("ada", FeedStatus::DocumentRejected, "SIZE_MISMATCH").await;
    for (locale, title) in
        [("", "Document refused"), ("de-AT", "Dokument abgelehnt"), ("pt-BR", "Document refused")]
    {
        let recipient = app.bff().upsert("ada", "", locale).await.expect("a recipient");
        let own = app.ada().all_rows("").await;
        assert_eq!(own[0].title, title, "{locale}");
        assert_eq!(app.bff().all_rows(&recipient).await, own, "a service reads the same");
    }
    assert_eq!(app.citizen("nobody", RIVERTON).all_rows("").await, []);
}
