//! ZIP files of one spelling: members as they are, in their order, with nothing before, between or behind them. Every
//! unpacker reads them; [`read`] takes no others, so that no byte can be changed that a signature would not cover.

use crc32fast::hash as crc32;

/// A file in an archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member<'a> {
    /// Its name, with `/` between folders.
    pub name: &'a str,
    /// Its bytes.
    pub bytes: &'a [u8],
}

/// The bytes are no archive of this spelling.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not as it was written at byte {at}")]
pub struct Malformed {
    /// The first byte that is not as it would have been written.
    pub at: usize,
}

/// An archive would be larger than the format allows without its 64-bit extension.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("larger than 4 GiB, or more than 65,535 files")]
pub struct TooLarge;

const LOCAL: [u8; 4] = *b"PK\x03\x04";
const CENTRAL: [u8; 4] = *b"PK\x01\x02";
const END: [u8; 4] = *b"PK\x05\x06";
const LOCAL_BYTES: usize = 30;
/// Needs version 1.0; no flags; stored; midnight of the first day there is.
const COMMON: [u8; 10] = [10, 0, 0, 0, 0, 0, 0, 0, 0x21, 0];
/// Made on Unix by version 1.0.
const MADE_BY: [u8; 2] = [10, 3];
/// A plain file that its owner writes and everybody reads.
const MODE: u32 = 0o100_644 << 16;

/// Writes an archive.
///
/// # Errors
/// [`TooLarge`].
pub fn write(members: &[Member<'_>]) -> Result<Vec<u8>, TooLarge> {
    let mut bytes = Vec::new();
    let mut directory = Vec::new();
    for member in members {
        let offset = u32::try_from(bytes.len()).map_err(|_| TooLarge)?;
        let size = u32::try_from(member.bytes.len()).map_err(|_| TooLarge)?;
        let name = u16::try_from(member.name.len()).map_err(|_| TooLarge)?;
        let mut header = COMMON.to_vec();
        header.extend(crc32(member.bytes).to_le_bytes());
        header.extend(size.to_le_bytes());
        header.extend(size.to_le_bytes());
        header.extend(name.to_le_bytes());
        // No extra field.
        header.extend([0, 0]);
        bytes.extend(LOCAL);
        bytes.extend(&header);
        bytes.extend(member.name.as_bytes());
        bytes.extend(member.bytes);
        directory.extend(CENTRAL);
        directory.extend(MADE_BY);
        directory.extend(&header);
        // No comment, the first disk, no inner attributes.
        directory.extend([0; 6]);
        directory.extend(MODE.to_le_bytes());
        directory.extend(offset.to_le_bytes());
        directory.extend(member.name.as_bytes());
    }
    let offset = u32::try_from(bytes.len()).map_err(|_| TooLarge)?;
    let size = u32::try_from(directory.len()).map_err(|_| TooLarge)?;
    let count = u16::try_from(members.len()).map_err(|_| TooLarge)?.to_le_bytes();
    bytes.extend(directory);
    bytes.extend(END);
    bytes.extend([0; 4]);
    bytes.extend(count);
    bytes.extend(count);
    bytes.extend(size.to_le_bytes());
    bytes.extend(offset.to_le_bytes());
    bytes.extend([0; 2]);
    Ok(bytes)
}

/// Reads an archive that [`write`] could have written.
///
/// # Errors
/// [`Malformed`] names the first byte that it would not have.
pub fn read(bytes: &[u8]) -> Result<Vec<Member<'_>>, Malformed> {
    let mut members = Vec::new();
    let mut at = 0_usize;
    while bytes.get(at..at.saturating_add(4)) == Some(&LOCAL[..]) {
        let header = bytes.get(at..at.saturating_add(LOCAL_BYTES)).ok_or(Malformed { at: bytes.len() })?;
        let size = number(header, 18, 4);
        let name_from = at + LOCAL_BYTES;
        let from = name_from + number(header, 26, 2);
        let to = from.saturating_add(size);
        let name = bytes.get(name_from..from).and_then(|name| std::str::from_utf8(name).ok());
        let (Some(name), Some(content)) = (name, bytes.get(from..to)) else {
            return Err(Malformed { at });
        };
        members.push(Member { name, bytes: content });
        at = to;
    }
    // What was not read above, and what was read and not compared, is compared here.
    let written = write(&members).map_err(|_| Malformed { at })?;
    let differs = written.iter().zip(bytes).position(|(written, read)| written != read);
    match differs {
        None if written.len() == bytes.len() => Ok(members),
        None => Err(Malformed { at: written.len().min(bytes.len()) }),
        Some(at) => Err(Malformed { at }),
    }
}

/// A little-endian number of a header that is long enough.
fn number(header: &[u8], at: usize, width: usize) -> usize {
    let bytes = header.iter().skip(at).take(width).rev();
    bytes.fold(0, |number, byte| (number << 8) | usize::from(*byte))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sample() -> Vec<u8> {
        let members =
            [Member { name: "manifest.json", bytes: b"{}" }, Member { name: "files/1", bytes: b"" }];
        write(&members).unwrap()
    }

    #[test]
    fn an_archive_is_read_as_it_was_written() {
        let bytes = sample();
        let members = read(&bytes).unwrap();
        assert_eq!(
            members.iter().map(|member| member.name).collect::<Vec<_>>(),
            ["manifest.json", "files/1"]
        );
        assert_eq!(members[0].bytes, b"{}");
        assert_eq!(read(&write(&[]).unwrap()).unwrap(), []);
        assert_eq!(read(b""), Err(Malformed { at: 0 }));
    }

    #[test]
    fn no_bit_of_a_header_can_be_changed() {
        let good = sample();
        let content = 30 + "manifest.json".len();
        for at in (0..good.len()).filter(|at| !(content..content + 2).contains(at)) {
            for bit in 0..8 {
                let mut bytes = good.clone();
                bytes[at] ^= 1 << bit;
                let read = read(&bytes);
                let renamed = read.as_ref().is_ok_and(|members| members[0].name != "manifest.json");
                assert!(read.is_err() || renamed, "byte {at} bit {bit}");
            }
        }
    }

    proptest! {
        #[test]
        fn what_is_read_is_what_would_be_written(
            files in prop::collection::vec(("[a-z/]{0,9}", prop::collection::vec(any::<u8>(), 0..64)), 0..4),
        ) {
            let members: Vec<_> =
                files.iter().map(|(name, bytes)| Member { name: name.as_str(), bytes }).collect();
            let bytes = write(&members).unwrap();
            prop_assert_eq!(read(&bytes).unwrap(), members);
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..256)) {
            let mut local = b"PK\x03\x04".to_vec();
            local.extend(&bytes);
            for bytes in [&bytes, &local] {
                if let Ok(members) = read(bytes) {
                    prop_assert_eq!(&write(&members).unwrap(), bytes);
                }
            }
        }
    }
}
