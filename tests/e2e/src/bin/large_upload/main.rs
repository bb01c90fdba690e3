//! `cargo xtask large-upload`: a file of gigabytes over a link that is cut again and again, from the first part to the
//! download after its review.

#![expect(clippy::print_stdout, reason = "its output is what it is for")]

mod film;
mod link;

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use aws_lc_rs::digest::{Context as Hash, SHA256, digest};
use clap::Parser;
use e2e::citizen::key;
use e2e::{Citizen, Document, Service, World};
use film::Film;
use futures::StreamExt as _;
use http::{Method, StatusCode};
use link::Link;
use reqwest::{Body, Client};
use serde_json::{Value, json};

/// How often a part is tried before the run has failed.
const TRIES: usize = 10;
/// How long a part may take.
const PART_WITHIN: Duration = Duration::from_secs(120);
/// Tokens of the local realm live for minutes, and a session renews them as it is used.
const ASK_EVERY: Duration = Duration::from_secs(2);
/// What a service's peak may grow by: far less than a file that it would keep in memory.
const GROWTH_KIB: u64 = 128 * 1024;

/// Hands in a large file over a link that is cut, and follows it to the download after its review.
#[derive(Parser)]
struct Args {
    /// Size of the file; above what the scanner looks into, so that it is quarantined.
    #[arg(long, default_value_t = 5_000_000_000, value_parser = clap::value_parser!(u64).range(200_000_000..=5_000_000_000))]
    bytes: u64,
    /// How often the link to the object store is cut, each time in the midst of a part.
    #[arg(long, default_value_t = 10)]
    cuts: u32,
    /// Base URL of toxiproxy's API.
    #[arg(long, env = "GUILDHALL_TOXIPROXY")]
    toxiproxy: String,
}

