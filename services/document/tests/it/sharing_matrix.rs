//! Every operation on documents × everybody who could call it: who is let in, and what the others are told.

use proto::Operation;
use proto::document::v1::{self, RejectionReason};
use rpc_error::reason;
use sqlx::PgConnection;

use crate::harness::{Actor, File, Result, TestApp};

/// What the operations are tried on. Each call has one of its own, since some have effects.
struct Things {
    document: String,
    job: String,
    grant: String,
}

/// Calls an operation of the document service about somebody else's things.
async fn call(app: &TestApp, operation: Operation, actor: &Actor, things: &Things) -> Option<Result<()>> {
    let Things { document, job, grant } = things;
    Some(match operation {
        Operation::DocumentGetDocument => actor.get(document).await.map(drop),
        Operation::DocumentListVersions => actor.versions(document).await.map(drop),
        Operation::DocumentCreateDownload => actor.download(document).await.map(drop),
        Operation::DocumentListDocuments => actor.list(0, "").await.map(drop),
        Operation::DocumentRefreshUpload => actor.refresh(document).await.map(drop),
        Operation::DocumentConfirmUpload => actor.confirm(document).await.map(drop),
        Operation::DocumentInitiateUpload => actor.initiate(&File::statement("x")).await.map(drop),
        Operation::DocumentInitiateVersion => actor.correct(document, &File::statement("x")).await.map(drop),
        Operation::DocumentEraseDocument => actor.erase(document).await.map(drop),
        Operation::DocumentClaimScan => actor.claim(job).await.map(drop),
        Operation::DocumentReportScan => actor.report(job, "", RejectionReason::Infected).await.map(drop),
        Operation::CaseAttachToCase => actor.attach("2026-2", document).await.map(drop),
        Operation::CaseDetachFromCase => actor.detach("2026-2", document).await.map(drop),
        Operation::CaseListCaseDocuments => actor.of_case("2026-2", 0, "").await.map(drop),
        Operation::CasePlaceHold => actor.hold("2026-2", document, 0).await.map(drop),
        Operation::CaseReleaseHold => actor.release("01890a5d-ac96-774b-bcce-b302099a8057").await.map(drop),
        Operation::CaseListHolds => actor.holds(v1::ListHoldsRequest::default()).await.map(drop),
        Operation::SharingCreateGrant => actor.give(app.share(document, "dora")).await.map(drop),
        Operation::SharingRevokeGrant => actor.revoke(grant).await.map(drop),
        Operation::SharingListGrants => actor.grants(v1::ListGrantsRequest::default()).await.map(drop),
        Operation::SharingListShared => actor.shared(0, "").await.map(drop),
        Operation::SharingListAccesses => actor.accesses(document, 0, "").await.map(drop),
        _ => return None,
    })
}

/// The columns of the table.
fn callers(app: &TestApp) -> Vec<(&'static str, Actor)> {
    vec![
        ("owner", app.ada()),
        ("grantee", app.citizen("ben", "riverton")),
        ("by case", app.citizen("bea", "riverton")),
        ("partner", app.client("partner", "riverton")),
        ("former", app.citizen("fay", "riverton")),
        ("other", app.citizen("eve", "riverton")),
        ("elsewhere", app.citizen("ben", "lakeside")),
        ("staff", app.staff("sam", "riverton")),
        ("staff elsewhere", app.staff("lea", "lakeside")),
        ("worker", app.worker()),
        ("nobody", app.nobody()),
    ]
}

