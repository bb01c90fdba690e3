//! `cargo xtask release-notes`: what operators have to know of a version, and what is in it.

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;

use anyhow::{Context, Result};

use crate::{paths, shell};

/// What `release-notes` can be told.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The version, a heading of CHANGELOG.md.
    #[arg(default_value = "Unreleased")]
    version: String,
    /// The tag or commit of the version before; without it the changes behind it are left out.
    #[arg(long)]
    since: Option<String>,
    /// The tag or commit of this version.
    #[arg(long, default_value = "HEAD")]
    to: String,
    /// Only changes of this area, for example `document`.
    #[arg(long)]
    area: Option<String>,
}

/// Prints them as Markdown.
pub(crate) fn run(args: &Args) -> Result<()> {
    let root = paths::root();
    let changelog = fs::read_to_string(root.join("CHANGELOG.md")).context("cannot read CHANGELOG.md")?;
    let notes = section(&changelog, &args.version)
        .with_context(|| format!("CHANGELOG.md has no heading {:?}", args.version))?;
    say!("# {}\n\n{}", args.version, notes.trim());
    if let Some(since) = &args.since {
        let mut git = Command::new("git");
        git.args(["log", "--no-merges", "--format=%s", &format!("{since}..{}", args.to)]).current_dir(&root);
        let subjects = shell::output(&mut git)?;
        let changes = by_area(&subjects);
        say!("\n## Changes since {since}");
        for (area, changes) in
            changes.iter().filter(|(area, _)| args.area.as_ref().is_none_or(|only| only == *area))
        {
            say!("\n**{area}**\n");
            for change in changes {
                say!("- {change}");
            }
        }
    }
    Ok(())
}

/// What stands below the heading of a version, which may have a date behind it.
fn section<'t>(changelog: &'t str, version: &str) -> Option<&'t str> {
    let heading =
        |line: &str| line.strip_prefix("## ").map(|rest| rest.split_whitespace().next() == Some(version));
    let mut begin = None;
    let mut at = 0;
    for line in changelog.split_inclusive('\n') {
        match (begin, heading(line)) {
            (None, Some(true)) => begin = Some(at + line.len()),
            (Some(begin), Some(_)) => return Some(&changelog[begin..at]),
            _ => {}
        }
        at += line.len();
    }
    begin.map(|begin| &changelog[begin..])
}

/// Subjects are `area: what`, or of several areas.
fn by_area(subjects: &str) -> BTreeMap<&str, Vec<&str>> {
    let mut areas: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for subject in subjects.lines() {
        let (named, what) = subject.split_once(": ").unwrap_or(("everything else", subject));
        for area in named.split(", ") {
            areas.entry(area).or_default().push(what);
        }
    }
    areas
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_has_what_is_below_its_heading() {
        let text = "# Changelog\n\n## Unreleased\n\n- new\n\n## 1.1.0 (2026-11-01)\n\n- old\n### more\n- older\n## 1.0.0\n";
        assert_eq!(section(text, "Unreleased").map(str::trim), Some("- new"));
        assert_eq!(section(text, "1.1.0").map(str::trim), Some("- old\n### more\n- older"));
        assert_eq!(section(text, "1.0.0").map(str::trim), Some(""));
        assert_eq!(section(text, "2.0.0"), None);
    }

    #[test]
    fn a_change_is_in_each_area_that_it_names() {
        let areas = by_area("document, bff: a\nbff: b\nwithout\n");
        assert_eq!(areas["bff"], ["a", "b"]);
        assert_eq!(areas["document"], ["a"]);
        assert_eq!(areas["everything else"], ["without"]);
    }
}
