//! What was done to whom.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::plan::points;
use crate::role::Role;
use crate::verdict::{Promise, Verdict};

/// Cases that are shown of each broken promise.
const SHOWN: usize = 10;

/// Of one service.
#[derive(Clone, Debug, Default)]
pub(super) struct RoleRecord {
    /// Kills by point; `at random` for those that came from outside.
    pub(super) kills: BTreeMap<String, u64>,
    /// Times that a process waited for a point in vain.
    pub(super) missed: BTreeMap<String, u64>,
    /// Ends that nobody asked for.
    pub(super) unexpected: u64,
}

/// One run.
#[derive(Clone, Debug, Default)]
pub(super) struct Record {
    pub(super) seconds: f64,
    pub(super) roles: BTreeMap<Role, RoleRecord>,
    /// What people and whoever goes past the service have done, by what it is.
    pub(super) done: BTreeMap<&'static str, u64>,
    /// Calls that were never answered, or answered as they must not be.
    pub(super) faults: Vec<String>,
}

impl Record {
    pub(super) fn role(&mut self, role: Role) -> &mut RoleRecord {
        self.roles.entry(role).or_default()
    }

    pub(super) fn kills(&self, role: Role) -> u64 {
        self.roles.get(&role).map_or(0, |record| record.kills.values().sum())
    }

    pub(super) fn at(&self, role: Role, point: &str) -> u64 {
        self.roles.get(&role).and_then(|record| record.kills.get(point)).copied().unwrap_or(0)
    }

    pub(super) fn missed(&self, role: Role, point: &str) -> u64 {
        self.roles.get(&role).and_then(|record| record.missed.get(point)).copied().unwrap_or(0)
    }

    pub(super) fn did(&mut self, what: &'static str) {
        *self.done.entry(what).or_default() += 1;
    }

    pub(super) fn is_clean(&self) -> bool {
        self.faults.is_empty() && self.roles.values().all(|role| role.unexpected == 0)
    }

    /// How far a run is.
    pub(super) fn line(&self) -> String {
        let role = |role: &Role| {
            let never = points(*role).iter().filter(|(point, _)| self.at(*role, point) == 0);
            let never: Vec<&str> = never.map(|(point, _)| *point).collect();
            let which = match never.len() {
                n @ 1..=3 => format!("{n}: {}", never.join(" ")),
                n => n.to_string(),
            };
            format!("{role} {} (points not yet: {which})", self.kills(*role))
        };
        let kills: Vec<String> = Role::ALL.iter().map(role).collect();
        let done = |what: &str| self.done.get(what).copied().unwrap_or(0);
        format!(
            "kills: {}; confirmed {}, held {}, erased {}, tampered {}",
            kills.join(", "),
            done("confirmed"),
            done("held"),
            done("erased by request"),
            self.done
                .iter()
                .filter(|(what, _)| what.starts_with("tamper"))
                .map(|(_, count)| count)
                .sum::<u64>(),
        )
    }

    /// The summary.
    pub(super) fn table(&self, seed: u64, verdict: &Verdict) -> String {
        let mut text = format!("seed {seed}, {:.0} s\n", self.seconds);
        for role in Role::ALL {
            let _ = writeln!(text, "\n{role} killed {} times, at", self.kills(role));
            let random = [("at random", 0), ("at random, starting", 0)];
            for (point, _) in points(role).iter().chain(&random) {
                let _ = writeln!(text, "  {point:<32} {:>5}", self.at(role, point));
            }
            let unexpected = self.roles.get(&role).map_or(0, |record| record.unexpected);
            if unexpected > 0 {
                let _ = writeln!(text, "  ended without being killed: {unexpected}");
            }
        }
        let _ = writeln!(text, "\ndone meanwhile");
        for (what, count) in &self.done {
            let _ = writeln!(text, "  {what:<32} {count:>5}");
        }
        let _ = writeln!(text, "\ncompared");
        for (what, count) in &verdict.compared {
            let _ = writeln!(text, "  {what:<32} {count:>5}");
        }
        let _ = writeln!(text);
        for promise in Promise::ALL {
            let cases = verdict.broken.get(&promise);
            let _ = writeln!(text, "{:<40} {:>5}", promise.broken(), cases.map_or(0, Vec::len));
            for case in cases.into_iter().flatten().take(SHOWN) {
                let _ = writeln!(text, "    {case}");
            }
        }
        let _ = writeln!(text, "{:<40} {:>5}", "calls answered wrongly, or never", self.faults.len());
        for fault in self.faults.iter().take(SHOWN) {
            let _ = writeln!(text, "    {fault}");
        }
        text
    }
}
