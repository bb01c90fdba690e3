//! `pdf`, as the worker calls it.

use std::fs;
use std::io::BufRead as _;

use anyhow::{Context as _, Result};
use ids::Tenant;
use pdf::{Fonts, Locale, Renderer};

use crate::task::{Task, bill};

pub(crate) fn run(task: &Task) -> Result<()> {
    let renderer = Renderer::new(Fonts::bundled());
    let tenant: Tenant = "aldersbrook".parse()?;
    let render = |number: u64| {
        let document = bill(task.lines, &Task::reference(number)).into();
        renderer.render(&tenant, Locale::En, &document)
    };
    for number in 0..task.count.div_ceil(5) {
        render(number)?;
    }
    println!("warm");
    let mut told = std::io::stdin().lock().lines();
    told.next().context("nobody says go")??;
    let mut last = Vec::new();
    for number in 1..=task.count {
        last = render(number)?;
    }
    fs::write(&task.out, last)?;
    println!("made {}", task.count);
    // Until it was measured.
    told.next().transpose()?;
    Ok(())
}
