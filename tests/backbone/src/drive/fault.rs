//! What goes wrong beside the kills, one after the other.

use std::time::{Duration, Instant};

use anyhow::Result;
use rand::Rng as _;
use rand::rngs::StdRng;
use rand::seq::SliceRandom as _;
use rustix::process::{Signal, kill_process};
use serde_json::json;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::batch::Shared;
use super::servers::{Server, Servers};
use crate::roles::Role;

/// A fault is not begun when less than this is left.
const LEAST: Duration = Duration::from_secs(10);
/// A process is frozen for longer than a leader or a member may be silent, and for no longer than this.
const FREEZE: (u64, u64) = (6, 30);

/// One way to go wrong.
#[derive(Clone, Copy, Debug)]
enum Fault {
    /// SIGSTOP, and SIGCONT when others have taken over.
    Freeze(Role),
    /// A server is ended by a signal and started again.
    Restart(Server, &'static str),
    /// A proxy cuts every connection and takes none.
    Down(Server),
    /// A proxy resets connections a moment after they are made.
    Reset(Server),
    /// A proxy cuts each connection after some bytes, in the middle of a frame.
    Cut(Server),
    /// A proxy delays everything by 2 s.
    Slow(Server),
}

impl Fault {
    fn all() -> Vec<Self> {
        let mut all: Vec<Self> = Role::ALL.map(Self::Freeze).to_vec();
        all.extend([
            Self::Restart(Server::Kafka, "TERM"),
            Self::Restart(Server::Kafka, "KILL"),
            // What `pg_ctl stop --mode=immediate` sends.
            Self::Restart(Server::Postgres, "QUIT"),
            Self::Restart(Server::Postgres, "QUIT"),
        ]);
        for server in Server::ALL {
            all.extend([Self::Down(server), Self::Reset(server), Self::Cut(server), Self::Slow(server)]);
        }
        all
    }

    fn name(self) -> String {
        match self {
            Self::Freeze(role) => format!("{role} frozen"),
            Self::Restart(Server::Postgres, _) => "postgres stopped, immediate".to_owned(),
            Self::Restart(server, signal) => format!("{} restarted, SIG{signal}", server.name()),
            Self::Down(server) => format!("{} unreachable", server.name()),
            Self::Reset(server) => format!("{} resets connections", server.name()),
            Self::Cut(server) => format!("{} cut mid-frame", server.name()),
            Self::Slow(server) => format!("{} slow, 2 s", server.name()),
        }
    }
}

/// Lets one thing after the other go wrong until `until` or `stop`, each seen to its end; every kind once before any
/// comes again.
pub(super) async fn run(
    shared: &Shared,
    servers: &Servers,
    mut random: StdRng,
    until: Instant,
    stop: &CancellationToken,
) -> Result<()> {
    let mut deck: Vec<Fault> = Vec::new();
    loop {
        let pause = Duration::from_millis(random.random_range(5_000..12_000));
        let over = stop.run_until_cancelled(sleep(pause)).await.is_none();
        let left = until.saturating_duration_since(Instant::now());
        if over || left < LEAST {
            return Ok(());
        }
        if deck.is_empty() {
            deck = Fault::all();
            deck.shuffle(&mut random);
        }
        if let Some(fault) = deck.pop() {
            shared.disturb(&fault.name());
            let done = happen(fault, shared, servers, &mut random, left).await;
            shared.calm_down();
            done?;
        }
    }
}

async fn happen(
    fault: Fault,
    shared: &Shared,
    servers: &Servers,
    random: &mut StdRng,
    left: Duration,
) -> Result<()> {
    let mut seconds = |from: u64, to: u64| Duration::from_secs(random.random_range(from..=to));
    match fault {
        Fault::Freeze(role) => {
            let most = FREEZE.1.min(left.as_secs()).max(FREEZE.0);
            freeze(shared, role, seconds(FREEZE.0, most)).await;
            return Ok(());
        }
        Fault::Restart(server, signal) => return servers.restart(server, signal).await,
        Fault::Down(server) => {
            servers.enable(server, false).await?;
            sleep(seconds(1, 5)).await;
            return servers.enable(server, true).await;
        }
        Fault::Reset(server) => {
            servers.poison(server, "reset_peer", &json!({ "timeout": 200 })).await?;
            sleep(seconds(2, 5)).await;
        }
        Fault::Cut(server) => {
            let bytes: u32 = random.random_range(1..30_000);
            servers.poison(server, "limit_data", &json!({ "bytes": bytes })).await?;
            sleep(Duration::from_secs(4)).await;
        }
        Fault::Slow(server) => {
            servers.poison(server, "latency", &json!({ "latency": 2_000 })).await?;
            sleep(seconds(5, 8)).await;
        }
    }
    servers.heal().await
}

/// Stops one process of a role, the one that works if there is one, and lets it go on.
async fn freeze(shared: &Shared, role: Role, time: Duration) {
    let slots = || shared.slots.iter().filter(|slot| slot.role == role);
    let Some(slot) = slots().find(|slot| slot.works()).or_else(|| slots().next()) else { return };
    let Some(pid) = slot.freeze() else { return };
    shared.record().role(role).freezes += 1;
    // A process that is gone already needs neither signal.
    if kill_process(pid, Signal::STOP).is_ok() {
        sleep(time).await;
        let _ = kill_process(pid, Signal::CONT);
    }
    slot.thaw();
}
