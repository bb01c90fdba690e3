//! What is another tenant's does not exist, twice over.

use ids::{JobId, NotificationId, RecipientId, Subject, Tenant};
use notification::db;
use notification::domain::status::FeedStatus;
use proto::notification::v1::DeliveryOutcome;
use rpc_error::{Code, reason};

use crate::harness::{LAKESIDE, RIVERTON, TestApp, assert_refused};

#[tokio::test(flavor = "multi_thread")]
async fn every_call_with_another_tenants_ids_finds_nothing() {
    let app = TestApp::start().await;
    let job = app.claimed().await;
    let rows = app.ada().all_rows("").await;
    let notification = &rows[0].notification_id;
    let recipient = app.ada_signs_in().await;

    let unchanged = "select count(*) from recipients where tenant = 'riverton' and email is not null and updated_at = created_at";
    assert_eq!(app.count(unchanged).await, 1);

    // The same subject of another tenant is another person.
    let stranger = app.citizen("ada", LAKESIDE);
    assert_eq!(stranger.all_rows("").await, []);
    assert_refused(stranger.list(&recipient, 0, 0).await, Code::NotFound, reason::RECIPIENT_NOT_FOUND);
    assert_refused(stranger.read("k", notification).await, Code::NotFound, reason::NOTIFICATION_NOT_FOUND);
    let bff = app.service("svc-bff", LAKESIDE);
    assert_refused(bff.list(&recipient, 0, 0).await, Code::NotFound, reason::RECIPIENT_NOT_FOUND);
    assert_eq!(bff.heads(vec![recipient.clone()]).await.expect("heads"), []);
    assert_ne!(bff.upsert("ada", "eve@example.org", "").await.expect("another recipient"), recipient);
    let worker = app.service("svc-worker", LAKESIDE);
    assert_refused(worker.claim(&job).await, Code::NotFound, reason::JOB_NOT_FOUND);
    let reported = worker.report(&job, DeliveryOutcome::Sent).await;
    assert_refused(reported, Code::NotFound, reason::JOB_NOT_FOUND);

    assert_eq!(app.ada().all_rows("").await, rows, "nothing has changed");
    assert_eq!(app.count(unchanged).await, 1);
}

/// The statements with one tenant bound and another one set for row-level security.
#[tokio::test(flavor = "multi_thread")]
async fn statements_give_nothing_when_the_tenant_bound_is_not_the_tenant_set() {
    let app = TestApp::start().await;
    let job: JobId = app.queued().await.parse().expect("an id");
    let recipient: RecipientId = app.ada_signs_in().await.parse().expect("an id");
    let notification = &app.ada().all_rows("").await[0].notification_id;
    let notification: NotificationId = notification.parse().expect("an id");
    let (ada, now): (Subject, _) = ("ada".parse().expect("a subject"), app.clock.now());
    for (set, bound) in [(LAKESIDE, RIVERTON), (RIVERTON, LAKESIDE), (RIVERTON, RIVERTON)] {
        let (set, bound): (Tenant, Tenant) =
            (set.parse().expect("a tenant"), bound.parse().expect("a tenant"));
        let ada = ada.clone();
        let own = set == bound;
        let found: Result<[bool; 7], pg::Error> = app
            .state
            .db
            .tenant(&set, move |tx| {
                Box::pin(async move {
                    Ok([
                        db::recipients::find(tx, &bound, recipient).await?.is_some(),
                        db::recipients::find_by_subject(tx, &bound, &ada).await?.is_some(),
                        db::recipients::lock(tx, &bound, &ada).await?.is_some(),
                        !db::recipients::heads(tx, &bound, &[recipient]).await?.is_empty(),
                        db::notifications::lock_own(tx, &bound, notification, &ada).await?.is_some(),
                        !db::feed::list(tx, &bound, recipient, 0, 100, 100).await?.is_empty(),
                        db::deliveries::lock_attempt(tx, &bound, job).await?.is_some(),
                    ])
                })
            })
            .await;
        assert_eq!(found.expect("statements run"), [own; 7]);
    }
    // What is written for another tenant than the one set is refused.
    let set: Tenant = LAKESIDE.parse().expect("a tenant");
    let (bound, fresh): (Tenant, _) = (RIVERTON.parse().expect("a tenant"), RecipientId::mint(&app.clock));
    let written: Result<RecipientId, pg::Error> = app
        .state
        .db
        .tenant(&set, move |tx| {
            Box::pin(async move {
                let nothing = db::recipients::Contact { email: None, locale: None, person: None };
                db::recipients::upsert(tx, &bound, fresh, &ada, &nothing, now).await
            })
        })
        .await;
    written.expect_err("row-level security refuses it");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_table_is_behind_row_level_security_and_no_role_is_above_it() {
    let app = TestApp::start().await;
    let violations = pg::catalog::violations(&mut app.db.admin().await).await.expect("the catalog");
    assert_eq!(violations, Vec::<String>::new());
    let system = pg::catalog::system_policies(&mut app.db.admin().await).await.expect("the catalog");
    insta::assert_snapshot!(system.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn each_call_is_for_those_whom_the_table_names() {
    let app = TestApp::start().await;
    app.tell("ada", FeedStatus::DocumentUploaded, "").await;
    let (ada, bff, worker) = (app.ada(), app.bff(), app.worker());
    let denied = |refused| assert_refused(refused, Code::PermissionDenied, reason::PERMISSION_DENIED);
    denied(ada.upsert("ada", "", "").await.map(drop));
    denied(ada.heads(vec![]).await.map(drop));
    denied(ada.claim("x").await.map(drop));
    denied(ada.report("x", DeliveryOutcome::Sent).await);
    denied(bff.claim("x").await.map(drop));
    denied(bff.report("x", DeliveryOutcome::Sent).await);
    denied(bff.read("k", "x").await.map(drop));
    denied(app.service("svc-document", RIVERTON).upsert("ada", "", "").await.map(drop));
    denied(worker.heads(vec![]).await.map(drop));
    denied(worker.list("", 0, 0).await.map(drop));
}
