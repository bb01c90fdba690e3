//! The data of one entry, unpacked and held to what its header says.

use flate2::{Decompress, FlushDecompress, Status};

use super::super::{Budget, Fault, Stream};
use super::{DEFLATED, Known, STORED};

/// Bytes that are unpacked at a time.
const BUFFER: usize = 16 * 1024;

/// Sizes and checksum of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Facts {
    pub(super) crc: u64,
    pub(super) packed: u64,
    pub(super) size: u64,
}

/// An entry under way.
#[derive(Debug)]
pub(super) struct Entry {
    /// Where its header begins.
    pub(super) start: u64,
    /// What its header says.
    pub(super) known: Known,
    /// Whether a descriptor says it.
    pub(super) deferred: bool,
    /// Whether that has sizes of 64 bits.
    pub(super) wide: bool,
    /// Whether all of its data was read.
    pub(super) complete: bool,
    /// Packed bytes that are to come; nothing where only the data itself says where it ends.
    left: Option<u64>,
    packed: u64,
    size: u64,
    crc: crc32fast::Hasher,
    inflate: Option<Inflate>,
    /// What comes out may be an archive.
    content: Box<Stream>,
    manifest: Option<Manifest>,
}

#[derive(Debug)]
struct Inflate {
    state: Decompress,
    buffer: Vec<u8>,
}

impl Entry {
    pub(super) fn new(start: u64, known: Known, deferred: bool, wide: bool, manifest: bool) -> Self {
        let deflated = known.method == DEFLATED;
        let left = if deferred && deflated { None } else { Some(known.facts.packed) };
        let inflate = || Inflate { state: Decompress::new(false), buffer: vec![0; BUFFER] };
        Self {
            start,
            known,
            deferred,
            wide,
            complete: known.method == STORED && left == Some(0),
            left,
            packed: 0,
            size: 0,
            crc: crc32fast::Hasher::new(),
            inflate: deflated.then(inflate),
            content: Box::default(),
            manifest: manifest.then(Manifest::default),
        }
    }

    /// What was found.
    pub(super) fn facts(&self) -> Facts {
        Facts { crc: self.crc.clone().finalize().into(), packed: self.packed, size: self.size }
    }

    /// Takes its next bytes, and says how many of them are its own.
    pub(super) fn push(&mut self, bytes: &[u8], depth: u8, budget: &mut Budget) -> Result<usize, Fault> {
        let own = self
            .left
            .map_or(bytes.len(), |left| bytes.len().min(usize::try_from(left).unwrap_or(usize::MAX)));
        let bytes = &bytes[..own];
        let used = match self.inflate.take() {
            Some(mut inflate) => {
                let used = self.inflate(&mut inflate, bytes, depth, budget);
                self.inflate = Some(inflate);
                used?
            }
            None => {
                self.unpacked(bytes, depth, budget)?;
                self.complete = self.left == Some(own as u64);
                own
            }
        };
        self.packed += used as u64;
        if let Some(left) = &mut self.left {
            *left -= used as u64;
            if self.complete != (*left == 0) {
                // The data ends before, or goes on after its end.
                return Err(Fault::Lie);
            }
        }
        Ok(used)
    }

    fn inflate(
        &mut self,
        inflate: &mut Inflate,
        bytes: &[u8],
        depth: u8,
        budget: &mut Budget,
    ) -> Result<usize, Fault> {
        let mut used = 0;
        loop {
            let (read, written) = (inflate.state.total_in(), inflate.state.total_out());
            let status = inflate.state.decompress(&bytes[used..], &mut inflate.buffer, FlushDecompress::None);
            let step = |after: u64, before: u64| usize::try_from(after - before).unwrap_or(usize::MAX);
            let read = step(inflate.state.total_in(), read);
            let written = step(inflate.state.total_out(), written);
            used += read;
            self.unpacked(&inflate.buffer[..written], depth, budget)?;
            match status {
                Err(_) => return Err(Fault::Damaged),
                Ok(Status::StreamEnd) => {
                    self.complete = true;
                    return Ok(used);
                }
                // It wants more.
                Ok(_) if read == 0 && written == 0 => break,
                Ok(_) => {}
            }
        }
        if used == bytes.len() { Ok(used) } else { Err(Fault::Damaged) }
    }

    fn unpacked(&mut self, bytes: &[u8], depth: u8, budget: &mut Budget) -> Result<(), Fault> {
        budget.unpack(bytes.len())?;
        self.size += bytes.len() as u64;
        self.crc.update(bytes);
        if let Some(manifest) = &mut self.manifest {
            manifest.push(bytes)?;
        }
        self.content.push(bytes, depth.saturating_add(1), budget)
    }

    /// After its last byte.
    pub(super) fn finish(&self) -> Result<(), Fault> {
        self.content.finish()
    }
}

/// The list of files of an ODF document. Encrypted ones look like any other to ZIP; the list says how to decrypt them.
#[derive(Debug, Default)]
struct Manifest {
    last: Vec<u8>,
}

impl Manifest {
    const KEY: &[u8] = b"encryption-data";

    fn push(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        self.last.extend_from_slice(bytes);
        if memchr::memmem::find(&self.last, Self::KEY).is_some() {
            return Err(Fault::Encrypted);
        }
        let passed = self.last.len().saturating_sub(Self::KEY.len() - 1);
        self.last.drain(..passed);
        Ok(())
    }
}
