//! A run of many bills while the services that make it are killed.

#![expect(clippy::print_stdout, reason = "its output is what it is for")]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use failpoint::CrashAt;
use proto::document::v1::document_service_client::DocumentServiceClient;
use proto::document::v1::{ConfirmUploadRequest, GetDocumentRequest, InitiateUploadRequest};
use proto::payment::v1::{BillRunFormat, BillRunStatus, CreateRunRequest, GetRunRequest};
use rand::Rng as _;
use rand::rngs::StdRng;
use sha2::{Digest as _, Sha256};
use testkit::place::{Death, resident_kib};
use tokio::task::JoinSet;

use super::calls::{Caller, Who};
use super::world::{About, World};
use super::{chance, end, seed};
use crate::plan::points_of_run;
use crate::role::Role;

/// How long a file is scanned at most.
const SCANNED: Duration = Duration::from_secs(60);
/// How long a run may take.
const OVER: Duration = Duration::from_secs(45 * 60);
const LOOK: Duration = Duration::from_millis(500);
const REPORT: Duration = Duration::from_secs(15);
/// How long a point is waited for.
const PATIENCE: Duration = Duration::from_secs(120);
/// People whom the bills are for: each has a key of their own.
const PAYERS: usize = 200;
/// What a process may come to have more than it had when it began to work, by the end: a build without optimisation fills its pools and
/// caches once, and a run that is kept in memory would cost several times this.
const GROWTH_MIB: u64 = 48;

/// What a run of bills can be told.
#[derive(Debug, clap::Args)]
pub struct Run {
    /// Where logs are kept.
    #[arg(long)]
    dir: PathBuf,
    /// Choose kills as an earlier run did.
    #[arg(long)]
    seed: Option<u64>,
    /// Lines of the file.
    #[arg(long, default_value_t = 10_000)]
    lines: usize,
    /// Kills, of both services in turn.
    #[arg(long, default_value_t = 5)]
    kills: usize,
}

/// What processes had resident, in KiB.
#[derive(Clone, Copy, Debug, Default)]
struct Memory {
    start: u64,
    peak: u64,
    end: u64,
}

impl Run {
    /// Hands in a file, has it issued under kills, and counts what came of it.
    ///
    /// # Errors
    /// When servers or processes cannot be handled.
    pub async fn run(&self) -> Result<bool> {
        let seed = seed(self.seed, &self.dir);
        let world = Arc::new(World::make(About::Bills, &self.dir).await?);
        let mut random = chance(seed, 50);
        let deaths = Arc::new(Mutex::new(self.deaths(&mut random)));
        let (mut processes, memory) = self.keep(&world, &deaths);
        let mut sam = Caller { world: Arc::clone(&world), random };
        let tag = format!("{:08x}", sam.random.random::<u32>());
        let document = hand_in(&mut sam, &file(&tag, self.lines)).await?;
        let start = Instant::now();
        let run = begin(&mut sam, &document).await?;
        println!("run {run} of {} lines begun", self.lines);
        let (mut next, mut kept) = (Instant::now() + REPORT, Kept::default());
        let over = loop {
            kept.look(&memory);
            let seen = look(&mut sam, &run).await?;
            if seen.finished_at.is_some() || start.elapsed() > OVER {
                break seen;
            }
            if Instant::now() >= next {
                next += REPORT;
                let kills: u64 = Role::KILLED.iter().map(|role| world.deaths(*role).kills()).sum();
                println!(
                    "{:>5} s  read {}, issued {}, killed {kills}",
                    start.elapsed().as_secs(),
                    seen.lines,
                    seen.issued
                );
            }
            if let Some(ended) = processes.try_join_next() {
                ended??;
            }
            tokio::time::sleep(LOOK).await;
        };
        let took = start.elapsed();
        let counted = count(&world, &tag).await?;
        let (right, ledger) = world.operate(&["ledger", "verify", "--tenant", super::world::TENANT]).await?;
        end(&world, [processes]).await?;

        let kills: u64 = Role::KILLED.iter().map(|role| world.deaths(*role).kills()).sum();
        println!("\nseed {seed}, {:.0} s; {} lines, {kills} kills", took.as_secs_f64(), self.lines);
        for role in Role::KILLED {
            print!("{}", world.deaths(role).table(role.name(), points_of_run(role)));
        }
        println!(
            "run: {:?}, lines {}, issued {}, refused {}",
            over.status(),
            over.lines,
            over.issued,
            over.refused
        );
        println!(
            "bills {}, references {}, entries {}, events {}",
            counted.bills, counted.references, counted.entries, counted.events
        );
        print!("{ledger}");
        let flat = kept.print();
        let lines = i64::try_from(self.lines)?;
        let every = over.status() == BillRunStatus::Finished && i64::from(over.issued) == lines;
        let lost = lines - counted.references.min(lines);
        let doubled = counted.bills - counted.references
            + (counted.entries - counted.bills).abs()
            + (counted.events - counted.bills).abs();
        println!("lost {lost}, doubled {doubled}");
        let killed = kills >= u64::try_from(self.kills)?;
        if !killed {
            println!("not done: {kills} kills of {}", self.kills);
        }
        let clean = every && lost == 0 && doubled == 0 && right && flat;
        println!("{}", if clean { "every promise was kept" } else { "NOT CLEAN" });
        Ok(clean && killed)
    }

