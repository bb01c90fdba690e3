//! `cargo xtask crash journeys`: kills services in the midst of journeys and counts what was lost, doubled or out of order.

#![expect(clippy::print_stdout, reason = "its output is what it is for")]

use std::collections::{BTreeMap, BTreeSet};
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use clap::Parser;
use e2e::citizen::key;
use e2e::files;
use e2e::{Citizen, Service, World};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// The citizens of the local realm.
const CITIZENS: [&str; 3] = ["ada", "ben", "cleo"];

/// How long one step of a journey is repeated before it counts as lost.
const STEP_WITHIN: Duration = Duration::from_secs(90);

/// How long the last verdict and the last mail may take once nothing is killed any more. Above five minutes: that is how
/// long a job that a killed worker had claimed stays leased.
const SETTLE_WITHIN: Duration = Duration::from_secs(420);

/// Kills each service during concurrent journeys and counts what was lost.
#[derive(Parser)]
struct Args {
    /// Journeys at once.
    #[arg(long, default_value_t = 50)]
    journeys: u32,
    /// Journeys that begin in one second: all are under way together, for their scans and mails take longer.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..))]
    rate: u32,
    /// How often each service is killed.
    #[arg(long, default_value_t = 1)]
    kills: usize,
}

/// What one citizen's live stream brought.
#[derive(Default)]
struct Followed {
    rows: Mutex<Vec<e2e::Row>>,
    broken: Mutex<Vec<String>>,
}

impl Followed {
    fn last(&self) -> i64 {
        self.rows.lock().unwrap_or_else(PoisonError::into_inner).last().map_or(0, |row| row.seq)
    }
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
    let start = Instant::now();
    let mut world = World::start().await?;
    println!("services up after {} ms; logs in {}", start.elapsed().as_millis(), world.dir().display());
    let mut citizens = Vec::new();
    for user in CITIZENS {
        citizens.push(Citizen::sign_in(&world.bff, user, &format!("{user}-pw")).await?);
    }

    let (stop, stopped) = watch::channel(false);
    let mut followers = JoinSet::new();
    let mut followed = Vec::new();
    for citizen in &citizens {
        let seen = Arc::new(Followed::default());
        followed.push(seen.clone());
        followers.spawn(follow(citizen.clone(), seen, stopped.clone()));
    }

    let mut journeys = JoinSet::new();
    for (number, citizen) in (0..args.journeys).zip(citizens.iter().cycle().cloned()) {
        let begins = Duration::from_secs(1) * number / args.rate;
        journeys.spawn(async move {
            tokio::time::sleep(begins).await;
            journey(citizen).await
        });
    }
    let mut kills = 0;
    for _ in 0..args.kills {
        for service in Service::ALL {
            // Each kill hits another phase: it waits for some more progress, not for a time.
            let before: i64 = followed.iter().map(|seen| seen.last()).sum();
            progress(&followed, before + 5).await;
            world.kill(service).await?;
            kills += 1;
            world.spawn(service)?;
            let restart = Instant::now();
            world.ready(service).await?;
            println!("{} killed, ready again after {} ms", service.name(), restart.elapsed().as_millis());
        }
    }
    let mut acknowledged = BTreeMap::new();
    while let Some(done) = journeys.join_next().await {
        let (id, name) = done?.context("a journey")?;
        ensure!(acknowledged.insert(id.clone(), name).is_none(), "two journeys got document {id}");
    }
    println!("{} documents acknowledged, {kills} kills", acknowledged.len());

    let lost = settle(&mut citizens, &followed, &acknowledged).await?;
    // A sender that signals the end has no more to say.
    stop.send_replace(true);
    while let Some(done) = followers.join_next().await {
        done?;
    }
    verdict(&followed, &acknowledged, &lost).await
}

/// Waits until the live streams have brought `rows` rows in all, or for two seconds when nothing more is on its way.
async fn progress(followed: &[Arc<Followed>], rows: i64) {
    let reached = testkit::eventually(Duration::from_secs(2), || async {
        let sum: i64 = followed.iter().map(|seen| seen.last()).sum();
        if sum >= rows { Ok(()) } else { Err(sum) }
    });
    if let Err(sum) = reached.await {
        println!("(no progress beyond {sum} rows; killing all the same)");
    }
}

/// Hands in one document, repeating each step with its own key until it is acknowledged.
async fn journey(citizen: Citizen) -> Result<(String, String)> {
    let file = files::pdf();
    let (first, second) = (key(), key());
    let document = repeat(|| {
        let (mut citizen, file, key) = (citizen.clone(), file.clone(), first.clone());
        async move { citizen.initiate(&file, &key).await }
    })
    .await?;
    repeat(|| {
        let (citizen, document, bytes) = (citizen.clone(), document.clone(), file.bytes.clone());
        async move {
            let answer = citizen.put(&document, bytes).await?;
            ensure!(answer.status().is_success(), "the store: {}", answer.status());
            Ok(())
        }
    })
    .await?;
    repeat(|| {
        let (mut citizen, id, key) = (citizen.clone(), document.id().to_owned(), second.clone());
        async move { citizen.confirm(&id, &key).await }
    })
    .await?;
    Ok((document.id().to_owned(), file.name))
}

