//! The child process: what it draws, and that whatever a file makes it do comes to nothing.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use bytes::Bytes;
use proto::document::v1::PreviewFailure;
use worker::preview::child::Task;
use worker::preview::frames::{MAX_PAGES, MAX_SIDE, Rendered};
use worker::preview::probe::Probe;
use worker::preview::sandbox::{Limits, Sandbox};

/// A child that misbehaves is gone within this time, at the latest, on a machine that is busy.
const QUICKLY: Duration = Duration::from_secs(60);

/// For drawing that is not optimised, on a machine that is busy; memory is what it is.
pub(crate) fn patient() -> Limits {
    Limits { cpu: Duration::from_secs(240), wall: Duration::from_secs(600), ..Limits::default() }
}

fn sandbox(limits: Limits) -> Sandbox {
    Sandbox::new(env!("CARGO_BIN_EXE_worker").into(), limits)
}

async fn draw(task: Task, bytes: impl Into<Bytes>) -> Result<Rendered, PreviewFailure> {
    sandbox(patient()).draw(task, bytes.into()).await.expect("a child runs")
}

/// A PDF from the bodies of its objects, the first of which is the catalog.
pub(crate) fn pdf_of(objects: &[String]) -> Vec<u8> {
    let mut text = "%PDF-1.7\n".to_owned();
    let mut offsets = Vec::new();
    for (number, body) in (1..).zip(objects) {
        offsets.push(text.len());
        write!(text, "{number} 0 obj\n{body}\nendobj\n").unwrap();
    }
    let start = text.len();
    write!(text, "xref\n0 {}\n0000000000 65535 f \n", objects.len() + 1).unwrap();
    for offset in offsets {
        writeln!(text, "{offset:010} 00000 n ").unwrap();
    }
    let size = objects.len() + 1;
    write!(text, "trailer\n<< /Size {size} /Root 1 0 R >>\nstartxref\n{start}\n%%EOF\n").unwrap();
    text.into_bytes()
}

/// A PDF of `pages` pages of that size in points, each with this content.
pub(crate) fn pdf(pages: usize, (width, height): (f64, f64), content: &str) -> Vec<u8> {
    let kids: String = (0..pages).map(|page| format!("{} 0 R ", page + 5)).collect();
    let mut objects = vec![
        "<< /Type /Catalog /Pages 2 0 R >>".to_owned(),
        format!("<< /Type /Pages /Count {pages} /Kids [{kids}] >>"),
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>".to_owned(),
        format!("<< /Length {} >>\nstream\n{content}\nendstream", content.len()),
    ];
    for _ in 0..pages {
        objects.push(format!(
            "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 {width} {height}] /Contents 4 0 R \
             /Resources << /Font << /F1 3 0 R >> >> >>"
        ));
    }
    pdf_of(&objects)
}

const A4: (f64, f64) = (595.0, 842.0);
/// Drawn in no time.
const STAMP: (f64, f64) = (72.0, 72.0);
const LETTER: &str = "BT /F1 24 Tf 72 720 Td (Rent for May) Tj 0 -40 Td (is 1.200 EUR) Tj ET";

/// A PNG whose header says this size, and that many bytes of black pixels behind it.
fn png(width: u32, height: u32, rows: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, width, height);
    encoder.set_color(png::ColorType::Grayscale);
    let mut writer = encoder.write_header().unwrap();
    let mut stream = writer.stream_writer().unwrap();
    let row = vec![0; width as usize];
    for _ in 0..rows {
        std::io::Write::write_all(&mut stream, &row).unwrap();
    }
    // Whether or not all rows came.
    let _ = stream.finish();
    let _ = writer.finish();
    bytes
}

#[tokio::test]
async fn a_letter_is_drawn_and_read() {
    let rendered = draw(Task::Pdf, pdf(2, A4, LETTER)).await.unwrap();
    assert_eq!((rendered.pages.len(), rendered.total_pages), (2, 2));
    for page in &rendered.pages {
        assert_eq!(page.height, MAX_SIDE);
        assert!((1_100..1_140).contains(&page.width), "{}", page.width);
        let image = image::load_from_memory(&page.png).unwrap().to_luma8();
        assert_eq!((image.width(), image.height()), (page.width, page.height));
        let dark = image.pixels().filter(|pixel| pixel.0[0] < 64).count();
        assert!(dark > 500 && dark < 100_000, "black letters on white paper: {dark}");
        assert_eq!(image.get_pixel(0, 0).0[0], 255);
    }
    let words: Vec<_> = rendered.text.split_whitespace().collect();
    assert_eq!(words[..6], ["Rent", "for", "May", "is", "1.200", "EUR"], "{:?}", rendered.text);
    assert!(rendered.text.contains("May\nis"), "lines stay lines: {:?}", rendered.text);
}

