//! Two walls around a tenant's rows: what statements say, and row-level security.

use document::db;
use document::db::grants::Filter;
use document::domain::Viewer;
use ids::{DocumentId, JobId, Tenant};
use pg::{BoxFuture, Tx};
use proto::Operation;
use proto::document::v1::QuarantineOutcome::Released;
use proto::document::v1::RejectionReason;
use rpc_error::{Code, reason};
use sqlx::{ConnectOptions as _, PgConnection};

use crate::harness::{Actor, File, Result, TestApp};

/// Calls an operation with somebody's document and job. `None`: the operation names neither.
async fn call(operation: Operation, actor: &Actor, id: &str, job: &str) -> Option<Result<()>> {
    Some(match operation {
        Operation::DocumentRefreshUpload => actor.refresh(id).await.map(drop),
        Operation::DocumentSignParts => actor.sign(id, &[1]).await.map(drop),
        Operation::DocumentListParts => actor.arrived(id).await.map(drop),
        Operation::DocumentAbortUpload => actor.abort(id).await.map(drop),
        Operation::DocumentConfirmUpload => actor.confirm(id).await.map(drop),
        Operation::DocumentGetDocument => actor.get(id).await.map(drop),
        Operation::DocumentListVersions => actor.versions(id).await.map(drop),
        Operation::DocumentInitiateVersion => actor.correct(id, &File::pdf("x")).await.map(drop),
        Operation::DocumentCreateDownload => actor.download(id).await.map(drop),
        Operation::DocumentOpenDocument => actor.open(id).await.map(drop),
        Operation::DocumentClaimScan => actor.claim(job).await.map(drop),
        Operation::DocumentReportScan => actor.report(job, "", RejectionReason::Infected).await.map(drop),
        Operation::DocumentInitiateUpload | Operation::DocumentListDocuments => return None,
        Operation::DocumentEraseDocument => actor.erase(id).await.map(drop),
        Operation::CaseAttachToCase => actor.attach("c", id).await.map(drop),
        Operation::CaseDetachFromCase => actor.detach("c", id).await.map(drop),
        Operation::CasePlaceHold => actor.hold("c", id, 0).await.map(drop),
        Operation::QuarantineDownloadQuarantined => actor.download_quarantined(id).await.map(drop),
        Operation::QuarantineDecideQuarantined => actor.decide(id, Released).await.map(drop),
        Operation::QuarantineListDecisions => actor.decisions(id).await.map(drop),
        Operation::SharingListAccesses => actor.accesses(id, 0, "").await.map(drop),
        // Named by something else than a document; each has a test of its own. Grants' is `sharing_matrix`.
        Operation::CaseExportCase
        | Operation::CaseGetCaseExport
        | Operation::CaseDownloadCaseExport
        | Operation::CaseListCaseDocuments
        | Operation::CaseListHolds
        | Operation::CaseReleaseHold
        | Operation::QuarantineListQuarantined
        | Operation::SharingCreateGrant
        | Operation::SharingListGrants
        | Operation::SharingListShared
        | Operation::SharingRevokeGrant => return None,
        // Tested in files of their own.
        Operation::DocumentStoreDocument
        | Operation::PreviewGetPreview
        | Operation::PreviewClaimPreview
        | Operation::PreviewReportPreview
        | Operation::IntegrityClaimIntegrity
        | Operation::IntegrityReportIntegrity => return None,
        // Tested with a service that has a consumer.
        Operation::DeadLetterDiscardDeadLetter
        | Operation::DeadLetterGetDeadLetter
        | Operation::DeadLetterListDeadLetters
        | Operation::DeadLetterRedriveDeadLetters => return None,
        // Tested in `policies`.
        Operation::PolicyListPolicies
        | Operation::PolicyGetPolicy
        | Operation::PolicyListPolicyVersions
        | Operation::PolicyDiffPolicy
        | Operation::PolicyCheckPolicy
        | Operation::PolicyPublishPolicy => return None,
        // Tested in `audit`.
        Operation::AuditGetAuditHead
        | Operation::AuditListAuditEntries
        | Operation::AuditProveAuditEvents
        | Operation::AuditVerifyAuditChain => return None,
        // Of other services.
        Operation::BillingCancelBill
        | Operation::BillingCreateBill
        | Operation::BillingCreateRun
        | Operation::BillingGetRun
        | Operation::BillingIssueRunLines
        | Operation::BillingClaimPdf
        | Operation::BillingReportPdf
        | Operation::BillingListRunFaults
        | Operation::BillingListRuns
        | Operation::BillingStageRunLines
        | Operation::BillingCreditBill
        | Operation::BillingGetBill
        | Operation::BillingIssueBill
        | Operation::BillingListBills
        | Operation::BillingWriteOffBill
        | Operation::LedgerClosePeriod
        | Operation::LedgerDecideAdjustment
        | Operation::LedgerGetSettlement
        | Operation::LedgerListAdjustments
        | Operation::LedgerListBalances
        | Operation::LedgerListEntries
        | Operation::LedgerListPeriods
        | Operation::LedgerListSettlements
        | Operation::LedgerProposeAdjustment
        | Operation::LedgerVerifyLedger
        | Operation::PaymentAdvancePayment
        | Operation::PaymentCancelPayment
        | Operation::PaymentCreateRefund
        | Operation::PaymentGetPayment
        | Operation::PaymentInitiatePayment
        | Operation::PaymentListDisputes
        | Operation::PaymentListPaymentEvents
        | Operation::PaymentListPayments
        | Operation::PaymentListRefunds
        | Operation::PaymentListUnknownCallbacks
        | Operation::PaymentReceiveCallback
        | Operation::ProviderForceProvider
        | Operation::ProviderListProviders
        | Operation::ReviewAddNote
        | Operation::ReviewClaimReview
        | Operation::ReviewDecideCase
        | Operation::ReviewListDecisions
        | Operation::ReviewListNotes
        | Operation::ReviewListReviews
        | Operation::ReviewReassignReview
        | Operation::VerificationGetCase
        | Operation::VerificationListCaseEntries
        | Operation::VerificationListCases
        | Operation::VerificationReceiveCallback
        | Operation::VerificationResubmitCase
        | Operation::VerificationSubmitCase
        | Operation::VerificationWithdrawCase
        | Operation::NotificationClaimDelivery
        | Operation::NotificationFeedHeads
        | Operation::NotificationGetErasure
        | Operation::NotificationListFeed
        | Operation::NotificationMarkRead
        | Operation::NotificationReportDelivery
        | Operation::NotificationRequestErasure
        | Operation::NotificationUpsertRecipient => return None,
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn every_operation_answers_another_tenant_that_nothing_is_there() {
    let app = TestApp::start().await;
    let ada = app.ada();
    let sent = app.sent(&ada, &File::pdf("1")).await;
    let (uploaded, job) = app.uploaded(&ada, &File::pdf("2")).await;
    let (ready, done) = app.ready(&ada, &File::pdf("3")).await;
    let before = app.staff("sam", "riverton").list(0, "").await.unwrap();

    let elsewhere = |operation: Operation| match operation {
        Operation::DocumentClaimScan | Operation::DocumentReportScan | Operation::DocumentOpenDocument => {
            vec![app.service("svc-worker", "lakeside")]
        }
        Operation::DocumentGetDocument => vec![
            app.citizen("ada", "lakeside"),
            app.staff("lea", "lakeside"),
            app.service("svc-notification", "lakeside"),
            app.service("svc-verification", "lakeside"),
        ],
        Operation::CaseAttachToCase
        | Operation::CaseDetachFromCase
        | Operation::CasePlaceHold
        | Operation::QuarantineDownloadQuarantined
        | Operation::QuarantineDecideQuarantined
        | Operation::QuarantineListDecisions => vec![app.staff("lea", "lakeside")],
        Operation::DocumentCreateDownload => vec![
            app.citizen("ada", "lakeside"),
            app.staff("lea", "lakeside"),
            app.service("svc-verification", "lakeside"),
        ],
        Operation::DocumentListVersions
        | Operation::SharingListAccesses
        | Operation::DocumentEraseDocument => {
            vec![app.citizen("ada", "lakeside"), app.staff("lea", "lakeside")]
        }
        _ => vec![app.citizen("ada", "lakeside")],
    };
    let mut tried = 0;
    for operation in Operation::ALL {
        for actor in elsewhere(*operation) {
            for (id, job) in [(&sent, &job), (&uploaded, &job), (&ready, &done)] {
                let Some(result) = call(*operation, &actor, id, job).await else { continue };
                let error = result.expect_err("nothing is there");
                assert_eq!(error.code(), Code::NotFound, "{operation:?}: {error}");
                assert!([reason::DOCUMENT_NOT_FOUND, reason::JOB_NOT_FOUND].contains(&error.reason()));
                tried += 1;
            }
        }
    }
    assert_eq!(tried, 3 * (8 + 4 + 3 + 3 * 2 + 3 + 4));
    for actor in [app.citizen("ada", "lakeside"), app.staff("lea", "lakeside")] {
        assert!(actor.list(0, "").await.unwrap().documents.is_empty());
    }
    assert_eq!(app.staff("sam", "riverton").list(0, "").await.unwrap(), before, "nothing was changed");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_operation_hides_a_citizens_documents_from_others() {
    let app = TestApp::start().await;
    let sent = app.sent(&app.ada(), &File::pdf("1")).await;
    let (ready, _) = app.ready(&app.ada(), &File::pdf("2")).await;
    let ben = app.citizen("ben", "riverton");
    for operation in Operation::ALL {
        for id in [&sent, &ready] {
            let Some(result) = call(*operation, &ben, id, "").await else { continue };
            let code = result.expect_err("it is not his").code();
            let not_for_citizens = matches!(
                operation,
                Operation::DocumentClaimScan
                    | Operation::DocumentReportScan
                    | Operation::DocumentOpenDocument
                    | Operation::CaseAttachToCase
                    | Operation::CaseDetachFromCase
                    | Operation::CasePlaceHold
                    | Operation::QuarantineDownloadQuarantined
                    | Operation::QuarantineDecideQuarantined
                    | Operation::QuarantineListDecisions
            );
            let expected = if not_for_citizens { Code::PermissionDenied } else { Code::NotFound };
            assert_eq!(code, expected, "{operation:?}");
        }
    }
    assert!(ben.list(0, "").await.unwrap().documents.is_empty());
}

/// Runs a statement of `db` as the app role of one tenant.
async fn within<T: Send + 'static>(
    app: &TestApp,
    tenant: &str,
    work: impl for<'t> FnOnce(&'t mut Tx) -> BoxFuture<'t, sqlx::Result<T>> + Send + 'static,
) -> std::result::Result<T, pg::Error> {
    let tenant: Tenant = tenant.parse().unwrap();
    let unit = app
        .state
        .db
        .tenant(&tenant, move |tx| Box::pin(async move { work(tx).await.map_err(pg::Error::from) }));
    unit.await
}

#[tokio::test(flavor = "multi_thread")]
async fn with_another_app_tenant_every_statement_finds_nothing() {
    let app = TestApp::start().await;
    let (id, job) = app.scanning(&app.ada(), &File::pdf("Ada")).await;
    app.staff("sam", "riverton").give(app.share(&id, "ben")).await.unwrap();
    let (id, job): (DocumentId, JobId) = (id.parse().unwrap(), job.parse().unwrap());
    let of = || "riverton".parse::<Tenant>().unwrap();
    let found = |setting| {
        let app = &app;
        async move {
            within(app, setting, move |tx| {
                Box::pin(async move {
                    Ok((
                        db::documents::find(tx, &of(), &Viewer::Office, id, None).await?.is_some(),
                        db::documents::lock(tx, &of(), &Viewer::Office, id, None).await?.is_some(),
                        db::documents::list(tx, &of(), &Viewer::Office, None, 10).await?.len(),
                        db::documents::list(
                            tx,
                            &of(),
                            &Viewer::Owner(vec!["ada".parse().unwrap()]),
                            None,
                            10,
                        )
                        .await?
                        .len(),
                        db::scan_jobs::find(tx, &of(), job).await?.is_some(),
                        db::access_log::list(tx, &of(), id, None, 10).await?.len(),
                        db::grants::list(tx, &of(), &Filter::default(), None, 10).await?.len(),
                    ))
                })
            })
            .await
            .unwrap()
        }
    };
    assert_eq!(found("riverton").await, (true, true, 1, 1, true, 0, 1));
    assert_eq!(found("lakeside").await, (false, false, 0, 0, false, 0, 0));

    let now = app.clock.now();
    let document = within(&app, "riverton", move |tx| {
        Box::pin(async move { db::documents::find(tx, &of(), &Viewer::Office, id, None).await })
    });
    let document = document.await.unwrap().unwrap();
    let stolen = document.clone();
    let update =
        within(&app, "lakeside", move |tx| Box::pin(async move { db::documents::update(tx, &stolen).await }));
    update.await.expect_err("no row to change");
    let insert = within(&app, "lakeside", move |tx| {
        Box::pin(async move { db::documents::insert(tx, &document).await })
    });
    insert.await.expect_err("no row of another tenant can be made");
    within(&app, "lakeside", move |tx| {
        Box::pin(async move { db::scan_jobs::report(tx, &of(), job, now).await })
    })
    .await
    .unwrap();
    let open = "select count(*) from scan_jobs where reported_at is null";
    assert_eq!(app.count(open).await, 1, "the report changed no row");
}

async fn sign_in(url: &settings::Secret) -> PgConnection {
    use settings::ExposeSecret as _;
    let options: sqlx::postgres::PgConnectOptions = url.expose_secret().parse().unwrap();
    options.connect().await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_tenant_the_app_role_sees_no_row() {
    let app = TestApp::start().await;
    let (id, _) = app.ready(&app.ada(), &File::pdf("Ada")).await;
    app.ada().download(&id).await.unwrap();
    let mut connection = sign_in(&app.db.urls.app).await;
    for sql in [
        "select count(*) from documents",
        "select count(*) from document_versions",
        "select count(*) from scan_jobs",
        "select count(*) from part_uploads",
        "select count(*) from access_log",
        "select count(*) from access_grants",
        "select count(*) from due",
    ] {
        let rows: i64 = sqlx::query_scalar(sql).fetch_one(&mut connection).await.unwrap();
        assert_eq!(rows, 0, "{sql}");
    }
    assert!(app.count("select count(*) from access_log").await > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_roles_cannot_do_what_no_statement_does() {
    let app = TestApp::start().await;
    let (id, _) = app.ready(&app.ada(), &File::pdf("Ada")).await;
    app.staff("sam", "riverton").hold("2026-1", &id, 0).await.unwrap();
    let mut as_app = sign_in(&app.db.urls.app).await;
    sqlx::query("select set_config('app.tenant', 'riverton', false)").execute(&mut as_app).await.unwrap();
    for sql in [
        "delete from documents",
        "update documents set owner = 'eve'",
        "update documents set id = id",
        "delete from document_versions",
        "update document_versions set sha256 = sha256",
        "update document_versions set version = 2",
        "delete from scan_jobs",
        "delete from legal_holds",
        "delete from access_grants",
        "update access_grants set until = now()",
        "update access_grants set grantee_subject = 'eve'",
        "update access_log set purpose = 'own'",
        "update legal_holds set reason = 'none'",
        "update legal_holds set placed_by = 'nobody'",
        "delete from part_uploads",
        "update part_uploads set upload_id = 'x'",
        "delete from quarantine_decisions",
        "update quarantine_decisions set outcome = 'released'",
        "update access_log set accessor = 'nobody'",
        "delete from access_log",
        "delete from subject_erasures",
        "update subject_erasures set subject = 'nobody'",
        "update erased_subjects set subject = 'nobody'",
        "delete from erased_subjects",
        "delete from case_exports",
        "update case_exports set asked_by = 'nobody'",
        "update audit_entries set body = ''",
        "delete from audit_entries",
        "truncate documents cascade",
        "alter table documents disable row level security",
    ] {
        let refused = sqlx::query(sql).execute(&mut as_app).await;
        let code = refused
            .expect_err(sql)
            .into_database_error()
            .and_then(|error| error.code().map(|c| c.to_string()));
        assert_eq!(code.as_deref(), Some("42501"), "{sql}");
    }
    let mut as_system = sign_in(&app.db.urls.system).await;
    for sql in [
        // Beyond ids and where versions stand.
        "select owner from documents",
        "select file_name from document_versions",
        "select sha256 from document_versions",
        "update document_versions set status = 'ready'",
        "select 1 from scan_jobs",
        "select 1 from case_documents",
        "select 1 from legal_holds",
        "select 1 from part_uploads",
        "select 1 from quarantine_decisions",
        "select 1 from access_log",
        "select 1 from access_grants",
        "select 1 from subject_erasures",
        "select 1 from erased_subjects",
        "select 1 from audit_entries",
    ] {
        sqlx::query(sql).execute(&mut as_system).await.expect_err(sql);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_catalog_has_no_hole() {
    let app = TestApp::start().await;
    let mut connection = app.db.admin().await;
    assert_eq!(pg::catalog::violations(&mut connection).await.unwrap(), [""; 0]);
    let system = pg::catalog::system_policies(&mut connection).await.unwrap();
    insta::assert_snapshot!(system.join("\n"), @r"
    audit_checkpoints: system for select using (true)
    audit_heads: system for select using (true)
    document_versions: system for select using (true)
    documents: system for select using (true)
    due: system for all using (true)
    idempotency: system for all using (true)
    inbox: system for all using (true)
    outbox: system for all using (true)
    parked: system_park for insert using () with check ((tenant = '-'::text))
    parked: system_read for select using (true)
    parked: system_remove for delete using ((tenant = '-'::text))
    parked: system_retry for update using ((tenant = '-'::text)) with check ((tenant = '-'::text))
    reconciliation: system for all using (true)
    subject_keys: system for all using (true)
    ");
}
