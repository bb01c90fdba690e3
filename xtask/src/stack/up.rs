//! Starting a stack: every server in a thread of its own, installs and starts overlapping.

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};

use super::state::Entry;
use super::way::{self, Way};
use super::{SERVERS, Server, Stack, compose, env, ports, services, system};
use crate::compile::{self, Profile};
use crate::shell;

/// Far above what a loaded machine needs; a server that died is noticed at once.
const PATIENCE: Duration = Duration::from_secs(240);

/// What `up` can be told.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Only the servers (PostgreSQL, Kafka, …), not Guildhall's services.
    #[arg(long)]
    servers: bool,
    /// Services as they are shipped; building them takes many times longer.
    #[arg(long, conflicts_with = "servers")]
    release: bool,
    /// Install missing system packages through sudo without asking.
    #[arg(long)]
    pub(crate) yes: bool,
}

/// Brings the stack of daily work up and leaves it running.
pub(crate) fn run(args: &Args) -> Result<()> {
    let mut stack = Stack::development()?;
    stack.yes = args.yes;
    if args.servers {
        servers(&stack)?;
    } else {
        if args.release {
            stack.profile = Profile::Release;
        }
        everything(&stack)?;
        stack.progress.step("stack", &format!("open {}", services::public_url(&stack.ports)));
    }
    stack.progress.step("stack", &format!("up; addresses are in {}", stack.dir.join("env").display()));
    Ok(())
}

/// Brings every server up. What started stays up when another fails, for its log to be read.
pub(crate) fn servers(stack: &Stack) -> Result<()> {
    start_servers(stack, choose_way(stack))
}

fn start_servers(stack: &Stack, way: Way) -> Result<()> {
    match way {
        Way::Compose => compose::up(stack),
        Way::Processes => processes(stack),
    }
}

/// The way the stack already runs, or the one for this machine.
fn choose_way(stack: &Stack) -> Way {
    if stack.state.has_containers() {
        return Way::Compose;
    }
    if !stack.state.entries().is_empty() {
        return Way::Processes;
    }
    let (way, why) = way::choose();
    stack.progress.step("stack", &format!("servers run as {way}: {why}"));
    way
}

/// The same as plain processes, whatever else this machine could do.
pub(crate) fn processes(stack: &Stack) -> Result<()> {
    bring_up(stack, &SERVERS.iter().collect::<Vec<_>>())?;
    env::write(stack)
}

/// Brings up the servers of these names.
pub(crate) fn only(stack: &Stack, names: &[&str]) -> Result<()> {
    if stack.state.has_containers() {
        return Ok(());
    }
    bring_up(stack, &SERVERS.iter().filter(|server| names.contains(&server.name)).collect::<Vec<_>>())
}

/// Brings up servers and services; the services are built while the servers start.
pub(crate) fn everything(stack: &Stack) -> Result<()> {
    let way = choose_way(stack);
    // What is missing is said before anything takes minutes.
    check(stack, &services::SERVICES.iter().collect::<Vec<_>>())?;
    if way == Way::Processes {
        check(stack, &SERVERS.iter().collect::<Vec<_>>())?;
    }
    system::can_be_met(stack, system::BUILD_NEEDS.iter())?;
    system::require(stack, system::BUILD_NEEDS.iter())?;
    thread::scope(|scope| {
        let build = scope
            .spawn(|| compile::programs(&stack.root, stack.profile, stack.progress, &stack.log("build")));
        let started = start_servers(stack, way);
        let built = build.join().unwrap_or_else(|_| Err(anyhow!("xtask itself panicked")));
        started.and(built)
    })?;
    // One after the other, so that each one's time until it is ready is its own.
    services::SERVICES.iter().try_for_each(|service| {
        start(stack, service).with_context(|| format!("{} did not come up", service.name))
    })
}