#[tokio::main]
async fn main() -> ExitCode {
    let args = Args::parse();
    match run(&args).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            println!("FAILED: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(args: &Args) -> Result<()> {
    let store = testkit::env().get("GUILDHALL_S3_ENDPOINT");
    let link = Link::open(&args.toxiproxy, &store).await?;
    // Browsers' signatures are for the link; the services dial the store itself.
    let public = ("DOCUMENT__S3__PUBLIC_ENDPOINT", link.url());
    let mut world = World::start_unready(&[(public.0, public.1)]).await?;
    world.ready(Service::Worker).await?;
    println!("services up; logs in {}", world.dir().display());
    let before = peaks(&world)?;

    let film = Film::new(args.bytes);
    let begun = Instant::now();
    let sha256 = film.sha256();
    println!("{} bytes, SHA-256 {sha256}, hashed in {:.0} s", args.bytes, begun.elapsed().as_secs_f64());
    let mut ada = Citizen::sign_in(&world.bff, "ada", "ada-pw").await?;
    let document = declare(&mut ada, &film, &sha256).await?;
    let begun = Instant::now();
    let sent = send(&mut ada, &document, &film, &link, args.cuts).await?;
    let again = sent.values().map(|times| times - 1).sum::<u32>();
    let made = link.cuts();
    println!(
        "{} parts sent in {:.0} s, the link cut {made} times, {again} parts sent again",
        sent.len(),
        begun.elapsed().as_secs_f64()
    );
    ensure!(made == args.cuts, "the link was cut {made} times, not {}", args.cuts);
    ensure!(again <= made, "more parts were sent again than the link was cut");

    let begun = Instant::now();
    ada.confirm(document.id(), &key()).await?;
    wait_for(&mut ada, document.id(), "quarantined", args.bytes).await?;
    println!("quarantined {:.0} s after the confirmation", begun.elapsed().as_secs_f64());
    let answer =
        ada.call(Method::GET, &format!("/v1/documents/{}/download", document.id()), None, None).await?;
    let (status, problem) = (answer.status(), answer.json::<Value>().await?);
    ensure!(
        status == StatusCode::LOCKED && problem["code"] == "DOCUMENT_QUARANTINED",
        "its owner's download answers {status} {problem}"
    );
    println!("its owner cannot read it: {status}");

    review(&world, document.id(), &sha256).await?;
    wait_for(&mut ada, document.id(), "ready", args.bytes).await?;
    let signed = ada.get(&format!("/v1/documents/{}/download", document.id())).await?;
    let read = digest_of(&signed).await?;
    ensure!(read == sha256, "the owner's download has SHA-256 {read}");
    println!("released; the owner's download has the declared SHA-256");

    let after = peaks(&world)?;
    println!("\n{:<14}{:>18}{:>18}", "peak resident", "before, KiB", "after, KiB");
    for (service, before) in &before {
        let after = after.get(service).copied().unwrap_or_default();
        println!("{service:<14}{before:>18}{after:>18}");
        ensure!(
            after.saturating_sub(*before) <= GROWTH_KIB,
            "{service} took more than {GROWTH_KIB} KiB for it"
        );
    }
    link.close().await?;
    world.kill(Service::Bff).await?;
    println!("\nall of it held");
    Ok(())
}

async fn declare(ada: &mut Citizen, film: &Film, sha256: &str) -> Result<Document> {
    let body = json!({
        "purpose": "recording",
        "file_name": "hearing.mp4",
        "content_type": "video/mp4",
        "size_bytes": film.size,
        "sha256": sha256,
    });
    let answer = ada.call(Method::POST, "/v1/documents", Some(&key()), Some(body)).await?;
    let (status, body) = (answer.status(), answer.json::<Value>().await?);
    ensure!(status == StatusCode::CREATED, "the declaration answers {status} {body}");
    Ok(Document(body))
}

/// Sends every part, as a client does that looks what has arrived after a loss. Returns how often each was sent.
async fn send(
    ada: &mut Citizen,
    document: &Document,
    film: &Film,
    link: &Link,
    cuts: u32,
) -> Result<BTreeMap<u64, u32>> {
    let path = document.0["_links"]["parts"].as_str().context("no link to the parts")?.to_owned();
    let size = document.0["parts"]["size_bytes"].as_u64().context("no size of parts")?;
    let count = document.0["parts"]["count"].as_u64().context("no number of parts")?;
    let http = Client::builder().timeout(PART_WITHIN).build()?;
    // Spread over the file, the last part left out: it may be too small to be cut in the midst.
    let mut to_cut: Vec<u64> = (1..=u64::from(cuts)).map(|nth| nth * count / (u64::from(cuts) + 1)).collect();
    ensure!(to_cut.iter().all(|number| (1..count).contains(number)), "too few parts for {cuts} cuts");
    let mut sent = BTreeMap::<u64, u32>::new();
    for number in 1..=count {
        let bytes = film.part(number, size);
        let sha256 = hex::encode(digest(&SHA256, &bytes));
        let mut tries = 0;
        loop {
            tries += 1;
            ensure!(tries <= TRIES, "part {number} does not arrive");
            let body = json!({ "parts": [{ "number": number, "sha256": sha256 }] });
            let answer = ada.call(Method::POST, &path, None, Some(body)).await?;
            let (status, signed) = (answer.status(), answer.json::<Value>().await?);
            ensure!(status.is_success(), "signing part {number} answers {status} {signed}");
            let upload = &signed["parts"][0]["upload"];
            let cut = to_cut.first() == Some(&number);
            if cut {
                to_cut.remove(0);
            }
            let mut request = http.put(upload["url"].as_str().context("no URL")?);
            for (name, value) in upload["headers"].as_object().context("no headers")? {
                request = request.header(name, value.as_str().unwrap_or_default());
            }
            *sent.entry(number).or_default() += 1;
            link.whole().await;
            let stream = link.stream(&bytes, cut);
            match request.body(Body::wrap_stream(stream)).send().await {
                Ok(answer) if answer.status().is_success() => break,
                Ok(answer) => println!("part {number}: the store answers {}", answer.status()),
                Err(error) => println!("part {number}: {:#}", anyhow::Error::from(error.without_url())),
            }
            // Its answer may have been lost alone.
            let listed = ada.get(&path).await?;
            let arrived = listed["arrived"].as_array().context("no list of parts")?;
            if arrived.iter().any(|part| part["number"] == number && part["sha256"] == sha256.as_str()) {
                break;
            }
        }
    }
    Ok(sent)
}

/// Waits for a status for as long as the scan's lease may last.
async fn wait_for(citizen: &mut Citizen, id: &str, status: &str, bytes: u64) -> Result<()> {
    let end = Instant::now() + Duration::from_secs(600 + bytes / 5_000_000);
    loop {
        let document = citizen.get(&format!("/v1/documents/{id}")).await?;
        if document["status"] == status {
            return Ok(());
        }
        let on_the_way =
            ["uploaded", "scanning", "quarantined"].iter().any(|step| document["status"] == *step);
        ensure!(on_the_way, "it is {} and not {status}", document["status"]);
        ensure!(Instant::now() < end, "it is still {} and not {status}", document["status"]);
        tokio::time::sleep(ASK_EVERY).await;
    }
}

/// What the office does: sees that it waits, reads it, and lets it through.
async fn review(world: &World, id: &str, sha256: &str) -> Result<()> {
    let mut sam = Citizen::sign_in(&world.bff, "sam", "sam-pw").await?;
    let waiting = sam.get("/v1/staff/quarantine").await?;
    let waits = waiting["documents"].as_array().is_some_and(|list| list.iter().any(|one| one["id"] == id));
    ensure!(waits, "it is not in the list of what waits");
    let signed = sam.get(&format!("/v1/staff/quarantine/{id}/download")).await?;
    let read = digest_of(&signed).await?;
    ensure!(read == sha256, "the reviewer's download has SHA-256 {read}");
    let body = json!({ "outcome": "released", "reason": "seen from end to end" });
    let path = format!("/v1/staff/quarantine/{id}/decision");
    let answer = sam.call(Method::POST, &path, Some(&key()), Some(body)).await?;
    ensure!(answer.status().is_success(), "the decision answers {}", answer.status());
    println!("reviewed; the reviewer's download has the declared SHA-256");
    Ok(())
}

async fn digest_of(signed: &Value) -> Result<String> {
    let url = signed["url"].as_str().context("no URL")?;
    let mut body = Client::new().get(url).send().await?.error_for_status()?.bytes_stream();
    let mut hash = Hash::new(&SHA256);
    while let Some(bytes) = body.next().await {
        hash.update(&bytes?);
    }
    Ok(hex::encode(hash.finish()))
}

fn peaks(world: &World) -> Result<BTreeMap<&'static str, u64>> {
    Service::ALL.into_iter().map(|service| Ok((service.name(), world.peak_memory(service)?))).collect()
}
