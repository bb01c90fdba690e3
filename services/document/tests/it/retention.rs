//! What is ready is kept for its time, in the database and in the object store, and then erased by itself.

use std::time::Duration;

use blobs::{Bucket, LockMode, LockState};
use proto::document::v1::{self, DocumentStatus};
use testkit::eventually;

use crate::harness::{Actor, File, SOON, TestApp, at, evidence_key};

async fn becomes(app: &TestApp, actor: &Actor, id: &str, status: DocumentStatus) {
    let became = eventually(SOON, || async {
        let now = app.status(actor, id).await;
        if now == status { Ok(()) } else { Err(now) }
    });
    became.await.unwrap();
}

/// Waits until the store's locks on the first version are what `wanted` says.
async fn locked(app: &TestApp, id: &str, wanted: impl Fn(LockState) -> bool) {
    let key = evidence_key(id);
    let locked = eventually(SOON, || async {
        let stored = app.state.blobs.versions(Bucket::Evidence, &key).await.unwrap();
        let state = app.state.blobs.lock_state(Bucket::Evidence, &key, &stored[0].id).await.unwrap();
        if wanted(state) { Ok(()) } else { Err(state) }
    });
    locked.await.unwrap();
}

async fn no_rows(app: &TestApp, sql: &'static str) {
    let none = eventually(SOON, || async {
        match app.count(sql).await {
            0 => Ok(()),
            rows => Err(rows),
        }
    });
    none.await.unwrap();
}

const SETTLED: &str = "select count(*) from due where kind = 'object_locks'";

#[tokio::test(flavor = "multi_thread")]
async fn the_store_keeps_what_the_database_keeps_and_for_as_long() {
    let app = TestApp::start().await;
    let (ada, sam, ann) = (app.ada(), app.staff("sam", "riverton"), app.staff("ann", "riverton"));
    let (id, _) = app.ready(&ada, &File::pdf("Ada")).await;
    let document = ada.get(&id).await.unwrap();
    assert_eq!(document.retention_class, "identification");
    let until = at(document.retain_until);
    assert!(until - app.clock.now() > time::Duration::days(5 * 365));
    locked(&app, &id, |state| {
        let retention = state.retention;
        !state.held
            && retention.is_some_and(|retention| {
                retention.mode == LockMode::Governance
                    && (retention.until - until).abs() <= time::Duration::SECOND
            })
    })
    .await;

    let hold = sam.hold("2026-1", &id, 0).await.unwrap().hold_id;
    let other = sam.hold("2026-2", &id, 1).await.unwrap().hold_id;
    locked(&app, &id, |state| state.held).await;
    sam.release(&hold).await.unwrap();
    ann.release(&hold).await.unwrap();
    no_rows(&app, SETTLED).await;
    locked(&app, &id, |state| state.held).await;
    sam.release(&other).await.unwrap();
    ann.release(&other).await.unwrap();
    locked(&app, &id, |state| !state.held && state.retention.is_some()).await;
    no_rows(&app, SETTLED).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_need_not_be_kept_any_longer_is_erased_by_itself() {
    let app = TestApp::start().await;
    let ada = app.ada();
    let (statement, _) = app.ready(&ada, &File::statement("1")).await;
    let (evidence, _) = app.ready(&ada, &File::pdf("2")).await;
    let ends = at(ada.get(&statement).await.unwrap().retain_until);
    app.clock.set(ends - Duration::from_secs(1));
    assert_eq!(app.status(&ada, &statement).await, DocumentStatus::Ready);
    app.clock.advance(Duration::from_secs(1));
    becomes(&app, &ada, &statement, DocumentStatus::Erased).await;
    assert_eq!(app.status(&ada, &evidence).await, DocumentStatus::Ready);
    let last: v1::DocumentErased = app.events(&statement).await.last().unwrap().decode().unwrap();
    assert_eq!((last.cause(), last.whole), (v1::ErasureCause::RetentionEnded, true));
    let gone = eventually(SOON, || async {
        match app.stored(&statement, 1).await {
            0 => Ok(()),
            stored => Err(stored),
        }
    });
    gone.await.unwrap();

    // A lock of the store that lasts longer than the test's clock is lifted by who may.
    locked(&app, &evidence, |state| state.retention.is_some()).await;
    app.clock.set(at(ada.get(&evidence).await.unwrap().retain_until));
    becomes(&app, &ada, &evidence, DocumentStatus::Erased).await;
    let gone = eventually(SOON, || async {
        match app.stored(&evidence, 1).await {
            0 => Ok(()),
            stored => Err(stored),
        }
    });
    gone.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hold_stops_the_sweep_until_it_is_released() {
    let app = TestApp::start().await;
    let (ada, sam) = (app.ada(), app.staff("sam", "riverton"));
    let (held, _) = app.ready(&ada, &File::statement("1")).await;
    let (free, _) = app.ready(&ada, &File::statement("2")).await;
    let hold = sam.hold("2026-1", &held, 0).await.unwrap().hold_id;
    app.clock.set(at(ada.get(&free).await.unwrap().retain_until));
    becomes(&app, &ada, &free, DocumentStatus::Erased).await;
    no_rows(&app, "select count(*) from due where kind = 'retention'").await;
    assert_eq!(app.status(&ada, &held).await, DocumentStatus::Ready);
    assert!(app.is_stored(Bucket::Evidence, &evidence_key(&held)).await);
    sam.release(&hold).await.unwrap();
    becomes(&app, &ada, &held, DocumentStatus::Erased).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_version_is_kept_for_its_own_time_and_the_last_takes_the_rest_with_it() {
    let app = TestApp::start().await;
    let (ada, sam) = (app.ada(), app.staff("sam", "riverton"));
    let (id, _) = app.rejected(&ada, &File::statement("1")).await;
    app.ready_version(&ada, &id, &File::statement("2")).await;
    app.clock.advance(Duration::from_secs(2));
    app.ready_version(&ada, &id, &File::statement("3")).await;
    let hold = sam.hold("2026-1", &id, 3).await.unwrap().hold_id;
    let second = ada.versions(&id).await.unwrap().remove(1);
    app.clock.set(at(second.retain_until));
    let statuses = async || {
        let versions = ada.versions(&id).await.unwrap();
        versions.iter().map(v1::Document::status).collect::<Vec<_>>()
    };
    let second = eventually(SOON, || async {
        let now = statuses().await;
        if now[1] == DocumentStatus::Erased { Ok(now) } else { Err(now) }
    });
    let second = second.await.unwrap();
    assert_eq!(second, [DocumentStatus::Ready, DocumentStatus::Erased, DocumentStatus::Rejected]);
    app.clock.advance(Duration::from_secs(2));
    sam.release(&hold).await.unwrap();
    becomes(&app, &ada, &id, DocumentStatus::Erased).await;
    assert_eq!(statuses().await, [DocumentStatus::Erased; 3]);
    let events = app.events(&id).await;
    let erased: Vec<_> = events.iter().filter(|event| event.type_.ends_with(".erased.v1")).collect();
    let erased: Vec<v1::DocumentErased> = erased.iter().map(|event| event.decode().unwrap()).collect();
    let told: Vec<_> = erased.iter().map(|event| (event.versions.as_slice(), event.whole)).collect();
    assert_eq!(told, [(&[2][..], false), (&[1, 3][..], true)]);
}