async fn repeat<T, F: Future<Output = Result<T>>>(step: impl FnMut() -> F) -> Result<T> {
    testkit::eventually(STEP_WITHIN, step).await
}

/// Follows a feed through every cut, resuming with the last number, until told to stop.
async fn follow(citizen: Citizen, seen: Arc<Followed>, mut stopped: watch::Receiver<bool>) {
    while !*stopped.borrow() {
        // With pauses between its tries: a follower must not take the machine from a service that starts.
        let Ok(mut live) = repeat(|| citizen.live(seen.last())).await else { continue };
        loop {
            let row = tokio::select! {
                row = live.next() => row,
                _ = stopped.changed() => return,
            };
            let Ok(row) = row else { break };
            seen.rows.lock().unwrap_or_else(PoisonError::into_inner).push(row);
        }
        if let Some(broken) = live.broken {
            seen.broken.lock().unwrap_or_else(PoisonError::into_inner).push(broken);
            return;
        }
    }
}

/// Waits until every acknowledged document is ready and its mail was sent; gives those that are not.
async fn settle(
    citizens: &mut [Citizen],
    followed: &[Arc<Followed>],
    acknowledged: &BTreeMap<String, String>,
) -> Result<Vec<String>> {
    let waiting = || {
        let told: BTreeSet<String> = followed
            .iter()
            .flat_map(|seen| seen.rows.lock().unwrap_or_else(PoisonError::into_inner).clone())
            .filter(|row| row.status == "document.ready")
            .map(|row| row.subject_id)
            .collect();
        acknowledged.keys().filter(|id| !told.contains(*id)).cloned().collect::<Vec<_>>()
    };
    let settled = testkit::eventually(SETTLE_WITHIN, || async {
        let lost = waiting();
        if lost.is_empty() { Ok(()) } else { Err(lost.len()) }
    });
    if let Err(lost) = settled.await {
        println!("{lost} documents were never told to be ready");
    }
    // What counts is the truth behind the stream too.
    let mut lost = waiting();
    for id in acknowledged.keys() {
        let mut found = false;
        for citizen in citizens.iter_mut() {
            found |=
                citizen.get(&format!("/v1/documents/{id}")).await.is_ok_and(|doc| doc["status"] == "ready");
        }
        if !found && !lost.contains(id) {
            lost.push(id.clone());
        }
    }
    Ok(lost)
}

async fn verdict(
    followed: &[Arc<Followed>],
    acknowledged: &BTreeMap<String, String>,
    lost: &[String],
) -> Result<()> {
    let mut broken = Vec::new();
    let mut rows = 0;
    for seen in followed {
        broken.extend(seen.broken.lock().unwrap_or_else(PoisonError::into_inner).clone());
        rows += seen.rows.lock().unwrap_or_else(PoisonError::into_inner).len();
    }
    let mailbox = testkit::mailbox();
    let counted = testkit::eventually(SETTLE_WITHIN, || async {
        let mails = mailbox.all().await.map_err(|error| (error.to_string(), 0, 0))?;
        let mut missing = 0;
        let mut copies = 0;
        let mut several = 0;
        for name in acknowledged.values() {
            let about: Vec<&str> = mails
                .iter()
                .filter(|mail| mail.text.contains(name))
                .map(testkit::Caught::message_id)
                .collect();
            missing += usize::from(about.is_empty());
            copies += about.len().saturating_sub(1);
            several += usize::from(about.iter().collect::<BTreeSet<_>>().len() > 1);
        }
        if missing == 0 {
            Ok((copies, several))
        } else {
            Err((format!("{missing} mails missing"), copies, several))
        }
    })
    .await;
    let (missing, copies, several) = match counted {
        Ok((copies, several)) => (String::from("0 mails missing"), copies, several),
        Err(worst) => worst,
    };
    println!("documents lost: {}", lost.len());
    println!("live rows: {rows}, gaps or repeats: {}", broken.len());
    println!("{missing}, copies: {copies}, documents with several Message-IDs: {several}");
    ensure!(lost.is_empty(), "lost documents: {lost:?}");
    ensure!(broken.is_empty(), "live streams: {broken:?}");
    ensure!(missing.starts_with("0 "), "{missing}");
    ensure!(several == 0, "{several} documents have mails with several Message-IDs");
    Ok(())
}
