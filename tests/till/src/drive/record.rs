//! What was done to whom.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::script::SCRIPTS;

/// Cases that are shown of each broken promise.
pub(super) const SHOWN: usize = 10;

/// Payments by one script.
#[derive(Clone, Copy, Debug, Default)]
struct Played {
    begun: u64,
    under_way: u64,
}

/// One run.
#[derive(Clone, Debug, Default)]
pub(super) struct Record {
    scripts: BTreeMap<&'static str, Played>,
    /// How often a process died at a point while a payment by a script was under way.
    met: BTreeMap<(&'static str, String), u64>,
    pub(super) settlements: u64,
    /// Calls that were never answered, or answered as they must not be.
    pub(super) faults: Vec<String>,
}

impl Record {
    pub(super) fn begin(&mut self, script: &'static str) {
        let played = self.scripts.entry(script).or_default();
        played.begun += 1;
        played.under_way += 1;
    }

    pub(super) fn end(&mut self, script: &'static str) {
        self.scripts.entry(script).or_default().under_way -= 1;
    }

    pub(super) fn begun(&self, script: &str) -> u64 {
        self.scripts.get(script).map_or(0, |played| played.begun)
    }

    /// A process has died at a point, or otherwise.
    pub(super) fn died(&mut self, at: &str) {
        for (script, played) in &self.scripts {
            if played.under_way > 0 {
                *self.met.entry((script, at.to_owned())).or_default() += 1;
            }
        }
    }

    pub(super) fn fault(&mut self, what: String) {
        self.faults.push(what);
    }

    /// Scripts that nobody has paid by.
    pub(super) fn unplayed(&self) -> Vec<&'static str> {
        SCRIPTS.iter().map(|script| script.name).filter(|name| self.begun(name) == 0).collect()
    }

    /// Payments by all scripts.
    pub(super) fn all(&self) -> u64 {
        self.scripts.values().map(|played| played.begun).sum()
    }

    /// Of every script with every point, how many have met.
    pub(super) fn pairs(&self, points: &[&str]) -> (usize, usize) {
        let met = |script: &'static str| {
            points.iter().filter(|point| self.met.contains_key(&(script, (**point).to_owned()))).count()
        };
        (SCRIPTS.iter().map(|script| met(script.name)).sum(), SCRIPTS.len() * points.len())
    }

    /// Payments by script, and at how many points somebody died meanwhile.
    pub(super) fn table(&self, points: &[&str]) -> String {
        let mut text = format!("{:<36} {:>8} {:>8}\n", "script", "payments", "points");
        for script in SCRIPTS {
            let met = |point: &&&str| self.met.contains_key(&(script.name, (**point).to_owned()));
            let points = points.iter().filter(met).count();
            // Writing to a `String` cannot fail.
            let _ = writeln!(text, "  {:<34} {:>8} {points:>8}", script.name, self.begun(script.name));
        }
        let (met, all) = self.pairs(points);
        let _ =
            writeln!(text, "\n{met} of {all} pairs of a script and a point at which a process died have met");
        text
    }
}
