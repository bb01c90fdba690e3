//! Whether all of a file can be looked into: ZIP archives, and what is made of them (OOXML, ODF), read as they pass.
//!
//! A scanner unpacks only so much, and a reader may find other files in an archive than a scanner did. So an archive is
//! read here once, from its first byte to its last: entry after entry with nothing between them, each unpacked and held
//! to what it says about itself, then the directory, which must name exactly these. Overlapping entries, entries that the
//! directory does not have, and files behind another file's end cannot be told in this spelling. Archives within
//! archives are read the same way while they are unpacked.
//!
//! Nothing is kept but what the directory is compared with: some hundred bytes a file, and some 100 KiB a level.
//! Libraries that read ZIP begin at its end and want to seek in it, or read from its front and believe it; neither
//! compares the two.

mod tail;
mod watch;
mod zip;

#[cfg(test)]
mod tests;

use tail::Tail;
pub use watch::Watch;
use zip::Zip;

/// How much is unpacked. Archives within archives count with all they hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Files and folders.
    pub max_files: u32,
    /// Bytes once unpacked.
    pub max_bytes: u64,
    /// Bytes once unpacked for each byte of the file, where they are more than a MiB.
    pub max_ratio: u32,
    /// Archives within archives; 0 for none.
    pub max_depth: u8,
}

impl Limits {
    /// What is unpacked where the job does not say, as jobs of an older document service do not.
    pub const DEFAULT: Self =
        Self { max_files: 1_000, max_bytes: 200 * 1024 * 1024, max_ratio: 200, max_depth: 3 };
}

/// Why a file cannot be looked into.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// More than [`Limits::max_files`].
    #[error("too many files in an archive")]
    Files,
    /// More than [`Limits::max_bytes`].
    #[error("too large once unpacked")]
    Bytes,
    /// More than [`Limits::max_ratio`].
    #[error("packed too densely")]
    Ratio,
    /// More than [`Limits::max_depth`].
    #[error("too many archives within archives")]
    Depth,
    /// An entry, the directory, or the content of an ODF document needs a password.
    #[error("encrypted")]
    Encrypted,
    /// An entry is neither stored nor deflated.
    #[error("packed by a method that is not read")]
    Method,
    /// An entry has another size or checksum than it says.
    #[error("an entry is not what it says")]
    Lie,
    /// The directory names other entries than there are, or one name twice.
    #[error("directory and entries disagree")]
    Directory,
    /// It begins as an archive and does not go on as one, or not to its end.
    #[error("not a whole archive")]
    Damaged,
    /// It ends as an archive and begins as something else.
    #[error("an archive behind something else")]
    Hidden,
}

/// Small files may be as dense as they like: a page of blanks is no bomb.
const DENSE: u64 = 1024 * 1024;

/// Reads a file as it passes.
#[derive(Debug)]
pub struct Inspector {
    budget: Budget,
    stream: Stream,
    read: u64,
    fault: Option<Fault>,
}

impl Inspector {
    /// Before the first byte.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self {
            budget: Budget { limits, files: 0, unpacked: 0 },
            stream: Stream::default(),
            read: 0,
            fault: None,
        }
    }

    /// Takes the next bytes. After a fault nothing is unpacked any more.
    ///
    /// # Errors
    /// The first [`Fault`], again and again.
    pub fn push(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        if let Some(fault) = self.fault {
            return Err(fault);
        }
        self.read += bytes.len() as u64;
        self.stream.push(bytes, 0, &mut self.budget).inspect_err(|fault| self.fault = Some(*fault))
    }

    /// After the last byte.
    ///
    /// # Errors
    /// The first [`Fault`].
    pub fn finish(self) -> Result<(), Fault> {
        if let Some(fault) = self.fault {
            return Err(fault);
        }
        self.stream.finish()?;
        let Budget { limits, unpacked, .. } = self.budget;
        let dense = unpacked > DENSE && unpacked > self.read.saturating_mul(limits.max_ratio.into());
        if dense { Err(Fault::Ratio) } else { Ok(()) }
    }
}

/// What all levels have used up together.
#[derive(Debug)]
struct Budget {
    limits: Limits,
    files: u32,
    unpacked: u64,
}

impl Budget {
    fn file(&mut self) -> Result<(), Fault> {
        self.files += 1;
        if self.files > self.limits.max_files { Err(Fault::Files) } else { Ok(()) }
    }

    /// Whether so many more bytes may come.
    fn room(&self, bytes: u64) -> Result<(), Fault> {
        if self.unpacked.saturating_add(bytes) > self.limits.max_bytes { Err(Fault::Bytes) } else { Ok(()) }
    }

    fn unpack(&mut self, bytes: usize) -> Result<(), Fault> {
        self.room(bytes as u64)?;
        self.unpacked += bytes as u64;
        Ok(())
    }
}

/// A file: the whole, or one that comes out of an archive.
#[derive(Debug)]
enum Stream {
    /// Its first bytes, too few to tell.
    New(Vec<u8>),
    Zip(Box<Zip>),
    Other(Tail),
}

impl Default for Stream {
    fn default() -> Self {
        Self::New(Vec::new())
    }
}

impl Stream {
    fn push(&mut self, bytes: &[u8], depth: u8, budget: &mut Budget) -> Result<(), Fault> {
        match self {
            Self::Zip(zip) => return zip.push(bytes, depth, budget),
            Self::Other(tail) => {
                tail.push(bytes);
                return Ok(());
            }
            Self::New(_) => {}
        }
        let Self::New(mut start) = std::mem::take(self) else { return Ok(()) };
        let (head, rest) = bytes.split_at(bytes.len().min(zip::MARK - start.len()));
        start.extend_from_slice(head);
        if start.len() < zip::MARK {
            *self = Self::New(start);
            return Ok(());
        }
        *self = if zip::begins(&start) {
            if depth > budget.limits.max_depth {
                return Err(Fault::Depth);
            }
            Self::Zip(Box::default())
        } else {
            Self::Other(Tail::default())
        };
        self.push(&start, depth, budget)?;
        self.push(rest, depth, budget)
    }

    fn finish(&self) -> Result<(), Fault> {
        match self {
            Self::New(_) => Ok(()),
            Self::Zip(zip) => zip.finish(),
            Self::Other(tail) => tail.finish(),
        }
    }
}
