//! One contract for every call that has an effect.

use std::sync::Arc;

use proto::document::v1;
use rpc_error::{Code, Error, reason};
use tokio::sync::Notify;
use tonic::Request;

use crate::harness::{Actor, File, Result, SOON, TestApp, assert_refused, is_replayed, put};

fn confirm(id: &str) -> v1::ConfirmUploadRequest {
    v1::ConfirmUploadRequest { document_id: id.to_owned() }
}

fn refresh(id: &str) -> v1::RefreshUploadRequest {
    v1::RefreshUploadRequest { document_id: id.to_owned() }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_initiated_upload_is_replayed_with_a_fresh_signature() {
    let app = TestApp::start().await;
    let (ada, file) = (app.ada(), File::pdf("Ada"));
    let first = ada.client().initiate_upload(ada.keyed("k", file.declaration())).await.unwrap();
    assert!(!is_replayed(&first));
    app.clock.advance(std::time::Duration::from_secs(2));
    let again = ada.client().initiate_upload(ada.keyed("k", file.declaration())).await.unwrap();
    assert!(is_replayed(&again));

    let (first, again) = (first.into_inner(), again.into_inner());
    assert_eq!(first.document, again.document);
    let (first, again) = (first.upload.unwrap(), again.upload.unwrap());
    assert_ne!(first.url, again.url);
    assert_eq!(put(&again, &file.bytes).await, 200);
    assert_eq!(app.count("select count(*) from documents").await, 1);
    assert_eq!(
        app.count("select count(*) from idempotency where encode(answer, 'escape') like '%X-Amz%'").await,
        0
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_signs_nothing_that_is_not_awaited() {
    let app = TestApp::start().await;
    let (ada, file) = (app.ada(), File::pdf("Ada"));
    let first = ada.client().initiate_upload(ada.keyed("k", file.declaration())).await.unwrap().into_inner();
    let id = first.document.unwrap().document_id;
    put(&first.upload.unwrap(), &file.bytes).await;
    ada.confirm(&id).await.unwrap();
    let again = ada.client().initiate_upload(ada.keyed("k", file.declaration())).await.map_err(Error::from);
    assert_refused(again, Code::Conflict, reason::UPLOAD_ALREADY_CONFIRMED);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_confirmation_is_replayed_also_when_the_bytes_are_gone() {
    let app = TestApp::start().await;
    let ada = app.ada();
    let id = app.sent(&ada, &File::pdf("Ada")).await;
    let first = ada.client().confirm_upload(ada.keyed("k", confirm(&id))).await.unwrap();
    let job = app.job_of(&id).await;
    app.worker().report(&job, "", v1::RejectionReason::Infected).await.unwrap();
    let again = ada.client().confirm_upload(ada.keyed("k", confirm(&id))).await.unwrap();
    assert!(is_replayed(&again));
    assert_eq!(first.into_inner(), again.into_inner(), "the answer of before, not of now");
    assert_eq!(app.count("select count(*) from scan_jobs").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refresh_is_replayed() {
    let app = TestApp::start().await;
    let (ada, file) = (app.ada(), File::pdf("Ada"));
    let id = ada.initiate(&file).await.unwrap().document.unwrap().document_id;
    let first = ada.client().refresh_upload(ada.keyed("k", refresh(&id))).await.unwrap();
    let again = ada.client().refresh_upload(ada.keyed("k", refresh(&id))).await.unwrap();
    assert!(!is_replayed(&first) && is_replayed(&again));
    assert_eq!(first.into_inner().document, again.into_inner().document);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_names_one_request_of_one_caller() {
    let app = TestApp::start().await;
    let (ada, ben) = (app.ada(), app.citizen("ben", "riverton"));
    let file = File::pdf("Ada");
    let initiate = async |actor: &Actor, file: &File| -> Result<v1::InitiateUploadResponse> {
        Ok(actor.client().initiate_upload(actor.keyed("k", file.declaration())).await?.into_inner())
    };
    let first = initiate(&ada, &file).await.unwrap().document.unwrap();
    let reused = initiate(&ada, &File::pdf("other")).await;
    assert_refused(reused, Code::InvalidArgument, reason::IDEMPOTENCY_KEY_REUSED);
    assert_eq!(initiate(&ada, &file).await.unwrap().document.unwrap(), first);

    let others = [&ben, &app.citizen("ada", "lakeside")];
    for other in others {
        let document = initiate(other, &file).await.unwrap().document.unwrap();
        assert_ne!(document.document_id, first.document_id);
    }
    let confirmed = ada.client().confirm_upload(ada.keyed("k", confirm(&first.document_id))).await;
    let confirmed = confirmed.map_err(Error::from);
    assert_refused(confirmed, Code::Conflict, reason::UPLOAD_MISSING);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_call_does_not_use_up_its_key() {
    let app = TestApp::start().await;
    let (ada, file) = (app.ada(), File::pdf("Ada"));
    let mut bad = file.declaration();
    bad.size_bytes = 0;
    ada.client().initiate_upload(ada.keyed("k", bad)).await.unwrap_err();
    let initiated =
        ada.client().initiate_upload(ada.keyed("k", file.declaration())).await.unwrap().into_inner();
    let id = initiated.document.unwrap().document_id;

    ada.client().confirm_upload(ada.keyed("c", confirm(&id))).await.expect_err("nothing is there yet");
    put(&initiated.upload.unwrap(), &file.bytes).await;
    let confirmed = ada.client().confirm_upload(ada.keyed("c", confirm(&id))).await.unwrap();
    assert!(!is_replayed(&confirmed));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_whose_first_try_is_still_running_is_refused() {
    let app = TestApp::start().await;
    let ada = app.ada();
    let id = app.sent(&ada, &File::pdf("Ada")).await;

    // Somebody holds the document's row, so that the first call waits inside of its transaction.
    let (held, release) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let holder = {
        let (db, id, held, release) = (app.state.db.clone(), id.clone(), held.clone(), release.clone());
        tokio::spawn(async move {
            let tenant = "riverton".parse().unwrap();
            let unit = db.tenant(&tenant, move |tx| {
                Box::pin(async move {
                    sqlx::query("select 1 from documents where id = $1::uuid for update")
                        .bind(id)
                        .execute(&mut **tx)
                        .await?;
                    held.notify_one();
                    release.notified().await;
                    Ok::<_, pg::Error>(())
                })
            });
            unit.await
        })
    };
    held.notified().await;
    let first = tokio::spawn({
        let (ada, id) = (ada.clone(), id.clone());
        async move { ada.client().confirm_upload(ada.keyed("k", confirm(&id))).await }
    });
    let second = testkit::eventually(SOON, || async {
        let waiting = "select count(*) from pg_locks where locktype = 'advisory' and database = (select oid from pg_database where datname = current_database())";
        if app.count(waiting).await > 0 { Ok(()) } else { Err("the first call has not begun") }
    });
    second.await.unwrap();
    let second = ada.client().confirm_upload(ada.keyed("k", confirm(&id))).await.map_err(Error::from);
    let error = second.unwrap_err();
    assert_eq!((error.code(), error.reason()), (Code::Conflict, reason::IDEMPOTENCY_KEY_IN_FLIGHT));
    assert!(error.retry_after_seconds().is_some());

    release.notify_one();
    holder.await.unwrap().unwrap();
    first.await.unwrap().expect("the first call goes on");
    let third = ada.client().confirm_upload(ada.keyed("k", confirm(&id))).await.unwrap();
    assert!(is_replayed(&third));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_call_with_an_effect_needs_a_key() {
    let app = TestApp::start().await;
    let (ada, file) = (app.ada(), File::pdf("Ada"));
    let id = ada.initiate(&file).await.unwrap().document.unwrap().document_id;
    let mut client = ada.client();
    let without = [
        client.initiate_upload(ada.keyless(file.declaration())).await.map(drop),
        client.refresh_upload(ada.keyless(refresh(&id))).await.map(drop),
        client.confirm_upload(ada.keyless(confirm(&id))).await.map(drop),
    ];
    for refused in without {
        assert_refused(refused.map_err(Error::from), Code::Malformed, reason::IDEMPOTENCY_KEY_MISSING);
    }
    let long = "k".repeat(256);
    for key in ["", "a b", long.as_str()] {
        let mut request: Request<_> = ada.keyless(confirm(&id));
        request.metadata_mut().insert(idempotency::METADATA, key.parse().unwrap());
        let refused = client.confirm_upload(request).await.map(drop).map_err(Error::from);
        assert_refused(refused, Code::Malformed, reason::IDEMPOTENCY_KEY_INVALID);
    }
}
