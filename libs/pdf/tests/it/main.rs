//! Documents as their readers find them: rendered, and read back from the PDF.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod amounts;
mod harness;
mod memory;
mod overrides;
mod pages;
mod structure;
mod text;
