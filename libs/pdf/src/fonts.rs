//! Fonts, and which characters they have.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use typst::foundations::Bytes;
use typst::text::{Font, FontBook};
use typst::utils::LazyHash;

use crate::LoadError;

const BUNDLED: [&[u8]; 6] = [
    include_bytes!("../fonts/NotoSans-Regular.ttf"),
    include_bytes!("../fonts/NotoSans-Bold.ttf"),
    include_bytes!("../fonts/NotoSansArabic-Regular.ttf"),
    include_bytes!("../fonts/NotoSansArmenian-Regular.ttf"),
    include_bytes!("../fonts/NotoSansGeorgian-Regular.ttf"),
    include_bytes!("../fonts/NotoSansHebrew-Regular.ttf"),
];

/// The fonts that documents are set in; cheap to clone.
#[derive(Clone)]
pub struct Fonts(Arc<Inner>);

struct Inner {
    book: LazyHash<FontBook>,
    fonts: Vec<Font>,
    /// A bit for each character that some font has.
    covered: Vec<u64>,
}

impl Fonts {
    /// Those in the binary: Noto Sans (Latin, Greek, Cyrillic, Vietnamese), and Noto Sans for Arabic, Armenian, Georgian and
    /// Hebrew.
    #[must_use]
    pub fn bundled() -> Self {
        Self::of(BUNDLED.into_iter().flat_map(|font| Font::iter(Bytes::new(font))).collect())
    }

    /// Those in the binary, and each `.ttf`, `.otf` and `.ttc` of a folder for the characters that they lack.
    ///
    /// # Errors
    /// When the folder or a font in it cannot be read.
    pub fn with_folder(folder: &Path) -> Result<Self, LoadError> {
        let read = |path: &Path| {
            let path = path.to_path_buf();
            move |source| LoadError::Read { path, source }
        };
        let mut paths = Vec::new();
        for entry in fs::read_dir(folder).map_err(read(folder))? {
            let path = entry.map_err(read(folder))?.path();
            if path.extension().is_some_and(|end| end == "ttf" || end == "otf" || end == "ttc") {
                paths.push(path);
            }
        }
        // Which font of several is taken must not depend on the file system.
        paths.sort();
        let mut fonts = Self::bundled().0.fonts.clone();
        for path in paths {
            let bytes = Bytes::new(fs::read(&path).map_err(read(&path))?);
            let before = fonts.len();
            fonts.extend(Font::iter(bytes));
            if fonts.len() == before {
                return Err(LoadError::Unexpected { path, rule: "is not a font" });
            }
        }
        Ok(Self::of(fonts))
    }

    fn of(fonts: Vec<Font>) -> Self {
        let mut covered = vec![0; 0x11_0000 / 64];
        for font in &fonts {
            for character in font.info().coverage.iter() {
                if let Some(word) = covered.get_mut(character as usize / 64) {
                    *word |= 1 << (character % 64);
                }
            }
        }
        let book = LazyHash::new(FontBook::from_fonts(&fonts));
        Self(Arc::new(Inner { book, fonts, covered }))
    }

    pub(crate) fn book(&self) -> &LazyHash<FontBook> {
        &self.0.book
    }

    pub(crate) fn get(&self, index: usize) -> Option<Font> {
        self.0.fonts.get(index).cloned()
    }

    /// Whether some font has it.
    pub(crate) fn have(&self, character: char) -> bool {
        let number = u32::from(character);
        self.0.covered[number as usize / 64] & (1 << (number % 64)) != 0
    }
}

impl std::fmt::Debug for Fonts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.0.fonts.iter().map(|font| &font.info().family)).finish()
    }
}
