//! What rows and objects do not agree in is found, and mended where it can be. Each finding is made by hand, past the
//! service.

use std::time::Duration;

use aws_sdk_s3::primitives::DateTime;
use aws_sdk_s3::types::{
    ChecksumAlgorithm, ObjectLockLegalHoldStatus, ObjectLockMode, ObjectLockRetention,
    ObjectLockRetentionMode,
};
use blobs::{Bucket, LockState};
use document::app::reconcile::{Finding, Mode, Reconciler, Report, Tally};
use document::config::Reconcile;
use ids::DocumentId;
use proto::document::v1::DocumentStatus;
use settings::ExposeSecret as _;
use testkit::eventually;
use tokio_util::sync::CancellationToken;

use crate::harness::{File, SOON, TestApp, evidence_key, intake_key};
use crate::process::document;

const TWO_DAYS: time::Duration = time::Duration::hours(48);
const HEALED: Tally = Tally { healed: 1, young: 0, remains: 0 };
const YOUNG: Tally = Tally { healed: 0, young: 1, remains: 0 };
const REMAINS: Tally = Tally { healed: 0, young: 0, remains: 1 };

fn reconciler(app: &TestApp, horizon: time::Duration) -> Reconciler {
    let every = Some(time::Duration::days(1));
    Reconciler::new(app.state.clone(), Reconcile { every, horizon, pause: Duration::ZERO })
}

/// One pass that minds what was stored until a moment ago.
async fn pass(app: &TestApp, mode: Mode) -> Report {
    reconciler(app, time::Duration::minutes(-5)).pass(mode).await.unwrap().expect("nobody else is at it")
}

async fn heal(app: &TestApp) -> Report {
    pass(app, Mode::Heal).await
}

/// What a pass that finds just this gives.
fn only(finding: Finding, tally: Tally) -> Vec<(Finding, Tally)> {
    vec![(finding, tally)]
}

fn tallies(report: &Report) -> Vec<(Finding, Tally)> {
    report.tallies.clone().into_iter().collect()
}

/// A ready document whose chores are done: its locks are told, its upload is deleted.
async fn settled(app: &TestApp) -> String {
    let (id, _) = app.ready(&app.ada(), &File::pdf("Ada")).await;
    chores_done(app).await;
    id
}

async fn chores_done(app: &TestApp) {
    let done = eventually(SOON, || async {
        let waiting = "select count(*) from due d join document_versions v on v.id = d.subject
                       where kind = 'object_locks' or (kind = 'intake_cleanup' and d.at < v.updated_at + interval '15 minutes')
                          or (kind = 'evidence_cleanup' and d.at < v.updated_at + interval '1 hour')";
        match app.count(waiting).await {
            0 => Ok(()),
            waiting => Err(waiting),
        }
    });
    done.await.unwrap();
}

async fn put(app: &TestApp, bucket: Bucket, key: &str, bytes: &[u8]) {
    let name: &str = match bucket {
        Bucket::Intake => &app.s3.settings.intake_bucket,
        Bucket::Evidence => &app.s3.settings.evidence_bucket,
        Bucket::Audit => &app.s3.settings.audit_bucket,
        Bucket::Replica => app.s3.settings.replica_bucket.as_deref().expect("a replica"),
        Bucket::Exports => &app.s3.settings.exports_bucket,
    };
    let put = app.s3.client.put_object().bucket(name).key(key).body(bytes.to_vec().into());
    put.checksum_algorithm(ChecksumAlgorithm::Sha256).send().await.unwrap();
}

