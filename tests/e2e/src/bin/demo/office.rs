//! The second half: what a document goes through at the office, from a correction to its erasure.

use std::env;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clock::Clock;
use e2e::citizen::key;
use e2e::person::Person;
use e2e::{Citizen, Live, files};
use http::{Method, StatusCode};
use serde_json::{Value, json};
use testkit::canary::Canary;
use tokio::process::Command;
use url::Url;

use crate::{Report, WITHIN};

/// A preview, an export: jobs behind everything else.
const JOBS_WITHIN: Duration = Duration::from_secs(60);

/// Takes the citizen's documents, the first of them a PDF, through corrections, reviews, holds, sharing and export.
pub(crate) async fn run(
    bff: &Url,
    report: &mut Report,
    citizen: &mut Citizen,
    live: &mut Live,
    ready: &[String],
) -> Result<()> {
    let first = ready.first().context("no document")?;
    let mut sam = Citizen::sign_in(bff, "sam", "sam-pw").await.context("sign-in of the office")?;
    let mut max = Citizen::sign_in(bff, "max", "max-pw").await.context("sign-in of the office")?;
    report.step("the office signed in: sam and max");
    corrected(report, citizen, live, first).await?;
    previewed(report, citizen, first).await?;
    let film = reviewed(report, citizen, live, &mut sam).await?;
    let case = format!("demo-{}", &key()[..8]);
    for id in ready.iter().chain([&film]) {
        let path = format!("/v1/staff/cases/{case}/documents/{id}");
        let answer = sam.call(Method::PUT, &path, None, None).await?;
        ensure!(answer.status().is_success(), "attaching gave {}", answer.status());
    }
    shared(report, bff, citizen, &mut sam, &case, first).await?;
    held(report, &mut sam, &mut max, &case, first).await?;
    exported(report, &mut sam, &case).await?;
    erased(report, bff, &mut sam).await
}

/// A corrected file is the next version; both can be read.
async fn corrected(report: &mut Report, citizen: &mut Citizen, live: &mut Live, id: &str) -> Result<()> {
    let file = files::pdf();
    let document = citizen.correct(id, &file, &key()).await?;
    let stored = citizen.put(&document, file.bytes.clone()).await?;
    ensure!(stored.status().is_success(), "the store refused {}: {}", file.name, stored.status());
    citizen.confirm(id, &key()).await?;
    live.wait_for(id, &["document.ready"], WITHIN).await?;
    ensure!(citizen.download(id).await? == file.bytes, "the newest version is not the corrected one");
    let old = citizen.fetch(&format!("/v1/documents/{id}/download?version=1")).await?;
    ensure!(old != file.bytes, "version 1 is the corrected one");
    report.step("corrected: version 2 is read, version 1 still can be");
    Ok(())
}

/// Page images and text, without opening the file.
async fn previewed(report: &mut Report, citizen: &mut Citizen, id: &str) -> Result<()> {
    let path = format!("/v1/documents/{id}/preview");
    let preview = testkit::eventually(JOBS_WITHIN, || {
        let (mut citizen, path) = (citizen.clone(), path.clone());
        async move {
            let preview = citizen.get(&path).await?;
            ensure!(preview["status"] == "ready", "the preview is {}", preview["status"]);
            Ok(preview)
        }
    })
    .await?;
    let page = &preview["pages"][0];
    let image = citizen.read(&page["url"]).await?;
    ensure!(image.starts_with(b"\x89PNG"), "the preview is no PNG");
    report.step(&format!(
        "preview: page 1 of {}, {} x {}",
        preview["total_pages"], page["width"], page["height"]
    ));
    Ok(())
}

