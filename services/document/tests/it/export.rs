//! Exports of cases, and what whoever gets one can check.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use blobs::Bucket;
use clock::Clock;
use document::Config;
use evidence::{Finding, Manifest, PublicKeys, sha256};
use proto::document::v1::{self, CaseExportState};
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use rpc_error::{Code, reason};
use serde_json::Value;
use testkit::eventually;

use crate::audit::{entries, seal};
use crate::harness::{
    Actor, File, Result, SOON, TestApp, assert_refused, at, evidence_key, fetch, is_replayed,
};
use crate::process::document as command;

const ROUNDS: usize = 10_000;
const WEEK: Duration = Duration::from_secs(7 * 24 * 3_600);

impl Actor {
    async fn export_as(&self, key: &str, case: &str) -> Result<tonic::Response<v1::ExportCaseResponse>> {
        let message = v1::ExportCaseRequest { case_ref: case.to_owned(), reason: "appeal 4/26".to_owned() };
        Ok(self.cases().export_case(self.keyed(key, message)).await?)
    }

    async fn export(&self, case: &str) -> Result<v1::CaseExport> {
        let key = format!("{:032x}", rand::random::<u128>());
        Ok(self.export_as(&key, case).await?.into_inner().export.expect("an export"))
    }

    async fn get_export(&self, id: &str) -> Result<v1::CaseExport> {
        let message = v1::GetCaseExportRequest { export_id: id.to_owned() };
        let answer = self.cases().get_case_export(self.keyless(message)).await?;
        Ok(answer.into_inner().export.expect("an export"))
    }

    async fn download_export(&self, id: &str) -> Result<v1::DownloadCaseExportResponse> {
        let message = v1::DownloadCaseExportRequest { export_id: id.to_owned() };
        Ok(self.cases().download_case_export(self.keyless(message)).await?.into_inner())
    }
}

/// A case of three documents, everything chained and sealed: one with two versions, of which the first was read and is held, one
/// that was refused, and one more.
struct Case {
    app: TestApp,
    sam: Actor,
    ids: [String; 3],
}

impl Case {
    async fn new() -> Self {
        Box::pin(Self::with(|_| {})).await
    }

    /// The same with other settings.
    async fn with(change: impl FnOnce(&mut Config)) -> Self {
        let app = Box::pin(TestApp::start_with(change)).await;
        let (ada, sam) = (app.ada(), app.staff("sam", "riverton"));
        let (first, _) = app.ready(&ada, &File::pdf("Ada")).await;
        let (second, _) = app.rejected(&ada, &File::pdf("infected")).await;
        let (third, _) = app.ready(&app.citizen("cleo", "riverton"), &File::pdf("Cleo")).await;
        app.ready(&ada, &File::pdf("of no case")).await;
        for id in [&first, &second, &third] {
            sam.attach("C-7", id).await.unwrap();
        }
        sam.hold("C-7", &first, 1).await.unwrap();
        sam.download(&first).await.unwrap();
        app.ready_version(&ada, &first, &File::pdf("Ada, both sides")).await;
        // Four of each version, one of the hold, one of the download.
        entries(&app.trail.books, "riverton", 5 * 4 + 1 + 1).await;
        seal(&app.trail).await;
        Self { app, sam, ids: [first, second, third] }
    }

    /// An export that is ready.
    async fn exported(&self) -> v1::CaseExport {
        let asked = self.sam.export("C-7").await.unwrap();
        self.comes_to(&asked.export_id, CaseExportState::Ready).await
    }

    /// Waits until an export is at a state.
    async fn comes_to(&self, id: &str, wanted: CaseExportState) -> v1::CaseExport {
        let there = eventually(SOON, || async {
            let export = self.sam.get_export(id).await.unwrap();
            if export.state() == wanted { Ok(export) } else { Err(export) }
        });
        there.await.unwrap()
    }

