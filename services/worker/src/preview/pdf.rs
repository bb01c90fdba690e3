//! Previews of PDFs: the first pages as images, and what can be read on them.

use std::io::Write;

use hayro::hayro_interpret::font::{Glyph, GlyphRun, PositionedGlyph};
use hayro::hayro_interpret::hayro_cmap::BfString;
use hayro::hayro_interpret::{
    BlendMode, ClipPath, Context, Device, DrawMode, DrawProps, Image, ImageDrawProps, InterpreterCache,
    InterpreterSettings, SoftMask, interpret_page,
};
use hayro::hayro_syntax::page::Page;
use hayro::hayro_syntax::{DecryptionError, LoadPdfError, Pdf};
use hayro::kurbo::{Affine, BezPath, Point, Rect};
use hayro::vello_cpu::color::palette::css::WHITE;
use hayro::{PixmapSettings, RenderCache, RenderSettings, render};
use image::{DynamicImage, RgbaImage};

use super::child::Failure;
use super::frames::{MAX_BYTES, MAX_PAGES, MAX_SIDE, MAX_TEXT, Refusal, Writer};
use super::picture;

/// Glyphs are measured in thousandths of their size.
const UNITS_PER_EM: f64 = 1_000.0;
/// A page that is smaller is not drawn larger than this many times.
const MAX_SCALE: f32 = 4.0;

/// Draws a PDF. Returns how many pages it has.
pub(super) fn draw(bytes: Vec<u8>, out: &mut Writer<impl Write>) -> Result<u32, Failure> {
    let pdf = Pdf::new(bytes).map_err(|error| match error {
        LoadPdfError::Decryption(DecryptionError::PasswordProtected) => Refusal::Encrypted,
        LoadPdfError::Decryption(_) | LoadPdfError::Invalid => Refusal::Malformed,
    })?;
    let settings = InterpreterSettings::default();
    let (cache, texts) = (RenderCache::new(), InterpreterCache::new());
    let (mut read, mut drawn) = (Text::default(), 0);
    for page in pdf.pages().iter().take(MAX_PAGES) {
        let image = picture::pack(draw_page(page, &cache, &settings)?)?;
        drawn += image.png.len();
        if drawn > MAX_BYTES {
            break;
        }
        out.page(&image)?;
        read.page(page, &texts, &settings);
    }
    if !read.text.is_empty() {
        out.text(&read.text)?;
    }
    match u32::try_from(pdf.pages().len()) {
        Ok(0) | Err(_) => Err(Refusal::Malformed.into()),
        Ok(pages) => Ok(pages),
    }
}

/// As large as allowed, whatever size the page says it has.
fn draw_page<'a>(
    page: &'a Page<'a>,
    cache: &RenderCache<'a>,
    settings: &InterpreterSettings,
) -> Result<DynamicImage, Failure> {
    let (width, height) = page.render_dimensions();
    if !(width.is_finite() && height.is_finite() && width > 0.0 && height > 0.0) {
        return Err(Refusal::Malformed.into());
    }
    let limit = f32::from(u16::try_from(MAX_SIDE).unwrap_or(u16::MAX));
    let scale = (limit / width.max(height)).min(MAX_SCALE);
    // Whole pixels, at least one; the half keeps what is cut off from being a pixel.
    let side = |points: f32| ((points * scale).round().clamp(1.0, limit) + 0.5) / points;
    let pixels = PixmapSettings { x_scale: side(width), y_scale: side(height), bg_color: WHITE };
    let pixmap = render(page, cache, settings, &RenderSettings::default(), &pixels);
    let (width, height) = (u32::from(pixmap.width()), u32::from(pixmap.height()));
    // Paper is opaque: what is multiplied by an alpha of one is the colour itself.
    let rgba = pixmap.data_as_u8_slice().to_vec();
    let image = RgbaImage::from_raw(width, height, rgba).ok_or(Refusal::Malformed)?;
    Ok(DynamicImage::from(DynamicImage::from(image).to_rgb8()))
}

/// What glyphs say, in the order in which the file draws them, broken into lines and words by where they stand.
#[derive(Default)]
struct Text {
    text: String,
    /// Where the last glyph began, where it ends, and how high its line is; in points of the page.
    last: Option<(Point, Point, f64)>,
    /// Where the last run began.
    first: Option<[f64; 6]>,
}

impl Text {
    fn page<'a>(&mut self, page: &'a Page<'a>, cache: &InterpreterCache<'a>, settings: &InterpreterSettings) {
        if self.text.len() >= MAX_TEXT {
            return;
        }
        let (width, height) = page.render_dimensions();
        let paper = Rect::new(0.0, 0.0, width.into(), height.into());
        let mut context = Context::new(Affine::IDENTITY, paper, cache, page.xref(), settings.clone());
        self.last = None;
        interpret_page(page, &mut context, self);
        self.push('\n');
    }

    /// Adds a character, unless it is a control character or there is no room.
    fn push(&mut self, c: char) {
        let c = if c == '\r' || c == '\t' { ' ' } else { c };
        let fits = self.text.len() + c.len_utf8() <= MAX_TEXT;
        if fits && (c == '\n' || !c.is_control()) {
            self.text.push(c);
        }
    }

    fn glyph(&mut self, says: &str, began: Point, end: Point, height: f64) {
        if let Some((before, stopped, was)) = self.last {
            let line = height.max(was).max(f64::EPSILON);
            let apart = |a: f64, b: f64, share: f64| (a - b).abs() > line * share;
            if apart(began.y, before.y, 0.5) {
                self.push('\n');
            } else if apart(began.x, stopped.x, 0.2) && !self.text.ends_with([' ', '\n']) {
                self.push(' ');
            }
        }
        self.last = Some((began, end, height));
        says.chars().for_each(|c| self.push(c));
    }
}

impl Device<'_> for Text {
    fn draw_glyph_run(&mut self, run: &GlyphRun<'_, '_>, props: DrawProps<'_>, mode: &DrawMode) {
        let place = |glyph: &PositionedGlyph<'_>| props.transform * glyph.transform();
        let first = run.glyphs().first().map(|glyph| place(glyph).as_coeffs());
        // What is filled and stroked comes twice.
        if self.text.len() >= MAX_TEXT || (matches!(mode, DrawMode::Stroke(_)) && first == self.first) {
            return;
        }
        self.first = first;
        for glyph in run.glyphs() {
            let Some(says) = glyph.as_unicode() else { continue };
            let advance = match &**glyph {
                Glyph::Outline(glyph) => glyph.advance_width(),
                Glyph::Type3(glyph) => glyph.advance_width(),
            };
            let transform = place(glyph);
            let at = |x: f64, y: f64| transform * Point::new(x, y);
            let (began, end) = (at(0.0, 0.0), at(advance.unwrap_or_default().into(), 0.0));
            let height = (at(0.0, UNITS_PER_EM) - began).hypot();
            match says {
                BfString::Char(c) => self.glyph(c.encode_utf8(&mut [0; 4]), began, end, height),
                BfString::String(text) => self.glyph(&text, began, end, height),
            }
        }
    }

    fn draw_path(&mut self, _: &BezPath, _: DrawProps<'_>, _: &DrawMode) {}
    fn push_clip_path(&mut self, _: &ClipPath) {}
    fn push_transparency_group(&mut self, _: f32, _: Option<SoftMask<'_>>, _: BlendMode) {}
    fn draw_image(&mut self, _: Image<'_, '_>, _: ImageDrawProps<'_>) {}
    fn pop_clip(&mut self) {}
    fn pop_transparency_group(&mut self) {}
}
