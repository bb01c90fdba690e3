//! Places for processes that are killed and started again.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, Result};
use failpoint::CrashAt;
use rand::Rng as _;
use rand::rngs::StdRng;
use rustix::process::{Pid, Signal, kill_process};
use tokio::process::{Child, Command};
use tokio::sync::watch;

/// The points that a service passes, and how often it passes each in its first seconds, at the least.
pub type Points = &'static [(&'static str, u32)];

/// A point that was not passed so long after the process was ready is not waited for any more, but longer each time: what leads to it
/// may take longer as a run goes on.
const PATIENCE: Duration = Duration::from_secs(6);
const LONGEST: Duration = Duration::from_secs(60);
/// How long a process may take until it is ready, on a busy machine.
const STARTING: Duration = Duration::from_secs(40);
/// How long an orderly end may take.
const ORDERLY: Duration = Duration::from_secs(40);

/// What everybody is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Services are killed, people come and go.
    Killing,
    /// People finish what they have begun; nothing is killed any more.
    Leaving,
    /// Services finish what there is.
    Resting,
    /// Everything ends.
    Over,
}

/// How one process is to die.
#[derive(Clone, Debug)]
pub enum Death {
    /// By its own hand at a point, or else by ours, so long after it was ready.
    At(CrashAt, Duration),
    /// By ours, so long after it was ready.
    Working(Duration),
    /// By ours, so long after its start.
    Starting(Duration),
}

impl Death {
    /// Mostly at the point that has had the fewest kills.
    #[must_use]
    pub fn choose(points: Points, deaths: &Deaths, random: &mut StdRng) -> Self {
        match random.random_range(0..100) {
            0..80 => {
                let rarest = points.iter().min_by_key(|(point, _)| {
                    // A point that is passed by chance only must not keep the others waiting.
                    (deaths.at(point) * 2 + deaths.missed(point), random.random::<u32>())
                });
                let (point, often) = rarest.copied().unwrap_or(("pg::before_commit", 1));
                let missed = u32::try_from(deaths.missed(point)).unwrap_or(u32::MAX);
                let patience = PATIENCE.saturating_mul(missed.saturating_add(1)).min(LONGEST);
                let count = random.random_range(1..=often);
                Self::At(CrashAt { point: point.to_owned(), count }, patience)
            }
            80..95 => Self::Working(Duration::from_millis(random.random_range(0..4_000))),
            _ => Self::Starting(Duration::from_millis(random.random_range(0..1_500))),
        }
    }
}

/// The deaths of one service's processes. Cheap to clone: every clone is the same list.
#[derive(Clone, Debug, Default)]
pub struct Deaths(Arc<Mutex<List>>);

#[derive(Debug, Default)]
struct List {
    /// By point; `at random` for those that came from outside.
    kills: BTreeMap<String, u64>,
    /// Times that a process waited for a point in vain.
    missed: BTreeMap<String, u64>,
    /// Ends that nobody asked for.
    unexpected: Vec<String>,
}

impl Deaths {
    /// No code that holds this lock can panic half way through a change.
    fn list(&self) -> MutexGuard<'_, List> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All kills.
    #[must_use]
    pub fn kills(&self) -> u64 {
        self.list().kills.values().sum()
    }

    /// Kills at a point.
    #[must_use]
    pub fn at(&self, point: &str) -> u64 {
        self.list().kills.get(point).copied().unwrap_or(0)
    }

    /// How often a point was waited for in vain.
    #[must_use]
    pub fn missed(&self, point: &str) -> u64 {
        self.list().missed.get(point).copied().unwrap_or(0)
    }

    /// Ends that nobody asked for.
    #[must_use]
    pub fn unexpected(&self) -> usize {
        self.list().unexpected.len()
    }

    /// Whether there were so many, and so many at each point.
    #[must_use]
    pub fn are_enough(&self, points: Points, kills: u64, each: u64) -> bool {
        self.kills() >= kills && self.never(points, each).is_empty()
    }

    /// The points at which there were fewer than so many.
    #[must_use]
    pub fn never(&self, points: Points, each: u64) -> Vec<&'static str> {
        points.iter().filter(|(point, _)| self.at(point) < each).map(|(point, _)| *point).collect()
    }

    /// How far a run is.
    #[must_use]
    pub fn line(&self, name: &str, points: Points) -> String {
        let never = self.never(points, 1);
        let which = match never.len() {
            n @ 1..=3 => format!("{n}: {}", never.join(" ")),
            n => n.to_string(),
        };
        format!("{name} {} (points not yet: {which})", self.kills())
    }

    /// The summary.
    #[must_use]
    pub fn table(&self, name: &str, points: Points) -> String {
        let mut text = format!("{name} killed {} times, at\n", self.kills());
        let random = [("at random", 0), ("at random, starting", 0)];
        for (point, _) in points.iter().chain(&random) {
            // Writing to a `String` cannot fail.
            let _ = writeln!(text, "  {point:<32} {:>5}", self.at(point));
        }
        for end in &self.list().unexpected {
            let _ = writeln!(text, "  UNEXPECTED: {end}");
        }
        text
    }
}