#[tokio::test]
async fn an_image_is_turned_upright_and_keeps_nothing_but_its_pixels() {
    // Three wide and two high, red on the left; the camera was held so that the right side is up.
    let image =
        image::RgbImage::from_fn(48, 32, |x, _| image::Rgb(if x < 16 { [255, 0, 0] } else { [0, 0, 255] }));
    let mut jpeg = std::io::Cursor::new(Vec::new());
    image.write_to(&mut jpeg, image::ImageFormat::Jpeg).unwrap();
    let jpeg = jpeg.into_inner();
    // An EXIF block behind the mark of the beginning: orientation 6, and a place that nobody shall know.
    let secret = b"52.5200N 13.4050E";
    let mut exif = b"Exif\0\0MM\0\x2a\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0".to_vec();
    exif.extend_from_slice(secret);
    let length = u16::try_from(exif.len() + 2).unwrap().to_be_bytes();
    let with_exif = [&jpeg[..2], b"\xff\xe1", &length, &exif, &jpeg[2..]].concat();

    let rendered = draw(Task::Jpeg, with_exif).await.unwrap();
    assert_eq!((rendered.pages.len(), rendered.total_pages, rendered.text.as_str()), (1, 1, ""));
    let page = &rendered.pages[0];
    assert_eq!((page.width, page.height), (32, 48), "a quarter turn");
    let upright = image::load_from_memory(&page.png).unwrap().to_rgb8();
    assert!(upright.get_pixel(16, 4).0[0] > 200, "red is on top");
    assert!(upright.get_pixel(16, 40).0[2] > 200, "blue is below");
    assert!(!page.png.windows(secret.len()).any(|window| window == secret));
    assert!(
        !page
            .png
            .windows(4)
            .any(|window| [b"eXIf", b"tEXt", b"iTXt", b"tIME"].contains(&window.try_into().unwrap()))
    );
}

#[tokio::test]
async fn a_large_image_is_made_smaller() {
    let rendered = draw(Task::Png, png(3_000, 2_000, 2_000)).await.unwrap();
    assert_eq!((rendered.pages[0].width, rendered.pages[0].height), (1_600, 1_067));
}

#[tokio::test]
async fn only_the_first_pages_of_ten_thousand_are_drawn() {
    let rendered = draw(Task::Pdf, pdf(10_000, STAMP, LETTER)).await.unwrap();
    assert_eq!((rendered.pages.len(), rendered.total_pages), (MAX_PAGES, 10_000));
}

#[tokio::test]
async fn a_page_of_any_size_is_an_image_of_a_bounded_one() {
    for size in [(14_400.0, 14_400.0), (1e9, 1e9), (1e9, 1.0), (0.001, 0.001), (3.0, 100_000.0)] {
        let drawn = draw(Task::Pdf, pdf(1, size, LETTER)).await;
        let Ok(rendered) = drawn else { continue };
        let page = &rendered.pages[0];
        assert!((1..=MAX_SIDE).contains(&page.width) && (1..=MAX_SIDE).contains(&page.height), "{size:?}");
    }
    let rendered = draw(Task::Pdf, pdf(1, (14_400.0, 14_400.0), LETTER)).await.unwrap();
    assert_eq!((rendered.pages[0].width, rendered.pages[0].height), (MAX_SIDE, MAX_SIDE));
}

#[tokio::test]
async fn what_is_no_file_of_its_type_is_malformed() {
    let whole = pdf(2, A4, LETTER);
    let jpeg_of_nothing = b"\xff\xd8\xff\xe0\0\x10JFIF\0\x01\x01\0\0\x01\0\x01\0\0".to_vec();
    let table = [
        (Task::Pdf, b"%PDF-1.7\n".to_vec()),
        (Task::Pdf, whole[..120].to_vec()),
        (Task::Pdf, Vec::new()),
        (Task::Png, Vec::new()),
        (Task::Png, whole.clone()),
        (Task::Png, png(300, 300, 300)[..60].to_vec()),
        (Task::Jpeg, jpeg_of_nothing),
        (Task::Jpeg, png(300, 300, 300)),
    ];
    for (number, (task, bytes)) in table.into_iter().enumerate() {
        assert_eq!(draw(task, bytes).await, Err(PreviewFailure::Malformed), "{number}");
    }
}

#[tokio::test]
async fn a_pdf_cut_anywhere_does_no_harm() {
    let whole = pdf(2, STAMP, LETTER);
    for length in (0..whole.len()).step_by(97) {
        // What is left of it may still be a page.
        let drawn = draw(Task::Pdf, whole[..length].to_vec()).await;
        assert!(matches!(drawn, Ok(_) | Err(PreviewFailure::Malformed)), "{length}: {drawn:?}");
    }
}

