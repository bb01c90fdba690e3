//! Archives behind something else: readers of ZIP look for its end first, whatever the file begins with.

use memchr::memmem;

use super::Fault;
use super::zip::{END, END_BYTES, number};

/// Looks whether a file ends with the end of an archive.
#[derive(Debug, Default)]
pub(super) struct Tail {
    seen: u64,
    /// The last bytes, in which a record may have begun.
    last: Vec<u8>,
    /// Where archives would end whose last record was seen, as far as that has not passed.
    ends: Vec<u64>,
    /// More of them than any file has by chance.
    many: bool,
}

const MANY: usize = 4_096;

impl Tail {
    pub(super) fn push(&mut self, bytes: &[u8]) {
        let mut seen = std::mem::take(&mut self.last);
        let from = self.seen - seen.len() as u64;
        seen.extend_from_slice(bytes);
        self.find(&seen, from);
        self.seen += bytes.len() as u64;
        self.ends.retain(|end| *end >= self.seen);
        self.last = seen.split_off(seen.len().saturating_sub(END_BYTES - 1));
    }

    fn find(&mut self, bytes: &[u8], from: u64) {
        for at in memmem::find_iter(bytes, &END) {
            let Some(record) = bytes.get(at..at + END_BYTES) else { break };
            let at = from + at as u64;
            if self.ends.len() >= MANY {
                self.ends.retain(|end| *end >= at);
                self.many = self.ends.len() >= MANY;
            }
            if self.many {
                break;
            }
            self.ends.push(at + END_BYTES as u64 + number(record, 20, 2));
        }
    }

    pub(super) fn finish(&self) -> Result<(), Fault> {
        if self.many || self.ends.contains(&self.seen) { Err(Fault::Hidden) } else { Ok(()) }
    }
}
