//! `cargo xtask status`: what runs, how much memory it takes and how long it took until it served.

use anyhow::Result;

use crate::stack::services::{SERVICES, goals};
use crate::stack::state::{Entry, State};
use crate::stack::{SERVERS, compose, development_dir};

/// Prints a line per service and server; everything is known from outside, without a lock.
pub(crate) fn run() -> Result<()> {
    let state = State::load(&development_dir())?;
    heading("service", "goal");
    let running: Vec<Option<Entry>> = SERVICES.iter().map(|service| state.get(service.name)).collect();
    for (service, entry) in SERVICES.iter().zip(&running) {
        line(service.name, entry.as_ref());
    }
    if running.iter().flatten().any(|entry| entry.dev_build) {
        say!(
            "\nThese are quick builds, whose program text alone is tens of MiB; judge memory with `up --release`."
        );
    }
    say!();
    heading("server", "");
    if state.has_containers() {
        say!("in containers: docker compose -f {} ps", compose::FILE);
        return Ok(());
    }
    for server in &SERVERS {
        line(server.name, state.get(server.name).as_ref());
    }
    Ok(())
}

fn heading(what: &str, goal: &str) {
    say!("{what:<14} {:>8} {:>11} {:>8} {:>9}   {goal}", "pid", "memory MiB", "of it own", "ready ms");
}

fn line(name: &str, entry: Option<&Entry>) {
    let Some(entry) = entry else {
        say!("{name:<14} {:>8}", "-");
        return;
    };
    let memory = entry.identity.memory_mib();
    let shown = |number: Option<u64>| number.map_or_else(|| "-".to_owned(), |number| number.to_string());
    say!(
        "{name:<14} {:>8} {:>11} {:>8} {:>9}   {}",
        entry.identity.pid,
        shown(memory.map(|(resident, _)| resident)),
        shown(memory.map(|(_, own)| own)),
        shown(entry.ready_ms),
        verdict(name, memory.map(|(resident, _)| resident), entry.ready_ms)
    );
}

/// Whether a service keeps within its goals; empty for servers, which have none.
fn verdict(name: &str, memory: Option<u64>, ready_ms: Option<u64>) -> String {
    let Some((most_memory, most_ms)) = goals(name) else { return String::new() };
    let one = |value: Option<u64>, most: u64, unit: &str| match value {
        Some(value) if value <= most => format!("≤ {most} {unit} met"),
        Some(_) => format!("≤ {most} {unit} MISSED"),
        None => format!("≤ {most} {unit} not measured"),
    };
    format!("{}, {}", one(memory, most_memory, "MiB"), one(ready_ms, most_ms, "ms"))
}

#[cfg(test)]
mod tests {
    use super::verdict;

    #[test]
    fn goals_are_judged_at_their_edge() {
        assert_eq!(verdict("bff", Some(20), Some(1_001)), "≤ 20 MiB met, ≤ 1000 ms MISSED");
        assert_eq!(verdict("worker", Some(61), None), "≤ 60 MiB MISSED, ≤ 1000 ms not measured");
        assert_eq!(verdict("kafka", Some(900), Some(9_000)), "");
    }
}
