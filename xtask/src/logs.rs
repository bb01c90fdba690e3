//! `cargo xtask logs`: what servers and services of the stack wrote.

use std::fs;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::stack::{development_dir, log_file};

/// What `logs` can be told.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Whose log; all names are listed without it.
    name: Option<String>,
    /// Go on as it grows.
    #[arg(short, long, requires = "name")]
    follow: bool,
    /// How many of the last lines.
    #[arg(short, long, default_value_t = 200)]
    lines: u32,
}

/// Prints a log's last lines, or which logs there are.
pub(crate) fn run(args: &Args) -> Result<()> {
    let dir = development_dir();
    let Some(name) = &args.name else {
        return list(&dir.join("logs"));
    };
    let file = log_file(&dir, name);
    if !file.is_file() {
        bail!("there is no log of {name}; `cargo xtask logs` lists those there are");
    }
    let mut tail = Command::new("tail");
    tail.arg("-n").arg(args.lines.to_string());
    if args.follow {
        tail.arg("-F");
    }
    tail.arg("--").arg(file).status().context("cannot run tail")?;
    Ok(())
}

fn list(dir: &std::path::Path) -> Result<()> {
    let mut names: Vec<(String, u64)> = fs::read_dir(dir)
        .with_context(|| format!("there are no logs in {}; start the stack: cargo xtask up", dir.display()))?
        .flatten()
        .filter_map(|entry| {
            let name = entry.file_name().to_str()?.strip_suffix(".log")?.to_owned();
            Some((name, entry.metadata().ok()?.len()))
        })
        .collect();
    names.sort();
    for (name, bytes) in names {
        say!("{name:<24} {:>9} KiB", bytes / 1024);
    }
    Ok(())
}
