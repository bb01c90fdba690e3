//! One JSON object per line.

use std::fmt;
use std::io::Write as _;

use clock::Clock;
use opentelemetry::Context;
use opentelemetry::trace::TraceContextExt as _;
use serde::ser::{SerializeMap as _, Serializer as _};
use serde_json::Value;
use time::format_description::well_known::Rfc3339;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::{Context as LayerContext, Layer};
use tracing_subscriber::registry::LookupSpan;

/// Members that an event's own fields cannot replace.
const RESERVED: [&str; 6] = ["timestamp", "level", "service", "target", "trace_id", "span_id"];

/// Logs events as JSON, each with the ids of the request it belongs to.
pub(crate) struct JsonLines<W> {
    service: &'static str,
    clock: Clock,
    writer: W,
}

/// What a span says about the request it belongs to; kept in the span's extensions.
#[derive(Default)]
struct Ids {
    request_id: Option<String>,
    tenant: Option<String>,
}

impl<W> JsonLines<W> {
    pub(crate) fn new(service: &'static str, writer: W) -> Self {
        Self { service, clock: Clock::system(), writer }
    }
}

impl<S, W> Layer<S> for JsonLines<W>
where
    S: Subscriber + for<'l> LookupSpan<'l>,
    W: for<'w> MakeWriter<'w> + 'static,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: LayerContext<'_, S>) {
        let mut ids = Ids::default();
        attributes.record(&mut ids);
        if let Some(span) = context.span(id) {
            span.extensions_mut().insert(ids);
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: LayerContext<'_, S>) {
        if let Some(span) = context.span(id)
            && let Some(ids) = span.extensions_mut().get_mut::<Ids>()
        {
            values.record(ids);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: LayerContext<'_, S>) {
        let mut ids = Ids::default();
        for span in context.event_scope(event).into_iter().flatten() {
            if let Some(found) = span.extensions().get::<Ids>() {
                ids.request_id = ids.request_id.or_else(|| found.request_id.clone());
                ids.tenant = ids.tenant.or_else(|| found.tenant.clone());
            }
        }
        let mut line = Vec::with_capacity(512);
        if self.render(&mut line, event, &ids).is_ok() {
            line.push(b'\n');
            // Nobody is left to tell when standard output is gone.
            let _ = self.writer.make_writer_for(event.metadata()).write_all(&line);
        }
    }
}

impl<W> JsonLines<W> {
    fn render(&self, line: &mut Vec<u8>, event: &Event<'_>, ids: &Ids) -> Result<(), serde_json::Error> {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let target = fields.target.as_deref().unwrap_or(event.metadata().target());
        let timestamp = self.clock.now().format(&Rfc3339).unwrap_or_default();

        let mut json = serde_json::Serializer::new(line);
        let mut map = json.serialize_map(None)?;
        map.serialize_entry("timestamp", &timestamp)?;
        map.serialize_entry("level", event.metadata().level().as_str())?;
        map.serialize_entry("service", self.service)?;
        map.serialize_entry("target", target)?;
        map.serialize_entry("message", &fields.message)?;
        let (trace_id, span_id) = trace();
        map.serialize_entry("trace_id", &trace_id)?;
        map.serialize_entry("span_id", &span_id)?;
        // An event that names its own request or tenant is nearer to the truth than the span around it.
        if !fields.has("request_id") {
            map.serialize_entry("request_id", &ids.request_id)?;
        }
        if !fields.has("tenant") {
            map.serialize_entry("tenant", &ids.tenant)?;
        }
        for (name, value) in &fields.values {
            if RESERVED.contains(name) {
                map.serialize_entry(&format!("{name}_"), value)?;
            } else {
                map.serialize_entry(name, value)?;
            }
        }
        map.end()
    }
}

/// Ids of the span that is entered.
fn trace() -> (Option<String>, Option<String>) {
    Context::map_current(|context| {
        let span = context.span();
        let span = span.span_context();
        if span.is_valid() {
            (Some(span.trace_id().to_string()), Some(span.span_id().to_string()))
        } else {
            (None, None)
        }
    })
}

impl Visit for Ids {
    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "request_id" => self.request_id = Some(value.to_owned()),
            "tenant" => self.tenant = Some(value.to_owned()),
            _ => {}
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if matches!(field.name(), "request_id" | "tenant") {
            self.record_str(field, &format!("{value:?}"));
        }
    }
}

/// The fields of an event.
#[derive(Default)]
struct Fields {
    message: String,
    /// Of records that came through the `log` crate, whose events all have the target `log`.
    target: Option<String>,
    values: Vec<(&'static str, Value)>,
}

impl Fields {
    fn has(&self, name: &str) -> bool {
        self.values.iter().any(|(other, _)| *other == name)
    }

    fn add(&mut self, field: &Field, value: impl Into<Value>) {
        if !field.name().starts_with("log.") {
            self.values.push((field.name(), value.into()));
        }
    }
}

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "message" => value.clone_into(&mut self.message),
            "log.target" => self.target = Some(value.to_owned()),
            _ => self.add(field, value),
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.record_str(field, &format!("{value:?}"));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.add(field, value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.add(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.add(field, value);
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.add(field, value);
    }

    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        self.add(field, rpc_error::Chain(value).to_string());
    }
}
