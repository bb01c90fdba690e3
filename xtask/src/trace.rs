//! `cargo xtask trace`: one trace as a tree, from the spans the local collector wrote.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use crate::stack::development_dir;
use crate::stack::services::spans;

/// What `trace` can be told.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The trace: 32 hex digits, or a whole `traceparent`.
    id: String,
}

/// A line of the collector's file; fields not shown here are left out.
#[derive(Clone, Debug, Deserialize)]
struct Span {
    trace_id: String,
    span_id: String,
    #[serde(default)]
    parent: String,
    service: String,
    name: String,
    start_unix_nano: u64,
    end_unix_nano: u64,
    #[serde(default)]
    status: String,
}

/// Prints the tree; fails when the trace is not known.
pub(crate) fn run(args: &Args) -> Result<()> {
    let id = trace_id(&args.id)?;
    let file = spans(&development_dir());
    let found = read(&file, &id)?;
    if found.is_empty() {
        bail!("no span of trace {id} in {}; services hand spans over every few seconds", file.display());
    }
    for line in tree(&found) {
        say!("{line}");
    }
    Ok(())
}

fn trace_id(text: &str) -> Result<String> {
    // A traceparent is version-trace-parent-flags.
    let id = text.split('-').nth(1).unwrap_or(text).to_ascii_lowercase();
    if id.len() != 32 || !id.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        bail!("a trace id has 32 hex digits; {text:?} has not");
    }
    Ok(id)
}

fn read(file: &Path, id: &str) -> Result<Vec<Span>> {
    let open = File::open(file).with_context(|| {
        format!("there are no traces in {}; start the stack: cargo xtask up", file.display())
    })?;
    let mut found = Vec::new();
    for line in BufReader::new(open).lines() {
        let line = line?;
        // Most lines are of other traces; reading them as JSON would be the slow part.
        if !line.contains(id) {
            continue;
        }
        let span: Span = serde_json::from_str(&line).with_context(|| format!("not a span: {line}"))?;
        if span.trace_id == id {
            found.push(span);
        }
    }
    Ok(found)
}

/// A line per span under its parent, in the order in which they began: when, service › name, how long.
fn tree(spans: &[Span]) -> Vec<String> {
    let mut spans = spans.to_vec();
    spans.sort_by_key(|span| (span.start_unix_nano, span.end_unix_nano));
    let start = spans.first().map_or(0, |span| span.start_unix_nano);
    let mut children: BTreeMap<&str, Vec<&Span>> = BTreeMap::new();
    let known = |id: &str| spans.iter().any(|span| span.span_id == id);
    for span in &spans {
        // A parent that was not sampled or is not exported yet: the span still belongs in sight.
        let parent = if known(&span.parent) { span.parent.as_str() } else { "" };
        children.entry(parent).or_default().push(span);
    }
    let mut lines = Vec::new();
    let mut pending: Vec<(&Span, usize)> = roots(&children, "", 0);
    while let Some((span, depth)) = pending.pop() {
        let status =
            if span.status.starts_with("error") { format!("   {}", span.status) } else { String::new() };
        lines.push(format!(
            "{:>10} {:indent$}{} › {}  {} ms{status}",
            format!("+{}", millis(start, span.start_unix_nano)),
            "",
            span.service,
            span.name,
            millis(span.start_unix_nano, span.end_unix_nano),
            indent = depth * 2,
        ));
        pending.extend(roots(&children, &span.span_id, depth + 1));
    }
    lines
}

/// The children of a span, last first, as a stack wants them.
fn roots<'s>(children: &BTreeMap<&str, Vec<&'s Span>>, parent: &str, depth: usize) -> Vec<(&'s Span, usize)> {
    children.get(parent).into_iter().flatten().rev().map(|&span| (span, depth)).collect()
}

fn millis(from_nanos: u64, to_nanos: u64) -> String {
    let micros = to_nanos.saturating_sub(from_nanos) / 1_000;
    format!("{}.{}", micros / 1_000, micros % 1_000 / 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(id: &str, parent: &str, start_ms: u64, end_ms: u64) -> Span {
        Span {
            trace_id: "t".to_owned(),
            span_id: id.to_owned(),
            parent: parent.to_owned(),
            service: "bff".to_owned(),
            name: id.to_owned(),
            start_unix_nano: start_ms * 1_000_000,
            end_unix_nano: end_ms * 1_000_000,
            status: String::new(),
        }
    }

    #[test]
    fn spans_stand_under_their_parents_in_the_order_they_began() {
        let spans = [
            span("c", "a", 5, 9),
            span("b", "a", 2, 3),
            span("d", "b", 2, 3),
            span("a", "", 1, 10),
            span("x", "lost", 7, 8),
        ];
        let names: Vec<String> = tree(&spans).iter().map(|line| line[11..].to_owned()).collect();
        assert_eq!(
            names,
            [
                "bff › a  9.0 ms",
                "  bff › b  1.0 ms",
                "    bff › d  1.0 ms",
                "  bff › c  4.0 ms",
                "bff › x  1.0 ms"
            ]
        );
    }

    #[test]
    fn an_id_is_taken_bare_or_from_a_traceparent() {
        let id = "0af7651916cd43dd8448eb211c80319c";
        assert_eq!(trace_id(id).unwrap(), id);
        assert_eq!(trace_id(&format!("00-{id}-b7ad6b7169203331-01")).unwrap(), id);
        assert!(trace_id("0af7").is_err());
    }
}