async fn locks(app: &TestApp, key: &str) -> LockState {
    let stored = app.state.blobs.versions(Bucket::Evidence, key).await.unwrap();
    app.state.blobs.lock_state(Bucket::Evidence, key, &stored[0].id).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_agrees_is_left_alone() {
    let app = TestApp::start().await;
    let ada = app.ada();
    let declared = ada.initiate(&File::pdf("0")).await.unwrap().document.unwrap().document_id;
    let sent = app.sent(&ada, &File::pdf("1")).await;
    let (uploaded, _) = app.uploaded(&ada, &File::pdf("2")).await;
    let (scanning, _) = app.scanning(&ada, &File::pdf("3")).await;
    // A copy comes before its report.
    app.copy(&scanning).await;
    let (rejected, _) = app.rejected(&ada, &File::pdf("4")).await;
    let (waiting, _) = app.quarantined(&ada, &File::recording("5")).await;
    let ready = settled(&app).await;
    app.state
        .blobs
        .create_multipart(Bucket::Intake, &intake_key(&declared), "application/pdf")
        .await
        .unwrap();
    let report = heal(&app).await;
    assert_eq!(tallies(&report), []);
    for id in [&sent, &uploaded, &scanning] {
        assert!(app.is_stored(Bucket::Intake, &intake_key(id)).await, "{id}");
    }
    for id in [&scanning, &waiting, &ready] {
        assert!(app.is_stored(Bucket::Evidence, &evidence_key(id)).await, "{id}");
    }
    assert!(!app.is_stored(Bucket::Intake, &intake_key(&rejected)).await);
    assert_eq!(app.state.blobs.list_uploads(Bucket::Intake, "").await.unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn evidence_that_is_gone_is_told_of_and_nothing_is_made_up() {
    let app = TestApp::start().await;
    let (id, good) = (settled(&app).await, settled(&app).await);
    assert_eq!(app.state.blobs.delete_all(Bucket::Evidence, &evidence_key(&id), true).await.unwrap(), []);
    for _ in 0..2 {
        let report = heal(&app).await;
        assert_eq!(tallies(&report), only(Finding::Missing, REMAINS));
        assert_eq!(report.lines, [format!("missing: riverton {id}/1")]);
    }
    assert!(!app.is_stored(Bucket::Evidence, &evidence_key(&id)).await);
    assert!(app.is_stored(Bucket::Evidence, &evidence_key(&good)).await);
    assert_eq!(app.status(&app.ada(), &id).await, DocumentStatus::Ready);
}

#[tokio::test(flavor = "multi_thread")]
async fn evidence_of_other_bytes_is_told_of_and_left_as_it_is() {
    let app = TestApp::start().await;
    let id = settled(&app).await;
    put(&app, Bucket::Evidence, &evidence_key(&id), b"%PDF-1.7\nEve").await;
    let report = heal(&app).await;
    assert_eq!(tallies(&report), only(Finding::Differs, REMAINS));
    let stored = app.state.blobs.versions(Bucket::Evidence, &evidence_key(&id)).await.unwrap();
    assert_eq!(stored.len(), 2, "the good bytes are there, below");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mark_of_a_deletion_over_evidence_is_taken_away() {
    let app = TestApp::start().await;
    let id = settled(&app).await;
    let key = evidence_key(&id);
    for _ in 0..2 {
        app.state.blobs.delete(Bucket::Evidence, &key).await.unwrap();
    }
    assert!(!app.is_stored(Bucket::Evidence, &key).await);
    assert_eq!(tallies(&pass(&app, Mode::Look).await), only(Finding::Hidden, REMAINS));
    assert!(!app.is_stored(Bucket::Evidence, &key).await, "a look changes nothing");
    assert_eq!(tallies(&heal(&app).await), only(Finding::Hidden, HEALED));
    assert!(app.is_stored(Bucket::Evidence, &key).await);
    assert_eq!(tallies(&heal(&app).await), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn locks_that_were_weakened_are_told_again() {
    let app = TestApp::start().await;
    let sam = app.staff("sam", "riverton");
    let id = settled(&app).await;
    sam.hold("2026-1", &id, 0).await.unwrap();
    chores_done(&app).await;
    let key = evidence_key(&id);
    let before = locks(&app, &key).await;
    assert!(before.held && before.retention.is_some());

    let weaken = async || {
        let stored = app.state.blobs.versions(Bucket::Evidence, &key).await.unwrap().remove(0).id;
        let tomorrow = app.clock.now().unix_timestamp() + 24 * 3_600;
        let short = ObjectLockRetention::builder()
            .mode(ObjectLockRetentionMode::Governance)
            .retain_until_date(DateTime::from_secs(tomorrow))
            .build();
        let put = app.s3.client.put_object_retention().bucket(&app.s3.settings.evidence_bucket).key(&key);
        let put = put.version_id(&stored).retention(short).bypass_governance_retention(true);
        put.send().await.unwrap();
        stored
    };
    weaken().await;
    assert_eq!(tallies(&heal(&app).await), only(Finding::Locks, HEALED));
    assert_eq!(locks(&app, &key).await, before);

    let stored = weaken().await;
    app.state.blobs.legal_hold(Bucket::Evidence, &key, &stored, false).await.unwrap();
    assert_eq!(tallies(&pass(&app, Mode::Look).await), only(Finding::Locks, REMAINS));
    assert!(!locks(&app, &key).await.held, "a look changes nothing");
    assert_eq!(tallies(&heal(&app).await), only(Finding::Locks, HEALED));
    assert_eq!(locks(&app, &key).await, before);
    assert_eq!(tallies(&heal(&app).await), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hold_that_only_the_store_has_is_lifted() {
    let app = TestApp::start().await;
    let id = settled(&app).await;
    let key = evidence_key(&id);
    let stored = app.state.blobs.versions(Bucket::Evidence, &key).await.unwrap().remove(0).id;
    app.state.blobs.legal_hold(Bucket::Evidence, &key, &stored, true).await.unwrap();
    assert_eq!(tallies(&heal(&app).await), only(Finding::Locks, HEALED));
    assert!(!locks(&app, &key).await.held);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_orphan_is_deleted_once_it_is_older_than_the_horizon() {
    let app = TestApp::start().await;
    let ready = settled(&app).await;
    let unknown = DocumentId::mint(&app.clock).to_string();
    let expired = app.sent(&app.ada(), &File::pdf("x")).await;
    app.ada().abort(&expired).await.unwrap();
    chores_done(&app).await;
    let orphans = [
        (Bucket::Evidence, evidence_key(&unknown)),
        (Bucket::Intake, intake_key(&unknown)),
        (Bucket::Evidence, evidence_key(&expired)),
        (Bucket::Intake, intake_key(&ready)),
        (Bucket::Evidence, format!("evidence/{ready}/2")),
    ];
    for (bucket, key) in &orphans {
        put(&app, *bucket, key, b"nobody's").await;
    }
    // A mark of a deletion is kept as well, and is nobody's too.
    app.state.blobs.delete(Bucket::Evidence, &evidence_key(&expired)).await.unwrap();

    let young = reconciler(&app, TWO_DAYS).pass(Mode::Heal).await.unwrap().unwrap();
    assert_eq!(tallies(&young), only(Finding::Orphan, Tally { young: 6, ..Tally::default() }));
    assert_eq!(young.remains(), 0);
    let looked = pass(&app, Mode::Look).await;
    assert_eq!(tallies(&looked), only(Finding::Orphan, Tally { remains: 6, ..Tally::default() }));
    for (bucket, key) in &orphans {
        assert!(!app.state.blobs.versions(*bucket, key).await.unwrap().is_empty(), "{key}");
    }

    // The objects were stored by the real clock, while the test may have been slow.
    app.clock.advance(Duration::from_secs(49 * 3_600));
    // The service cleans up after the upload that was given up meanwhile. Where two delete versions of one key at once,
    // versitygw may put back the one that was not the latest: the next pass finds it.
    let gone = eventually(SOON, || async {
        let old = reconciler(&app, TWO_DAYS).pass(Mode::Heal).await.unwrap().unwrap();
        assert_eq!(old.tally(Finding::Orphan).remains, 0);
        for (bucket, key) in &orphans {
            let versions = app.state.blobs.versions(*bucket, key).await.unwrap();
            if !versions.is_empty() {
                return Err((key, versions));
            }
        }
        Ok(())
    });
    gone.await.unwrap();
    assert!(app.is_stored(Bucket::Evidence, &evidence_key(&ready)).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn previews_and_second_copies_stay_with_their_version_and_go_where_there_is_none() {
    let app = TestApp::start().await;
    let ada = app.ada();
    let shown = app.shown(&ada).await;
    chores_done(&app).await;
    let unknown = DocumentId::mint(&app.clock).to_string();
    let expired = app.sent(&ada, &File::pdf("x")).await;
    ada.abort(&expired).await.unwrap();
    let (rejected, _) = app.rejected(&ada, &File::pdf("y")).await;
    chores_done(&app).await;
    put(&app, Bucket::Replica, &evidence_key(&shown), &File::pdf("Ada").bytes).await;
    assert_eq!(tallies(&heal(&app).await), [], "what can be read has all of its objects");

    let orphans = [
        (Bucket::Evidence, format!("preview/{unknown}/1/01.png")),
        (Bucket::Evidence, format!("preview/{expired}/1/text.txt")),
        (Bucket::Evidence, format!("preview/{rejected}/1/20.png")),
        (Bucket::Evidence, format!("preview/{shown}/2/01.png")),
        (Bucket::Replica, evidence_key(&unknown)),
        (Bucket::Replica, evidence_key(&expired)),
    ];
    for (bucket, key) in &orphans {
        put(&app, *bucket, key, b"nobody's").await;
    }
    let young = reconciler(&app, TWO_DAYS).pass(Mode::Heal).await.unwrap().unwrap();
    assert_eq!(tallies(&young), only(Finding::Orphan, Tally { young: 6, ..Tally::default() }));
    assert_eq!(tallies(&heal(&app).await), only(Finding::Orphan, Tally { healed: 6, ..Tally::default() }));
    for (bucket, key) in &orphans {
        assert_eq!(app.state.blobs.versions(*bucket, key).await.unwrap(), [], "{key}");
    }
    assert_eq!(app.previews_stored(&shown).await, 2);
    assert!(app.is_stored(Bucket::Replica, &evidence_key(&shown)).await);

    // Keys that only look like ours.
    put(&app, Bucket::Replica, &format!("preview/{shown}/1/01.png"), b"x").await;
    put(&app, Bucket::Intake, &format!("preview/{shown}/1/01.png"), b"x").await;
    assert_eq!(tallies(&heal(&app).await), only(Finding::Foreign, Tally { remains: 2, ..Tally::default() }));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_became_ready_before_there_were_previews_and_checks_gets_them_in_its_turn() {
    let app = TestApp::start().await;
    for text in ["1", "2", "3"] {
        app.ready(&app.ada(), &File::pdf(text)).await;
    }
    chores_done(&app).await;
    let mut db = app.db.admin().await;
    for forget in [
        "delete from previews",
        "delete from integrity_checks",
        "delete from due where kind in ('integrity', 'preview_unreported')",
    ] {
        sqlx::query(forget).execute(&mut db).await.unwrap();
    }
    let owed = |tally| only(Finding::Unscheduled, tally);
    assert_eq!(tallies(&pass(&app, Mode::Look).await), owed(Tally { remains: 3, ..Tally::default() }));
    assert_eq!(app.count("select count(*) from previews").await, 0, "it only looks");
    assert_eq!(tallies(&heal(&app).await), owed(Tally { healed: 3, ..Tally::default() }));
    assert_eq!(tallies(&heal(&app).await), []);
    let spread = "select count(distinct at::date) from due where kind in ('integrity', 'preview_unreported')";
    assert!(app.count(spread).await >= 2, "not all at once");

    app.clock.advance(Duration::from_secs(30 * 24 * 60 * 60));
    for queue in [topology::queues::PREVIEW, topology::queues::INTEGRITY] {
        let sent = eventually(SOON, || async {
            match app.sqs.sqs.depth(queue).await.unwrap().total() {
                0..3 => Err("not all are asked for"),
                _ => Ok(()),
            }
        });
        sent.await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn orphans_of_many_batches_are_all_found() {
    let app = TestApp::start().await;
    let puts = (0..230).map(|_| {
        let key = intake_key(&DocumentId::mint(&app.clock).to_string());
        let app = &app;
        async move { put(app, Bucket::Intake, &key, b"x").await }
    });
    use futures::StreamExt as _;
    futures::stream::iter(puts).buffer_unordered(8).collect::<Vec<_>>().await;
    assert_eq!(heal(&app).await.tally(Finding::Orphan).healed, 230);
    assert_eq!(app.state.blobs.walk(Bucket::Intake, "", None, 10).await.unwrap(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_locked_orphan_is_told_of_and_stays() {
    let app = TestApp::start().await;
    let key = evidence_key(&DocumentId::mint(&app.clock).to_string());
    let held = app.s3.client.put_object().bucket(&app.s3.settings.evidence_bucket).key(&key);
    let held = held.body(b"held".to_vec().into()).checksum_algorithm(ChecksumAlgorithm::Sha256);
    held.object_lock_legal_hold_status(ObjectLockLegalHoldStatus::On).send().await.unwrap();
    let kept = app.s3.client.put_object().bucket(&app.s3.settings.evidence_bucket).key(&key);
    let kept = kept.body(b"kept".to_vec().into()).checksum_algorithm(ChecksumAlgorithm::Sha256);
    let tomorrow = DateTime::from_secs(app.clock.now().unix_timestamp() + 24 * 3_600);
    let kept = kept.object_lock_mode(ObjectLockMode::Governance).object_lock_retain_until_date(tomorrow);
    kept.send().await.unwrap();

    let report = heal(&app).await;
    assert_eq!(tallies(&report), only(Finding::LockedOrphan, Tally { remains: 2, ..Tally::default() }));
    assert_eq!(app.state.blobs.versions(Bucket::Evidence, &key).await.unwrap().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_left_of_an_erased_version_goes_whatever_locks_the_store_still_knows() {
    let app = TestApp::start().await;
    let ada = app.ada();
    let (id, _) = app.rejected(&ada, &File::pdf("Ada")).await;
    ada.erase(&id).await.unwrap();
    chores_done(&app).await;
    let key = evidence_key(&id);
    put(&app, Bucket::Evidence, &key, b"late").await;
    let stored = app.state.blobs.versions(Bucket::Evidence, &key).await.unwrap().remove(0).id;
    app.state.blobs.legal_hold(Bucket::Evidence, &key, &stored, true).await.unwrap();
    assert_eq!(tallies(&heal(&app).await), only(Finding::Orphan, HEALED));
    assert_eq!(app.state.blobs.versions(Bucket::Evidence, &key).await.unwrap(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_open_upload_that_nobody_awaits_is_ended_once_it_is_older_than_the_horizon() {
    let app = TestApp::start().await;
    let ready = settled(&app).await;
    app.state.blobs.create_multipart(Bucket::Intake, &intake_key(&ready), "application/pdf").await.unwrap();
    let young = reconciler(&app, TWO_DAYS).pass(Mode::Heal).await.unwrap().unwrap();
    assert_eq!(tallies(&young), only(Finding::OpenUpload, YOUNG));
    assert_eq!(tallies(&pass(&app, Mode::Look).await), only(Finding::OpenUpload, REMAINS));
    assert_eq!(app.state.blobs.list_uploads(Bucket::Intake, "").await.unwrap().len(), 1);
    assert_eq!(tallies(&heal(&app).await), only(Finding::OpenUpload, HEALED));
    assert_eq!(app.state.blobs.list_uploads(Bucket::Intake, "").await.unwrap(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_of_a_key_that_no_version_has_is_told_of_and_left_alone() {
    let app = TestApp::start().await;
    for (bucket, key) in [(Bucket::Evidence, "minutes.txt"), (Bucket::Intake, "evidence/1/1")] {
        put(&app, bucket, key, b"somebody's").await;
        assert_eq!(tallies(&heal(&app).await), only(Finding::Foreign, REMAINS));
        assert!(app.is_stored(bucket, key).await);
        app.state.blobs.delete_all(bucket, key, false).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pass_that_was_cut_short_is_gone_on_with_and_the_next_waits_for_its_day() {
    let app = TestApp::start().await;
    let id = settled(&app).await;
    app.state.blobs.delete_all(Bucket::Evidence, &evidence_key(&id), true).await.unwrap();
    sqlx::query(
        r#"insert into reconciliation (started_at, stage, report) values ($1, 'evidence',
               '{"tallies": {"differs": {"healed": 0, "young": 0, "remains": 7}}, "lines": []}')"#,
    )
    .bind(app.clock.now())
    .execute(&mut app.db.admin().await)
    .await
    .unwrap();
    let stop = CancellationToken::new();
    let running = tokio::spawn(reconciler(&app, TWO_DAYS).run(stop.clone()));
    let finished = async |missing: i64| {
        let sql = "select coalesce((report->'tallies'->'missing'->>'remains')::bigint, 0)
                       + 10 * coalesce((report->'tallies'->'differs'->>'remains')::bigint, 0)
                   from reconciliation where finished_at is not null";
        let finished = eventually(SOON, || async {
            let found: Option<i64> =
                sqlx::query_scalar(sql).fetch_optional(&mut app.db.admin().await).await.unwrap();
            if found == Some(missing) { Ok(()) } else { Err(found) }
        });
        finished.await.unwrap();
    };
    // What was found before counts; versions were looked at before.
    finished(70).await;
    stop.cancel();
    running.await.unwrap();

    app.clock.advance(Duration::from_secs(24 * 3_600));
    let stop = CancellationToken::new();
    let running = tokio::spawn(reconciler(&app, TWO_DAYS).run(stop.clone()));
    finished(1).await;
    stop.cancel();
    running.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn one_reconciles_at_a_time() {
    let app = TestApp::start().await;
    let mut other = app.state.db.direct().await.unwrap();
    assert!(document::db::reconciliation::try_lock(&mut other).await.unwrap());
    let mut waiting = tokio::spawn({
        let reconciler = reconciler(&app, TWO_DAYS);
        async move { reconciler.pass(Mode::Heal).await }
    });
    tokio::time::timeout(Duration::from_secs(1), &mut waiting).await.expect_err("it is not let");
    assert_eq!(app.count("select count(*) from reconciliation").await, 0);
    drop(other);
    assert!(waiting.await.unwrap().unwrap().is_some());
    assert_eq!(app.count("select count(*) from reconciliation where finished_at is not null").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_prints_what_it_found_and_ends_with_1_while_something_remains() {
    let app = TestApp::start().await;
    let (id, hidden) = (settled(&app).await, settled(&app).await);
    app.state.blobs.delete(Bucket::Evidence, &evidence_key(&hidden)).await.unwrap();
    let (s3_id, s3_secret) = app.s3.settings.credentials.as_ref().unwrap();
    let key_file = testkit::key_file().to_string_lossy().into_owned();
    let variables = [
        ("DB__URL", app.db.urls.app.expose_secret()),
        ("DB__SYSTEM_URL", app.db.urls.system.expose_secret()),
        ("KMS__KEY_FILE", &key_file),
        ("S3__ENDPOINT", app.s3.settings.endpoint.as_str()),
        ("S3__REGION", &app.s3.settings.region),
        ("S3__INTAKE_BUCKET", &app.s3.settings.intake_bucket),
        ("S3__EVIDENCE_BUCKET", &app.s3.settings.evidence_bucket),
        ("S3__ACCESS_KEY_ID", s3_id),
        ("S3__SECRET_ACCESS_KEY", s3_secret.expose_secret()),
        // What it does not need is not looked at.
        ("GRPC__ADDR", "nowhere"),
    ];
    let run = async |arguments: &[&str]| {
        let mut command = document(arguments);
        command.envs(variables.iter().map(|(name, value)| (format!("DOCUMENT__{name}"), *value)));
        let output = tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (output.status.code(), text(output.stdout), text(output.stderr))
    };
    let (code, told, error) = run(&["reconcile", "--dry-run"]).await;
    assert_eq!(code, Some(1), "{told}{error}");
    assert!(told.contains(&format!("hidden: riverton {hidden}/1")), "{told}");
    assert!(error.contains("1 findings remain; see docs/runbooks/reconcile.md"), "{error}");
    let (code, told, error) = run(&["reconcile"]).await;
    assert_eq!((code, error.as_str()), (Some(0), ""), "{told}");
    assert!(told.contains("hidden                1        0        0"), "{told}");
    assert!(app.is_stored(Bucket::Evidence, &evidence_key(&hidden)).await);
    app.state.blobs.delete_all(Bucket::Evidence, &evidence_key(&id), true).await.unwrap();
    let (code, told, _) = run(&["reconcile"]).await;
    assert_eq!(code, Some(1));
    assert!(told.contains(&format!("missing: riverton {id}/1")), "{told}");
    let (code, _, error) = run(&["reconcile", "--horizon"]).await;
    assert_eq!(code, Some(64), "{error}");
}