/// A place for one process of this very program: started, killed, started again.
#[derive(Debug)]
pub struct Place {
    /// Unique in its run.
    pub name: String,
    /// The program's subcommand for processes, which takes `--crash-at`, and then what the process is.
    pub command: [String; 2],
    /// Its settings.
    pub settings: Vec<(String, String)>,
    /// Port of `/ready`.
    pub admin: u16,
    /// Where it logs to.
    pub log: PathBuf,
    /// Of its service.
    pub deaths: Deaths,
    /// The process that runs now, 0 while there is none.
    pub running: Arc<AtomicU32>,
}

/// How it came to its end.
enum End {
    ByItself,
    Killed,
    Asked,
}

impl Place {
    /// Keeps a process running for as long as the phase wants one. Each dies as `choose` says for it, of which it is asked while services
    /// are killed; where it says nothing the process lives. `died` is told where, or how, a process has died, before the next is started.
    ///
    /// # Errors
    /// When a process cannot be handled, and those of `died`.
    pub async fn keep<F>(
        &self,
        mut phase: watch::Receiver<Phase>,
        mut choose: impl FnMut(&Deaths) -> Option<Death>,
        died: impl Fn(String) -> F,
    ) -> Result<()>
    where
        F: Future<Output = Result<()>>,
    {
        loop {
            let now = *phase.borrow_and_update();
            if now == Phase::Over {
                return Ok(());
            }
            let death = if now == Phase::Killing { choose(&self.deaths) } else { None };
            let mut child = self.spawn(death.as_ref())?;
            self.running.store(child.id().unwrap_or_default(), Ordering::Relaxed);
            let asked = async {
                // Killing ends for good, and so does everything else.
                while *phase.borrow_and_update() == now {
                    if phase.changed().await.is_err() {
                        return;
                    }
                }
            };
            let time = async {
                let wait = match death {
                    Some(Death::At(_, wait) | Death::Working(wait)) => wait,
                    Some(Death::Starting(wait)) => return tokio::time::sleep(wait).await,
                    None => return std::future::pending().await,
                };
                // What does not become ready is killed as it is.
                let _ = tokio::time::timeout(STARTING, self.ready()).await;
                tokio::time::sleep(wait).await;
            };
            let end = tokio::select! {
                _ = child.wait() => End::ByItself,
                () = time => End::Killed,
                () = asked => End::Asked,
            };
            self.running.store(0, Ordering::Relaxed);
            let how = match end {
                End::ByItself => self.ended(&mut child, death.as_ref()).await?,
                End::Killed => self.kill(&mut child, death.as_ref()).await?,
                End::Asked => self.ask_to_end(&mut child).await?,
            };
            died(how).await?;
        }
    }

    async fn ended(&self, child: &mut Child, death: Option<&Death>) -> Result<String> {
        use std::os::unix::process::ExitStatusExt as _;
        let status = child.wait().await?;
        let mut list = self.deaths.list();
        if let (Some(Death::At(at, _)), Some(9)) = (death, status.signal()) {
            *list.kills.entry(at.point.clone()).or_default() += 1;
            return Ok(at.point.clone());
        }
        list.unexpected.push(format!("{} ended by itself, {status}; see {}", self.name, self.log.display()));
        Ok("by itself".to_owned())
    }

    async fn kill(&self, child: &mut Child, death: Option<&Death>) -> Result<String> {
        child.kill().await?;
        let mut list = self.deaths.list();
        if let Some(Death::At(at, _)) = death {
            *list.missed.entry(at.point.clone()).or_default() += 1;
        }
        let starting = matches!(death, Some(Death::Starting(_)));
        let by = if starting { "at random, starting" } else { "at random" };
        *list.kills.entry(by.to_owned()).or_default() += 1;
        Ok(by.to_owned())
    }

    async fn ask_to_end(&self, child: &mut Child) -> Result<String> {
        let pid = child.id().and_then(|id| Pid::from_raw(id.cast_signed()));
        let _ = pid.map(|pid| kill_process(pid, Signal::TERM));
        if tokio::time::timeout(ORDERLY, child.wait()).await.is_err() {
            let end = format!("{} did not end in {} s when asked", self.name, ORDERLY.as_secs());
            self.deaths.list().unexpected.push(end);
            child.kill().await?;
        }
        Ok("when asked".to_owned())
    }

    fn spawn(&self, death: Option<&Death>) -> Result<Child> {
        let log = File::options().create(true).append(true).open(&self.log)?;
        let mut command = Command::new(std::env::current_exe()?);
        let [role, what] = &self.command;
        command.arg(role);
        if let Some(Death::At(crash_at, _)) = death {
            command.args(["--crash-at", &crash_at.to_string()]);
        }
        let child = command
            .arg(what)
            .envs(self.settings.iter().cloned())
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .kill_on_drop(true)
            .spawn();
        child.with_context(|| format!("cannot start {}", self.name))
    }

    /// Waits until a process says that it can do its work.
    pub async fn ready(&self) {
        let url = format!("http://127.0.0.1:{}/ready", self.admin);
        loop {
            let answer = reqwest::get(&url).await.and_then(reqwest::Response::error_for_status);
            if answer.is_ok() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

/// The memory that a process has resident, in KiB; `None` where it has ended.
#[must_use]
pub fn resident_kib(process: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    resident.split_whitespace().next()?.parse().ok()
}
