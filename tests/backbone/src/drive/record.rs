//! What was done to whom and what came of it, over all batches of a run.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};

use crate::roles::Role;
use crate::verdict::Verdict;

/// How soon a role must work again.
const SOON_MS: u64 = 2_000;

/// Of one role.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct RoleRecord {
    /// Kills by point; `at random` for those that came from outside.
    pub(super) kills: BTreeMap<String, u64>,
    /// Times it was stopped and continued.
    pub(super) freezes: u64,
    /// Milliseconds from each death to first work, while nothing else was wrong.
    pub(super) restarts_ms: Vec<u64>,
    /// The same, while something else was wrong as well.
    pub(super) disturbed_ms: Vec<u64>,
    /// Ends that nobody asked for.
    pub(super) unexpected: u64,
}

/// One batch, or all of a run.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Record {
    pub(super) seed: u64,
    pub(super) batches: u64,
    pub(super) seconds: f64,
    pub(super) roles: BTreeMap<Role, RoleRecord>,
    /// Faults by name.
    pub(super) faults: BTreeMap<String, u64>,
    /// Transactions acknowledged after one that had appended later.
    pub(super) late: u64,
    pub(super) verdict: Verdict,
}

impl Record {
    pub(super) fn new(seed: u64) -> Self {
        Self { seed, ..Self::default() }
    }

    /// What an earlier run has saved.
    pub(super) fn load(file: &Path) -> Result<Option<Self>> {
        match fs::read(file) {
            Ok(bytes) => {
                let unreadable = || format!("{} cannot be read; start anew: --fresh", file.display());
                serde_json::from_slice(&bytes).with_context(unreadable).map(Some)
            }
            Err(_) => Ok(None),
        }
    }

    /// Written beside and renamed, so that an interruption leaves the old or the new.
    pub(super) fn save(&self, file: &Path) -> Result<()> {
        let next = file.with_extension("json.next");
        fs::write(&next, serde_json::to_vec_pretty(self)?)?;
        Ok(fs::rename(&next, file)?)
    }

    pub(super) fn role(&mut self, role: Role) -> &mut RoleRecord {
        self.roles.entry(role).or_default()
    }

    pub(super) fn kills(&self, role: Role) -> u64 {
        self.roles.get(&role).map_or(0, |record| record.kills.values().sum())
    }

    pub(super) fn is_done(&self, kills: u64) -> bool {
        Role::ALL.iter().all(|role| self.kills(*role) >= kills)
    }

    pub(super) fn is_clean(&self) -> bool {
        self.verdict.is_clean() && self.roles.values().all(|role| role.unexpected == 0)
    }

    /// Adds a batch.
    pub(super) fn add(&mut self, batch: Self) {
        self.batches += 1;
        self.seconds += batch.seconds;
        self.late += batch.late;
        self.verdict.add(&batch.verdict);
        for (fault, count) in batch.faults {
            *self.faults.entry(fault).or_default() += count;
        }
        for (role, theirs) in batch.roles {
            let ours = self.role(role);
            for (point, count) in theirs.kills {
                *ours.kills.entry(point).or_default() += count;
            }
            ours.freezes += theirs.freezes;
            ours.unexpected += theirs.unexpected;
            ours.restarts_ms.extend(theirs.restarts_ms);
            ours.disturbed_ms.extend(theirs.disturbed_ms);
        }
    }

    /// How far a run is.
    pub(super) fn line(&self) -> String {
        let kills: Vec<String> =
            Role::ALL.iter().map(|role| format!("{role} {}", self.kills(*role))).collect();
        format!(
            "batch {}: kills {}; {} steps; {}",
            self.batches,
            kills.join(", "),
            self.verdict.committed,
            if self.is_clean() { "clean" } else { "NOT CLEAN" }
        )
    }