/// A ready document of Ada's, shared with everybody whom the table says it is shared with.
async fn things(app: &TestApp) -> Things {
    let (ada, sam) = (app.ada(), app.staff("sam", "riverton"));
    let (document, job) = app.ready(&ada, &File::statement("Ada")).await;
    sam.attach("2026-1", &document).await.unwrap();
    app.clock.advance(std::time::Duration::from_millis(1));
    let grant = sam.give(app.share(&document, "ben")).await.unwrap().grant_id;
    let (grantee_subject, grantee_client) = (String::new(), "partner".to_owned());
    let partner = v1::CreateGrantRequest { grantee_subject, grantee_client, ..app.share(&document, "") };
    sam.give(partner).await.unwrap();
    let over = sam.give(app.share(&document, "fay")).await.unwrap().grant_id;
    sam.revoke(&over).await.unwrap();
    Things { document, job, grant }
}

#[tokio::test(flavor = "multi_thread")]
async fn everybody_is_told_exactly_this() {
    let app = TestApp::start().await;
    let sam = app.staff("sam", "riverton");
    sam.give(app.share_case("2026-1", "bea")).await.unwrap();
    let (mut table, mut tables) = (String::new(), app.db.admin().await);
    let mut fresh = things(&app).await;
    for operation in Operation::ALL {
        for (name, actor) in callers(&app) {
            let before = changes(&mut tables).await;
            let Some(result) = call(&app, *operation, &actor, &fresh).await else { continue };
            let told = result.as_ref().map_or_else(rpc_error::Error::reason, |()| "ok");
            table.push_str(&format!("{operation:?} {name}: {told}\n"));
            // Whoever is refused has changed nothing; whoever was let in may have used the document up.
            let after = changes(&mut tables).await;
            if result.is_err() {
                assert_eq!(after, before, "{operation:?} by {name}");
            } else if after[..after.len() - 1] != before[..before.len() - 1] {
                fresh = things(&app).await;
            }
        }
    }
    insta::assert_snapshot!(table);
    let leaks: Vec<_> = table.lines().filter(|line| leaks(line)).collect();
    assert_eq!(leaks, [""; 0]);
}

/// How much the tables say, the access log last.
async fn changes(connection: &mut PgConnection) -> Vec<i64> {
    let sql = "select array[
        (select count(*) from documents),
        (select count(*) from document_versions),
        (select count(*) from document_versions where status = 'erased'),
        (select coalesce(sum(claims), 0) from scan_jobs),
        (select count(*) from case_documents),
        (select count(*) from legal_holds),
        (select count(*) from access_grants),
        (select count(*) from access_grants where revoked_at is not null),
        (select count(*) from access_log)]::bigint[]";
    sqlx::query_scalar(sql).fetch_one(connection).await.unwrap()
}

/// Whether a line lets somebody in, or tells them of a document, whom no rule does: the table says what is, this what
/// must not be.
fn leaks(line: &str) -> bool {
    let (call, told) = line.split_once(": ").expect("a line of the table");
    let (operation, caller) = call.split_once(' ').expect("a line of the table");
    let reads =
        ["DocumentGetDocument", "DocumentListVersions", "DocumentCreateDownload"].contains(&operation);
    let own = ["DocumentListDocuments", "DocumentInitiateUpload", "SharingListShared"].contains(&operation);
    let lists = ["CaseListCaseDocuments", "CaseListHolds", "SharingListGrants"].contains(&operation);
    let hidden = [
        reason::DOCUMENT_NOT_FOUND,
        reason::GRANT_NOT_FOUND,
        reason::HOLD_NOT_FOUND,
        reason::JOB_NOT_FOUND,
        reason::PERMISSION_DENIED,
    ];
    match caller {
        "nobody" => told != reason::TOKEN_MISSING,
        "grantee" | "by case" | "partner" if reads => told != "ok",
        "former" if reads => told != reason::GRANT_ENDED,
        "grantee" | "by case" | "partner" | "former" | "other" | "elsewhere" if own => told != "ok",
        "grantee" | "by case" | "partner" | "former" | "other" | "elsewhere" => !hidden.contains(&told),
        // What they list is their own tenant's, which has nothing.
        "staff elsewhere" => !(hidden.contains(&told) || lists || own),
        _ => false,
    }
}
