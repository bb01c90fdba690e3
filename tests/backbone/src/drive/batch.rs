//! One batch: processes on a world of their own, killed or left alone, brought to rest and judged.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::fault;
use super::record::Record;
use super::servers::Servers;
use super::slot::{self, Slot};
use super::world::{Progress, World};
use crate::ledger::{self, Acknowledged, Ledger};
use crate::roles::{Load, Role};
use crate::verdict::Verdict;

/// Rest must last for so long, so that a late repeat shows.
const QUIET: Duration = Duration::from_millis(1_500);
const REPORT: Duration = Duration::from_secs(10);
/// Faults have aftermaths: connections come back, members rejoin.
const AFTERMATH: Duration = Duration::from_secs(5);

/// Every role twice, so that another can take over; consumers, which are the slowest to come back, three times.
const SLOTS: [(Role, usize); 7] = [
    (Role::Producer, 0),
    (Role::Producer, 1),
    (Role::Relay, 0),
    (Role::Relay, 1),
    (Role::Consumer, 0),
    (Role::Consumer, 1),
    (Role::Consumer, 2),
];

/// What the outbox's table grew to.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Bloat {
    /// Deleted rows that were not vacuumed away.
    pub(super) dead: i64,
    /// Table and indexes.
    pub(super) kib: i64,
}

/// When killing ends: whichever comes first.
#[derive(Clone, Copy, Debug)]
pub(super) struct End {
    /// Every role was killed so often.
    pub(super) kills: Option<u64>,
    pub(super) within: Duration,
}

/// What the processes are told to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Phase {
    /// Everything runs and nothing is killed.
    Calm,
    /// Everything runs until it is killed, and again.
    Killing,
    /// Producers end; the others finish what there is.
    Resting,
    /// Everything ends.
    Over,
}

/// What the tasks of a batch share.
pub(super) struct Shared {
    pub(super) place: String,
    pub(super) logs: PathBuf,
    pub(super) load: Load,
    pub(super) phase: watch::Sender<Phase>,
    pub(super) slots: Vec<Slot>,
    ledger: Mutex<Ledger>,
    record: Mutex<Record>,
    disturbance: Mutex<Disturbance>,
    /// When the leading relay died, unless another has published since.
    pub(super) leaderless: Mutex<Option<Instant>>,
}

#[derive(Default)]
struct Disturbance {
    active: usize,
    ended: Option<Instant>,
}

/// No code that holds one of these locks can panic half way through a change.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    pub(super) fn record(&self) -> MutexGuard<'_, Record> {
        lock(&self.record)
    }

    pub(super) fn acknowledge(&self, entry: &Acknowledged) -> Result<()> {
        lock(&self.ledger).add(entry)
    }

    pub(super) fn disturb(&self, name: &str) {
        *self.record().faults.entry(name.to_owned()).or_default() += 1;
        lock(&self.disturbance).active += 1;
    }

    pub(super) fn calm_down(&self) {
        let mut disturbance = lock(&self.disturbance);
        disturbance.active = disturbance.active.saturating_sub(1);
        disturbance.ended = Some(Instant::now());
    }

    /// Whether nothing but kills has been wrong since `then`, and for a while before.
    pub(super) fn calm_since(&self, then: Instant) -> bool {
        let disturbance = lock(&self.disturbance);
        disturbance.active == 0 && disturbance.ended.is_none_or(|ended| then > ended + AFTERMATH)
    }
}

/// A batch under way.
pub(super) struct Batch {
    shared: Arc<Shared>,
    world: World,
    servers: Servers,
    dir: PathBuf,
    seed: u64,
    start: Instant,
    tasks: JoinSet<Result<()>>,
    recorder: tokio::task::JoinHandle<()>,
}

impl Batch {
    /// Makes its world; nothing runs yet.
    pub(super) async fn start(dir: &Path, servers: &Servers, seed: u64, load: Load) -> Result<Self> {
        let _ = fs::remove_dir_all(dir);
        fs::create_dir_all(dir).with_context(|| format!("cannot make {}", dir.display()))?;
        let world = World::make(servers, load.keys).await?;
        let shared = Arc::new(Shared {
            place: serde_json::to_string(&world.place)?,
            logs: dir.to_owned(),
            load,
            phase: watch::Sender::new(Phase::Calm),
            slots: SLOTS.iter().map(|(role, index)| Slot::new(*role, *index)).collect(),
            ledger: Mutex::new(Ledger::create(&dir.join("acknowledged"))?),
            record: Mutex::new(Record::new(seed)),
            disturbance: Mutex::default(),
            leaderless: Mutex::default(),
        });
        let recorder = tokio::spawn(synchronise(Arc::clone(&shared)));
        Ok(Self {
            shared,
            world,
            servers: servers.clone(),
            dir: dir.to_owned(),
            seed,
            start: Instant::now(),
            tasks: JoinSet::new(),
            recorder,
        })
    }

