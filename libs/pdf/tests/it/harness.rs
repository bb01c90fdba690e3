//! Rendering in a line, and reading back.

use std::sync::LazyLock;

use hayro::hayro_interpret::font::GlyphRun;
use hayro::hayro_interpret::hayro_cmap::BfString;
use hayro::hayro_interpret::{
    BlendMode, ClipPath, Context, Device, DrawMode, DrawProps, Image, ImageDrawProps, InterpreterCache,
    InterpreterSettings, SoftMask, interpret_page,
};
use hayro::hayro_syntax::Pdf;
use hayro::hayro_syntax::object::{Dict, String as PdfString};
use hayro::kurbo::{Affine, BezPath, Point, Rect};
use ids::Tenant;
use pdf::{Bill, Currency, Document, Fonts, Locale, Renderer, sample};

static RENDERER: LazyLock<Renderer> = LazyLock::new(|| Renderer::new(Fonts::bundled()));

pub(crate) fn renderer() -> &'static Renderer {
    &RENDERER
}

pub(crate) fn tenant() -> Tenant {
    "aldersbrook".parse().unwrap()
}

pub(crate) fn currency(code: &str) -> Currency {
    code.parse().unwrap()
}

pub(crate) fn bill(lines: usize) -> Bill {
    sample::bill(currency("EUR"), lines)
}

pub(crate) fn render(locale: Locale, document: impl Into<Document>) -> Vec<u8> {
    renderer().render(&tenant(), locale, &document.into()).unwrap()
}

/// What can be read on each page, a line for each line.
pub(crate) fn read(locale: Locale, document: impl Into<Document>) -> Vec<String> {
    pages(render(locale, document))
}

pub(crate) fn pages(bytes: Vec<u8>) -> Vec<String> {
    let pdf = Pdf::new(bytes).unwrap();
    let cache = InterpreterCache::new();
    let paper = |page: &hayro::hayro_syntax::page::Page<'_>| {
        let (width, height) = page.render_dimensions();
        Rect::new(0.0, 0.0, width.into(), height.into())
    };
    let mut all = Vec::new();
    for page in pdf.pages().iter() {
        let mut context =
            Context::new(Affine::IDENTITY, paper(page), &cache, page.xref(), InterpreterSettings::default());
        let mut reader = Reader::default();
        interpret_page(page, &mut context, &mut reader);
        all.push(reader.text);
    }
    all
}

/// Collects what glyphs say, and what stands for them where the file says so.
#[derive(Default)]
struct Reader {
    text: String,
    y: Option<f64>,
    x: f64,
    /// Marked content that is open, and what it says instead of its glyphs.
    open: Vec<Option<String>>,
}

impl Reader {
    fn say(&mut self, text: &str, at: Point) {
        match self.y {
            Some(y) if (y - at.y).abs() > 1.0 => self.text.push('\n'),
            // Cells stand apart.
            Some(_) if at.x - self.x > 4.0 && !self.text.ends_with([' ', '\n']) => self.text.push('\t'),
            _ => {}
        }
        (self.y, self.x) = (Some(at.y), at.x);
        self.text += text;
    }
}

impl Device<'_> for Reader {
    fn draw_glyph_run(&mut self, run: &GlyphRun<'_, '_>, props: DrawProps<'_>, _: &DrawMode) {
        for glyph in run.glyphs() {
            let transform = props.transform * glyph.transform();
            let (began, width) = (transform * Point::ORIGIN, advance(glyph));
            let instead = self.open.iter_mut().flatten().next_back().map(std::mem::take);
            match (instead, glyph.as_unicode()) {
                (Some(text), _) => self.say(&text, began),
                (None, Some(BfString::Char(character))) => self.say(&character.to_string(), began),
                (None, Some(BfString::String(text))) => self.say(&text, began),
                (None, None) => self.say("\u{fffd}", began),
            }
            self.x = (transform * Point::new(width, 0.0)).x;
        }
    }

    fn begin_marked_content(&mut self, _: &[u8], properties: Option<&Dict<'_>>) {
        let text = properties.and_then(|properties| properties.get::<PdfString<'_>>("ActualText"));
        self.open.push(text.map(|text| utf16(text.as_bytes())));
    }

    fn end_marked_content(&mut self) {
        self.open.pop();
    }

    fn draw_path(&mut self, _: &BezPath, _: DrawProps<'_>, _: &DrawMode) {}
    fn push_clip_path(&mut self, _: &ClipPath) {}
    fn push_transparency_group(&mut self, _: f32, _: Option<SoftMask<'_>>, _: BlendMode) {}
    fn draw_image(&mut self, _: Image<'_, '_>, _: ImageDrawProps<'_>) {}
    fn pop_clip(&mut self) {}
    fn pop_transparency_group(&mut self) {}
}

fn advance(glyph: &hayro::hayro_interpret::font::Glyph<'_>) -> f64 {
    use hayro::hayro_interpret::font::Glyph;
    let width = match glyph {
        Glyph::Outline(glyph) => glyph.advance_width(),
        Glyph::Type3(glyph) => glyph.advance_width(),
    };
    width.unwrap_or_default().into()
}

/// A text string of PDF.
pub(crate) fn utf16(bytes: &[u8]) -> String {
    match bytes.strip_prefix(&[0xfe, 0xff]) {
        Some(units) => {
            let units = units.chunks_exact(2).map(|unit| u16::from_be_bytes([unit[0], unit[1]]));
            char::decode_utf16(units).map(|unit| unit.unwrap_or('\u{fffd}')).collect()
        }
        None => bytes.iter().map(|&byte| char::from(byte)).collect(),
    }
}
