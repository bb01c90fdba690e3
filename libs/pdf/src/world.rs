//! All that a template can reach: the fonts, the templates of its tenant, and the document. No network, no other files, no
//! packages and no clock.

use typst::diag::{FileError, FileResult};
use typst::foundations::{Bytes, Datetime, Duration};
use typst::syntax::{FileId, Source, VirtualRoot};
use typst::text::{Font, FontBook};
use typst::utils::LazyHash;
use typst::{Library, World};

use crate::Fonts;
use crate::templates::{self, File, Files};

/// What one document is rendered in.
pub(crate) struct Sealed<'a> {
    pub(crate) library: &'a LazyHash<Library>,
    pub(crate) fonts: &'a Fonts,
    pub(crate) files: &'a Files,
    pub(crate) main: FileId,
    /// The document as JSON.
    pub(crate) data: Bytes,
}

impl World for Sealed<'_> {
    fn library(&self) -> &LazyHash<Library> {
        self.library
    }

    fn book(&self) -> &LazyHash<FontBook> {
        self.fonts.book()
    }

    fn main(&self) -> FileId {
        self.main
    }

    fn source(&self, id: FileId) -> FileResult<Source> {
        match self.files.get(id) {
            Some(File::Template(source)) => Ok(source.clone()),
            Some(File::Picture(_)) => Err(FileError::NotSource),
            None => Err(missing(id)),
        }
    }

    fn file(&self, id: FileId) -> FileResult<Bytes> {
        if id == templates::data() {
            return Ok(self.data.clone());
        }
        match self.files.get(id) {
            Some(File::Template(source)) => Ok(Bytes::from_string(source.clone())),
            Some(File::Picture(bytes)) => Ok(bytes.clone()),
            None => Err(missing(id)),
        }
    }

    fn font(&self, index: usize) -> Option<Font> {
        self.fonts.get(index)
    }

    fn today(&self, _: Option<Duration>) -> Option<Datetime> {
        None
    }
}

fn missing(id: FileId) -> FileError {
    if matches!(id.root(), VirtualRoot::Package(_)) {
        return FileError::Other(Some("packages cannot be used here".into()));
    }
    FileError::NotFound(id.vpath().get_without_slash().into())
}