    /// How the processes are to die, the last first: both services in turn.
    fn deaths(&self, random: &mut StdRng) -> BTreeMap<Role, Vec<Death>> {
        let mut deaths: BTreeMap<Role, Vec<Death>> = BTreeMap::new();
        for (number, role) in (0..self.kills).zip(Role::KILLED.iter().cycle()) {
            // At each point, in the order in which a run comes to them, and then at a random moment.
            let points = points_of_run(*role);
            let death = match points.get(number / Role::KILLED.len() % (points.len() + 1)) {
                Some((point, often)) => {
                    let count = random.random_range(1..=*often);
                    Death::At(CrashAt { point: (*point).to_owned(), count }, PATIENCE)
                }
                None => Death::Working(Duration::from_millis(random.random_range(10_000..40_000))),
            };
            deaths.entry(*role).or_default().insert(0, death);
        }
        deaths
    }

    fn keep(
        &self,
        world: &Arc<World>,
        deaths: &Arc<Mutex<BTreeMap<Role, Vec<Death>>>>,
    ) -> (JoinSet<Result<()>>, BTreeMap<Role, Arc<AtomicU32>>) {
        let (mut processes, mut running) = (JoinSet::new(), BTreeMap::new());
        for role in world.roles().iter().copied() {
            let (place, phase) = (world.place(role), world.phase.subscribe());
            running.insert(role, Arc::clone(&place.running));
            let (world, deaths) = (Arc::clone(world), Arc::clone(deaths));
            processes.spawn(async move {
                let choose = |_: &_| {
                    deaths.lock().unwrap_or_else(PoisonError::into_inner).get_mut(&role).and_then(Vec::pop)
                };
                let died = |how: String| {
                    println!("         {role} died: {how}");
                    world.died(role)
                };
                place.keep(phase, choose, died).await
            });
        }
        (processes, running)
    }
}

/// The memory of each process that there was.
#[derive(Debug, Default)]
struct Kept(BTreeMap<Role, Vec<(u32, Memory)>>);

impl Kept {
    fn look(&mut self, running: &BTreeMap<Role, Arc<AtomicU32>>) {
        for role in Role::KILLED {
            let process = running.get(&role).map_or(0, |process| process.load(Ordering::Relaxed));
            let Some(resident) = resident_kib(process).filter(|resident| *resident > 0) else { continue };
            let of = self.0.entry(role).or_default();
            match of.last_mut().filter(|(last, _)| *last == process) {
                Some((_, memory)) => {
                    memory.peak = memory.peak.max(resident);
                    memory.end = resident;
                }
                None => of.push((process, Memory { start: resident, peak: resident, end: resident })),
            }
        }
    }

    /// Prints it; whether the last process of each service, which has issued most, stayed as it was.
    fn print(&self) -> bool {
        let mut flat = true;
        for (role, of) in &self.0 {
            for (process, Memory { start, peak, end }) in of {
                println!(
                    "{role} {process}: resident MiB {} at its start, {} at its peak, {} at its end",
                    start / 1024,
                    peak / 1024,
                    end / 1024
                );
            }
            flat &=
                of.last().is_some_and(|(_, memory)| memory.end / 1024 <= memory.start / 1024 + GROWTH_MIB);
        }
        if !flat {
            println!("memory has grown by more than {GROWTH_MIB} MiB");
        }
        flat
    }
}

/// What came of the lines.
struct Counted {
    bills: i64,
    references: i64,
    entries: i64,
    events: i64,
}

