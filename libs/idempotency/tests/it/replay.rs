use idempotency::{Error as KeyError, KEEP, REPLAYED};
use proto::Operation;

use crate::harness::{Error, effect, first, replayed, request, scope, setup};

#[tokio::test]
async fn a_repeat_gets_the_first_answer_and_makes_no_effect() {
    let setup = setup().await;
    let outcome = setup.call("k", "one").await.unwrap();
    assert_eq!(outcome, first("one"));
    assert!(outcome.into_response().metadata().get(REPLAYED).is_none());
    for _ in 0..3 {
        let outcome = setup.call("k", "one").await.unwrap();
        assert_eq!(outcome, replayed("one"));
        assert_eq!(outcome.into_response().metadata().get(REPLAYED).unwrap(), "true");
    }
    assert_eq!(setup.effects().await, ["riverton/one"]);
}

#[tokio::test]
async fn a_replay_is_the_stored_answer_not_a_new_one() {
    let setup = setup().await;
    setup.call("k", "one").await.unwrap();
    // The same request; the effect would answer differently now.
    let (key, request) = (scope("k"), request("one"));
    let again = idempotency::run(&setup.db, &setup.clock, &key, &request, KEEP, effect("two"));
    let outcome: crate::harness::Result = again.await;
    let outcome = outcome.unwrap().map(|document| format!("{} with a fresh link", document.document_id));
    assert_eq!(outcome.value, "one with a fresh link");
    assert!(outcome.replayed);
    assert_eq!(setup.effects().await, ["riverton/one"]);
}

#[tokio::test]
async fn another_request_under_the_same_key_is_refused() {
    let setup = setup().await;
    setup.call("k", "one").await.unwrap();
    let error = setup.call("k", "two").await.unwrap_err();
    assert!(matches!(error, Error::Key(KeyError::Reused)), "{error:?}");
    assert_eq!(setup.effects().await, ["riverton/one"]);
    assert_eq!(setup.call("k", "one").await.unwrap(), replayed("one"));
}

#[tokio::test]
async fn tenant_principal_operation_and_key_tell_calls_apart() {
    let setup = setup().await;
    let mut scopes = [scope("k"), scope("k"), scope("k"), scope("k"), scope("K")];
    scopes[1].tenant = "lakeside".parse().unwrap();
    scopes[2].principal = "ben".parse().unwrap();
    scopes[3].operation = Operation::DocumentInitiateUpload;
    for (number, scope) in scopes.iter().enumerate() {
        let name = format!("effect-{number}");
        assert_eq!(setup.call_in(scope, &name).await.unwrap(), first(&name));
    }
    for (number, scope) in scopes.iter().enumerate() {
        let name = format!("effect-{number}");
        assert_eq!(setup.call_in(scope, &name).await.unwrap(), replayed(&name));
    }
    assert_eq!(setup.effects().await.len(), 5);
}

#[tokio::test]
async fn a_call_that_failed_stores_nothing_and_its_key_is_free() {
    let setup = setup().await;
    let (key, request) = (scope("k"), request("one"));
    let refused = idempotency::run(&setup.db, &setup.clock, &key, &request, KEEP, |tx| {
        Box::pin(async move {
            effect("one")(tx).await?;
            Err(Error::Refused)
        })
    });
    let error: Error = (refused.await as crate::harness::Result).unwrap_err();
    assert!(matches!(error, Error::Refused), "{error:?}");
    assert_eq!((setup.stored().await, setup.effects().await.len()), (0, 0));
    assert_eq!(setup.call("k", "two").await.unwrap(), first("two"));
}

#[tokio::test]
async fn an_answer_is_kept_as_long_as_asked_and_not_longer() {
    let setup = setup().await;
    setup.call("k", "one").await.unwrap();
    setup.clock.set(crate::harness::NOON + KEEP - time::Duration::microseconds(1));
    assert_eq!(setup.call("k", "one").await.unwrap(), replayed("one"));
    setup.clock.set(crate::harness::NOON + KEEP);
    assert_eq!(setup.call("k", "two").await.unwrap(), first("two"));
    assert_eq!(setup.call("k", "two").await.unwrap(), replayed("two"));
    assert_eq!(setup.stored().await, 1);
}

#[tokio::test]
async fn no_key_or_name_is_stored_in_the_clear() {
    let setup = setup().await;
    setup.call("anna@example.org", "one").await.unwrap();
    let row: String =
        sqlx::query_scalar("select idempotency::text || encode(answer, 'escape') from idempotency")
            .fetch_one(&mut setup.database.admin().await)
            .await
            .unwrap();
    assert!(row.contains("riverton") && row.contains("one"), "{row}");
    assert!(!row.contains("anna") && !testkit::has_word(&row, "ada"), "{row}");
}

#[test]
fn each_refusal_has_its_reason_and_status() {
    let wire =
        [KeyError::Missing, KeyError::Invalid("must be sent once"), KeyError::Reused, KeyError::InFlight]
            .map(|error| {
                let error = rpc_error::Error::from(error);
                (error.reason().to_owned(), error.http_status(), error.retry_after_seconds())
            });
    let expected = [
        ("IDEMPOTENCY_KEY_MISSING", 400, None),
        ("IDEMPOTENCY_KEY_INVALID", 400, None),
        ("IDEMPOTENCY_KEY_REUSED", 422, None),
        ("IDEMPOTENCY_KEY_IN_FLIGHT", 409, Some(1)),
    ];
    assert_eq!(wire, expected.map(|(reason, status, retry)| (reason.to_owned(), status, retry)));
}