#[tokio::test]
async fn bombs_go_off_in_the_child_alone() {
    // 60,000 by 60,000 pixels in some kilobytes.
    let bomb = png(60_000, 60_000, 8);
    assert!(bomb.len() < 100_000);
    assert_eq!(draw(Task::Png, bomb).await, Err(PreviewFailure::TooManyPixels));
    let wide = png(29_000, 29_000, 8);
    assert_eq!(draw(Task::Png, wide).await, Err(PreviewFailure::TooManyPixels));

    // A form that draws itself, arrays without an end, and a page tree that is its own branch.
    let itself = pdf_of(&[
        "<< /Type /Catalog /Pages 2 0 R >>".to_owned(),
        "<< /Type /Pages /Count 1 /Kids [3 0 R] >>".to_owned(),
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 9 9] /Contents 4 0 R /Resources << /XObject << /X 5 0 R >> >> >>"
            .to_owned(),
        "<< /Length 5 >>\nstream\n/X Do\nendstream".to_owned(),
        "<< /Type /XObject /Subtype /Form /BBox [0 0 9 9] /Resources << /XObject << /X 5 0 R >> >> /Length 11 >>\n\
         stream\n/X Do /X Do\nendstream"
            .to_owned(),
    ]);
    let deep = pdf(1, STAMP, &format!("{} Tj", "[".repeat(1_000_000)));
    let nested = pdf_of(&[format!("<< /Type /Catalog /Pages {} >>", "<< /A ".repeat(1_000_000))]);
    let looped = pdf_of(&[
        "<< /Type /Catalog /Pages 2 0 R >>".to_owned(),
        "<< /Type /Pages /Count 2 /Kids [2 0 R 2 0 R] >>".to_owned(),
    ]);
    let limits = Limits { cpu: Duration::from_secs(10), ..patient() };
    for (name, bytes) in [("itself", itself), ("deep", deep), ("nested", nested), ("looped", looped)] {
        let drawn = sandbox(limits).draw(Task::Pdf, bytes.into()).await.unwrap();
        let refused = matches!(
            drawn,
            Err(PreviewFailure::Malformed
                | PreviewFailure::Crashed
                | PreviewFailure::TimeExceeded
                | PreviewFailure::MemoryExceeded)
        );
        assert!(
            refused || drawn.as_ref().is_ok_and(|rendered| rendered.pages.len() == 1),
            "{name}: {drawn:?}"
        );
    }
    // The next file is drawn as if nothing had been.
    assert!(draw(Task::Pdf, pdf(1, STAMP, LETTER)).await.is_ok());
}

#[tokio::test]
async fn whatever_a_file_makes_the_child_do_comes_to_nothing() {
    let table = [
        (Probe::Memory, PreviewFailure::MemoryExceeded),
        (Probe::Spin, PreviewFailure::TimeExceeded),
        (Probe::Nest, PreviewFailure::Crashed),
        (Probe::Abort, PreviewFailure::Crashed),
        (Probe::Garbage, PreviewFailure::Garbage),
        (Probe::Silence, PreviewFailure::Garbage),
        (Probe::Chatter, PreviewFailure::Garbage),
        (Probe::Open, PreviewFailure::ForbiddenCall),
        (Probe::Inherit, PreviewFailure::ForbiddenCall),
        (Probe::Socket, PreviewFailure::ForbiddenCall),
        (Probe::Exec, PreviewFailure::ForbiddenCall),
        (Probe::Thread, PreviewFailure::ForbiddenCall),
        // An answer, which it gives where its environment is empty.
        (Probe::Environment, PreviewFailure::Malformed),
    ];
    let limits = Limits { cpu: Duration::from_secs(2), ..patient() };
    for (probe, failure) in table {
        let started = Instant::now();
        // More than a pipe holds: a child that does not read blocks nobody.
        let bytes = Bytes::from(vec![0; 4 * 1024 * 1024]);
        let drawn = sandbox(limits).draw(Task::Probe(probe), bytes).await.unwrap();
        assert_eq!(drawn, Err(failure), "{probe:?}");
        assert!(started.elapsed() < QUICKLY, "{probe:?}");
    }
}

#[tokio::test]
async fn a_child_that_only_waits_is_ended_by_the_clock_on_the_wall() {
    let limits = Limits { wall: Duration::from_secs(1), ..Limits::default() };
    let started = Instant::now();
    let drawn = sandbox(limits).draw(Task::Probe(Probe::Wait), Bytes::new()).await.unwrap();
    assert_eq!(drawn, Err(PreviewFailure::TimeExceeded));
    assert!((limits.wall..QUICKLY).contains(&started.elapsed()));
}

#[tokio::test]
async fn a_sandbox_that_does_not_hold_is_noticed_before_any_file() {
    sandbox(Limits::default()).check().await.unwrap();
    // A program that is no worker locks nothing.
    for program in ["/bin/true", "/bin/cat", "/nowhere"] {
        let other = Sandbox::new(program.into(), Limits::default());
        assert!(other.check().await.is_err(), "{program}");
    }
}
