//! Where telemetry goes.

use http::Uri;
use settings::Env;
use tracing_subscriber::filter::Targets;

/// The section `TELEMETRY`.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `TELEMETRY__OTLP_ENDPOINT`: the collector's gRPC address, for example `http://127.0.0.1:4317`. Without it nothing
    /// is exported; logs and `/metrics` are there all the same.
    pub otlp_endpoint: Option<Uri>,
    /// `TELEMETRY__LOG`: which events are logged, by target and level, for example `info,document=debug`. Default
    /// `info`.
    pub log: String,
}

impl Settings {
    /// Reads the section; `None` when something is wrong with it, which `env` has then noted.
    pub fn load(env: &mut Env) -> Option<Self> {
        let otlp_endpoint = env
            .var::<Uri>("TELEMETRY__OTLP_ENDPOINT")
            .check("must be an http:// address, for example http://127.0.0.1:4317", |uri| {
                uri.scheme_str() == Some("http") && uri.host().is_some()
            })
            .optional();
        let log = env
            .var_with("TELEMETRY__LOG", |text| match text.parse::<Targets>() {
                Ok(_) => Ok(text.to_owned()),
                Err(_) => Err("must be a log filter, for example info,document=debug".to_owned()),
            })
            .default("info".to_owned());
        Some(Self { otlp_endpoint: otlp_endpoint?, log: log? })
    }
}

impl Default for Settings {
    /// No export, log level `info`.
    fn default() -> Self {
        Self { otlp_endpoint: None, log: "info".to_owned() }
    }
}
