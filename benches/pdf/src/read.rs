//! What a PDF says.

use anyhow::{Result, anyhow, ensure};
use hayro::hayro_interpret::font::GlyphRun;
use hayro::hayro_interpret::hayro_cmap::BfString;
use hayro::hayro_interpret::{
    BlendMode, ClipPath, Context, Device, DrawMode, DrawProps, Image, ImageDrawProps, InterpreterCache,
    InterpreterSettings, SoftMask, interpret_page,
};
use hayro::hayro_syntax::Pdf;
use hayro::kurbo::{Affine, BezPath, Rect};

/// How many pages it has, and its glyphs in the order in which they are drawn.
pub(crate) fn read(bytes: Vec<u8>) -> Result<(u64, String)> {
    let pdf = Pdf::new(bytes).map_err(|error| anyhow!("it is no PDF: {error:?}"))?;
    let cache = InterpreterCache::new();
    let mut text = Text::default();
    for page in pdf.pages().iter() {
        let (width, height) = page.render_dimensions();
        let paper = Rect::new(0.0, 0.0, width.into(), height.into());
        let settings = InterpreterSettings::default();
        let mut context = Context::new(Affine::IDENTITY, paper, &cache, page.xref(), settings);
        interpret_page(page, &mut context, &mut text);
    }
    ensure!(!pdf.pages().is_empty(), "it has no pages");
    Ok((pdf.pages().len() as u64, text.0))
}

#[derive(Default)]
struct Text(String);

impl Device<'_> for Text {
    fn draw_glyph_run(&mut self, run: &GlyphRun<'_, '_>, _: DrawProps<'_>, _: &DrawMode) {
        for glyph in run.glyphs() {
            match glyph.as_unicode() {
                Some(BfString::Char(character)) => self.0.push(character),
                Some(BfString::String(text)) => self.0 += &text,
                None => {}
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
