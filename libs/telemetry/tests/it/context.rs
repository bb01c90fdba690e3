use http::HeaderMap;
use telemetry::context;
use tracing::info_span;

use crate::capture::logged;

const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";

#[test]
fn a_message_names_the_span_that_sent_it() {
    let line = logged("info", || {
        assert_eq!(context::traceparent(), None);
        assert_eq!(context::current_trace_id(), None);
        let _span = info_span!("send").entered();
        let trace_id = context::current_trace_id().unwrap();
        let traceparent = context::traceparent().unwrap();
        tracing::info!(traceparent, expected = trace_id, "sent");
    })
    .line();
    let (trace, span) = (line["trace_id"].as_str().unwrap(), line["span_id"].as_str().unwrap());
    assert_eq!(line["traceparent"], format!("00-{trace}-{span}-01"));
    assert_eq!(line["expected"], trace);
}

#[test]
fn a_handlers_span_joins_the_trace_of_its_message() {
    let line = logged("info", || {
        let span = info_span!("handle");
        context::set_parent(&span, PARENT);
        let _span = span.entered();
        assert_eq!(context::current_trace_id().as_deref(), Some(TRACE));
        let _inner = info_span!("db.documents.update").entered();
        tracing::info!("handled");
    })
    .line();
    assert_eq!(line["trace_id"], TRACE);
}

#[test]
fn text_that_is_no_traceparent_starts_a_new_trace() {
    logged("info", || {
        let zero = format!("00-{}-{}-01", "0".repeat(32), "0".repeat(16));
        for text in ["", "garbage", "00-xyz-b7ad6b7169203331-01", &zero, "\r\nx"] {
            let span = info_span!("handle");
            context::set_parent(&span, text);
            let _span = span.entered();
            let trace_id = context::current_trace_id().unwrap();
            assert_ne!(trace_id, TRACE, "{text}");
            assert_ne!(trace_id, "0".repeat(32), "{text}");
        }
    });
}

#[test]
fn a_callers_wish_not_to_be_sampled_is_passed_on() {
    logged("info", || {
        let span = info_span!("handle");
        context::set_parent(&span, &PARENT.replace("-01", "-00"));
        let _span = span.entered();
        let traceparent = context::traceparent().unwrap();
        assert!(
            traceparent.starts_with(&format!("00-{TRACE}-")) && traceparent.ends_with("-00"),
            "{traceparent}"
        );
    });
}

#[test]
fn headers_carry_the_context_there_and_back() {
    logged("info", || {
        let mut headers = HeaderMap::new();
        context::inject(&mut headers);
        assert!(headers.is_empty(), "nothing to carry outside of a span");

        let caller = info_span!("caller");
        context::set_parent(&caller, PARENT);
        caller.in_scope(|| context::inject(&mut headers));
        let from_span = {
            let mut headers = HeaderMap::new();
            context::inject_span(&caller, &mut headers);
            headers
        };
        assert_eq!(headers, from_span);

        let callee = info_span!(parent: None, "callee");
        context::set_parent_from(&callee, &headers);
        callee.in_scope(|| assert_eq!(context::current_trace_id().as_deref(), Some(TRACE)));
    });
}
