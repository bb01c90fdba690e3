//! Where the time went: the spans of one document's trace, cut into stages that follow one another.

use std::collections::HashMap;
use std::time::Duration;

use anyhow::Result;
use bench_report::{Sample, percentile};
use testkit::otlp::Span;

use crate::load::Confirmed;
use crate::world::World;

/// The stages in their order: the name, and the span whose start or end closes it.
const STAGES: [(&str, &str, Edge); 7] = [
    ("confirm: state, event and job are committed", "ConfirmUpload", Edge::End),
    ("outbox: the job is in SQS", "outbox.send", Edge::End),
    ("queue: the worker has received it", "guildhall-scan process", Edge::Start),
    ("claim: document is scanning", "ClaimScan", Edge::End),
    ("read, digest, type, archive and clamd", "clamd.instream", Edge::End),
    ("copy to the evidence bucket", "s3.copy", Edge::End),
    ("report: document is ready", "ReportScan", Edge::End),
];

#[derive(Clone, Copy)]
enum Edge {
    Start,
    End,
}

/// Milliseconds of each stage of each document, and of all of them together.
#[derive(Debug, Default)]
pub(crate) struct Times {
    stages: [Vec<f64>; STAGES.len()],
    whole: Vec<f64>,
    /// Nanoseconds since 1970: the first confirmation and the last report.
    pub(crate) from: u64,
    pub(crate) to: u64,
}

impl Times {
    /// Waits until every document has come to its end, and reads its spans.
    pub(crate) async fn wait(world: &World, confirmed: &[Confirmed], within: Duration) -> Result<Self> {
        world.spans.wait_for(within, |spans| Self::read(spans, confirmed)).await
    }

    /// `None` while a document lacks a span.
    fn read(spans: &[Span], confirmed: &[Confirmed]) -> Option<Self> {
        let mut traces: HashMap<&str, Vec<&Span>> = HashMap::new();
        for span in spans {
            traces.entry(&span.trace_id).or_default().push(span);
        }
        let mut times = Self { from: u64::MAX, ..Self::default() };
        for Confirmed { document, due } in confirmed {
            let trace = traces.get(document.trace_id.as_str())?;
            let mut before = *due;
            for ((_, name, edge), stage) in STAGES.iter().zip(&mut times.stages) {
                // A call is told by both sides; the one that was called counts. The first of its name: what follows later, as
                // the job of a preview, is not what the citizen waits for.
                let is_it =
                    |span: &&&Span| span.name.ends_with(name) && span.kind != "client" || span.name == *name;
                let span = trace.iter().filter(is_it).min_by_key(|span| span.end_unix_nano)?;
                let at = match edge {
                    Edge::Start => span.start_unix_nano,
                    Edge::End => span.end_unix_nano,
                };
                stage.push(millis(at.saturating_sub(before)));
                before = at.max(before);
            }
            times.whole.push(millis(before.saturating_sub(*due)));
            times.from = times.from.min(*due);
            times.to = times.to.max(before);
        }
        Some(times)
    }

    /// Confirm to ready.
    pub(crate) fn whole(&mut self) -> Sample {
        latencies(&mut self.whole)
    }

    /// Each stage by its name.
    pub(crate) fn stages(&mut self) -> impl Iterator<Item = (&'static str, Sample)> + '_ {
        STAGES.iter().zip(&mut self.stages).map(|((name, ..), stage)| (*name, latencies(stage)))
    }
}

fn latencies(times: &mut [f64]) -> Sample {
    Sample {
        p50_ms: percentile(times, 50),
        p95_ms: percentile(times, 95),
        p99_ms: percentile(times, 99),
        ..Sample::default()
    }
}

#[expect(clippy::cast_precision_loss, reason = "a bench takes minutes")]
fn millis(nanoseconds: u64) -> f64 {
    nanoseconds as f64 / 1e6
}
