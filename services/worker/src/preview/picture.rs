//! Previews of images: unpacked, made smaller, turned upright, and packed again without anything but pixels.

use std::io::{Cursor, Write};

use image::imageops::FilterType;
use image::{DynamicImage, ImageDecoder, ImageError, ImageFormat, ImageReader, Limits};

use super::child::Failure;
use super::frames::{MAX_PAGE_BYTES, MAX_SIDE, Page, Refusal, Writer};

/// Pixels of an image that is unpacked at most: a telephone's largest, and some.
const MAX_PIXELS: u64 = 64_000_000;
/// The longer side of an image that is unpacked at most.
const MAX_SOURCE_SIDE: u32 = 30_000;

/// Draws an image. Returns how many pages it has: one.
pub(super) fn draw(bytes: &[u8], format: ImageFormat, out: &mut Writer<impl Write>) -> Result<u32, Failure> {
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    let mut limits = Limits::default();
    limits.max_image_width = Some(MAX_SOURCE_SIDE);
    limits.max_image_height = Some(MAX_SOURCE_SIDE);
    reader.limits(limits);
    let mut decoder = reader.into_decoder().map_err(|error| refusal(&error))?;
    let (width, height) = decoder.dimensions();
    if u64::from(width) * u64::from(height) > MAX_PIXELS {
        return Err(Refusal::TooManyPixels.into());
    }
    let orientation = decoder.orientation().map_err(|error| refusal(&error))?;
    let mut image = DynamicImage::from_decoder(decoder).map_err(|error| refusal(&error))?;
    if width.max(height) > MAX_SIDE {
        image = image.thumbnail(MAX_SIDE, MAX_SIDE);
    }
    image.apply_orientation(orientation);
    out.page(&pack(image)?)?;
    Ok(1)
}

/// Packs pixels as PNG of eight bits, with nothing else in it. What is too long that way is made smaller.
pub(super) fn pack(mut image: DynamicImage) -> Result<Page, Failure> {
    loop {
        let mut png = Vec::new();
        let plain = match image.color().has_alpha() {
            true => DynamicImage::from(image.to_rgba8()),
            false => DynamicImage::from(image.to_rgb8()),
        };
        let packed = plain.write_to(&mut Cursor::new(&mut png), ImageFormat::Png);
        packed.map_err(|error| refusal(&error))?;
        if png.len() <= MAX_PAGE_BYTES {
            return Ok(Page { width: plain.width(), height: plain.height(), png });
        }
        let (width, height) = ((plain.width() / 2).max(1), (plain.height() / 2).max(1));
        image = plain.resize_exact(width, height, FilterType::Triangle);
    }
}

fn refusal(error: &ImageError) -> Refusal {
    match error {
        ImageError::Limits(_) => Refusal::TooManyPixels,
        _ => Refusal::Malformed,
    }
}
