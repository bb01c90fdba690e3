//! What a file is, from its bytes.

use file_format::{FileFormat, Kind};

/// Formats are told by their first bytes; the longest look into a PDF goes this far.
const PREFIX: usize = 64 * 1024;

/// Plain text of any kind.
const TEXT: &str = "text/plain";
/// An MP4 whose beginning does not say what is in it.
const MP4: &str = "application/mp4";
/// Nothing is known about the bytes.
const BINARY: &str = "application/octet-stream";

/// Looks at a stream as it passes.
#[derive(Debug)]
pub struct Sniffer {
    prefix: Vec<u8>,
    /// The beginning of a character whose end has not come yet.
    partial: Vec<u8>,
    text: bool,
}

impl Default for Sniffer {
    fn default() -> Self {
        Self { prefix: Vec::new(), partial: Vec::new(), text: true }
    }
}

impl Sniffer {
    /// Takes the next bytes.
    pub fn push(&mut self, bytes: &[u8]) {
        let room = PREFIX - self.prefix.len();
        self.prefix.extend_from_slice(&bytes[..bytes.len().min(room)]);
        if self.text {
            self.text = self.reads_as_text(bytes);
        }
    }

    fn reads_as_text(&mut self, bytes: &[u8]) -> bool {
        let mut joined = std::mem::take(&mut self.partial);
        let bytes = if joined.is_empty() {
            bytes
        } else {
            joined.extend_from_slice(bytes);
            &joined
        };
        let (valid, rest) = match std::str::from_utf8(bytes) {
            Ok(text) => (text, &[][..]),
            // The last character may go on in the next bytes.
            Err(error) if error.error_len().is_none() => {
                let (valid, rest) = bytes.split_at(error.valid_up_to());
                (std::str::from_utf8(valid).unwrap_or_default(), rest)
            }
            Err(_) => return false,
        };
        let clean = !valid.chars().any(is_binary);
        self.partial = rest.to_vec();
        clean
    }

    /// The media type, once all bytes were taken: `text/plain` for text of any kind, `application/octet-stream` for what
    /// nothing is known about.
    #[must_use]
    pub fn media_type(&self) -> String {
        let format = FileFormat::from_bytes(&self.prefix);
        let is_text = self.text && self.partial.is_empty() && !self.prefix.is_empty();
        // Short marks such as `BM` or `MZ` may well begin a letter; a document's mark is long, and a PDF whose text is
        // readable is a PDF all the same.
        if is_text && format.kind() != Kind::Document {
            return TEXT.to_owned();
        }
        match format.media_type() {
            // The beginning may be text, the whole is not.
            TEXT => BINARY.to_owned(),
            other => other.to_owned(),
        }
    }
}

/// Whether bytes found to be `detected` may be called `declared`. Text has no marks that would tell a list from a letter, and
/// an MP4 may say at its end only what is in it.
#[must_use]
pub fn satisfies(declared: &str, detected: &str) -> bool {
    declared.eq_ignore_ascii_case(detected)
        || (detected == TEXT && declared.get(..5).is_some_and(|kind| kind.eq_ignore_ascii_case("text/")))
        || (detected == MP4 && ["video/mp4", "audio/mp4"].iter().any(|of| of.eq_ignore_ascii_case(declared)))
}

/// Control characters that no text has; tab, line feed, form feed and carriage return are fine.
fn is_binary(c: char) -> bool {
    matches!(c, '\0'..='\u{8}' | '\u{b}' | '\u{e}'..='\u{1f}' | '\u{7f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fed in parts of every small size: what a network does to a stream must not matter.
    fn sniff(bytes: &[u8]) -> String {
        let whole = sniff_by(bytes, bytes.len().max(1));
        for size in 1..8 {
            assert_eq!(sniff_by(bytes, size), whole, "in parts of {size}");
        }
        whole
    }

    fn sniff_by(bytes: &[u8], size: usize) -> String {
        let mut sniffer = Sniffer::default();
        for part in bytes.chunks(size) {
            sniffer.push(part);
        }
        sniffer.media_type()
    }

    const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\0\0\x01\0\0\0\x01\x08\x06\0\0\0";
    const JPEG: &[u8] = b"\xff\xd8\xff\xe0\0\x10JFIF\0\x01\x01\0\0\x01\0\x01\0\0";

    #[test]
    fn the_allowed_types_are_told_apart() {
        assert_eq!(sniff(b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\n%%EOF\n"), "application/pdf");
        assert_eq!(sniff(b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\nbinary \0\x01"), "application/pdf");
        assert_eq!(sniff(PNG), "image/png");
        assert_eq!(sniff(JPEG), "image/jpeg");
        assert_eq!(sniff(b"name;amount\nAda;3\n"), "text/plain");
        assert_eq!(sniff("Gehaltszettel für März: 1.200 €, 給与\r\n\t".as_bytes()), "text/plain");
        assert_eq!(sniff("\u{feff}with a mark".as_bytes()), "text/plain");
    }

    #[test]
    fn a_letter_that_begins_like_a_program_is_still_a_letter() {
        for text in [
            "BMW invoice\n",
            "MZ is short for Mainz\n",
            "PK 12\n",
            "#!/bin/sh\n",
            "<p>Hello</p>",
            "GIF89a or so",
        ] {
            assert_eq!(sniff(text.as_bytes()), "text/plain", "{text}");
        }
    }

    #[test]
    fn what_is_not_text_is_not_called_text() {
        for bytes in [
            &b""[..],
            b"caf\xe9",
            b"\xff\xfea\0b\0",
            b"a\0b",
            b"escape \x1b[31m",
            b"cut in the middle: \xe2\x82",
            b"overlong \xc0\xaf",
            b"PK\x03\x04\x14\0\0\0\x08\0",
            b"{\\rtf1\\ansi hello}",
            b"%!PS-Adobe-3.0\n",
            b"MZ\x90\0\x03\0\0\0\x04\0\0\0\xff\xff",
        ] {
            assert_ne!(sniff(bytes), "text/plain", "{bytes:?}");
        }
    }

    #[test]
    fn bytes_far_behind_the_beginning_count_for_text() {
        let mut bytes = "a line\n".repeat(20_000).into_bytes();
        assert_eq!(sniff_by(&bytes, 1_000), "text/plain");
        bytes.push(0xff);
        assert_eq!(sniff_by(&bytes, 1_000), "application/octet-stream");
    }

    #[test]
    fn a_claim_holds_for_the_same_type_and_for_text_of_any_kind() {
        for (declared, detected, holds) in [
            ("application/pdf", "application/pdf", true),
            ("Application/PDF", "application/pdf", true),
            ("application/pdf", "text/plain", false),
            ("image/png", "image/jpeg", false),
            ("text/plain", "text/plain", true),
            ("text/csv", "text/plain", true),
            ("video/mp4", "application/mp4", true),
            ("video/mp4", "audio/mp4", false),
            ("video/webm", "application/mp4", false),
            ("text/plain", "application/pdf", false),
            ("text/plain", "application/octet-stream", false),
            ("", "application/octet-stream", false),
        ] {
            assert_eq!(satisfies(declared, detected), holds, "{declared} {detected}");
        }
    }
}
