//! What a child says of a file, and the little form in which it says it.
//!
//! A frame is a byte for its kind, four for its length (most significant first) and that many bytes. The parent believes
//! nothing of it: whatever comes is what a file may have made the child say.

use std::io::{self, Read, Write};

/// Pages that are drawn at most; those behind are counted alone.
pub const MAX_PAGES: usize = 20;
/// The longer side of a page's image at most, in pixels.
pub const MAX_SIDE: u32 = 1_600;
/// Bytes of one page's image at most: that many pixels of RGBA, and some.
pub const MAX_PAGE_BYTES: usize = 12 * 1024 * 1024;
/// Bytes of the images of all pages at most.
pub const MAX_BYTES: usize = 64 * 1024 * 1024;
/// Bytes of extracted text at most.
pub const MAX_TEXT: usize = 256 * 1024;

const PAGE: u8 = 1;
const TEXT: u8 = 2;
const END: u8 = 3;
const FAILED: u8 = 4;

/// The first eight bytes of every PNG, and the length and name of its first chunk.
const PNG_HEADER: &[u8; 16] = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR";

/// Why a file has no preview, as the child finds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Refusal {
    /// It cannot be read as what it should be.
    Malformed = 1,
    /// It opens with a password only.
    Encrypted = 2,
    /// Its image is too large to be unpacked.
    TooManyPixels = 3,
}

/// One page of a preview.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// In pixels, 1 to [`MAX_SIDE`].
    pub width: u32,
    /// In pixels, 1 to [`MAX_SIDE`].
    pub height: u32,
    /// A PNG of that size.
    pub png: Vec<u8>,
}

/// A file's preview.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rendered {
    /// The first [`MAX_PAGES`] pages; one for an image.
    pub pages: Vec<Page>,
    /// How many pages the file has.
    pub total_pages: u32,
    /// What can be read on the pages that are drawn, at most [`MAX_TEXT`] bytes; empty where there is none.
    pub text: String,
}

