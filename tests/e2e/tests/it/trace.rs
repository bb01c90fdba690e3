//! One trace id from the browser to the e-mail.

use std::collections::BTreeSet;

use e2e::files;

use crate::harness::{WITHIN, in_world, sign_in};

#[test]
fn one_trace_joins_every_hop_from_the_confirmation_to_the_mail() {
    in_world(async |world| {
        let mut ada = sign_in(world, "ada").await;
        let head = ada.head().await.unwrap();
        let mut live = ada.live(head).await.unwrap();
        let file = files::pdf();
        let document = ada.hand_in(&file).await.unwrap();
        live.wait_for(document.id(), &["document.ready"], WITHIN).await.unwrap();
        e2e::mail_about(&file.name, WITHIN).await.unwrap();

        // Each hop: a service, and a part of the name of a span that it must have in this trace.
        let hops = [
            ("bff", "/v1/documents/{id}/confirm"),
            ("document", "ConfirmUpload"),
            ("document", "outbox.publish"),
            ("document", "outbox.send"),
            ("worker", "guildhall-scan process"),
            ("worker", "clamd"),
            ("document", "ReportScan"),
            ("notification", "guildhall.document.v1"),
            ("notification", "outbox.send"),
            ("worker", "guildhall-mail process"),
            ("worker", "smtp"),
            ("notification", "ReportDelivery"),
        ];
        let trace_id = ada.trace_id.clone();
        let missing = |spans: &[testkit::otlp::Span]| -> Vec<_> {
            let has = |service: &str, part: &str| {
                spans.iter().any(|span| {
                    span.trace_id == trace_id && span.service == service && span.name.contains(part)
                })
            };
            hops.iter().filter(|(service, part)| !has(service, part)).copied().collect()
        };
        let whole = world.spans.wait_for(WITHIN, |spans| missing(spans).is_empty().then_some(())).await;
        let spans = world.spans.trace(&trace_id);
        let names: BTreeSet<_> =
            spans.iter().map(|span| (span.service.as_str(), span.name.as_str())).collect();
        assert!(whole.is_ok(), "without {:?}; there are {names:#?}", missing(&spans));
        // Nothing stands beside the others: every parent but the browser's own spans is in the trace, once what is still
        // under way (a preview) has ended.
        let orphans = |spans: &[testkit::otlp::Span]| -> Vec<_> {
            let of_trace = || spans.iter().filter(|span| span.trace_id == trace_id);
            let ids: BTreeSet<_> = of_trace().map(|span| span.span_id.as_str()).collect();
            let orphans =
                of_trace().filter(|span| span.service != "bff" && !ids.contains(span.parent.as_str()));
            orphans.map(|span| (span.service.clone(), span.name.clone())).collect()
        };
        let joined = world.spans.wait_for(WITHIN, |spans| orphans(spans).is_empty().then_some(())).await;
        assert!(joined.is_ok(), "spans without their parent: {:?}", orphans(&world.spans.trace(&trace_id)));
    });
}
