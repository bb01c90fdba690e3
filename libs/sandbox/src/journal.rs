//! The file of the state: a change per line, the first of which is all that was before it.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;

/// The file is written anew when it has grown by this, and by as much as it was.
const GROWTH: u64 = 1024 * 1024;

/// What is kept.
pub trait State: Default {
    /// A step from one state to the next.
    type Change: Serialize + DeserializeOwned;

    /// Takes the step.
    fn apply(&mut self, change: Self::Change);

    /// The step from nothing to all that there is.
    fn snapshot(&self) -> Self::Change;
}

/// Why the state could not be read or kept.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file, or its folder, is not ours to use.
    #[error("cannot {action} the state {}", path.display())]
    File {
        /// What was to be done.
        action: &'static str,
        /// With which file.
        path: PathBuf,
        /// Why it was not.
        #[source]
        source: io::Error,
    },
    /// Another process has it.
    #[error("the state {} is another process's", .0.display())]
    Taken(PathBuf),
    /// It is not what this program wrote.
    #[error("line {line} of the state {} cannot be read", path.display())]
    Line {
        /// Of which file.
        path: PathBuf,
        /// Which, from 1.
        line: usize,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
    /// A change has no JSON: a defect.
    #[error("a change cannot be written")]
    Change(#[source] serde_json::Error),
}

/// An open file, which is this process's alone.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    file: File,
    length: u64,
    rewrite_at: u64,
}

impl Journal {
    /// Reads what is there, which may be nothing, and takes the file.
    ///
    /// # Errors
    /// When it is another process's, or not what this program wrote.
    pub fn open<S: State>(path: &Path) -> Result<(Self, S), Error> {
        let error = |action| move |source| Error::File { action, path: path.to_owned(), source };
        let mut file = options().open(path).map_err(error("open"))?;
        take(&file, path)?;
        let mut text = Vec::new();
        file.read_to_end(&mut text).map_err(error("read"))?;
        // Who is killed in the midst of a write leaves a line without an end, which nobody was told of.
        let whole = text.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        let mut state = S::default();
        for (at, line) in
            text[..whole].split(|byte| *byte == b'\n').enumerate().filter(|(_, line)| !line.is_empty())
        {
            let change = serde_json::from_slice(line).map_err(|source| Error::Line {
                path: path.to_owned(),
                line: at + 1,
                source,
            })?;
            state.apply(change);
        }
        let mut journal = Self { path: path.to_owned(), file, length: 0, rewrite_at: 0 };
        journal.rewrite(&state)?;
        Ok((journal, state))
    }

    /// Writes a change. It is kept when the process is killed then, though not when the machine is.
    ///
    /// # Errors
    /// When it is not kept.
    pub fn append(&mut self, change: &impl Serialize) -> Result<(), Error> {
        let line = line(change)?;
        // One call: a kill finds the line whole, or without its end.
        let written = self.file.write_all(&line);
        if let Err(source) = written {
            // What was written of it would spoil the line that follows.
            self.file.set_len(self.length).map_err(|source| self.error("cut", source))?;
            return Err(self.error("write", source));
        }
        self.length += line.len() as u64;
        Ok(())
    }

    /// Writes everything anew where the file has become long.
    ///
    /// # Errors
    /// When it cannot; what was kept is.
    pub fn tidy(&mut self, state: &impl State) -> Result<(), Error> {
        if self.length < self.rewrite_at { Ok(()) } else { self.rewrite(state) }
    }

    fn rewrite(&mut self, state: &impl State) -> Result<(), Error> {
        let line = line(&state.snapshot())?;
        let new = self.path.with_extension("new");
        let mut file = options().open(&new).map_err(|source| self.error("rewrite", source))?;
        take(&file, &self.path)?;
        // What somebody left who was killed in the midst of this.
        file.set_len(0).map_err(|source| self.error("rewrite", source))?;
        file.write_all(&line).map_err(|source| self.error("rewrite", source))?;
        std::fs::rename(&new, &self.path).map_err(|source| self.error("rewrite", source))?;
        self.file = file;
        self.length = line.len() as u64;
        self.rewrite_at = self.length * 2 + GROWTH;
        Ok(())
    }

    fn error(&self, action: &'static str, source: io::Error) -> Error {
        Error::File { action, path: self.path.clone(), source }
    }
}

/// Secrets are in it.
fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).append(true).create(true).mode(0o600);
    options
}

fn take(file: &File, path: &Path) -> Result<(), Error> {
    file.try_lock().map_err(|error| match error {
        TryLockError::WouldBlock => Error::Taken(path.to_owned()),
        TryLockError::Error(source) => Error::File { action: "lock", path: path.to_owned(), source },
    })
}

fn line(change: &impl Serialize) -> Result<Vec<u8>, Error> {
    let mut line = serde_json::to_vec(change).map_err(Error::Change)?;
    line.push(b'\n');
    Ok(line)
}
