//! What was done to whom.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::plan::points;
use crate::role::Role;
use crate::verdict::{Promise, Verdict};
use testkit::place::Deaths;

/// Cases that are shown of each broken promise.
const SHOWN: usize = 10;

/// One run.
#[derive(Clone, Debug, Default)]
pub(super) struct Record {
    pub(super) seconds: f64,
    /// Of each service.
    pub(super) deaths: BTreeMap<Role, Deaths>,
    /// What people and whoever goes past the service have done, by what it is.
    pub(super) done: BTreeMap<&'static str, u64>,
    /// Calls that were never answered, or answered as they must not be.
    pub(super) faults: Vec<String>,
}

impl Record {
    pub(super) fn deaths(&self, role: Role) -> Deaths {
        self.deaths.get(&role).cloned().unwrap_or_default()
    }

    pub(super) fn did(&mut self, what: &'static str) {
        *self.done.entry(what).or_default() += 1;
    }

    pub(super) fn is_clean(&self) -> bool {
        self.faults.is_empty() && self.deaths.values().all(|deaths| deaths.unexpected() == 0)
    }

    /// How far a run is.
    pub(super) fn line(&self) -> String {
        let kills: Vec<String> =
            Role::ALL.iter().map(|role| self.deaths(*role).line(role.name(), points(*role))).collect();
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
            let _ = write!(text, "\n{}", self.deaths(role).table(role.name(), points(role)));
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
