//! Lines that would have gone to standard output.

use std::io::Write;
use std::sync::{Arc, Mutex};

use serde_json::Value;
use telemetry::{Guard, Settings};
use tracing::Subscriber;

/// Collects what is written; clones share it.
#[derive(Clone, Default)]
pub(crate) struct Capture(Arc<Mutex<Vec<u8>>>);

impl Capture {
    /// The lines so far, each one a JSON object.
    pub(crate) fn lines(&self) -> Vec<Value> {
        let bytes = self.0.lock().expect("not poisoned").clone();
        let text = String::from_utf8(bytes).expect("lines are UTF-8");
        text.lines().map(|line| serde_json::from_str(line).expect("a line is JSON")).collect()
    }

    /// The only line so far.
    pub(crate) fn line(&self) -> Value {
        let mut lines = self.lines();
        assert_eq!(lines.len(), 1, "{lines:?}");
        lines.remove(0)
    }
}

impl Write for Capture {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("not poisoned").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// A subscriber as a service has it, logging into a capture.
pub(crate) fn subscriber(settings: &Settings) -> (Capture, impl Subscriber + Send + Sync, Guard) {
    let capture = Capture::default();
    let writer = capture.clone();
    let (subscriber, guard) = telemetry::subscriber("document", settings, move || writer.clone());
    (capture, subscriber, guard)
}

/// Runs `work` with that log filter and returns what it logged.
pub(crate) fn logged(log: &str, work: impl FnOnce()) -> Capture {
    let settings = Settings { log: log.to_owned(), ..Settings::default() };
    let (capture, subscriber, _guard) = subscriber(&settings);
    tracing::subscriber::with_default(subscriber, work);
    capture
}
