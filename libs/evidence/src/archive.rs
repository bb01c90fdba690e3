//! ZIP files of one spelling: members as they are, in their order, with nothing before, between or behind them. Every
//! unpacker reads them; [`read`] takes no others, so that no byte can be changed unseen.
//!
//! Neither writing nor reading holds more than names: [`Layout`] says what comes before each member and behind the last, and
//! [`read`] gives the bytes as they come.

use std::io::{self, BufReader, Read};

use crc32fast::Hasher;

/// Where the checksum of a member stands in the bytes that [`Layout::begin`] gives, least byte first.
pub const CHECKSUM: std::ops::Range<usize> = 14..18;

const LOCAL: [u8; 4] = *b"PK\x03\x04";
const CENTRAL: [u8; 4] = *b"PK\x01\x02";
const END: [u8; 4] = *b"PK\x05\x06";
const LARGE_END: [u8; 4] = *b"PK\x06\x06";
const LARGE_LOCATOR: [u8; 4] = *b"PK\x06\x07";
/// No flags; stored; midnight of the first day there is.
const COMMON: [u8; 8] = [0, 0, 0, 0, 0, 0, 0x21, 0];
/// Versions of the format that a member needs: with and without 64-bit numbers.
const LARGE: [u8; 2] = [45, 0];
const SMALL: [u8; 2] = [10, 0];
/// Made on Unix by version 4.5.
const MADE_BY: [u8; 2] = [45, 3];
/// A plain file that its owner writes and everybody reads.
const MODE: u32 = 0o100_644 << 16;
/// Of the extra field that has 64-bit numbers.
const LARGE_EXTRA: u16 = 1;
const LARGE_EXTRA_BYTES: usize = 20;
const MAX_NAME: usize = 255;
/// Most members.
const MAX_MEMBERS: usize = 100_000;

/// An archive would have a member whose name is longer than 255 bytes, or more than 100,000 of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a name of more than 255 bytes, or more than 100,000 files")]
pub struct TooLarge;

/// Why bytes are no archive of this spelling.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// They are not as they would have been written, first at this one.
    #[error("not as it was written at byte {0}")]
    Malformed(u64),
    /// They cannot be read.
    #[error("cannot be read")]
    Io(#[source] io::Error),
}

/// Lays out an archive, member by member.
#[derive(Clone, Debug, Default)]
pub struct Layout {
    placed: Vec<Placed>,
    /// Where the next byte goes.
    at: u64,
}

#[derive(Clone, Debug)]
struct Placed {
    name: String,
    size: u64,
    checksum: u32,
    offset: u64,
}

impl Layout {
    /// What comes before the bytes of the next member, of which there are exactly `size`. Its checksum is 0 until it is
    /// known: then it goes to [`CHECKSUM`] of these bytes, and to [`Layout::checksum`].
    ///
    /// # Errors
    /// [`TooLarge`].
    pub fn begin(&mut self, name: &str, size: u64) -> Result<Vec<u8>, TooLarge> {
        if name.len() > MAX_NAME || self.placed.len() >= MAX_MEMBERS {
            return Err(TooLarge);
        }
        let placed = Placed { name: name.to_owned(), size, checksum: 0, offset: self.at };
        let head = placed.head();
        self.at = self.at.saturating_add(head.len() as u64).saturating_add(size);
        self.placed.push(placed);
        Ok(head)
    }

    /// The CRC-32 of the member that was begun last.
    pub fn checksum(&mut self, checksum: u32) {
        if let Some(placed) = self.placed.last_mut() {
            placed.checksum = checksum;
        }
    }

    /// What comes before the bytes of a member that is there as a whole.
    ///
    /// # Errors
    /// [`TooLarge`].
    pub fn whole(&mut self, name: &str, bytes: &[u8]) -> Result<Vec<u8>, TooLarge> {
        let mut head = self.begin(name, bytes.len() as u64)?;
        let checksum = crc32fast::hash(bytes);
        self.checksum(checksum);
        for (to, byte) in head.iter_mut().skip(CHECKSUM.start).zip(checksum.to_le_bytes()) {
            *to = byte;
        }
        Ok(head)
    }

