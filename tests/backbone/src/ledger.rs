//! What was acknowledged to a caller: a file that is only appended to, and synchronised.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{BufWriter, Write as _};
use std::path::Path;

use anyhow::{Context as _, Result};
use uuid::Uuid;

/// What the producers say on their standard output once a commit was acknowledged, a line each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Acknowledged {
    /// Steps `first..=last` of a key, and the id of the first one's event.
    Steps {
        /// The counter's key.
        key: String,
        /// The first step.
        first: u64,
        /// The last step.
        last: u64,
        /// Id of the first step's event: by it the order of appending can be told.
        event: Uuid,
    },
    /// A job.
    Job(Uuid),
}

impl Acknowledged {
    /// Reads a line.
    #[must_use]
    pub fn parse(line: &str) -> Option<Self> {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words[..] {
            ["steps", key, first, last, event] => Some(Self::Steps {
                key: key.to_owned(),
                first: first.parse().ok()?,
                last: last.parse().ok()?,
                event: event.parse().ok()?,
            }),
            ["job", id] => Some(Self::Job(id.parse().ok()?)),
            _ => None,
        }
    }

    /// The line.
    #[must_use]
    pub fn line(&self) -> String {
        match self {
            Self::Steps { key, first, last, event } => format!("steps {key} {first} {last} {event}"),
            Self::Job(id) => format!("job {id}"),
        }
    }
}

/// The open file.
#[derive(Debug)]
pub struct Ledger {
    file: BufWriter<File>,
    dirty: bool,
    newest: Uuid,
    /// Transactions whose commit was acknowledged after that of one which had appended later.
    pub late: u64,
}

impl Ledger {
    /// Makes a new file.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn create(path: &Path) -> Result<Self> {
        let file = File::create(path).with_context(|| format!("cannot make {}", path.display()))?;
        Ok(Self { file: BufWriter::new(file), dirty: false, newest: Uuid::nil(), late: 0 })
    }

    /// Adds an entry.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn add(&mut self, entry: &Acknowledged) -> Result<()> {
        if let Acknowledged::Steps { event, .. } = entry {
            self.late += u64::from(*event < self.newest);
            self.newest = self.newest.max(*event);
        }
        writeln!(self.file, "{}", entry.line())?;
        self.dirty = true;
        Ok(())
    }

    /// Has everything so far outlive this process and the machine.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn sync(&mut self) -> Result<()> {
        if std::mem::take(&mut self.dirty) {
            self.file.flush()?;
            self.file.get_ref().sync_data()?;
        }
        Ok(())
    }
}

/// Everything in a ledger.
#[derive(Clone, Debug, Default)]
pub struct Entries {
    /// Acknowledged steps by key.
    pub steps: BTreeMap<String, BTreeSet<u64>>,
    /// Acknowledged jobs.
    pub jobs: BTreeSet<Uuid>,
}

/// Reads a ledger.
///
/// # Errors
/// When the file cannot be read or a line is none.
pub fn read(path: &Path) -> Result<Entries> {
    let mut entries = Entries::default();
    for line in fs::read_to_string(path)?.lines() {
        match Acknowledged::parse(line).with_context(|| format!("not an entry: {line}"))? {
            Acknowledged::Steps { key, first, last, .. } => {
                entries.steps.entry(key).or_default().extend(first..=last);
            }
            Acknowledged::Job(id) => {
                entries.jobs.insert(id);
            }
        }
    }
    Ok(entries)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_reads_back() {
        let path = std::env::temp_dir().join(format!("backbone-ledger-{}", std::process::id()));
        let event = |n| Uuid::from_u128(n);
        let mut ledger = Ledger::create(&path).unwrap();
        for entry in [
            Acknowledged::Steps { key: "k1".to_owned(), first: 1, last: 3, event: event(5) },
            Acknowledged::Steps { key: "k2".to_owned(), first: 1, last: 1, event: event(4) },
            Acknowledged::Job(event(9)),
        ] {
            ledger.add(&entry).unwrap();
        }
        ledger.sync().unwrap();

        let entries = read(&path).unwrap();
        assert_eq!(entries.steps["k1"], BTreeSet::from([1, 2, 3]));
        assert_eq!(entries.steps["k2"], BTreeSet::from([1]));
        assert_eq!(entries.jobs, BTreeSet::from([event(9)]));
        assert_eq!(ledger.late, 1);
        fs::remove_file(path).unwrap();
    }
}
