//! Checks that say what they found and go on, so that one run shows everything.

use std::time::Instant;

use anyhow::{Result, bail};

/// One check, and what it found.
pub(crate) struct Check {
    pub(crate) name: String,
    pub(crate) seconds: f32,
    pub(crate) faults: Vec<String>,
}

/// Those that were made.
#[derive(Default)]
pub(crate) struct Checks(Vec<Check>);

impl Checks {
    /// Makes one and reports it.
    pub(crate) fn make(&mut self, name: &str, faults: impl FnOnce() -> Result<Vec<String>>) -> Result<()> {
        let begun = Instant::now();
        let faults = faults()?;
        self.report(Check { name: name.to_owned(), seconds: begun.elapsed().as_secs_f32(), faults });
        Ok(())
    }

    /// Prints a line about one that was made, and what it found below.
    pub(crate) fn report(&mut self, check: Check) {
        let verdict = if check.faults.is_empty() { "ok" } else { "FAULT" };
        say!("{verdict:<6}{:<40}{:>6.1} s", check.name, check.seconds);
        for fault in &check.faults {
            for line in fault.lines() {
                say!("      {line}");
            }
        }
        self.0.push(check);
    }

    /// Whether none was made.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Says how many passed; fails where one found something in `place`, and names where the rules are.
    pub(crate) fn finish(&self, place: &str, rules: &str) -> Result<()> {
        let faults: usize = self.0.iter().map(|check| check.faults.len()).sum();
        let failed = self.0.iter().filter(|check| !check.faults.is_empty()).count();
        say!("\n{} passed, {failed} failed", self.0.len() - failed);
        if faults > 0 {
            bail!("{faults} faults in {place}; what the checks are: {rules}");
        }
        Ok(())
    }
}
