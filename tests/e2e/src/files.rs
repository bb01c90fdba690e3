//! Files to hand in, made on the spot. Each call gives other bytes.

use std::fmt::Write as _;

use anyhow::{Context, Result};
use rand::Rng;
use sha2::{Digest, Sha256};

/// The antivirus industry's harmless test file, in two parts so that this source is not found itself.
const EICAR: [&str; 2] = [r"X5O!P%@AP[4\PZX54(P^)7CC)7}$", "EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"];

/// A file and how it is declared.
#[derive(Debug, Clone)]
pub struct File {
    /// Purpose from the upload policy.
    pub purpose: &'static str,
    /// Name.
    pub name: String,
    /// Declared media type.
    pub content_type: &'static str,
    /// The bytes.
    pub bytes: Vec<u8>,
}

impl File {
    /// SHA-256 of the bytes, hexadecimal.
    #[must_use]
    pub fn sha256(&self) -> String {
        sha256(&self.bytes)
    }
}

pub(crate) fn sha256(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

fn tag() -> String {
    format!("{:08x}", rand::rng().random::<u32>())
}

/// A one-page PDF with a correct cross-reference table.
#[must_use]
pub fn pdf() -> File {
    let tag = tag();
    let text = format!("BT /F1 24 Tf 72 720 Td (Guildhall evidence {tag}) Tj ET");
    let objects = [
        "<< /Type /Catalog /Pages 2 0 R >>".to_owned(),
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>".to_owned(),
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R \
         /Resources << /Font << /F1 5 0 R >> >> >>"
            .to_owned(),
        format!("<< /Length {} >>\nstream\n{text}\nendstream", text.len()),
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>".to_owned(),
    ];
    let mut out = String::from("%PDF-1.7\n");
    let mut offsets = Vec::new();
    for (number, object) in (1..).zip(&objects) {
        offsets.push(out.len());
        // Writing to a `String` cannot fail.
        let _ok = write!(out, "{number} 0 obj\n{object}\nendobj\n");
    }
    let start = out.len();
    let _ok = write!(out, "xref\n0 {}\n0000000000 65535 f \n", objects.len() + 1);
    for offset in offsets {
        let _ok = writeln!(out, "{offset:010} 00000 n ");
    }
    let _ok =
        write!(out, "trailer\n<< /Size {} /Root 1 0 R >>\nstartxref\n{start}\n%%EOF\n", objects.len() + 1);
    File {
        purpose: "identity",
        name: format!("passport-{tag}.pdf"),
        content_type: "application/pdf",
        bytes: out.into_bytes(),
    }
}

/// A picture of coloured noise.
///
/// # Errors
///
/// When the encoder refuses, which it does not for these dimensions.
pub fn png() -> Result<File> {
    let (width, height) = (64, 48);
    let mut pixels = vec![0; width * height * 3];
    rand::rng().fill(&mut pixels[..]);
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, u32::try_from(width)?, u32::try_from(height)?);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    let mut writer = encoder.write_header().context("png header")?;
    writer.write_image_data(&pixels).context("png pixels")?;
    writer.finish().context("png end")?;
    Ok(File { purpose: "address", name: format!("letter-{}.png", tag()), content_type: "image/png", bytes })
}

/// Plain text that claims to be a PDF.
#[must_use]
pub fn text_as_pdf() -> File {
    let tag = tag();
    File {
        purpose: "identity",
        name: format!("not-a-{tag}.pdf"),
        content_type: "application/pdf",
        bytes: format!("I am {tag}, only text.\n").into_bytes(),
    }
}

/// A file that every antivirus program finds.
#[must_use]
pub fn eicar() -> File {
    File {
        purpose: "statement",
        name: format!("invoice-{}.txt", tag()),
        content_type: "text/plain",
        bytes: EICAR.concat().into_bytes(),
    }
}

/// Honest plain text.
#[must_use]
pub fn text() -> File {
    let tag = tag();
    File {
        purpose: "statement",
        name: format!("statement-{tag}.txt"),
        content_type: "text/plain",
        bytes: format!("Statement {tag}: nothing to add.\n").into_bytes(),
    }
}

/// A film of seven parts, larger than what the scanner looks into.
#[must_use]
pub fn recording() -> File {
    let mut bytes = b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom".to_vec();
    let tag = tag();
    bytes.extend_from_slice(tag.as_bytes());
    bytes.resize(101 * 1024 * 1024, 0);
    File { purpose: "recording", name: format!("hearing-{tag}.mp4"), content_type: "video/mp4", bytes }
}

/// Bills of one payer, 12.50 euros each, as staff hand them in for a run.
#[must_use]
pub fn bills(payer: &str, count: usize) -> File {
    bills_to(payer, "", count)
}

/// The same for whom the office knows, and may reach by e-mail.
#[must_use]
pub fn bills_to(payer: &str, email: &str, count: usize) -> File {
    let tag = tag();
    let mut out = String::from(
        "reference,payer,payer_name,due_on,description,fund,quantity,unit_price,currency,tax_rate,email\n",
    );
    for number in 1..=count {
        // Writing to a `String` cannot fail.
        let _ok = writeln!(
            out,
            "{tag}/{number},{payer},\"Lovelace, Ada\",2035-01-31,Rubbish collection,rubbish,1,12.50,EUR,,{email}"
        );
    }
    File {
        purpose: "bill-run",
        name: format!("bills-{tag}.csv"),
        content_type: "text/csv",
        bytes: out.into_bytes(),
    }
}