    /// The archive of an export.
    async fn archive(&self, id: &str) -> Vec<u8> {
        self.catch_up();
        let (status, _, bytes) = fetch(&self.sam.download_export(id).await.unwrap().url).await;
        assert_eq!(status, 200);
        bytes
    }

    /// What is signed lives a minute of the object store's time, and the making of a case may take longer.
    fn catch_up(&self) {
        #[expect(
            clippy::disallowed_methods,
            reason = "the object store compares signatures with the real time"
        )]
        let late = time::OffsetDateTime::now_utc() - self.app.clock.now();
        if late.is_positive() {
            self.app.clock.advance(late.unsigned_abs());
        }
    }

    /// Keys of the bucket of exports, and open uploads to it.
    async fn stored(&self) -> Vec<String> {
        let blobs = &self.app.state.blobs;
        let objects = blobs.list(Bucket::Exports, "", None, 100).await.unwrap();
        let open = blobs.list_uploads(Bucket::Exports, "").await.unwrap();
        objects.into_iter().map(|object| object.key).chain(open.into_iter().map(|open| open.key)).collect()
    }

    async fn is_gone(&self, id: &str) {
        self.comes_to(id, CaseExportState::Erased).await;
        let gone = eventually(SOON, || async {
            let left = self.stored().await;
            if left.is_empty() { Ok(()) } else { Err(left) }
        });
        gone.await.unwrap();
        assert_refused(self.sam.download_export(id).await, Code::Gone, reason::EXPORT_ERASED);
        let settled = eventually(SOON, || async {
            match self.app.count("select count(*) from due where kind = 'case_export'").await {
                0 => Ok(()),
                left => Err(left),
            }
        });
        settled.await.unwrap();
    }
}

fn keys() -> PublicKeys {
    testkit::audit().keys
}

/// Writes an archive's members below a folder, as every unpacker does.
fn unpack(archive: &[u8], folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut members = BTreeMap::new();
    let read = evidence::archive::read(archive, |name, _, content| {
        let mut bytes = Vec::new();
        content.read_to_end(&mut bytes)?;
        let path = folder.join(name);
        std::fs::create_dir_all(path.parent().unwrap())?;
        std::fs::write(path, &bytes)?;
        members.insert(name.to_owned(), bytes);
        Ok(())
    });
    assert!(read.unwrap().is_empty());
    members
}

