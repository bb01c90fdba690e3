//! One archive, as APPNOTE 6.3 describes it, from front to back.

mod entry;

use std::collections::{HashMap, HashSet};

use sha2::{Digest, Sha256};

use super::{Budget, Fault};
use entry::{Entry, Facts};

/// Bytes that tell an archive.
pub(super) const MARK: usize = 4;
pub(super) const END: [u8; MARK] = *b"PK\x05\x06";
pub(super) const END_BYTES: usize = 22;
const LOCAL: [u8; MARK] = *b"PK\x03\x04";
const CENTRAL: [u8; MARK] = *b"PK\x01\x02";
const END_64: [u8; MARK] = *b"PK\x06\x06";
const LOCATOR: [u8; MARK] = *b"PK\x06\x07";
const DESCRIPTOR: [u8; MARK] = *b"PK\x07\x08";

/// Encrypted, strongly encrypted, directory encrypted.
const ENCRYPTED: u64 = 1 | 1 << 6 | 1 << 13;
/// Sizes and checksum come behind the data.
const DEFERRED: u64 = 1 << 3;
/// A difference to another file.
const PATCH: u64 = 1 << 5;
const STORED: u64 = 0;
const DEFLATED: u64 = 8;
const AES: u64 = 99;
/// The value stands in the 64-bit field.
const LARGE: u64 = 0xffff_ffff;

/// Whether a file that begins so is an archive: one with files, or one without.
pub(super) fn begins(mark: &[u8]) -> bool {
    mark == LOCAL || mark == END
}

/// A little-endian number of a record.
pub(super) fn number(record: &[u8], at: usize, width: usize) -> u64 {
    record.iter().skip(at).take(width).rev().fold(0, |number, byte| (number << 8) | u64::from(*byte))
}

/// Names are compared, never kept.
type Name = [u8; 16];

/// What is known of an entry until the directory has named it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Known {
    name: Name,
    method: u64,
    facts: Facts,
}

/// What may come next; records come in this order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    #[default]
    Entries,
    Directory,
    End64,
    Locator,
    End,
}

/// The end in 64 bits.
#[derive(Clone, Copy, Debug)]
struct End64 {
    at: u64,
    count: u64,
    size: u64,
    offset: u64,
}

/// An archive, read up to some byte.
#[derive(Debug)]
pub(super) struct Zip {
    /// Where the record, or the data, begins that is being read.
    at: u64,
    record: Vec<u8>,
    /// How long the record is, as far as its bytes tell.
    want: usize,
    part: Part,
    /// The entry whose data, or descriptor, is being read.
    entry: Option<Entry>,
    known: HashMap<u64, Known>,
    names: HashSet<Name>,
    count: u64,
    /// Where the directory begins, once it has.
    directory: Option<u64>,
    end_64: Option<End64>,
}

impl Default for Zip {
    fn default() -> Self {
        Self {
            at: 0,
            record: Vec::new(),
            want: MARK,
            part: Part::default(),
            entry: None,
            known: HashMap::new(),
            names: HashSet::new(),
            count: 0,
            directory: None,
            end_64: None,
        }
    }
}

impl Zip {
    /// Takes the next bytes of an archive that is itself `depth` archives deep.
    pub(super) fn push(&mut self, mut bytes: &[u8], depth: u8, budget: &mut Budget) -> Result<(), Fault> {
        while !bytes.is_empty() {
            if let Some(entry) = self.entry.as_mut().filter(|entry| !entry.complete) {
                let used = entry.push(bytes, depth, budget)?;
                bytes = &bytes[used..];
                self.at += used as u64;
                self.settle()?;
                continue;
            }
            let (part, rest) = bytes.split_at(bytes.len().min(self.want - self.record.len()));
            self.record.extend_from_slice(part);
            bytes = rest;
            if self.record.len() == self.want {
                let length = self.length()?;
                if length == self.want {
                    self.take(budget)?;
                    self.record.clear();
                    self.want = MARK;
                } else {
                    self.want = length;
                }
            }
        }
        Ok(())
    }

    pub(super) fn finish(&self) -> Result<(), Fault> {
        if self.part == Part::End && self.record.is_empty() { Ok(()) } else { Err(Fault::Damaged) }
    }