/// What is too large for the scanner is looked at by the office before anybody can read it.
async fn reviewed(
    report: &mut Report,
    citizen: &mut Citizen,
    live: &mut Live,
    sam: &mut Citizen,
) -> Result<String> {
    let film = files::recording();
    let document = citizen.initiate(&film, &key()).await?;
    let id = document.id();
    citizen.send_parts(&document, &film.bytes, usize::MAX).await?;
    report.step(&format!("{} sent in {} parts", film.name, document.0["parts"]["count"]));
    citizen.confirm(id, &key()).await?;
    live.wait_for(id, &["document.quarantined"], WITHIN).await?;
    let early = citizen.call(Method::GET, &format!("/v1/documents/{id}/download"), None, None).await?;
    ensure!(early.status() == StatusCode::LOCKED, "a download in quarantine gave {}", early.status());
    report.step("too large for the scanner: in quarantine, unreadable (423)");
    let seen = sam.fetch(&format!("/v1/staff/quarantine/{id}/download")).await?;
    ensure!(seen == film.bytes, "the reviewer reads other bytes");
    let decision = json!({ "outcome": "released", "reason": "seen from end to end" });
    let path = format!("/v1/staff/quarantine/{id}/decision");
    sam.expect(Method::POST, &path, Some(&key()), Some(decision)).await?;
    live.wait_for(id, &["document.ready"], WITHIN).await?;
    report.step("reviewed and released by sam; told on the live stream");
    Ok(id.to_owned())
}

/// A grant lets somebody else read for a purpose, until it is revoked; the owner sees every access.
async fn shared(
    report: &mut Report,
    bff: &Url,
    citizen: &mut Citizen,
    sam: &mut Citizen,
    case: &str,
    id: &str,
) -> Result<()> {
    let mut ben = Citizen::sign_in(bff, "ben", "ben-pw").await.context("sign-in of ben")?;
    let subject = ben.get("/v1/me").await?["subject"].as_str().context("no subject")?.to_owned();
    let until = (Clock::system().now() + time::Duration::days(7))
        .format(&time::format_description::well_known::Rfc3339)?;
    let grant = json!({"case": case, "grantee_subject": subject, "purpose": "appeal", "until": until,
        "reason": "his appeal"});
    let grant = sam.expect(Method::POST, "/v1/staff/grants", Some(&key()), Some(grant)).await?;
    ben.download(id).await.context("shared and unreadable")?;
    report.step("the case shared with ben for his appeal; he reads it");
    let path = format!("/v1/staff/grants/{}/revoke", grant["id"].as_str().context("no grant")?);
    sam.expect(Method::POST, &path, Some(&key()), Some(json!({"reason": "withdrawn"}))).await?;
    let after = ben.call(Method::GET, &format!("/v1/documents/{id}/download"), None, None).await?;
    ensure!(
        after.status() == StatusCode::GONE,
        "a download after the end of a grant gave {}",
        after.status()
    );
    let accesses = citizen.get(&format!("/v1/documents/{id}/accesses")).await?;
    let accesses = accesses["accesses"].as_array().context("no accesses")?;
    ensure!(
        accesses.iter().any(|access| access["accessor"] == subject.as_str() && access["purpose"] == "appeal")
    );
    report.step(&format!("revoked: 410 at once; the owner sees {} accesses and why", accesses.len()));
    Ok(())
}

/// Nothing is erased under a hold, whose end takes two.
async fn held(report: &mut Report, sam: &mut Citizen, max: &mut Citizen, case: &str, id: &str) -> Result<()> {
    let body = json!({"case": case, "document_id": id, "reason": "asked for by the court"});
    let hold = sam.expect(Method::POST, "/v1/staff/holds", Some(&key()), Some(body)).await?;
    let document = format!("/v1/documents/{id}");
    let refused = sam.call(Method::DELETE, &document, Some(&key()), None).await?;
    let refused: Value = refused.json().await?;
    ensure!(refused["code"] == "DOCUMENT_HELD", "an erasure under a hold gave {refused}");
    report.step("held for a case: not even the office can erase it (409)");
    let path = format!("/v1/staff/holds/{}/release", hold["id"].as_str().context("no hold")?);
    let reason = json!({"reason": "the case is closed"});
    for who in [sam, max] {
        let answer = who.call(Method::POST, &path, Some(&key()), Some(reason.clone())).await?;
        ensure!(answer.status().is_success(), "a release gave {}", answer.status());
    }
    report.step("released by sam, and by max as the second person");
    Ok(())
}