#[tokio::test(flavor = "multi_thread")]
async fn a_case_is_exported_with_everything_that_is_known_of_it() {
    let case = Case::new().await;
    let asked = case.sam.export("C-7").await.unwrap();
    assert_eq!((asked.case_ref.as_str(), asked.asked.unwrap().reason.as_str()), ("C-7", "appeal 4/26"));
    let export = case.comes_to(&asked.export_id, CaseExportState::Ready).await;
    case.catch_up();
    let signed = case.sam.download_export(&export.export_id).await.unwrap();
    let left = at(signed.expires_at) - case.app.clock.now();
    assert!(left <= time::Duration::seconds(60), "{left}");
    let (status, headers, bytes) = fetch(&signed.url).await;
    assert_eq!((status, bytes.len()), (200, usize::try_from(export.size_bytes).unwrap()));
    assert!(headers["content-disposition"].contains("case-C-7.zip"), "{headers:?}");

    let summary = evidence::verify(&bytes[..], &keys()).unwrap().unwrap();
    assert_eq!((summary.files, summary.unproven.len(), summary.time_stamp), (3, 0, None));
    assert_eq!(summary.digest.to_vec(), export.manifest_sha256);
    let Manifest { documents, holds, proofs, exported_by, reason, .. } = summary.manifest;
    assert_eq!((exported_by.as_str(), reason.as_str()), ("sam", "appeal 4/26"));
    assert!(documents.is_sorted_by_key(|document| document.id.clone()));
    let documents =
        case.ids.each_ref().map(|id| documents.iter().find(|document| document.id == *id).unwrap());
    let statuses: Vec<Vec<_>> = documents
        .iter()
        .map(|document| document.versions.iter().map(|version| version.status.as_str()).collect())
        .collect();
    assert_eq!(statuses, [vec!["ready", "ready"], vec!["rejected"], vec!["ready"]]);
    assert_eq!(documents[1].versions[0].rejection_reason.as_deref(), Some("INFECTED"));
    assert_eq!((documents[0].owner.as_str(), documents[2].owner.as_str()), ("ada", "cleo"));
    assert_eq!(documents[0].retention_class, "identification");
    assert!(
        documents[0].versions[1].retain_until.is_some() && documents[1].versions[0].retain_until.is_none()
    );
    assert_eq!((documents[0].accesses.len(), documents[0].accesses[0].accessor.as_str()), (1, "sam"));
    assert_eq!(
        (holds.len(), holds[0].document_id.as_str(), holds[0].version),
        (1, case.ids[0].as_str(), Some(1))
    );
    let proven: usize = proofs.iter().map(|proof| proof.events.len()).sum();
    assert_eq!(proven, 4 * 4 + 1 + 1, "every event of its documents, and no other");

    let folder = tempfile::tempdir().unwrap();
    let members = unpack(&bytes, folder.path());
    let (first, third) = (&case.ids[0], &case.ids[2]);
    let files = members.iter().filter(|(name, _)| name.starts_with("files/"));
    let wanted = BTreeMap::from([
        (format!("files/{first}/1.pdf"), File::pdf("Ada").bytes),
        (format!("files/{first}/2.pdf"), File::pdf("Ada, both sides").bytes),
        (format!("files/{third}/1.pdf"), File::pdf("Cleo").bytes),
    ]);
    assert!(files.eq(&wanted));

    // That it was made and that it was fetched has happened, too.
    let chained = entries(&case.app.trail.books, "riverton", 22 + 1 + 3).await;
    let last: Vec<_> = chained[22..].iter().map(|row| (row.type_.as_str(), row.subject.as_str())).collect();
    let accessed = |id| ("guildhall.document.accessed.v1", id);
    let exported = ("guildhall.document.case_exported.v1", "C-7");
    for event in [exported, accessed(first.as_str()), accessed(third.as_str())] {
        assert!(last.contains(&event), "{event:?} is not in {last:?}");
    }
    let logged = "select count(*) from access_log where accessor = 'sam' and purpose = 'export'";
    assert_eq!(case.app.count(logged).await, 3, "each version whose bytes are in it");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_larger_than_a_part_is_put_together_piece_by_piece() {
    let app = TestApp::start().await;
    let sam = app.staff("sam", "riverton");
    let mut large = File { purpose: "income".to_owned(), ..File::pdf("large") };
    // Three parts and some; the small ones before and behind it share a part with its ends.
    large.bytes.resize(50 * 1024 * 1024, 7);
    let mut ids = Vec::new();
    for file in [&File::pdf("before"), &large, &File::pdf("behind")] {
        let (id, _) = app.ready(&app.ada(), file).await;
        sam.attach("C-7", &id).await.unwrap();
        ids.push(id);
    }
    let case = Case { app, sam, ids: ids.try_into().unwrap() };
    let export = case.exported().await;
    let archive = case.archive(&export.export_id).await;
    let summary = evidence::verify(&archive[..], &keys()).unwrap().unwrap();
    assert_eq!(summary.files, 3);
    let folder = tempfile::tempdir().unwrap();
    let members = unpack(&archive, folder.path());
    assert_eq!(sha256(&members[&format!("files/{}/1.pdf", case.ids[1])]), sha256(&large.bytes));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_call_is_about_the_same_export() {
    let case = Case::new().await;
    let first = case.sam.export_as("k", "C-7").await.unwrap().into_inner().export.unwrap();
    case.comes_to(&first.export_id, CaseExportState::Ready).await;
    let again = case.sam.export_as("k", "C-7").await.unwrap();
    assert!(is_replayed(&again));
    let again = again.into_inner().export.unwrap();
    assert_eq!((&first.export_id, again.state()), (&again.export_id, CaseExportState::Ready));
    assert_eq!(case.app.count("select count(*) from case_exports").await, 1);
    assert_refused(
        case.sam.export_as("k", "C-9").await,
        Code::InvalidArgument,
        reason::IDEMPOTENCY_KEY_REUSED,
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_exported_is_refused_and_leaves_nothing() {
    let case = Case::new().await;
    assert_refused(case.sam.export("C-8").await, Code::NotFound, reason::CASE_EMPTY);
    assert_refused(case.sam.export("not a case").await, Code::InvalidArgument, reason::CASE_INVALID);
    let (ada, lea) = (case.app.ada(), case.app.staff("lea", "lakeside"));
    assert_refused(lea.export("C-7").await, Code::NotFound, reason::CASE_EMPTY);
    assert_refused(ada.export("C-7").await, Code::PermissionDenied, reason::PERMISSION_DENIED);
    assert_refused(case.sam.get_export("x").await, Code::NotFound, reason::EXPORT_NOT_FOUND);
    let many = "insert into legal_holds (id, tenant, case_ref, document_id, reason, placed_by, placed_at)
        select gen_random_uuid(), tenant, case_ref, document_id, reason, placed_by, placed_at
          from legal_holds, generate_series(1, 5000)";
    sqlx::query(many).execute(&mut case.app.db.admin().await).await.unwrap();
    let error = case.sam.export("C-7").await.unwrap_err();
    assert_eq!((error.code(), error.reason()), (Code::TooLarge, reason::CASE_TOO_LARGE));
    assert!(error.violations()[0].rule.contains("5,000 holds"), "{error:?}");
    assert_eq!(case.app.count("select count(*) from case_exports").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_is_its_tenants_staffs_alone() {
    let case = Case::new().await;
    let id = case.exported().await.export_id;
    let lea = case.app.staff("lea", "lakeside");
    assert_refused(lea.get_export(&id).await, Code::NotFound, reason::EXPORT_NOT_FOUND);
    assert_refused(lea.download_export(&id).await, Code::NotFound, reason::EXPORT_NOT_FOUND);
    let ada = case.app.ada();
    assert_refused(ada.get_export(&id).await, Code::PermissionDenied, reason::PERMISSION_DENIED);
    assert_refused(ada.download_export(&id).await, Code::PermissionDenied, reason::PERMISSION_DENIED);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_not_what_was_handed_in_is_not_exported() {
    let case = Case::new().await;
    let bucket = &case.app.s3.settings.evidence_bucket;
    let put = case.app.s3.client.put_object().bucket(bucket).key(evidence_key(&case.ids[2]));
    put.body(File::pdf("Cleq").bytes.into()).send().await.unwrap();
    let asked = case.sam.export("C-7").await.unwrap();
    let failed = case.comes_to(&asked.export_id, CaseExportState::Failed).await;
    assert_eq!(failed.failure, "EVIDENCE_MISSING");
    assert_refused(case.sam.download_export(&asked.export_id).await, Code::Conflict, reason::EXPORT_FAILED);
    let none = eventually(SOON, || async {
        let left = case.stored().await;
        if left.is_empty() { Ok(()) } else { Err(left) }
    });
    none.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_is_erased_after_its_time() {
    let case = Case::new().await;
    let export = case.exported().await;
    assert_eq!(case.stored().await.len(), 1);
    assert!(at(export.kept_until) - case.app.clock.now() <= time::Duration::days(7));
    case.app.clock.advance(WEEK);
    case.is_gone(&export.export_id).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_goes_with_a_document_of_it() {
    let case = Case::new().await;
    let export = case.exported().await;
    // The documents of no hold have been kept for long enough.
    case.app.clock.advance(Duration::from_secs(60));
    let past = "update document_versions set retain_until = created_at";
    sqlx::query(past).execute(&mut case.app.db.admin().await).await.unwrap();
    case.sam.erase(&case.ids[2]).await.unwrap();
    // At once, before anything is deleted.
    let refused = case.sam.download_export(&export.export_id).await;
    assert_refused(refused, Code::Gone, reason::EXPORT_ERASED);
    case.is_gone(&export.export_id).await;
    // The next one is without it.
    let next = case.exported().await;
    let summary = evidence::verify(&case.archive(&next.export_id).await[..], &keys()).unwrap().unwrap();
    assert_eq!(summary.files, 2);
    let erased = summary.manifest.documents.iter().find(|document| document.id == case.ids[2]).unwrap();
    assert_eq!(erased.versions[0].status, "erased");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_goes_with_a_person_whose_documents_it_tells_of_also_where_a_hold_keeps_them() {
    let case = Case::new().await;
    let export = case.exported().await;
    let request = case.app.erasure_of("ada");
    case.app.publish(&request.event).await;
    case.is_gone(&export.export_id).await;
    assert_eq!(case.app.count("select count(*) from case_exports where reason is not null").await, 0);
    let held = "select count(*) from document_versions v join documents d on d.tenant = v.tenant and d.id = v.document_id
        where d.owner = 'ada' and v.status = 'ready'";
    assert_eq!(case.app.count(held).await, 1, "held, and not in a copy any more");
    case.app.clock.advance(Duration::from_secs(60));
    let report = case.app.reported(request.id, 1).await.remove(0);
    assert_eq!((report.kept, &report.kept_reasons[..]), (1, &["LEGAL_HOLD".to_owned()][..]));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_given_up_is_made_by_the_next_and_what_is_left_of_it_is_deleted() {
    let case = Case::new().await;
    let id = case.exported().await.export_id;
    // As if whoever made it had died before it was written down, with a part sent.
    let key = format!("riverton/{id}/2.zip");
    case.app.state.blobs.create_multipart(Bucket::Exports, &key, "application/zip").await.unwrap();
    let until = case.app.clock.now() + time::Duration::minutes(5);
    let mut admin = case.app.db.admin().await;
    sqlx::query("update case_exports set state = 'pending', manifest_sha256 = null, size_bytes = null, attempt = 2, leased_until = $1")
        .bind(until)
        .execute(&mut admin)
        .await
        .unwrap();
    sqlx::query("update due set at = due_at - interval '7 days', due_at = due_at - interval '7 days' where kind = 'case_export'")
        .execute(&mut admin)
        .await
        .unwrap();
    assert_refused(case.sam.download_export(&id).await, Code::Locked, reason::EXPORT_NOT_READY);
    case.app.clock.advance(Duration::from_secs(6 * 60));
    case.comes_to(&id, CaseExportState::Ready).await;
    assert_eq!(case.stored().await, [format!("riverton/{id}/3.zip")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_alteration_of_an_exported_archive_is_found() {
    let case = Case::new().await;
    let export = case.exported().await;
    let good = case.archive(&export.export_id).await;
    let keys = keys();
    evidence::verify(&good[..], &keys).unwrap().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let members = unpack(&good, folder.path());
    let names: Vec<_> = members.keys().cloned().collect();
    let mut random = StdRng::seed_from_u64(11);
    let mut altered = 0;
    while altered < ROUNDS {
        // By turns of the archive as it is, and of a member of it: the manifest with its audit entries, the signature, a file.
        let whole = altered % 2 == 0;
        let name = &names[random.random_range(0..names.len())];
        let before = if whole { &good } else { &members[name] };
        let mut bytes = before.clone();
        alter(&mut bytes, &mut random);
        if bytes == *before {
            continue;
        }
        altered += 1;
        if whole {
            let found = evidence::verify(&bytes[..], &keys).unwrap();
            assert!(found.is_err(), "alteration {altered} was not found");
            continue;
        }
        let get = |wanted: &str| if name == wanted { bytes.clone() } else { members[wanted].clone() };
        let mut check =
            evidence::Check::new(&get(evidence::MANIFEST), &get(evidence::SIGNATURE), None, &keys);
        for file in names.iter().filter(|name| name.starts_with("files/")) {
            check.file(file, &sha256(&get(file)));
        }
        let findings = check.finish().unwrap_err();
        let named = if name.starts_with("files/") { Finding::File(name.clone()) } else { Finding::Signature };
        assert!(findings.contains(&named), "alteration {altered} of {name}: {findings:?}");
    }
}

/// Changes bytes in one of the ways in which files go wrong or are made to.
fn alter(bytes: &mut Vec<u8>, random: &mut StdRng) {
    let (at, to) = (random.random_range(0..bytes.len()), random.random_range(0..bytes.len()));
    match random.random_range(0..5) {
        0 => bytes[at] ^= 1 << random.random_range(0..8),
        1 => drop(bytes.drain(at..(at + 40).min(bytes.len()))),
        2 => bytes.truncate(at),
        3 => bytes.insert(at, random.random()),
        _ => bytes.swap(at, to),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_verifies_an_archive_and_what_was_unpacked_from_it_without_settings() {
    let case = Case::new().await;
    let export = case.exported().await;
    let folder = tempfile::tempdir().unwrap();
    let (archive, unpacked) = (folder.path().join("case.zip"), folder.path().join("unpacked"));
    let bytes = case.archive(&export.export_id).await;
    std::fs::write(&archive, &bytes).unwrap();
    unpack(&bytes, &unpacked);
    let public = STANDARD.encode(testkit::audit().signer.public_key());
    let run = |path: &Path, keys: &str, more: &[&str]| {
        let arguments = [&["verify", path.to_str().unwrap(), "--keys", keys], more].concat();
        let output = command(&arguments).env_clear().output().unwrap();
        (output.status.code().unwrap(), String::from_utf8(output.stdout).unwrap())
    };
    let manifest = unpacked.join("manifest.json");
    for path in [&archive, &unpacked, &manifest] {
        let (code, text) = run(path, &public, &[]);
        assert_eq!(code, 0, "{text}");
        assert!(text.starts_with("case C-7 of riverton: as exported at"), "{text}");
        assert!(
            text.contains("3 documents, 1 holds, 1 accesses; 3 files compared; 18 events proven"),
            "{text}"
        );
        assert!(text.ends_with("time-stamp: absent\n"), "{text}");
    }
    let json = |text: &str| serde_json::from_str::<Value>(text).unwrap();
    let (code, text) = run(&archive, &public, &["--json"]);
    let told = json(&text);
    assert_eq!(
        (code, &told["as_exported"], &told["files"], &told["export_id"]),
        (0, &true.into(), &3.into(), &export.export_id.clone().into())
    );

    // Keys from a file, one a line.
    let key_file = folder.path().join("keys.txt");
    let stranger = STANDARD.encode(evidence::Signer::ephemeral().unwrap().public_key());
    std::fs::write(&key_file, format!("{stranger}\n{public}\n")).unwrap();
    assert_eq!(run(&archive, key_file.to_str().unwrap(), &[]).0, 0);
    let (code, text) = run(&archive, &stranger, &[]);
    assert!(code == 1 && text.contains(&Finding::Signature.to_string()), "{text}");

    let file = format!("files/{}/1.pdf", case.ids[0]);
    std::fs::write(unpacked.join(&file), b"another").unwrap();
    std::fs::write(unpacked.join("files/more"), b"").unwrap();
    let (code, text) = run(&unpacked, &public, &[]);
    let findings = [Finding::File(file.clone()), Finding::Stranger("files/more".to_owned())];
    let lines: String = findings.iter().map(|finding| format!("{finding}\n")).collect();
    assert_eq!((code, text), (1, format!("NOT AS EXPORTED: 2 findings\n{lines}")));
    let (code, text) = run(&unpacked, &public, &["--json"]);
    let told = json(&text);
    assert_eq!((code, &told["as_exported"], &told["findings"][0]["name"]), (1, &false.into(), &file.into()));
    std::fs::remove_dir_all(unpacked.join("files")).unwrap();
    let (code, text) = run(&unpacked, &public, &[]);
    assert!(code == 1 && text.contains(&format!("files/{}/1.pdf: not there", case.ids[2])), "{text}");

    std::fs::write(&archive, b"PK").unwrap();
    let (code, text) = run(&archive, &public, &[]);
    assert!(code == 1 && text.contains("archive: not as it was written at byte 0"), "{text}");
    assert_eq!(run(&folder.path().join("none.zip"), &public, &[]).0, 66);
    assert_eq!(run(&archive, "no key", &[]).0, 64);
    assert_eq!(command(&["verify"]).output().unwrap().status.code(), Some(64));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_has_a_time_stamp_where_an_authority_is_set_and_only_one_that_holds() {
    let tsa = tsa::start(Clock::system()).await.unwrap();
    let settings = |path: &str| timestamp::Settings {
        url: tsa.url(path).parse().unwrap(),
        trusted: timestamp::Trusted::from_pem(tsa.root_pem().as_bytes()).unwrap(),
        policy: None,
        deadline: SOON,
    };
    let case = Case::with(|config| config.tsa = Some(settings("unavailable/1"))).await;
    let export = case.exported().await;
    let bytes = case.archive(&export.export_id).await;
    let summary = evidence::verify(&bytes[..], &keys()).unwrap().unwrap();
    assert!(summary.time_stamp.is_some());

    let folder = tempfile::tempdir().unwrap();
    let (archive, root) = (folder.path().join("case.zip"), folder.path().join("root.pem"));
    std::fs::write(&archive, &bytes).unwrap();
    std::fs::write(&root, tsa.root_pem()).unwrap();
    let public = STANDARD.encode(testkit::audit().signer.public_key());
    let run = |more: &[&str]| {
        let arguments = [&["verify", archive.to_str().unwrap(), "--keys", &public], more].concat();
        let output = command(&arguments).env_clear().output().unwrap();
        (output.status.code().unwrap(), String::from_utf8(output.stdout).unwrap())
    };
    let (code, text) = run(&[]);
    assert!(code == 0 && text.contains("time-stamp: present, not looked at"), "{text}");
    let (code, text) = run(&["--tsa", root.to_str().unwrap()]);
    assert!(code == 0 && text.contains("time-stamp: there at 20"), "{text}");
    let (code, text) = run(&["--tsa", root.to_str().unwrap(), "--json"]);
    assert!(code == 0 && text.contains("\"looked_at\":true"), "{text}");
    let stranger = tsa::start(Clock::system()).await.unwrap();
    std::fs::write(&root, stranger.root_pem()).unwrap();
    let (code, text) = run(&["--tsa", root.to_str().unwrap()]);
    assert!(code == 1 && text.contains("manifest.tsr: "), "{text}");
    assert_eq!(run(&["--tsa", archive.to_str().unwrap()]).0, 64);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_its_time_stamp_an_export_waits() {
    let tsa = tsa::start(Clock::system()).await.unwrap();
    let settings = timestamp::Settings {
        url: tsa.url("wrong-imprint").parse().unwrap(),
        trusted: timestamp::Trusted::from_pem(tsa.root_pem().as_bytes()).unwrap(),
        policy: None,
        deadline: SOON,
    };
    let case = Case::with(|config| config.tsa = Some(settings)).await;
    let asked = case.sam.export("C-7").await.unwrap();
    let tried = eventually(SOON, || async {
        let tried = "select count(*) from case_exports where attempt = 1 and leased_until <= asked_at + interval '1 minute'";
        if case.app.count(tried).await == 1 { Ok(()) } else { Err("not tried") }
    });
    tried.await.unwrap();
    assert_eq!(case.sam.get_export(&asked.export_id).await.unwrap().state(), CaseExportState::Pending);
    assert_eq!(case.stored().await, Vec::<String>::new());
}