    /// What comes behind the last member.
    #[must_use]
    pub fn finish(self) -> Vec<u8> {
        let mut bytes: Vec<u8> = self.placed.iter().flat_map(Placed::entry).collect();
        let (count, size) = (self.placed.len() as u64, bytes.len() as u64);
        let is_large = count >= u64::from(u16::MAX) || is_large(size) || is_large(self.at);
        if is_large {
            let end = self.at.saturating_add(size);
            bytes.extend(LARGE_END);
            // How much follows.
            bytes.extend(44_u64.to_le_bytes());
            bytes.extend(MADE_BY);
            bytes.extend(LARGE);
            // The first disk, twice.
            bytes.extend([0; 8]);
            for number in [count, count, size, self.at] {
                bytes.extend(number.to_le_bytes());
            }
            bytes.extend(LARGE_LOCATOR);
            bytes.extend([0; 4]);
            bytes.extend(end.to_le_bytes());
            bytes.extend(1_u32.to_le_bytes());
        }
        bytes.extend(END);
        bytes.extend([0; 4]);
        let short = u16::try_from(count).unwrap_or(u16::MAX).to_le_bytes();
        bytes.extend(short);
        bytes.extend(short);
        bytes.extend(capped(size));
        bytes.extend(capped(self.at));
        // No comment.
        bytes.extend([0; 2]);
        bytes
    }
}

impl Placed {
    fn head(&self) -> Vec<u8> {
        let mut extra = Vec::new();
        if is_large(self.size) {
            extra.extend(LARGE_EXTRA.to_le_bytes());
            extra.extend(16_u16.to_le_bytes());
            extra.extend(self.size.to_le_bytes());
            extra.extend(self.size.to_le_bytes());
        }
        let mut bytes = LOCAL.to_vec();
        bytes.extend(if extra.is_empty() { SMALL } else { LARGE });
        self.common(&extra, &mut bytes);
        bytes.extend(self.name.as_bytes());
        bytes.extend(extra);
        bytes
    }

    /// Its row in the directory.
    fn entry(&self) -> Vec<u8> {
        let sizes = [self.size, self.size].into_iter().filter(|size| is_large(*size));
        let offset = Some(self.offset).filter(|offset| is_large(*offset));
        let numbers: Vec<u8> = sizes.chain(offset).flat_map(u64::to_le_bytes).collect();
        let mut extra = Vec::new();
        if let Some(length) = u16::try_from(numbers.len()).ok().filter(|length| *length > 0) {
            extra.extend(LARGE_EXTRA.to_le_bytes());
            extra.extend(length.to_le_bytes());
            extra.extend(numbers);
        }
        let mut bytes = CENTRAL.to_vec();
        bytes.extend(MADE_BY);
        bytes.extend(if extra.is_empty() { SMALL } else { LARGE });
        self.common(&extra, &mut bytes);
        // No comment, the first disk, no inner attributes.
        bytes.extend([0; 6]);
        bytes.extend(MODE.to_le_bytes());
        bytes.extend(capped(self.offset));
        bytes.extend(self.name.as_bytes());
        bytes.extend(extra);
        bytes
    }

    fn common(&self, extra: &[u8], bytes: &mut Vec<u8>) {
        bytes.extend(COMMON);
        bytes.extend(self.checksum.to_le_bytes());
        bytes.extend(capped(self.size));
        bytes.extend(capped(self.size));
        for length in [self.name.len(), extra.len()] {
            bytes.extend(u16::try_from(length).unwrap_or(u16::MAX).to_le_bytes());
        }
    }
}

/// Whether a number needs 64 bits.
fn is_large(number: u64) -> bool {
    number >= u64::from(u32::MAX)
}

fn capped(number: u64) -> [u8; 4] {
    u32::try_from(number).unwrap_or(u32::MAX).to_le_bytes()
}

