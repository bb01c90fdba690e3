//! READMEs of charts, from the comments in their values.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::helm::CLUSTER;
use super::yaml;

/// A key of a values file.
#[derive(Debug, PartialEq, Eq)]
struct Row {
    path: String,
    /// As it is written; empty for one that has others below it.
    value: String,
    /// The comment above it.
    comment: String,
}

/// Every chart's README, and keys that nobody explains.
pub(super) fn files(
    root: &Path,
    services: &[String],
    faults: &mut Vec<String>,
) -> Result<Vec<(PathBuf, String)>> {
    let mut files = Vec::new();
    let shared = ["helm/service"].into_iter().chain(CLUSTER);
    for chart in shared {
        let rows = rows(&read(root, chart, "values.yaml")?);
        for row in rows.iter().filter(|row| row.comment.is_empty()) {
            faults.push(format!("{chart}/values.yaml: {} has no comment that says what it is", row.path));
        }
        let mut text = head(root, chart)?;
        text += "| value | default | what |\n|---|---|---|\n";
        for row in &rows {
            text += &format!("| `{}` | {} | {} |\n", row.path, code(&row.value), cell(&row.comment));
        }
        files.push((Path::new(chart).join("README.md"), text + FOOT));
    }
    for service in services {
        let chart = format!("helm/{service}");
        let mut text = head(root, &chart)?;
        text += "It is [the library chart](../service/README.md) with these values; `values-<environment>.yaml` adds what differs.\n\
            What each setting means: [the service's README](../../services/";
        text += service;
        text += "/README.md).\n\n| value | here | |\n|---|---|---|\n";
        for row in rows(&read(root, &chart, "values.yaml")?) {
            if !row.value.is_empty() || !row.comment.is_empty() {
                text += &format!("| `{}` | {} | {} |\n", row.path, code(&row.value), cell(&row.comment));
            }
        }
        files.push((Path::new(&chart).join("README.md"), text + FOOT));
    }
    Ok(files)
}

/// Values of another chart.
const FOREIGN: &str = "values";
const FOOT: &str = "\nWritten by `cargo xtask charts --update` from Chart.yaml and values.yaml.\n";

fn read(root: &Path, chart: &str, file: &str) -> Result<String> {
    let path = root.join(chart).join(file);
    fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))
}

fn head(root: &Path, chart: &str) -> Result<String> {
    let about = yaml::file(&root.join(chart).join("Chart.yaml"))?;
    Ok(format!("# {}\n\n{}\n\n", yaml::text(&about, "name"), yaml::text(&about, "description")))
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}

fn code(value: &str) -> String {
    if value.is_empty() { String::new() } else { format!("`{}`", cell(value)) }
}

/// Keys of a file whose maps are indented by two and whose comments stand above what they are about. Keys of a list's entries
/// are below `[]`.
fn rows(text: &str) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    let mut path: Vec<(usize, String)> = Vec::new();
    let mut comment: Vec<&str> = Vec::new();
    // Lines of a text, or of values that another chart explains, are deeper than this.
    let mut skipped: Option<usize> = None;
    for line in text.lines() {
        let indent = line.len() - line.trim_start().len();
        if skipped.is_some_and(|above| indent > above || line.trim().is_empty()) {
            continue;
        }
        skipped = None;
        let line = line.trim();
        if let Some(words) = line.strip_prefix('#') {
            comment.push(words.trim());
            continue;
        }
        if line.is_empty() {
            // The comment at the top of a file is about the file.
            comment.clear();
            continue;
        }
        // What is in a list's entry is below `[]`, which stands one deeper than the dash.
        let (line, indent) = match line.strip_prefix('-') {
            Some(rest) => {
                path.retain(|(at, _)| *at < indent);
                let list = path.last().map(|(_, name)| format!("{name}[]")).unwrap_or_default();
                path.push((indent + 1, list));
                (rest.trim_start(), indent + 2)
            }
            None => (line, indent),
        };
        // An entry may begin with a comment.
        if let Some(words) = line.strip_prefix('#') {
            comment.push(words.trim());
            continue;
        }
        let Some((key, value)) = line.split_once(':') else { continue };
        let is_key = key.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-'));
        if !is_key || !(value.is_empty() || value.starts_with(' ')) {
            continue;
        }
        path.retain(|(at, _)| *at < indent);
        let name = path.last().map_or_else(|| key.to_owned(), |(_, parent)| format!("{parent}.{key}"));
        path.push((indent, name.clone()));
        let value = value.split(" #").next().unwrap_or_default().trim().to_owned();
        if value == "|" || (key == FOREIGN && value.is_empty()) {
            skipped = Some(indent);
        }
        rows.push(Row { path: name, value, comment: comment.join(" ") });
        comment.clear();
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_have_their_path_value_and_comment() {
        let text = "# About the file.\n\n# One.\na: 1\n# Two\n# lines.\nb:\n  # Inner.\n  c: {d: 2}\n  e: []\nlist:\n  - # First.\n    f: x\n    g: y\n\
            # Another chart's.\nvalues:\n  h: 1\nurls:\n  - https://x.example\n";
        let found: Vec<_> = rows(text)
            .into_iter()
            .map(|row| format!("{} = {} # {}", row.path, row.value, row.comment))
            .collect();
        let wanted = [
            "a = 1 # One.",
            "b =  # Two lines.",
            "b.c = {d: 2} # Inner.",
            "b.e = [] # ",
            "list =  # ",
            "list[].f = x # First.",
            "list[].g = y # ",
            "values =  # Another chart's.",
            "urls =  # ",
        ];
        assert_eq!(found, wanted);
    }
}
