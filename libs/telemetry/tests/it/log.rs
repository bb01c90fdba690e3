use std::error::Error;
use std::fmt;

use serde_json::{Value, json};
use tracing::field::Empty;
use tracing::{debug, info, info_span, warn};

use crate::capture::logged;

#[test]
fn every_line_has_the_ids_and_null_where_there_is_none() {
    let line = logged("info", || info!(document_id = "d-1", size_bytes = 7, "uploaded")).line();
    for member in ["trace_id", "span_id", "request_id", "tenant"] {
        assert_eq!(line.get(member), Some(&Value::Null), "{member}");
    }
    assert_eq!(line["level"], "INFO");
    assert_eq!(line["service"], "document");
    assert_eq!(line["target"], "it::log");
    assert_eq!(line["message"], "uploaded");
    assert_eq!(line["document_id"], "d-1");
    assert_eq!(line["size_bytes"], 7);
    assert!(line["timestamp"].as_str().unwrap().ends_with('Z'));
}

#[test]
fn ids_come_from_the_nearest_span_that_has_them_also_when_recorded_later() {
    let lines = logged("info", || {
        let outer = info_span!("grpc", request_id = "r-1", tenant = Empty);
        let _outer = outer.enter();
        info!("before the caller is known");
        outer.record("tenant", "riverton");
        let inner = info_span!("job", tenant = "lakeside");
        let _inner = inner.enter();
        info!("inside");
    })
    .lines();
    assert_eq!((&lines[0]["request_id"], &lines[0]["tenant"]), (&json!("r-1"), &Value::Null));
    assert_eq!((&lines[1]["request_id"], &lines[1]["tenant"]), (&json!("r-1"), &json!("lakeside")));
    assert_eq!(lines[0]["trace_id"], lines[1]["trace_id"]);
    assert_eq!(lines[0]["trace_id"].as_str().unwrap().len(), 32);
    assert_ne!(lines[0]["span_id"], lines[1]["span_id"]);
}

#[test]
fn ids_are_there_also_when_the_log_shows_warnings_only() {
    let line = logged("warn", || {
        let _span = info_span!("grpc", request_id = "r-1", tenant = "riverton").entered();
        info!("not shown");
        warn!("shown");
    })
    .line();
    assert_eq!((&line["message"], &line["tenant"]), (&json!("shown"), &json!("riverton")));
    assert!(line["trace_id"].is_string());
}

#[test]
fn the_filter_goes_by_target() {
    let lines = logged("info,it::log=debug,other=off", || {
        debug!("of this module");
        debug!(target: "third", "too fine");
        info!(target: "other", "switched off");
    })
    .lines();
    assert_eq!(lines.len(), 1, "{lines:?}");
}

#[test]
fn an_events_own_ids_win_and_reserved_names_are_kept_apart() {
    let line = logged("info", || {
        let _span = info_span!("sweep", tenant = "riverton").entered();
        info!(tenant = "lakeside", level = "high", "expired");
    });
    let text = line.line();
    assert_eq!(
        (&text["tenant"], &text["level"], &text["level_"]),
        (&json!("lakeside"), &json!("INFO"), &json!("high"))
    );
}

#[derive(Debug)]
struct Outer(std::io::Error);

impl fmt::Display for Outer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("scan failed")
    }
}

impl Error for Outer {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.0)
    }
}

#[test]
fn values_keep_their_types_and_errors_their_chain() {
    let line = logged("info", || {
        let error = Outer(std::io::Error::other("connection reset"));
        let error: &(dyn Error + 'static) = &error;
        info!(clean = false, ratio = 0.5, attempts = -1, error, lines = "a\nb\"c", "done");
    })
    .line();
    assert_eq!(line["clean"], false);
    assert_eq!(line["ratio"], 0.5);
    assert_eq!(line["attempts"], -1);
    assert_eq!(line["error"], "scan failed: connection reset");
    assert_eq!(line["lines"], "a\nb\"c");
}

#[test]
fn a_target_with_a_level_of_its_own_leaves_the_others_theirs() {
    let capture = logged("info,idempotency=debug", || {
        tracing::info!(target: "service::admin", "ready");
        tracing::debug!(target: "idempotency::run", "replayed");
        tracing::debug!(target: "outbox", "not asked for");
    });
    let messages: Vec<_> = capture.lines().iter().map(|line| line["message"].clone()).collect();
    assert_eq!(messages, ["ready", "replayed"]);
}