/// Reads an archive that [`Layout`] could have laid out, and gives each member with its name and its size to `member`, which
/// may leave bytes unread. Returns the names of members whose checksum is not that of their bytes.
///
/// # Errors
/// [`Error::Malformed`] names the first byte that would not have been written; [`Error::Io`].
pub fn read(
    from: impl Read,
    mut member: impl FnMut(&str, u64, &mut dyn Read) -> io::Result<()>,
) -> Result<Vec<String>, Error> {
    let mut source = Source { from: BufReader::with_capacity(128 * 1024, from), at: 0 };
    let (mut layout, mut damaged) = (Layout::default(), Vec::new());
    loop {
        let start = source.at;
        let signature: [u8; 4] = source.array()?;
        if signature != LOCAL {
            let end = layout.finish();
            same(start, &end, &signature)?;
            source.rest(end.get(signature.len()..).unwrap_or_default())?;
            return Ok(damaged);
        }
        let fixed: [u8; 26] = source.array()?;
        let number = |at: usize, width: usize| {
            fixed.iter().skip(at).take(width).rev().fold(0, |n, byte| (n << 8) | u64::from(*byte))
        };
        let (name, extra) = (number(22, 2), number(24, 2));
        if name > MAX_NAME as u64 || (extra != 0 && extra != LARGE_EXTRA_BYTES as u64) {
            return Err(Error::Malformed(start + 26));
        }
        let name_bytes = source.bytes(name)?;
        let extra = source.bytes(extra)?;
        let size = match extra.get(4..12).and_then(|size| size.try_into().ok()) {
            Some(size) => u64::from_le_bytes(size),
            None => number(14, 4),
        };
        let name = String::from_utf8(name_bytes.clone()).map_err(|_| Error::Malformed(start + 30))?;
        let checksum = u32::try_from(number(10, 4)).unwrap_or_default();
        let mut head = layout.begin(&name, size).map_err(|_| Error::Malformed(start))?;
        layout.checksum(checksum);
        for (to, byte) in head.iter_mut().skip(CHECKSUM.start).zip(checksum.to_le_bytes()) {
            *to = byte;
        }
        same(start, &head, &[&signature[..], &fixed, &name_bytes, &extra].concat())?;

        let mut content = Content { from: &mut source.from, left: size, checksum: Hasher::new() };
        let outcome = member(&name, size, &mut content).and_then(|()| {
            io::copy(&mut content, &mut io::sink())?;
            Ok(content.checksum.finalize())
        });
        let end = source.at + size;
        if outcome.map_err(|error| broken(error, end))? != checksum {
            damaged.push(name);
        }
        source.at = end;
    }
}

struct Source<R> {
    from: R,
    at: u64,
}

impl<R: Read> Source<R> {
    fn array<const N: usize>(&mut self) -> Result<[u8; N], Error> {
        let mut bytes = [0; N];
        self.fill(&mut bytes)?;
        Ok(bytes)
    }

    fn bytes(&mut self, count: u64) -> Result<Vec<u8>, Error> {
        let mut bytes = vec![0; usize::try_from(count).map_err(|_| Error::Malformed(self.at))?];
        self.fill(&mut bytes)?;
        Ok(bytes)
    }

    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), Error> {
        self.from.read_exact(bytes).map_err(|error| broken(error, self.at))?;
        self.at += bytes.len() as u64;
        Ok(())
    }

    /// These bytes, and then nothing.
    fn rest(&mut self, wanted: &[u8]) -> Result<(), Error> {
        let at = self.at;
        let found = self.bytes(wanted.len() as u64)?;
        same(at, wanted, &found)?;
        match self.array::<1>() {
            Err(Error::Malformed(_)) => Ok(()),
            Err(error) => Err(error),
            Ok(_) => Err(Error::Malformed(self.at - 1)),
        }
    }
}

/// The bytes of one member.
struct Content<'a, R> {
    from: &'a mut R,
    left: u64,
    checksum: Hasher,
}

impl<R: Read> Read for Content<'_, R> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        let wanted = usize::try_from(self.left).unwrap_or(usize::MAX).min(to.len());
        let to = to.get_mut(..wanted).unwrap_or_default();
        let read = self.from.read(to)?;
        if read == 0 && wanted > 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.checksum.update(to.get(..read).unwrap_or_default());
        self.left -= read as u64;
        Ok(read)
    }
}

/// An end that comes too early is a fault of the archive.
fn broken(error: io::Error, at: u64) -> Error {
    if error.kind() == io::ErrorKind::UnexpectedEof { Error::Malformed(at) } else { Error::Io(error) }
}