async fn count(world: &World, tag: &str) -> Result<Counted> {
    // The last events are on their way when the run is over.
    let published = testkit::eventually(SCANNED, || async {
        let mut rows = world.rows(Role::Payment).await;
        let left: i64 = sqlx::query_scalar("select count(*) from outbox")
            .fetch_one(&mut rows)
            .await
            .map_err(|error| error.to_string())?;
        if left == 0 { Ok(()) } else { Err(format!("{left} events wait in the outbox")) }
    });
    published.await.map_err(anyhow::Error::msg)?;
    let all = "select count(*), count(distinct reference), (select count(*) from ledger_entries where kind = 'bill_issued')
                 from bills where reference like $1 and status = 'issued'";
    let (bills, references, entries): (i64, i64, i64) =
        sqlx::query_as(all).bind(format!("{tag}/%")).fetch_one(&mut world.rows(Role::Payment).await).await?;
    let mut ids = std::collections::BTreeSet::new();
    for record in world.kafka.records(topology::topics::BILLING).await {
        let event = kafka::CloudEvent::parse(&record)?;
        if event.type_ == "guildhall.billing.bill_issued.v1" {
            ids.insert(event.id.to_string());
        }
    }
    Ok(Counted { bills, references, entries, events: i64::try_from(ids.len())? })
}

/// Bills of 12.50 euros each.
fn file(tag: &str, lines: usize) -> Vec<u8> {
    let mut out = String::from(
        "reference,payer,payer_name,due_on,description,fund,quantity,unit_price,currency,tax_rate\n",
    );
    for number in 1..=lines {
        let payer = number % PAYERS;
        // Writing to a `String` cannot fail.
        let _ = writeln!(
            out,
            "{tag}/{number},payer-{payer},Somebody,2035-01-31,Rubbish collection,rubbish,1,12.50,EUR,"
        );
    }
    out.into_bytes()
}

/// Hands in a file as staff do, and waits until it was scanned.
async fn hand_in(sam: &mut Caller, bytes: &[u8]) -> Result<String> {
    let client = DocumentServiceClient::new(sam.world.channel(Role::Document)?);
    let message = InitiateUploadRequest {
        purpose: "bill-run".to_owned(),
        file_name: "bills.csv".to_owned(),
        content_type: "text/csv".to_owned(),
        size_bytes: i64::try_from(bytes.len())?,
        sha256: Sha256::digest(bytes).to_vec(),
    };
    let initiated = sam.call(Who::Staff, &message, |request| {
        let mut client = client.clone();
        async move { client.initiate_upload(request).await }
    });
    let initiated = initiated.await?;
    let (document, upload) =
        (initiated.document.context("a document")?.document_id, initiated.upload.context("an upload")?);
    let mut put = reqwest::Client::new().put(&upload.url).body(bytes.to_vec());
    for (name, value) in upload.headers.iter().filter(|(name, _)| *name != "content-length") {
        put = put.header(name, value);
    }
    put.send().await?.error_for_status()?;
    let message = ConfirmUploadRequest { document_id: document.clone() };
    let confirmed = sam.call(Who::Staff, &message, |request| {
        let mut client = client.clone();
        async move { client.confirm_upload(request).await }
    });
    confirmed.await?;
    let until = Instant::now() + SCANNED;
    loop {
        let message = GetDocumentRequest { document_id: document.clone(), version: 0 };
        let read = sam.call(Who::Staff, &message, |request| {
            let mut client = client.clone();
            async move { client.get_document(request).await }
        });
        let status = read.await?.document.context("a document")?.status();
        if status == proto::document::v1::DocumentStatus::Ready {
            return Ok(document);
        }
        ensure!(Instant::now() < until, "the file is {status:?} after {} s", SCANNED.as_secs());
        tokio::time::sleep(LOOK).await;
    }
}

async fn begin(sam: &mut Caller, document: &str) -> Result<String> {
    let client = sam.world.billing()?;
    let message = CreateRunRequest { document_id: document.to_owned(), format: BillRunFormat::Csv.into() };
    let begun = sam.call(Who::Staff, &message, |request| {
        let mut client = client.clone();
        async move { client.create_run(request).await }
    });
    Ok(begun.await?.run.context("a run")?.run_id)
}

async fn look(sam: &mut Caller, run: &str) -> Result<proto::payment::v1::BillRun> {
    let client = sam.world.billing()?;
    let message = GetRunRequest { run_id: run.to_owned() };
    let read = sam.call(Who::Staff, &message, |request| {
        let mut client = client.clone();
        async move { client.get_run(request).await }
    });
    read.await?.run.context("a run")
}
