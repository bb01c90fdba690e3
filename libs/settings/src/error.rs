//! What is wrong with the settings, all of it.

use std::fmt;

/// Exit code of a process whose settings are wrong: `EX_USAGE` of sysexits.h.
pub const EXIT_CODE: u8 = 64;

/// One thing that is wrong with one variable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Full name of the variable, for example `DOCUMENT__DB__URL`.
    pub variable: String,
    /// What the variable must be. Never contains the value.
    pub rule: String,
}

/// Everything that is wrong with the settings, a line per variable, sorted by name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct Error {
    /// At least one, sorted by variable.
    pub problems: Vec<Problem>,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.problems.len();
        write!(f, "settings: {count} {}", if count == 1 { "error" } else { "errors" })?;
        for Problem { variable, rule } in &self.problems {
            write!(f, "\n  {variable}: {rule}")?;
        }
        Ok(())
    }
}