/// The child did not say what a child says.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It ended in the middle.
    #[error("the child's answer breaks off")]
    Broken(#[from] io::Error),
    /// It breaks a rule.
    #[error("the child's answer is none: {0}")]
    Garbage(&'static str),
}

/// The child's side.
#[derive(Debug)]
pub struct Writer<W>(W);

impl<W: Write> Writer<W> {
    /// Writes to `out`.
    pub fn new(out: W) -> Self {
        Self(out)
    }

    /// A page that is drawn, in the order of pages.
    ///
    /// # Errors
    /// When nobody reads any more.
    pub fn page(&mut self, page: &Page) -> io::Result<()> {
        let size = [page.width.to_be_bytes(), page.height.to_be_bytes()].concat();
        self.frame(PAGE, &[&size, &page.png])
    }

    /// The text, once.
    ///
    /// # Errors
    /// When nobody reads any more.
    pub fn text(&mut self, text: &str) -> io::Result<()> {
        self.frame(TEXT, &[text.as_bytes()])
    }

    /// Everything was said.
    ///
    /// # Errors
    /// When nobody reads any more.
    pub fn end(&mut self, total_pages: u32) -> io::Result<()> {
        self.frame(END, &[&total_pages.to_be_bytes()])
    }

    /// There is no preview.
    ///
    /// # Errors
    /// When nobody reads any more.
    pub fn refuse(&mut self, refusal: Refusal) -> io::Result<()> {
        self.frame(FAILED, &[&[refusal as u8]])
    }

    fn frame(&mut self, kind: u8, parts: &[&[u8]]) -> io::Result<()> {
        let length = parts.iter().map(|part| part.len()).sum::<usize>();
        let length = u32::try_from(length).map_err(|_| io::ErrorKind::InvalidData)?;
        self.0.write_all(&[kind])?;
        self.0.write_all(&length.to_be_bytes())?;
        for part in parts {
            self.0.write_all(part)?;
        }
        self.0.flush()
    }
}

/// Reads a child's whole answer.
///
/// # Errors
/// [`Error`], for anything beyond the limits above too.
pub fn read(from: &mut impl Read) -> Result<Result<Rendered, Refusal>, Error> {
    let (mut rendered, mut bytes, mut said) = (Rendered::default(), 0, None);
    loop {
        let (mut kind, mut length) = ([0], [0; 4]);
        from.read_exact(&mut kind)?;
        from.read_exact(&mut length)?;
        let kind = kind[0];
        let length = usize::try_from(u32::from_be_bytes(length)).map_err(|_| Error::Garbage("too long"))?;
        let limit = match kind {
            PAGE => MAX_PAGE_BYTES + 8,
            TEXT => MAX_TEXT,
            END => 4,
            FAILED => 1,
            _ => return Err(Error::Garbage("a frame of no kind")),
        };
        if length > limit {
            return Err(Error::Garbage("a frame that is too long"));
        }
        let mut body = vec![0; length];
        from.read_exact(&mut body)?;
        match kind {
            PAGE => {
                bytes += length;
                if rendered.pages.len() == MAX_PAGES || bytes > MAX_BYTES {
                    return Err(Error::Garbage("too many pages"));
                }
                rendered.pages.push(page(&body)?);
            }
            TEXT if said.is_some() => return Err(Error::Garbage("two texts")),
            TEXT => said = Some(text(body)?),
            END => {
                let total = body.try_into().map_err(|_| Error::Garbage("an end of another length"))?;
                rendered.total_pages = u32::from_be_bytes(total);
                let drawn = u32::try_from(rendered.pages.len()).unwrap_or(u32::MAX);
                if drawn == 0 || drawn > rendered.total_pages || nothing_more(from).is_err() {
                    return Err(Error::Garbage("an end that is none"));
                }
                rendered.text = said.unwrap_or_default();
                return Ok(Ok(rendered));
            }
            _ => {
                nothing_more(from)?;
                let known = [Refusal::Malformed, Refusal::Encrypted, Refusal::TooManyPixels];
                let refusal = known.into_iter().find(|refusal| body == [*refusal as u8]);
                return refusal.map(Err).ok_or(Error::Garbage("a refusal of no kind"));
            }
        }
    }
}

fn nothing_more(from: &mut impl Read) -> Result<(), Error> {
    match from.read(&mut [0])? {
        0 => Ok(()),
        _ => Err(Error::Garbage("more after the end")),
    }
}

fn page(body: &[u8]) -> Result<Page, Error> {
    let not = Error::Garbage("a page that is no PNG of its size");
    let Some((size, png)) = body.split_at_checked(8) else { return Err(not) };
    // The header names the same size, right behind its name.
    if !png.starts_with(PNG_HEADER) || png.get(16..24) != Some(size) {
        return Err(not);
    }
    let side = |at: usize| {
        let bytes: Option<[u8; 4]> = size.get(at..at + 4).and_then(|side| side.try_into().ok());
        bytes.map(u32::from_be_bytes).filter(|side| (1..=MAX_SIDE).contains(side))
    };
    match (side(0), side(4)) {
        (Some(width), Some(height)) => Ok(Page { width, height, png: png.to_vec() }),
        _ => Err(Error::Garbage("a page that is too large")),
    }
}

fn text(body: Vec<u8>) -> Result<String, Error> {
    let text = String::from_utf8(body).map_err(|_| Error::Garbage("a text that is none"))?;
    if text.chars().any(|c| c.is_control() && c != '\n') {
        return Err(Error::Garbage("a text with control characters"));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn png(width: u32, height: u32) -> Vec<u8> {
        [&PNG_HEADER[..], &width.to_be_bytes(), &height.to_be_bytes(), b"\x08\x02\0\0\0the rest"].concat()
    }

    fn written(write: impl FnOnce(&mut Writer<&mut Vec<u8>>) -> io::Result<()>) -> Vec<u8> {
        let mut bytes = Vec::new();
        write(&mut Writer::new(&mut bytes)).unwrap();
        bytes
    }

    fn parse(bytes: &[u8]) -> Result<Result<Rendered, Refusal>, Error> {
        read(&mut &bytes[..])
    }

    #[test]
    fn what_is_written_is_read() {
        let page = Page { width: 3, height: 1_600, png: png(3, 1_600) };
        let bytes = written(|to| {
            to.page(&page)?;
            to.text("März\n")?;
            to.end(7)
        });
        let rendered = Rendered { pages: vec![page], total_pages: 7, text: "März\n".to_owned() };
        assert_eq!(parse(&bytes).unwrap(), Ok(rendered));
        // Broken off anywhere, it is nothing.
        for length in 0..bytes.len() {
            assert!(matches!(parse(&bytes[..length]), Err(Error::Broken(_))), "{length}");
        }
        for refusal in [Refusal::Malformed, Refusal::Encrypted, Refusal::TooManyPixels] {
            assert_eq!(parse(&written(|to| to.refuse(refusal))).unwrap(), Err(refusal));
        }
    }

    #[test]
    fn what_a_child_may_not_say_is_garbage() {
        let page = |width, height, png| Page { width, height, png };
        let good = page(1, 1, png(1, 1));
        let paged = |pages: usize, total| {
            written(|to| {
                for _ in 0..pages {
                    to.page(&good)?;
                }
                to.end(total)
            })
        };
        assert!(parse(&paged(20, 20)).unwrap().is_ok());
        let table = [
            ("21 pages", paged(21, 21)),
            ("no page", paged(0, 0)),
            ("fewer than drawn", paged(2, 1)),
            ("more after the end", [paged(1, 1), vec![0]].concat()),
            ("another size", written(|to| to.page(&page(2, 1, png(1, 1))))),
            ("no side", written(|to| to.page(&page(0, 1, png(0, 1))))),
            ("too large", written(|to| to.page(&page(1_601, 1, png(1_601, 1))))),
            ("no PNG", written(|to| to.page(&page(1, 1, b"<svg onload=alert(1)>".to_vec())))),
            ("a short page", vec![PAGE, 0, 0, 0, 2, 0, 0]),
            ("an endless page", vec![PAGE, 0xff, 0xff, 0xff, 0xff]),
            ("an endless text", vec![TEXT, 0, 4, 0, 1]),
            ("no text", vec![TEXT, 0, 0, 0, 1, 0xff]),
            ("two texts", vec![TEXT, 0, 0, 0, 0, TEXT, 0, 0, 0, 0]),
            ("an escape", written(|to| to.text("\u{1b}[31m"))),
            ("no kind", vec![9, 0, 0, 0, 0]),
            ("no refusal", vec![FAILED, 0, 0, 0, 1, 9]),
            ("words", b"Segmentation fault\n".to_vec()),
        ];
        for (name, bytes) in table {
            assert!(matches!(parse(&bytes), Err(Error::Garbage(_))), "{name}");
        }
    }
}
