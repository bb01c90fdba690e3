//! Whether a PDF says that it is encrypted.
//!
//! Many of those open without a password: a bank forbids changing a statement, not reading it. Which need one, clamd
//! finds out, and says so where it is set to (`AlertEncrypted`). So what this finds makes the scan doubt a clamd that
//! calls such a file clean, until that has refused [`LOCKED`].

/// A PDF of one empty page that needs a password.
pub const LOCKED: &[u8] = include_bytes!("pdf/locked.pdf");

/// The entry of a trailer that every encrypted PDF has, itself never compressed or encrypted.
const KEY: &[u8] = b"Encrypt";
/// Its longest spelling: each letter as `#` and two digits; and what ends it.
const LONGEST: usize = 3 * KEY.len() + 1;

/// What was found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Encryption {
    /// Nothing says so.
    #[default]
    None,
    /// It says so.
    Told,
    /// It says so in a spelling that readers understand and nobody writes, but to have it overlooked.
    Disguised,
}

/// Reads a file as it passes.
#[derive(Debug, Default)]
pub struct Watch {
    /// The last bytes, in which a name may have begun.
    last: Vec<u8>,
    found: Encryption,
}

impl Watch {
    /// Takes the next bytes.
    pub fn push(&mut self, bytes: &[u8]) {
        let mut seen = std::mem::take(&mut self.last);
        seen.extend_from_slice(bytes);
        let whole = seen.len().saturating_sub(LONGEST);
        self.find(&seen, whole);
        self.last = seen.split_off(whole);
    }

    /// After the last byte.
    #[must_use]
    pub fn finish(mut self) -> Encryption {
        let last = std::mem::take(&mut self.last);
        self.find(&last, last.len());
        self.found
    }

    /// Looks at the names that begin before `until`.
    fn find(&mut self, bytes: &[u8], until: usize) {
        for at in memchr::memchr_iter(b'/', &bytes[..until]) {
            self.found = self.found.max(name(&bytes[at + 1..]));
        }
    }
}

/// Whether a name is the key: nothing follows that belongs to a longer one.
fn name(bytes: &[u8]) -> Encryption {
    let (mut at, mut disguised) = (0, false);
    for letter in KEY {
        match bytes.get(at) {
            Some(byte) if byte == letter => at += 1,
            Some(b'#') if bytes.get(at + 1..at + 3).and_then(hex) == Some(*letter) => {
                (at, disguised) = (at + 3, true);
            }
            _ => return Encryption::None,
        }
    }
    match bytes.get(at) {
        Some(byte) if !b"\0\t\n\x0c\r ()<>[]{}/%".contains(byte) => Encryption::None,
        _ if disguised => Encryption::Disguised,
        _ => Encryption::Told,
    }
}

fn hex(digits: &[u8]) -> Option<u8> {
    u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fed in parts of every small size: what a network does to a stream must not matter.
    fn look(bytes: &[u8]) -> Encryption {
        let by = |size| {
            let mut watch = Watch::default();
            bytes.chunks(size).for_each(|part| watch.push(part));
            watch.finish()
        };
        let whole = by(bytes.len().max(1));
        for size in 1..50 {
            assert_eq!(by(size), whole, "in parts of {size}");
        }
        whole
    }

    #[test]
    fn an_encrypted_file_says_so() {
        assert_eq!(look(LOCKED), Encryption::Told);
        for (text, found) in [
            ("trailer << /Root 1 0 R /Encrypt 5 0 R >>", Encryption::Told),
            ("<</Encrypt<</V 4>>>>", Encryption::Told),
            ("/Encrypt", Encryption::Told),
            ("//Encrypt\n5 0 R", Encryption::Told),
            ("<< /#45ncrypt 5 0 R >>", Encryption::Disguised),
            ("/Encrypt 1 0 R /#45#6e#63#72#79#70#74 5 0 R", Encryption::Disguised),
            ("/Enc#72ypt/", Encryption::Disguised),
            ("", Encryption::None),
            ("/EncryptMetadata true", Encryption::None),
            ("/Encrypted", Encryption::None),
            ("/Encrypt#20 1", Encryption::None),
            ("/Encryp#7", Encryption::None),
            ("/#+5ncrypt", Encryption::None),
            ("Encrypt 5 0 R", Encryption::None),
            ("/ Encrypt 5 0 R", Encryption::None),
        ] {
            assert_eq!(look(text.as_bytes()), found, "{text}");
        }
        assert_eq!(look(&[&[b'/'; 100][..], LOCKED].concat()), Encryption::Told);
    }
}