/// A signed archive, proven without the service; one that was altered is not.
async fn exported(report: &mut Report, sam: &mut Citizen, case: &str) -> Result<()> {
    let body = json!({"reason": "for the court"});
    let path = format!("/v1/staff/cases/{case}/exports");
    let asked = sam.expect(Method::POST, &path, Some(&key()), Some(body)).await?;
    let own = asked["_links"]["self"].as_str().context("no link")?.to_owned();
    let export = testkit::eventually(JOBS_WITHIN, || {
        let (mut sam, own) = (sam.clone(), own.clone());
        async move {
            let export = sam.get(&own).await?;
            ensure!(export["status"] == "ready", "the export is {export}");
            Ok(export)
        }
    })
    .await?;
    let link = export["_links"]["download"].as_str().context("no link")?;
    let mut bytes = sam.fetch(link).await?;
    report.step(&format!("case exported: {} bytes, signed", bytes.len()));
    let archive = env::temp_dir().join(format!("{case}.zip"));
    let before = verify(&archive, &bytes).await?;
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    let after = verify(&archive, &bytes).await?;
    tokio::fs::remove_file(&archive).await?;
    ensure!(before && !after, "verified as it was: {before}; with one bit changed: {after}");
    report.step("`document verify` proves it offline, and refuses it with one bit changed");
    Ok(())
}

/// Whether the archive is what was signed, by the program that stands beside this one.
async fn verify(archive: &std::path::Path, bytes: &[u8]) -> Result<bool> {
    tokio::fs::write(archive, bytes).await?;
    let program = env::current_exe()?.with_file_name("document");
    let key = STANDARD.encode(testkit::audit().signer.public_key());
    let mut command = Command::new(&program);
    command.arg("verify").arg(archive).args(["--keys", &key]).stdout(Stdio::null()).stderr(Stdio::null());
    let status = command.status().await.with_context(|| format!("cannot run {}", program.display()))?;
    match status.code() {
        Some(0) => Ok(true),
        Some(1) => Ok(false),
        _ => anyhow::bail!("document verify: {status}"),
    }
}

/// Of somebody who asked to be forgotten nothing can be read any more.
async fn erased(report: &mut Report, bff: &Url, sam: &mut Citizen) -> Result<()> {
    let person = Person::register(&format!("demo-{}", &key()[..8]), &Canary::new()).await?;
    let mut citizen = Citizen::sign_in(bff, &person.user, &format!("{}-pw", person.user)).await?;
    let mut live = citizen.live(citizen.clone().head().await?).await?;
    let document = citizen.hand_in(&files::pdf()).await?;
    live.wait_for(document.id(), &["document.ready"], WITHIN).await?;
    let body = json!({"subject": person.subject});
    let erasure = sam.expect(Method::POST, "/v1/staff/erasures", Some(&key()), Some(body)).await?;
    let own = erasure["_links"]["self"].as_str().context("no link")?.to_owned();
    testkit::eventually(JOBS_WITHIN, || {
        let (mut sam, own) = (sam.clone(), own.clone());
        async move {
            let erasure = sam.get(&own).await?;
            ensure!(erasure["status"] == "finished" && erasure["kept"] == 0, "the erasure is {erasure}");
            Ok(())
        }
    })
    .await?;
    let left = sam.get(&format!("/v1/documents/{}", document.id())).await?;
    ensure!(left["status"] == "erased" && left["file_name"].is_null(), "left is {left}");
    let session = citizen.call(Method::GET, "/v1/documents", None, None).await?;
    ensure!(session.status() == StatusCode::UNAUTHORIZED, "the session gave {}", session.status());
    person.forget().await?;
    report.step("a person erased: document, name, mail, session and key are gone");
    Ok(())
}