/// Brings up these servers, side by side.
pub(crate) fn bring_up(stack: &Stack, servers: &[&'static Server]) -> Result<()> {
    check(stack, servers)?;
    let failures: Vec<String> = thread::scope(|scope| {
        let running: Vec<_> =
            servers.iter().map(|server| (server.name, scope.spawn(move || start(stack, server)))).collect();
        running
            .into_iter()
            .filter_map(|(name, thread)| {
                let outcome = thread.join().unwrap_or_else(|_| Err(anyhow!("xtask itself panicked")));
                outcome.err().map(|error| format!("{name}: {error:#}"))
            })
            .collect()
    });
    if !failures.is_empty() {
        bail!("not everything came up\n{}", failures.join("\n"));
    }
    Ok(())
}

/// Everything that can be known before the first download: what has to be got by hand, and ports that are taken.
fn check(stack: &Stack, servers: &[&Server]) -> Result<()> {
    system::can_be_met(stack, servers.iter().flat_map(|server| server.needs_now()))?;
    let mut taken = Vec::new();
    for server in servers.iter().filter(|server| stack.state.get(server.name).is_none()) {
        for &port in server.ports {
            let free = ports::require_free(server.name, port, stack.port(port));
            taken.extend(free.err().map(|error| format!("{error:#}")));
        }
    }
    if !taken.is_empty() {
        bail!("{}", taken.join("\n"));
    }
    Ok(())
}

/// Starts one server and waits until it serves; one that runs is left as it is.
pub(crate) fn start(stack: &Stack, server: &Server) -> Result<()> {
    if stack.state.get(server.name).is_some() {
        shell::until(PATIENCE, || alive_and_ready(stack, server))?;
        stack.progress.step(server.name, "already up");
        return (server.provision)(stack);
    }
    system::require(stack, server.needs_now())?;
    if let Some(tool) = &server.tool {
        tool.install(stack, server.name)?;
    }
    let log = stack.log(server.name);
    // What an earlier one wrote stays until the next start.
    let _ = fs::rename(&log, stack.log(&format!("{}.previous", server.name)));
    let launch = (server.launch)(stack)?;
    let before = Instant::now();
    let identity = launch.start(&log)?;
    let entry = Entry {
        name: server.name.to_owned(),
        identity,
        stop_signal: launch.stop_signal.to_owned(),
        ready_ms: None,
        dev_build: services::SERVICES.iter().any(|service| service.name == server.name)
            && stack.profile == Profile::Dev,
    };
    stack.state.started(entry, &stack.ports)?;
    let numbers: Vec<String> = server.ports.iter().map(|&port| stack.port(port).to_string()).collect();
    stack.progress.step(server.name, &format!("starting on {}", numbers.join(", ")));

    await_ready(stack, server)?;
    (server.provision)(stack)
        .with_context(|| format!("{} runs, but making what belongs in it failed", server.name))?;
    let took = before.elapsed();
    stack.state.ready(server.name, u64::try_from(took.as_millis()).unwrap_or(u64::MAX))?;
    stack.progress.step(server.name, &format!("ready after {:.1} s", took.as_secs_f64()));
    Ok(())
}

fn await_ready(stack: &Stack, server: &Server) -> Result<()> {
    let end = Instant::now() + PATIENCE;
    loop {
        let error = match (server.ready)(stack) {
            Ok(()) => return Ok(()),
            Err(error) => error,
        };
        let log = stack.log(server.name);
        if stack.state.get(server.name).is_none() {
            bail!("ended while starting; the end of {}:\n{}", log.display(), shell::tail(&log, 15));
        }
        if Instant::now() >= end {
            bail!(
                "does not serve after {} s ({error:#}); the end of {}:\n{}",
                PATIENCE.as_secs(),
                log.display(),
                shell::tail(&log, 15)
            );
        }
        shell::pause(Duration::from_millis(50));
    }
}

fn alive_and_ready(stack: &Stack, server: &Server) -> Result<()> {
    if stack.state.get(server.name).is_none() {
        bail!("ended; see {}", stack.log(server.name).display());
    }
    (server.ready)(stack)
}