    /// How long the record is, as far as its bytes tell: more than there are, or exactly as many.
    fn length(&self) -> Result<usize, Fault> {
        let record = &self.record[..];
        let Some(mark) = record.first_chunk::<MARK>() else { return Err(Fault::Damaged) };
        // With what follows it: names, extra fields, comments.
        let fixed = |bytes: usize, fields: &[usize]| {
            let more: u64 = fields.iter().map(|at| number(record, *at, 2)).sum();
            if record.len() < bytes { bytes } else { bytes + usize::try_from(more).unwrap_or(0) }
        };
        if let Some(entry) = &self.entry {
            // The mark of a descriptor may be left out.
            return Ok(if entry.wide { 20 } else { 12 } + if *mark == DESCRIPTOR { MARK } else { 0 });
        }
        Ok(match *mark {
            LOCAL => fixed(30, &[26, 28]),
            CENTRAL => fixed(46, &[28, 30, 32]),
            END_64 if record.len() < 12 => 12,
            // Longer ones describe encrypted directories.
            END_64 if number(record, 4, 8) == 44 => 56,
            END_64 => return Err(Fault::Damaged),
            LOCATOR => 20,
            END => fixed(END_BYTES, &[20]),
            _ => return Err(Fault::Damaged),
        })
    }

    /// Takes a whole record.
    fn take(&mut self, budget: &mut Budget) -> Result<(), Fault> {
        let record = std::mem::take(&mut self.record);
        let start = self.at;
        self.at += record.len() as u64;
        if let Some(entry) = self.entry.take() {
            let told = if record.starts_with(&DESCRIPTOR) { &record[MARK..] } else { &record[..] };
            let width = if entry.wide { 8 } else { 4 };
            let told = Facts {
                crc: number(told, 0, 4),
                packed: number(told, 4, width),
                size: number(told, 4 + width, width),
            };
            return if told == entry.facts() { self.know(&entry) } else { Err(Fault::Lie) };
        }
        let part = match record.first_chunk::<MARK>() {
            Some(&LOCAL) => Part::Entries,
            Some(&CENTRAL) => Part::Directory,
            Some(&END_64) => Part::End64,
            Some(&LOCATOR) => Part::Locator,
            _ => Part::End,
        };
        let goes_on = match part {
            Part::Entries | Part::Directory => self.part <= part,
            Part::End64 => self.part < part,
            Part::Locator => self.part == Part::End64,
            Part::End => self.part != Part::End64 && self.part < part,
        };
        if !goes_on {
            return Err(Fault::Damaged);
        }
        self.part = part;
        if part > Part::Entries {
            self.directory.get_or_insert(start);
        }
        match part {
            Part::Entries => self.entry(&record, start, budget),
            Part::Directory => self.named(&record),
            Part::End64 => {
                let field = |at| number(&record, at, 8);
                let one_disk = number(&record, 16, 8) == 0 && field(24) == field(32);
                self.end_64 = Some(End64 { at: start, count: field(32), size: field(40), offset: field(48) });
                if one_disk { Ok(()) } else { Err(Fault::Damaged) }
            }
            Part::Locator => {
                let at = self.end_64.map(|end| end.at);
                let one_disk = number(&record, 4, 4) == 0 && number(&record, 16, 4) <= 1;
                if one_disk && at == Some(number(&record, 8, 8)) { Ok(()) } else { Err(Fault::Directory) }
            }
            Part::End => self.end(&record, start),
        }
    }

    /// A local header: an entry begins.
    fn entry(&mut self, record: &[u8], start: u64, budget: &mut Budget) -> Result<(), Fault> {
        budget.file()?;
        let flags = number(record, 6, 2);
        let method = number(record, 8, 2);
        readable(flags, method)?;
        let (name, extra) = name_and_extra(record, 30, number(record, 26, 2), number(record, 28, 2));
        let (mut size, mut packed) = (number(record, 22, 4), number(record, 18, 4));
        let wide = Wide::find(extra)?;
        let is_wide = wide.is_some();
        if let Some(mut wide) = wide {
            for field in [&mut size, &mut packed] {
                if *field == LARGE {
                    *field = wide.next()?;
                }
            }
        }
        let deferred = flags & DEFERRED != 0;
        let stored = method == STORED;
        let told = Facts { crc: number(record, 14, 4), packed, size };
        if !deferred {
            budget.room(size)?;
            if stored && packed != size {
                return Err(Fault::Lie);
            }
        }
        let known = Known { name: digest(name), method, facts: told };
        if !self.names.insert(known.name) {
            return Err(Fault::Directory);
        }
        let manifest = name == b"META-INF/manifest.xml";
        self.entry = Some(Entry::new(start, known, deferred, is_wide, manifest));
        self.settle()
    }

