//! A place for one process of a role: started, killed, started again under the same name.

use std::fs::OpenOptions;
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use failpoint::CrashAt;
use rand::Rng as _;
use rand::rngs::StdRng;
use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

use super::batch::{Phase, Shared, lock};
use super::record::millis;
use crate::place::VARIABLE;
use crate::plan::points;
use crate::roles::{Role, Said};

/// A point that was not passed so long after the first work is not waited for any more.
fn patience(role: Role) -> Duration {
    match role {
        // One leads at a time, so that theirs are the kills that take longest to collect.
        Role::Relay => Duration::from_millis(800),
        Role::Producer | Role::Consumer => Duration::from_secs(2),
    }
}

/// How long an orderly end may take.
const ORDERLY: Duration = Duration::from_secs(30);

/// One place.
pub(super) struct Slot {
    pub(super) role: Role,
    index: usize,
    running: Mutex<Option<Running>>,
}

#[derive(Clone, Copy)]
struct Running {
    pid: Pid,
    works: bool,
    frozen: bool,
}

impl Slot {
    pub(super) fn new(role: Role, index: usize) -> Self {
        Self { role, index, running: Mutex::default() }
    }

    fn name(&self) -> String {
        format!("{}-{}", self.role, self.index)
    }

    /// Whether its process has worked; of a relay, whether it leads.
    pub(super) fn works(&self) -> bool {
        lock(&self.running).is_some_and(|running| running.works)
    }

    /// Keeps its process from being killed, and tells which it is.
    pub(super) fn freeze(&self) -> Option<Pid> {
        let mut running = lock(&self.running);
        running.as_mut().map(|running| {
            running.frozen = true;
            running.pid
        })
    }

    pub(super) fn thaw(&self) {
        if let Some(running) = lock(&self.running).as_mut() {
            running.frozen = false;
        }
    }

    fn is_frozen(&self) -> bool {
        lock(&self.running).is_some_and(|running| running.frozen)
    }
}

/// How one process is to die.
enum Death {
    /// By its own hand at a point.
    At(CrashAt),
    /// By ours, so long after its first work.
    Working(Duration),
    /// By ours, so long after its start.
    Starting(Duration),
}

impl Death {
    fn choose(role: Role, random: &mut StdRng) -> Self {
        match random.random_range(0..100) {
            0..70 => {
                let points = points(role);
                let (point, often) = points[random.random_range(0..points.len())];
                Self::At(CrashAt { point: point.to_owned(), count: random.random_range(1..=often) })
            }
            70..95 => Self::Working(patience(role).mul_f64(random.random_range(0.0..0.5))),
            _ => Self::Starting(Duration::from_millis(random.random_range(0..400))),
        }
    }
}

/// What became of a process.
struct Ended {
    success: bool,
    killed: bool,
    /// SIGKILL, or SIGTERM, was sent from here.
    by_us: Option<Signal>,
    worked: bool,
}

/// Keeps a process running in the slot for as long as the phase wants one.
pub(super) async fn run(shared: Arc<Shared>, slot: usize, mut random: StdRng) -> Result<()> {
    let slot = &shared.slots[slot];
    let mut died = None;
    loop {
        let phase = *shared.phase.borrow();
        if is_over(slot.role, phase) {
            return Ok(());
        }
        let death = (phase == Phase::Killing).then(|| Death::choose(slot.role, &mut random));
        let ended = one(&shared, slot, death.as_ref(), died).await?;
        let now = Instant::now();
        died = Some(now);
        *lock(&slot.running) = None;
        if ended.killed && ended.by_us != Some(Signal::TERM) {
            let point = match &death {
                Some(Death::At(crash_at)) if ended.by_us.is_none() => crash_at.point.as_str(),
                Some(Death::Starting(_)) => "at random, starting",
                _ => "at random",
            };
            *shared.record().role(slot.role).kills.entry(point.to_owned()).or_default() += 1;
            // Only a relay that leads passes a point.
            if slot.role == Role::Relay && (ended.worked || ended.by_us.is_none()) {
                *lock(&shared.leaderless) = Some(now);
            }
        } else if ended.success && ended.by_us.is_none() && shared.load.limit.is_some() {
            return Ok(());
        } else if ended.by_us.is_none() {
            println!("{} ended by itself; see its log in {}", slot.name(), shared.logs.display());
            shared.record().role(slot.role).unexpected += 1;
        }
    }
}

