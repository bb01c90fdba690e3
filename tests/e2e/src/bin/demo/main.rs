//! `cargo xtask demo`: one citizen's evidence and money through the running stack, a line per step.

#![expect(clippy::print_stdout, reason = "its output is what it is for")]

mod money;
mod office;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use clap::Parser;
use e2e::citizen::key;
use e2e::files::{self, File};
use e2e::{Citizen, Live};
use http::{Method, StatusCode};
use url::Url;

/// How long a verdict or a mail may take.
const WITHIN: Duration = Duration::from_secs(30);

/// Takes documents through the whole journey and says what happened.
#[derive(Parser)]
struct Args {
    /// Where `bff` is.
    #[arg(long, env = "GUILDHALL_BFF_URL", default_value = "http://localhost:8080/")]
    bff: Url,
    /// Who signs in.
    #[arg(long, default_value = "ada")]
    user: String,
    /// Their password.
    #[arg(long, env = "GUILDHALL_DEMO_PASSWORD", default_value = "ada-pw")]
    password: String,
    /// Where PDFs are kept, to be looked at.
    #[arg(long, default_value = "target/demo")]
    keep: PathBuf,
    /// Only hand in documents of several people, for something to look at.
    #[arg(long)]
    seed: bool,
}

#[tokio::main]
async fn main() -> ExitCode {
    let args = Args::parse();
    let mut report = Report::default();
    if args.seed {
        return match seed(&args, &mut report).await {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                println!("FAILED: {error:#}");
                ExitCode::FAILURE
            }
        };
    }
    match run(&args, &mut report).await {
        Ok(trace) => {
            println!(
                "\n{} steps, all as expected, {} ms. Trace of the journey: {trace}",
                report.steps,
                report.start.elapsed().as_millis()
            );
            ExitCode::SUCCESS
        }
        Err(error) => {
            println!("\nFAILED after {} steps: {error:#}", report.steps);
            ExitCode::FAILURE
        }
    }
}

struct Report {
    start: Instant,
    last: Instant,
    steps: u32,
}

impl Default for Report {
    fn default() -> Self {
        let now = Instant::now();
        Self { start: now, last: now, steps: 0 }
    }
}

impl Report {
    fn step(&mut self, what: &str) {
        self.steps += 1;
        println!("{:>3}. {what:<74} {:>6} ms", self.steps, self.last.elapsed().as_millis());
        self.last = Instant::now();
    }
}

async fn run(args: &Args, report: &mut Report) -> Result<String> {
    let mut citizen = Citizen::sign_in(&args.bff, &args.user, &args.password).await.context("sign-in")?;
    report.step(&format!("{} signed in through the provider's form", args.user));
    let mut live = citizen.live(citizen.clone().head().await?).await?;
    report.step("live stream open");

    let mut ready = Vec::new();
    for file in [files::pdf(), files::png()?] {
        ready.push(accepted(report, &mut citizen, &mut live, &file).await?);
    }
    refused(report, &mut citizen, &mut live, &files::text_as_pdf(), "TYPE_MISMATCH").await?;
    refused(report, &mut citizen, &mut live, &files::eicar(), "INFECTED").await?;
    other_bytes(report, &mut citizen).await?;
    office::run(&args.bff, report, &mut citizen, &mut live, &ready).await?;
    money::run(&args.bff, &args.keep, report, &mut citizen).await?;
    Ok(citizen.trace_id)
}

/// Good and bad documents of the realm's citizens.
async fn seed(args: &Args, report: &mut Report) -> Result<()> {
    for user in ["ada", "ben", "cleo"] {
        let mut citizen = Citizen::sign_in(&args.bff, user, &format!("{user}-pw")).await?;
        for file in [files::pdf(), files::png()?, files::text(), files::eicar()] {
            citizen.hand_in(&file).await?;
            report.step(&format!("{user} handed in {}", file.name));
        }
    }
    Ok(())
}

/// A good file: unreadable before the verdict, downloaded byte for byte after it, told by mail.
async fn accepted(
    report: &mut Report,
    citizen: &mut Citizen,
    live: &mut Live,
    file: &File,
) -> Result<String> {
    let document = citizen.initiate(file, &key()).await?;
    let early =
        citizen.call(Method::GET, &format!("/v1/documents/{}/download", document.id()), None, None).await?;
    ensure!(early.status() == StatusCode::LOCKED, "a download before the verdict gave {}", early.status());
    report.step(&format!("{} declared; unreadable before its verdict (423)", file.name));
    let stored = citizen.put(&document, file.bytes.clone()).await?;
    ensure!(stored.status().is_success(), "the store refused {}: {}", file.name, stored.status());
    report.step(&format!("{} bytes put straight to the store", file.bytes.len()));
    let confirmed = citizen.confirm(document.id(), &key()).await?;
    ensure!(confirmed.status() == "uploaded", "confirmed as {}", confirmed.status());
    let row = live.wait_for(document.id(), &["document.ready", "document.rejected"], WITHIN).await?;
    ensure!(row.status == "document.ready", "{} ended {} {:?}", file.name, row.status, row.code);
    report.step("scanned and accepted; told on the live stream");
    let bytes = citizen.download(document.id()).await?;
    ensure!(bytes == file.bytes, "{} came back with other bytes", file.name);
    report.step("downloaded by signed URL; the same bytes");
    let mail = e2e::mail_about(&file.name, WITHIN).await?;
    report.step(&format!("e-mail \"{}\" {}", mail.subject, mail.message_id()));
    Ok(document.id().to_owned())
}

/// A bad file: the store takes it, the scan does not.
async fn refused(
    report: &mut Report,
    citizen: &mut Citizen,
    live: &mut Live,
    file: &File,
    reason: &str,
) -> Result<()> {
    let document = citizen.hand_in(file).await?;
    let row = live.wait_for(document.id(), &["document.ready", "document.rejected"], WITHIN).await?;
    ensure!(row.status == "document.rejected", "{} ended {}", file.name, row.status);
    ensure!(row.code.as_deref() == Some(reason), "{} was rejected for {:?}", file.name, row.code);
    let download =
        citizen.call(Method::GET, &format!("/v1/documents/{}/download", document.id()), None, None).await?;
    ensure!(download.status() == StatusCode::CONFLICT, "a rejected document gave {}", download.status());
    report.step(&format!("{} rejected: {reason}", file.name));
    Ok(())
}

/// Bytes that are not the declared ones: the store refuses them, and there is nothing to confirm.
async fn other_bytes(report: &mut Report, citizen: &mut Citizen) -> Result<()> {
    let file = files::text();
    let document = citizen.initiate(&file, &key()).await?;
    let mut bytes = file.bytes.clone();
    bytes[0] ^= 1;
    let answer = citizen.put(&document, bytes).await?;
    ensure!(answer.status() == StatusCode::BAD_REQUEST, "other bytes gave {}", answer.status());
    let path = format!("/v1/documents/{}/confirm", document.id());
    let confirm = citizen.call(Method::POST, &path, Some(&key()), None).await?;
    ensure!(confirm.status() == StatusCode::CONFLICT, "confirming nothing gave {}", confirm.status());
    report.step("other bytes than declared: refused by the store (400), nothing to confirm (409)");
    Ok(())
}