fn same(at: u64, wanted: &[u8], found: &[u8]) -> Result<(), Error> {
    match wanted.iter().zip(found).position(|(wanted, found)| wanted != found) {
        Some(differs) => Err(Error::Malformed(at + differs as u64)),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    type Members = Vec<(String, Vec<u8>)>;

    fn write<'a>(members: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> Vec<u8> {
        let (mut layout, mut archive) = (Layout::default(), Vec::new());
        for (name, bytes) in members {
            archive.extend(layout.whole(name, bytes).unwrap());
            archive.extend(bytes);
        }
        archive.extend(layout.finish());
        archive
    }

    fn read_all(bytes: &[u8]) -> Result<(Members, Vec<String>), Error> {
        let mut members = Vec::new();
        let damaged = read(bytes, |name, _, content| {
            let mut bytes = Vec::new();
            content.read_to_end(&mut bytes)?;
            members.push((name.to_owned(), bytes));
            Ok(())
        })?;
        Ok((members, damaged))
    }

    fn sample() -> Vec<u8> {
        write([("manifest.json", &b"{}"[..]), ("files/1", b"")])
    }

    #[test]
    fn an_archive_is_read_as_it_was_written() {
        let (members, damaged) = read_all(&sample()).unwrap();
        assert_eq!(
            members,
            [("manifest.json".to_owned(), b"{}".to_vec()), ("files/1".to_owned(), Vec::new())]
        );
        assert!(damaged.is_empty());
        assert_eq!(read_all(&write([])).unwrap().0, []);
        assert!(matches!(read_all(b""), Err(Error::Malformed(0))));
        // What a reader leaves is passed over.
        assert!(read(&sample()[..], |_, _, _| Ok(())).unwrap().is_empty());
    }

    #[test]
    fn no_bit_can_be_changed() {
        let good = sample();
        for at in 0..good.len() {
            for bit in 0..8 {
                let mut bytes = good.clone();
                bytes[at] ^= 1 << bit;
                let read = read_all(&bytes);
                assert!(read.is_err() || !read.unwrap().1.is_empty(), "byte {at} bit {bit}");
            }
        }
        for at in 0..good.len() {
            assert!(matches!(read_all(&good[..at]), Err(Error::Malformed(_))), "{at}");
        }
        assert!(
            matches!(read_all(&[&good[..], &[0]].concat()), Err(Error::Malformed(at)) if at == good.len() as u64)
        );
    }

    #[test]
    fn what_32_bits_do_not_count_has_64() {
        const SIZE: u64 = 5_000_000_000;
        let mut layout = Layout::default();
        let head = layout.begin("large", SIZE).unwrap();
        let small = layout.whole("b", b"last").unwrap();
        assert_eq!((head.len(), small.len()), (30 + 5 + 20, 30 + 1));
        assert_eq!(head[4..6], LARGE);
        assert_eq!(head[18..26], [0xff; 8]);
        assert_eq!(head[39..47], SIZE.to_le_bytes());
        let end = layout.finish();
        // A row with both sizes, one with its offset; the large end and where it is; the end.
        assert_eq!(end.len(), (46 + 5 + 20) + (46 + 1 + 12) + 56 + 20 + 22);
        let offset = 46 + 5 + 20 + 46 + 1 + 4;
        assert_eq!(end[offset..offset + 8], (SIZE + 55).to_le_bytes());
        assert_eq!(end[end.len() - 6..end.len() - 2], [0xff; 4]);
        // Such a head is read: what is missed is the bytes behind it.
        assert!(matches!(read(&head[..], |_, _, _| Ok(())), Err(Error::Malformed(at)) if at == 55 + SIZE));

        let mut many = Layout::default();
        for _ in 0..MAX_MEMBERS {
            many.begin("", 0).unwrap();
        }
        assert_eq!(many.begin("", 0), Err(TooLarge));
    }

    proptest! {
        #[test]
        fn what_is_read_is_what_would_be_written(
            files in prop::collection::vec(("[a-z/]{0,9}", prop::collection::vec(any::<u8>(), 0..64)), 0..4),
        ) {
            let bytes = write(files.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice())));
            prop_assert_eq!(read_all(&bytes).unwrap(), (files, Vec::new()));
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..256)) {
            let mut local = b"PK\x03\x04".to_vec();
            local.extend(&bytes);
            for bytes in [&bytes, &local] {
                if let Ok((members, damaged)) = read_all(bytes) && damaged.is_empty() {
                    let written = write(members.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice())));
                    prop_assert_eq!(&written, bytes);
                }
            }
        }
    }
}
