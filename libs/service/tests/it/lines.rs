//! Log lines of one test, whose runtime has one thread.

use std::io::Write;
use std::sync::{Arc, Mutex, OnceLock};

use serde_json::Value;
use tracing::subscriber::DefaultGuard;

/// Metrics, and a subscriber that logs nothing, for the whole process. Without one, `tracing` takes the only subscriber
/// there is for everybody's, asks the thread that meets a line first whether it has one, and remembers that it has not.
pub(crate) fn init() {
    static TELEMETRY: OnceLock<telemetry::Guard> = OnceLock::new();
    let settings = telemetry::Settings { log: "off".into(), ..telemetry::Settings::default() };
    TELEMETRY.get_or_init(|| telemetry::init("service", &settings));
}

#[derive(Clone, Default)]
pub(crate) struct Lines(Arc<Mutex<Vec<u8>>>);

impl Lines {
    /// Captures what this thread logs until the guards are dropped.
    pub(crate) fn capture() -> (Self, DefaultGuard, telemetry::Guard) {
        init();
        let lines = Self::default();
        let writer = lines.clone();
        let (subscriber, telemetry) =
            telemetry::subscriber("service", &telemetry::Settings::default(), move || writer.clone());
        (lines, tracing::subscriber::set_default(subscriber), telemetry)
    }

    /// Every line with this message.
    pub(crate) fn with_message(&self, message: &str) -> Vec<Value> {
        let bytes = self.0.lock().unwrap().clone();
        let lines = String::from_utf8(bytes).unwrap();
        lines
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).unwrap())
            .filter(|line| line["message"] == message)
            .collect()
    }
}

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
