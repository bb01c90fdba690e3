//! Writes the samples as PDFs into a folder, to be looked at or validated: `cargo run -p pdf --example samples -- target/pdf`.

use std::error::Error;
use std::fs;
use std::path::PathBuf;

use pdf::{Fonts, Renderer, sample};

fn main() -> Result<(), Box<dyn Error>> {
    let folder: PathBuf = std::env::args_os().nth(1).ok_or("say which folder")?.into();
    fs::create_dir_all(&folder)?;
    let renderer = Renderer::new(Fonts::bundled());
    let tenant = "aldersbrook".parse()?;
    for (name, locale, document) in sample::all() {
        fs::write(folder.join(format!("{name}.pdf")), renderer.render(&tenant, locale, &document)?)?;
    }
    Ok(())
}