    /// Puts an entry aside whose data is complete, unless its descriptor is still to come.
    fn settle(&mut self) -> Result<(), Fault> {
        let Some(entry) = self.entry.take_if(|entry| entry.complete && !entry.deferred) else {
            return Ok(());
        };
        if entry.facts() == entry.known.facts { self.know(&entry) } else { Err(Fault::Lie) }
    }

    fn know(&mut self, entry: &Entry) -> Result<(), Fault> {
        entry.finish()?;
        self.known.insert(entry.start, Known { facts: entry.facts(), ..entry.known });
        Ok(())
    }

    /// A header of the directory: it must be that of an entry.
    fn named(&mut self, record: &[u8]) -> Result<(), Fault> {
        let method = number(record, 10, 2);
        readable(number(record, 8, 2), method)?;
        let lengths = (number(record, 28, 2), number(record, 30, 2));
        let (name, extra) = name_and_extra(record, 46, lengths.0, lengths.1);
        let (mut size, mut packed) = (number(record, 24, 4), number(record, 20, 4));
        let (mut offset, disk) = (number(record, 42, 4), number(record, 34, 2));
        if let Some(mut wide) = Wide::find(extra)? {
            for field in [&mut size, &mut packed, &mut offset] {
                if *field == LARGE {
                    *field = wide.next()?;
                }
            }
        }
        let named =
            Known { name: digest(name), method, facts: Facts { crc: number(record, 16, 4), packed, size } };
        self.count += 1;
        let agrees = disk == 0 && self.known.remove(&offset) == Some(named);
        if agrees { Ok(()) } else { Err(Fault::Directory) }
    }

    fn end(&self, record: &[u8], start: u64) -> Result<(), Fault> {
        let offset = self.directory.unwrap_or(start);
        let mut size = start - offset;
        if let Some(end) = self.end_64 {
            size = end.at - offset;
            if (end.count, end.size, end.offset) != (self.count, size, offset) {
                return Err(Fault::Directory);
            }
        }
        // What does not fit stands in the 64-bit end.
        let agrees = |at: usize, width: usize, fact: u64| {
            let told = number(record, at, width);
            told == fact || (self.end_64.is_some() && told == (1 << (8 * width)) - 1)
        };
        let whole = agrees(4, 2, 0)
            && agrees(6, 2, 0)
            && agrees(8, 2, self.count)
            && agrees(10, 2, self.count)
            && agrees(12, 4, size)
            && agrees(16, 4, offset)
            && self.known.is_empty();
        if whole { Ok(()) } else { Err(Fault::Directory) }
    }
}

fn readable(flags: u64, method: u64) -> Result<(), Fault> {
    if flags & ENCRYPTED != 0 || method == AES {
        Err(Fault::Encrypted)
    } else if flags & PATCH != 0 || !matches!(method, STORED | DEFLATED) {
        Err(Fault::Method)
    } else {
        Ok(())
    }
}

fn name_and_extra(record: &[u8], from: usize, name: u64, extra: u64) -> (&[u8], &[u8]) {
    let (name, extra) = (usize::try_from(name).unwrap_or(0), usize::try_from(extra).unwrap_or(0));
    let rest = record.get(from..).unwrap_or_default();
    let (name, rest) = rest.split_at(name.min(rest.len()));
    (name, &rest[..extra.min(rest.len())])
}

fn digest(name: &[u8]) -> Name {
    let digest = Sha256::digest(name);
    digest.first_chunk().copied().unwrap_or_default()
}

/// The 64-bit values of a header, in the order of the fields that have no room for theirs.
struct Wide<'a>(&'a [u8]);

impl<'a> Wide<'a> {
    fn find(mut extra: &'a [u8]) -> Result<Option<Self>, Fault> {
        let mut found = None;
        // Some writers pad with up to three bytes, which are no field.
        while extra.len() >= 4 {
            let length = usize::try_from(number(extra, 2, 2)).unwrap_or(0);
            let field = extra.get(4..4 + length).ok_or(Fault::Damaged)?;
            if number(extra, 0, 2) == 1 && found.replace(Self(field)).is_some() {
                return Err(Fault::Directory);
            }
            extra = &extra[4 + length..];
        }
        Ok(found)
    }

    fn next(&mut self) -> Result<u64, Fault> {
        let (value, rest) = self.0.split_at_checked(8).ok_or(Fault::Damaged)?;
        self.0 = rest;
        Ok(number(value, 0, 8))
    }
}
