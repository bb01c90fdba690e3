//! `cargo xtask doctor`: which way the stack will go on this machine, what is missing, and how to get it.

use std::process::Command;

use anyhow::{Result, bail};

use crate::paths;
use crate::stack::ports::{self, Ports};
use crate::stack::state::State;
use crate::stack::system::{self, BUILD_NEEDS, Need, RUST, Remedy};
use crate::stack::way::{self, Way};
use crate::stack::{SERVERS, Stack, apt, development_dir, moto, services, stripe_mock, toxiproxy};

/// What `doctor` can be told.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Only install the packages that are missing for building, for the servers and for the tests.
    #[arg(long)]
    install: bool,
    /// Install them through sudo without asking.
    #[arg(long, requires = "install")]
    yes: bool,
}

/// Prints what it finds; fails when something is missing that xtask cannot get by itself.
pub(crate) fn run(args: &Args) -> Result<()> {
    if args.install {
        let mut stack = Stack::test()?;
        stack.yes = args.yes;
        let all = || BUILD_NEEDS.iter().chain(&system::SERVER_NEEDS).chain(&system::TEST_NEEDS);
        system::can_be_met(&stack, all())?;
        system::require(&stack, all())?;
        say!("the packages that building, the servers and the tests need are here");
        return Ok(());
    }
    let (way, why) = way::choose();
    say!("servers run as {way}: {why}");
    if apt::lists_are_empty() {
        say!("\nthis machine has no package lists; `sudo apt-get update` or `up` fetches them");
    }
    let mut blocking = 0;
    say!("\nbuilding");
    for need in std::iter::once(&RUST).chain(&BUILD_NEEDS) {
        blocking += u32::from(!report(need, true));
    }
    if way == Way::Processes {
        say!("\nservers");
        for need in &system::SERVER_NEEDS {
            // A tool that is in the cache needs nothing that would install it.
            let needed = SERVERS.iter().any(|server| server.needs_now().any(|other| other.what == need.what));
            blocking += u32::from(!report(need, needed));
        }
        say!("\ninstalled tools in {}", paths::cache()?.display());
        let others = [(&toxiproxy::SERVER, "crash"), (&moto::SERVER, "test"), (&stripe_mock::SERVER, "test")];
        for (server, by) in SERVERS.iter().map(|s| (s, "up")).chain(others) {
            if let Some(tool) = &server.tool {
                let missing = format!("will be installed by `{by}`");
                let state = if tool.is_cached(server.name) { "there" } else { &missing };
                say!("  {:<28} {state}", format!("{} {}", server.name, tool.version));
            }
        }
    }
    say!("\ntests");
    for need in &system::TEST_NEEDS {
        // The stack starts without them.
        report(need, true);
    }
    say!("\nports");
    blocking += ports()?;
    if blocking > 0 {
        bail!("{blocking} of these must be put right before the stack can start");
    }
    say!("\nready: cargo xtask up");
    Ok(())
}

/// Prints a line about one need; `false` when a person has to do something about it.
fn report(need: &Need, needed: bool) -> bool {
    if let Some(found) = (need.find)() {
        say!("  ok       {:<28} {found}", need.what);
        return true;
    }
    if !needed {
        say!("  -        {:<28} not here, and not needed: what it installs is in the cache", need.what);
        return true;
    }
    match need.remedy() {
        Remedy::Packages(names) if system::is_root() => {
            say!("  will get {:<28} for {}: packages {}", need.what, need.purpose, names.join(", "));
            true
        }
        Remedy::Packages(names) => {
            say!(
                "  MISSING  {:<28} for {}; run: sudo apt-get install --no-install-recommends {} (or: cargo xtask up --yes)",
                need.what,
                need.purpose,
                names.join(" ")
            );
            false
        }
        Remedy::ByHand => {
            say!("  MISSING  {:<28} for {}; get it from {}", need.what, need.purpose, need.source());
            false
        }
    }
}

/// Prints the ports that somebody else has; gives their number.
fn ports() -> Result<u32> {
    let state = State::load(&development_dir())?;
    let ports = Ports::from_env(&state)?;
    let mut taken = 0;
    for server in SERVERS.iter().chain(&services::SERVICES).filter(|server| state.get(server.name).is_none())
    {
        for &port in server.ports {
            if let Err(error) = ports::require_free(server.name, port, ports.get(port)) {
                say!("  TAKEN    {error}");
                taken += 1;
            }
        }
    }
    if taken == 0 {
        say!("  ok       free, or the stack's own");
    }
    Ok(taken)
}

/// Whether a command ends well; its output is not shown.
pub(crate) fn succeeds(command: &mut Command) -> bool {
    command.output().is_ok_and(|out| out.status.success())
}