    fn run(&mut self, slots: impl Iterator<Item = usize>) {
        for slot in slots {
            let seed = self.seed.wrapping_mul(1_000).wrapping_add(u64::try_from(slot).unwrap_or(0));
            self.tasks.spawn(slot::run(Arc::clone(&self.shared), slot, StdRng::seed_from_u64(seed)));
        }
    }

    /// Runs everything and kills it again and again, while servers and connections fail.
    pub(super) async fn kill(&mut self, end: End) -> Result<()> {
        let until = Instant::now() + end.within;
        self.shared.phase.send_replace(Phase::Killing);
        self.run(0..self.shared.slots.len());
        let stop = CancellationToken::new();
        let random = StdRng::seed_from_u64(self.seed);
        let faults = fault::run(&self.shared, &self.servers, random, until, &stop);
        let enough = async {
            let mut next = Instant::now() + REPORT;
            loop {
                tokio::time::sleep(Duration::from_millis(100)).await;
                let kills = Role::ALL.map(|role| self.shared.record().kills(role));
                if Instant::now() >= next {
                    next += REPORT;
                    self.report().await;
                }
                if Instant::now() >= until
                    || end.kills.is_some_and(|wanted| kills.iter().all(|n| *n >= wanted))
                {
                    return;
                }
            }
        };
        // A fault that has begun is seen to its end: a server that was stopped must be up again.
        let killing = async {
            enough.await;
            stop.cancel();
        };
        let (faults, ()) = tokio::join!(faults, killing);
        faults
    }

    /// Runs a producer to its own end, a relay and two consumers; nothing is killed. Returns what the outbox's table was
    /// seen to grow to.
    pub(super) async fn produce(&mut self) -> Result<Bloat> {
        self.run([0, 2, 4, 5].into_iter());
        let mut most = Bloat::default();
        loop {
            tokio::select! {
                // The producer's is the only task that ends by itself; the others end by an error.
                ended = self.tasks.join_next() => {
                    ended.context("nothing runs")???;
                    return Ok(most);
                }
                () = tokio::time::sleep(REPORT) => {
                    if let Some(now) = self.report().await {
                        most = Bloat { dead: most.dead.max(now.dead), kib: most.kib.max(now.kib) };
                    }
                }
            }
        }
    }

    async fn report(&self) -> Option<Progress> {
        let kills: Vec<String> =
            Role::ALL.iter().map(|role| format!("{role} {}", self.shared.record().kills(*role))).collect();
        let seconds = self.start.elapsed().as_secs();
        let Ok(now) = self.world.progress().await else {
            println!("{seconds:>5} s  kills: {}; the database is away", kills.join(", "));
            return None;
        };
        println!(
            "{seconds:>5} s  kills: {}; steps committed {}, applied {}, outbox {} ({} dead rows, {} KiB); jobs {}, received {}",
            kills.join(", "),
            now.committed,
            now.applied,
            now.outbox,
            now.dead,
            now.kib,
            now.jobs,
            now.received
        );
        Some(now)
    }

    /// Ends the producers, heals everything, and waits until nothing is on its way any more.
    pub(super) async fn rest(&self, patience: Duration) -> Result<()> {
        self.servers.heal().await?;
        self.shared.phase.send_replace(Phase::Resting);
        let end = Instant::now() + patience;
        let (mut quiet, mut next) = (None, Instant::now() + REPORT);
        loop {
            tokio::time::sleep(Duration::from_millis(100)).await;
            let at_rest = self.world.progress().await.is_ok_and(Progress::at_rest);
            let now = Instant::now();
            if !at_rest {
                quiet = None;
            } else if now >= *quiet.get_or_insert(now) + QUIET {
                return Ok(());
            }
            if now >= next {
                next += REPORT;
                self.report().await;
            }
            if now >= end {
                println!("not at rest after {} s; what is missing now counts as lost", patience.as_secs());
                return Ok(());
            }
        }
    }

    /// Ends everything and judges.
    pub(super) async fn finish(mut self) -> Result<Record> {
        self.shared.phase.send_replace(Phase::Over);
        while let Some(ended) = self.tasks.join_next().await {
            ended??;
        }
        self.recorder.abort();
        lock(&self.shared.ledger).sync()?;
        let acknowledged = ledger::read(&self.dir.join("acknowledged"))?;
        let found = self.world.found(acknowledged).await?;
        let mut record = self.shared.record().clone();
        record.seconds = self.start.elapsed().as_secs_f64();
        record.late = lock(&self.shared.ledger).late;
        record.verdict = Verdict::on(&found);
        Ok(record)
    }
}

/// Has the ledger on disk a moment after each acknowledgement.
async fn synchronise(shared: Arc<Shared>) {
    loop {
        tokio::time::sleep(Duration::from_millis(50)).await;
        let shared = Arc::clone(&shared);
        let synced = tokio::task::spawn_blocking(move || lock(&shared.ledger).sync()).await;
        if let Ok(Err(error)) = synced {
            println!("the ledger cannot be written: {error:#}");
        }
    }
}
