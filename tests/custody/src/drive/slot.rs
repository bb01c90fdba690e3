//! A place for one process of a service: started, killed, started again.

use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use failpoint::CrashAt;
use rand::Rng as _;
use rand::rngs::StdRng;
use rustix::process::{Pid, Signal, kill_process};
use tokio::process::{Child, Command};

use super::record::Record;
use super::world::{Phase, Place, World};
use crate::plan::points;
use crate::role::Role;

/// A point that was not passed so long after the process was ready is not waited for any more, but longer each time: a pass
/// of the reconciler has more to look at as a run goes on, and begins anew in each process.
const PATIENCE: Duration = Duration::from_secs(6);
const LONGEST: Duration = Duration::from_secs(60);
/// How long a process may take until it is ready, on a busy machine.
const STARTING: Duration = Duration::from_secs(40);
/// How long an orderly end may take.
const ORDERLY: Duration = Duration::from_secs(40);

/// How one process is to die.
enum Death {
    /// By its own hand at a point, or else by ours, so long after it was ready.
    At(CrashAt, Duration),
    /// By ours, so long after it was ready.
    Working(Duration),
    /// By ours, so long after its start.
    Starting(Duration),
}

/// How it came to its end.
enum End {
    ByItself,
    Killed,
    Asked,
}

impl Death {
    /// Mostly at the point that has had the fewest kills.
    fn choose(role: Role, record: &Record, random: &mut StdRng) -> Self {
        match random.random_range(0..100) {
            0..80 => {
                let rarest = points(role).iter().min_by_key(|(point, _)| {
                    // A point that is passed by chance only must not keep the others waiting.
                    (record.at(role, point) * 2 + record.missed(role, point), random.random::<u32>())
                });
                let (point, often) = rarest.copied().unwrap_or(("pg::before_commit", 1));
                let missed = u32::try_from(record.missed(role, point)).unwrap_or(u32::MAX);
                let patience = PATIENCE.saturating_mul(missed.saturating_add(1)).min(LONGEST);
                let count = random.random_range(1..=often);
                Self::At(CrashAt { point: point.to_owned(), count }, patience)
            }
            80..95 => Self::Working(Duration::from_millis(random.random_range(0..4_000))),
            _ => Self::Starting(Duration::from_millis(random.random_range(0..1_500))),
        }
    }
}

/// Keeps a process running for as long as the phase wants one.
pub(super) async fn run(world: Arc<World>, place: Place, mut random: StdRng) -> Result<()> {
    let role = place.role;
    let mut phase = world.phase.subscribe();
    loop {
        let now = *phase.borrow_and_update();
        if now == Phase::Over {
            return Ok(());
        }
        let death = (now == Phase::Killing).then(|| Death::choose(role, &world.record(), &mut random));
        let mut child = spawn(&world, place, death.as_ref())?;
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
            let _ = tokio::time::timeout(STARTING, world.ready(place)).await;
            tokio::time::sleep(wait).await;
        };
        let end = tokio::select! {
            _ = child.wait() => End::ByItself,
            () = time => End::Killed,
            () = asked => End::Asked,
        };
        match end {
            End::ByItself => {
                use std::os::unix::process::ExitStatusExt as _;
                let status = child.wait().await?;
                let mut record = world.record();
                let record = record.role(role);
                match &death {
                    Some(Death::At(at, _)) if status.signal() == Some(9) => {
                        *record.kills.entry(at.point.clone()).or_default() += 1;
                    }
                    _ => {
                        println!(
                            "{} ended by itself, {status}; see its log in {}",
                            place.name(),
                            world.dir.display()
                        );
                        record.unexpected += 1;
                    }
                }
            }
            End::Killed => {
                child.kill().await?;
                let mut record = world.record();
                let record = record.role(role);
                if let Some(Death::At(at, _)) = &death {
                    *record.missed.entry(at.point.clone()).or_default() += 1;
                }
                let starting = matches!(death, Some(Death::Starting(_)));
                let by = if starting { "at random, starting" } else { "at random" };
                *record.kills.entry(by.to_owned()).or_default() += 1;
            }
            End::Asked => {
                let pid = child.id().and_then(|id| Pid::from_raw(id.cast_signed()));
                let _ = pid.map(|pid| kill_process(pid, Signal::TERM));
                let ended = tokio::time::timeout(ORDERLY, child.wait()).await;
                if ended.is_err() {
                    println!("{} did not end in {} s when asked", place.name(), ORDERLY.as_secs());
                    world.record().role(role).unexpected += 1;
                    child.kill().await?;
                }
            }
        }
        world.died(role).await?;
    }
}

fn spawn(world: &World, place: Place, death: Option<&Death>) -> Result<Child> {
    let log = world.log(&place.name())?;
    let mut command = Command::new(std::env::current_exe()?);
    command.arg("role");
    if let Some(Death::At(crash_at, _)) = death {
        command.args(["--crash-at", &crash_at.to_string()]);
    }
    let child = command
        .arg(place.role.name())
        .envs(world.settings(place))
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log)
        .kill_on_drop(true)
        .spawn();
    child.with_context(|| format!("cannot start {}", place.name()))
}
