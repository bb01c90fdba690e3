//! What a citizen writes stays in the database: others get ids.

use proto::document::v1::{self, RejectionReason};
use testkit::canary::Canary;

use crate::harness::{File, TestApp, is_replayed, put};

#[tokio::test(flavor = "multi_thread")]
async fn a_files_name_is_in_no_event_no_job_no_key_and_no_error() {
    let app = TestApp::start().await;
    let (ada, canary) = (app.ada(), Canary::new());
    let mut file = File::pdf("Ada");
    file.name = canary.file_name();
    let (id, job) = app.ready(&ada, &file).await;
    ada.download(&id).await.unwrap();
    let sam = app.staff("sam", "riverton");
    let grant = v1::CreateGrantRequest { reason: canary.name(), ..app.share(&id, "ben") };
    let grant = sam.give(grant).await.unwrap().grant_id;
    let revoke = v1::RevokeGrantRequest { grant_id: grant, reason: canary.email() };
    sam.sharing().revoke_grant(sam.request(revoke)).await.unwrap();

    let mut shown = Vec::new();
    for record in app.records(&id).await {
        shown.push(format!("{:?}", record.headers).into_bytes());
        shown.push(record.payload.unwrap());
    }
    for job in app.take_jobs().await {
        shown.push(job.to_json().into_bytes());
    }
    let mut declaration = file.declaration();
    declaration.file_name = format!("{}/{}", canary.name(), canary.email());
    declaration.purpose = canary.name();
    declaration.content_type = canary.email();
    for error in [
        ada.declare(declaration).await.unwrap_err(),
        ada.get(&canary.name()).await.unwrap_err(),
        ada.list(0, &canary.name()).await.unwrap_err(),
        app.worker().report(&canary.name(), &canary.email(), RejectionReason::Infected).await.unwrap_err(),
        app.worker().claim(&job).await.unwrap_err(),
    ] {
        shown.push(format!("{error} {:?}", error.violations()).into_bytes());
    }
    shown.push(app.worker().claim(&job).await.unwrap_err().to_string().into_bytes());
    assert!(shown.len() > 10);
    for bytes in shown {
        assert!(!canary.leaks(&bytes), "{}", String::from_utf8_lossy(&bytes));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_files_name_is_readable_in_no_table_and_in_every_answer_also_a_repeated_one() {
    let app = TestApp::start().await;
    let (ada, sam, canary) = (app.ada(), app.staff("sam", "riverton"), Canary::new());
    let file = File { name: canary.file_name(), ..File::pdf("Ada") };
    let mut client = ada.client();
    let (mut id, mut upload) = (String::new(), None);
    for replayed in [false, true] {
        let answer = client.initiate_upload(ada.keyed("i", file.declaration())).await.unwrap();
        assert_eq!(is_replayed(&answer), replayed);
        let answer = answer.into_inner();
        let document = answer.document.unwrap();
        assert_eq!(document.file_name, file.name);
        (id, upload) = (document.document_id, answer.upload);
    }
    for replayed in [false, true] {
        let refresh = v1::RefreshUploadRequest { document_id: id.clone() };
        let answer = client.refresh_upload(ada.keyed("r", refresh)).await.unwrap();
        assert_eq!(is_replayed(&answer), replayed);
        assert_eq!(answer.into_inner().document.unwrap().file_name, file.name);
    }
    assert_eq!(put(&upload.unwrap(), &file.bytes).await, 200);
    for replayed in [false, true] {
        let confirm = v1::ConfirmUploadRequest { document_id: id.clone() };
        let answer = client.confirm_upload(ada.keyed("c", confirm)).await.unwrap();
        assert_eq!(is_replayed(&answer), replayed);
        assert_eq!(answer.into_inner().document.unwrap().file_name, file.name);
    }
    assert_eq!(ada.get(&id).await.unwrap().file_name, file.name);
    assert_eq!(ada.list(0, "").await.unwrap().documents[0].file_name, file.name);
    assert_eq!(ada.versions(&id).await.unwrap()[0].file_name, file.name);
    sam.attach("2026-1", &id).await.unwrap();
    assert_eq!(sam.of_case("2026-1", 0, "").await.unwrap().documents[0].file_name, file.name);

    let tables = app.tables().await;
    assert!(tables.len() > 10, "{tables:?}");
    assert!(tables.iter().any(|(name, rows)| name == "idempotency" && rows.len() > 100));
    for (name, rows) in &tables {
        assert!(!canary.leaks(rows), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_staff_write_about_a_hold_is_in_its_row_alone() {
    let app = TestApp::start().await;
    let (ada, sam, ann) = (app.ada(), app.staff("sam", "riverton"), app.staff("ann", "riverton"));
    let canary = Canary::new();
    let (id, _) = app.ready(&ada, &File::pdf("Ada")).await;
    let place = v1::PlaceHoldRequest {
        case_ref: "2026-1".to_owned(),
        document_id: id.clone(),
        version: 0,
        reason: canary.name(),
    };
    let mut hold = v1::Hold::default();
    for replayed in [false, true] {
        let placed = sam.cases().place_hold(sam.keyed("p", place.clone())).await.unwrap();
        assert_eq!(is_replayed(&placed), replayed);
        hold = placed.into_inner().hold.unwrap();
        assert_eq!(hold.placed.as_ref().unwrap().reason, canary.name());
    }
    for actor in [&sam, &ann] {
        for replayed in [false, true] {
            let release = v1::ReleaseHoldRequest { hold_id: hold.hold_id.clone(), reason: canary.email() };
            let released = actor.cases().release_hold(actor.keyed("r", release)).await.unwrap();
            assert_eq!(is_replayed(&released), replayed);
            let asked = released.into_inner().hold.unwrap();
            assert_eq!(asked.release_asked.unwrap().reason, canary.email());
        }
    }
    for (name, rows) in app.tables().await {
        assert_eq!(canary.leaks(&rows), name == "legal_holds", "{name}");
    }
    for record in app.kafka.records(topology::topics::DOCUMENT).await {
        assert!(!canary.leaks(format!("{:?}", record.headers)) && !canary.leaks(record.payload.unwrap()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_migration_to_sealed_names_refuses_to_lose_a_name() {
    let document = document::MIGRATORS.last().unwrap();
    let before: Vec<_> = document.iter().filter(|migration| migration.version < 7).cloned().collect();
    let before = sqlx::migrate::Migrator {
        migrations: before.into(),
        table_name: document.table_name.clone(),
        ..sqlx::migrate::Migrator::with_migrations(Vec::new())
    };
    let others = &document::MIGRATORS[..document::MIGRATORS.len() - 1];
    let db = testkit::database("document_before", &[others, &[&before][..]].concat()).await;
    let mut admin = db.admin().await;
    let insert = "insert into documents (id, tenant, owner, purpose, retention_class, created_at)
        values ('01890a5d-ac96-774b-bcce-b302099a8057', 'riverton', 'ada', 'identity', 'casework', now());
        insert into document_versions (id, tenant, document_id, version, file_name, content_type, size_bytes, sha256,
            status, created_at, updated_at)
        select '01890a5d-ac96-774b-bcce-b302099a8058', tenant, id, 1, 'ada.pdf', 'application/pdf', 1,
            decode(repeat('00', 32), 'hex'), 'uploaded', now(), now() from documents";
    sqlx::raw_sql(insert).execute(&mut admin).await.unwrap();
    let error = pg::migrate(&db.urls.owner, None, document::MIGRATORS).await.unwrap_err();
    let told = rpc_error::Chain(&error).to_string();
    assert!(told.contains("document_versions_plain_names_must_go"), "{told}");
    let names = "select file_name from document_versions";
    let name: String = sqlx::query_scalar(names).fetch_one(&mut admin).await.unwrap();
    assert_eq!(name, "ada.pdf", "nothing was changed");

    let erase = "update document_versions set status = 'erased', file_name = null";
    sqlx::raw_sql(erase).execute(&mut admin).await.unwrap();
    pg::migrate(&db.urls.owner, None, document::MIGRATORS).await.unwrap();
}