fn is_over(role: Role, phase: Phase) -> bool {
    phase == Phase::Over || (phase == Phase::Resting && role == Role::Producer)
}

/// Runs one process to its end.
async fn one(shared: &Shared, slot: &Slot, death: Option<&Death>, died: Option<Instant>) -> Result<Ended> {
    let mut child = spawn(shared, slot, death)?;
    let pid = child.id().and_then(|id| Pid::from_raw(id.cast_signed())).context("the process has no id")?;
    *lock(&slot.running) = Some(Running { pid, works: false, frozen: false });
    let out = child.stdout.take().context("the process has no output")?;
    let mut lines = BufReader::new(out).lines();
    let mut phase = shared.phase.subscribe();
    let mut by_us = None;
    let mut kill_at = match death {
        Some(Death::Starting(after)) => Some(Instant::now() + *after),
        _ => None,
    };
    loop {
        let over = is_over(slot.role, *phase.borrow_and_update());
        if over && by_us.is_none() {
            by_us = Some(Signal::TERM);
            kill_at = Some(Instant::now() + ORDERLY);
            let _ = kill_process(pid, Signal::TERM);
        }
        let time_to_kill = async {
            match kill_at {
                Some(at) => tokio::time::sleep_until(at.into()).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            line = lines.next_line() => match line? {
                // Its end closes the pipe, after everything it said.
                None => break,
                Some(line) => match Said::parse(&line).with_context(|| format!("{}: {line}", slot.name()))? {
                    Said::Acknowledged(entry) => shared.acknowledge(&entry)?,
                    Said::Works => {
                        works(shared, slot, died);
                        kill_at = match death {
                            Some(Death::At(_)) if !over => Some(Instant::now() + patience(slot.role)),
                            Some(Death::Working(after)) if !over => Some(Instant::now() + *after),
                            _ => kill_at,
                        };
                    }
                },
            },
            () = time_to_kill => {
                if slot.is_frozen() {
                    kill_at = Some(Instant::now() + Duration::from_millis(200));
                } else {
                    by_us = by_us.or(Some(Signal::KILL));
                    kill_at = None;
                    let _ = kill_process(pid, Signal::KILL);
                }
            }
            _ = phase.changed() => {}
        }
    }
    let worked = slot.works();
    let status = child.wait().await?;
    use std::os::unix::process::ExitStatusExt as _;
    Ok(Ended { success: status.success(), killed: status.signal() == Some(9), by_us, worked })
}

/// Notes that the process has begun to work, and how long its role had not.
fn works(shared: &Shared, slot: &Slot, died: Option<Instant>) {
    if let Some(running) = lock(&slot.running).as_mut() {
        running.works = true;
    }
    // A relay's work may be taken over by another process.
    let since = if slot.role == Role::Relay { lock(&shared.leaderless).take() } else { died };
    let Some(since) = since else { return };
    let took = millis(since.elapsed());
    let calm = shared.calm_since(since);
    let mut record = shared.record();
    let role = record.role(slot.role);
    if calm { role.restarts_ms.push(took) } else { role.disturbed_ms.push(took) }
}

fn spawn(shared: &Shared, slot: &Slot, death: Option<&Death>) -> Result<Child> {
    let log = shared.logs.join(format!("{}.log", slot.name()));
    let log = OpenOptions::new().create(true).append(true).open(log)?;
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["role", slot.role.name(), "--instance", &slot.name()]).args(shared.load.arguments());
    if let Some(Death::At(crash_at)) = death {
        command.args(["--crash-at", &crash_at.to_string()]);
    }
    let child = command
        .env(VARIABLE, &shared.place)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(log)
        .kill_on_drop(true)
        .spawn();
    child.with_context(|| format!("cannot start {}", slot.name()))
}
