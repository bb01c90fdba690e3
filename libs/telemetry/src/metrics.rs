//! Metrics for whoever scrapes.

use prometheus::{Registry, TextEncoder};

/// What `/metrics` answers. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Metrics {
    pub(crate) registry: Registry,
}

impl Metrics {
    /// Media type of [`Metrics::text`].
    pub const CONTENT_TYPE: &'static str = "text/plain; version=0.0.4; charset=utf-8";

    /// All metrics of the process in Prometheus' text format.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::new();
        if let Err(error) = TextEncoder::new().encode_utf8(&self.registry.gather(), &mut text) {
            tracing::warn!(error = %error, "metrics cannot be encoded");
        }
        text
    }
}