    /// The summary.
    pub(super) fn table(&self) -> String {
        let mut text = format!("seed {}, {} batches, {:.0} s\n\n", self.seed, self.batches, self.seconds);
        let _ = writeln!(
            text,
            "{:<10} {:>6} {:>8}   {:>9} {:>8} {:>8} {:>8} {:>9}   {:>9} {:>8}",
            "role",
            "kills",
            "freezes",
            "restarts",
            "p50 ms",
            "p99 ms",
            "max ms",
            "over 2 s",
            "disturbed",
            "p50 ms"
        );
        for (role, record) in &self.roles {
            let calm = Times::of(&record.restarts_ms);
            let disturbed = Times::of(&record.disturbed_ms);
            let _ = writeln!(
                text,
                "{role:<10} {:>6} {:>8}   {:>9} {:>8} {:>8} {:>8} {:>9}   {:>9} {:>8}",
                self.kills(*role),
                record.freezes,
                calm.count,
                calm.p50,
                calm.p99,
                calm.max,
                calm.late,
                disturbed.count,
                disturbed.p50
            );
        }
        let _ = writeln!(
            text,
            "\nrestarts: from the death of a process to the first work after it, under the same instance id,\nwhile nothing else was wrong; disturbed: while a server or another process was frozen, away, cut or slow"
        );
        for (role, record) in &self.roles {
            let _ = writeln!(text, "\n{role} killed at");
            for (point, count) in &record.kills {
                let _ = writeln!(text, "  {point:<32} {count:>5}");
            }
            if record.unexpected > 0 {
                let _ = writeln!(text, "  ended without being killed: {}", record.unexpected);
            }
        }
        let _ = writeln!(text, "\nfaults");
        for (fault, count) in &self.faults {
            let _ = writeln!(text, "  {fault:<32} {count:>5}");
        }
        text + "\n" + &self.promises()
    }

    /// What was promised and what was kept.
    pub(super) fn promises(&self) -> String {
        let verdict = &self.verdict;
        let lines = [
            ("steps committed", verdict.committed),
            ("  of them acknowledged", verdict.acknowledged),
            ("  never acknowledged (allowed)", verdict.unacknowledged),
            ("lost", verdict.lost),
            ("effects doubled", verdict.doubled),
            ("applied out of order", verdict.out_of_order),
            ("applied though rolled back", verdict.phantoms),
            ("jobs committed", verdict.jobs),
            ("jobs lost", verdict.jobs_lost),
            ("jobs sent though rolled back", verdict.jobs_phantom),
            ("parked", verdict.parked),
        ];
        let lines: Vec<String> = lines.iter().map(|(what, count)| format!("{what:<34} {count:>9}")).collect();
        format!(
            "{}\n{}",
            lines.join("\n"),
            if self.is_clean() { "every promise was kept" } else { "NOT CLEAN" }
        )
    }
}

/// Quantiles of some durations.
struct Times {
    count: usize,
    p50: u64,
    p99: u64,
    max: u64,
    late: usize,
}

impl Times {
    fn of(times: &[u64]) -> Self {
        let mut sorted = times.to_vec();
        sorted.sort_unstable();
        let at = |part: usize| {
            sorted.get((sorted.len() * part / 100).min(sorted.len().saturating_sub(1))).copied()
        };
        Self {
            count: sorted.len(),
            p50: at(50).unwrap_or(0),
            p99: at(99).unwrap_or(0),
            max: sorted.last().copied().unwrap_or(0),
            late: sorted.iter().filter(|ms| **ms > SOON_MS).count(),
        }
    }
}

/// Whole milliseconds.
pub(super) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_add_up_and_read_back() {
        let mut batch = Record::new(1);
        batch.role(Role::Relay).kills.insert("outbox::acked".to_owned(), 3);
        batch.role(Role::Relay).restarts_ms.extend([100, 200, 2_500]);
        batch.verdict.committed = 5;
        let mut run = Record::new(7);
        run.add(batch.clone());
        run.add(batch);
        assert_eq!((run.batches, run.kills(Role::Relay), run.verdict.committed), (2, 6, 10));
        assert!(run.is_clean() && !run.is_done(6));
        let table = run.table();
        assert!(table.contains("every promise was kept") && table.contains("outbox::acked"), "{table}");

        let file = std::env::temp_dir().join(format!("backbone-record-{}.json", std::process::id()));
        run.save(&file).unwrap();
        let read = Record::load(&file).unwrap().unwrap();
        assert_eq!(read.table(), table);
        fs::remove_file(file).unwrap();
    }

    #[test]
    fn a_broken_promise_shows() {
        let mut run = Record::new(7);
        run.verdict.doubled = 1;
        assert!(!run.is_clean() && run.table().contains("NOT CLEAN"));
    }

    #[test]
    fn quantiles_are_of_the_sorted_times() {
        let times = Times::of(&(1..=100).rev().collect::<Vec<_>>());
        assert_eq!((times.count, times.p50, times.p99, times.max, times.late), (100, 51, 100, 100, 0));
        assert_eq!(Times::of(&[]).max, 0);
    }
}
