//! What reaches the log, and how often.

use std::io::Write;
use std::sync::{Arc, Mutex};

use rpc_error::{Code, Error, reason};
use tonic::Status;

#[derive(Clone, Default)]
struct Sink(Arc<Mutex<Vec<u8>>>);

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("not poisoned").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn logged(run: impl FnOnce()) -> Vec<String> {
    let sink = Sink::default();
    let writer = sink.clone();
    let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone()).finish();
    tracing::subscriber::with_default(subscriber, run);
    let bytes = sink.0.lock().expect("not poisoned").clone();
    String::from_utf8(bytes).expect("utf-8").lines().map(str::to_owned).collect()
}

#[test]
fn a_server_fault_is_logged_once_with_its_chain_where_it_leaves_the_process() {
    let lines = logged(|| {
        let cause = std::io::Error::other("connection reset");
        let error = Error::internal(Error::unavailable(cause));
        let status = Status::from(error);
        // The service in front passes it on.
        let _ = Error::from_status(status).into_problem("", "");
    });
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(lines[0].contains("ERROR"), "{lines:?}");
    assert!(
        lines[0]
            .contains("INTERNAL: internal error: UNAVAILABLE: a dependency is unavailable: connection reset"),
        "{lines:?}"
    );
}

#[test]
fn a_transports_failure_is_logged_by_whoever_meets_it() {
    let lines = logged(|| {
        let _ = Error::from_status(Status::unavailable("tcp connect error")).into_problem("", "");
    });
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(lines[0].contains("WARN") && lines[0].contains("tcp connect error"), "{lines:?}");
}

#[test]
fn a_callers_fault_is_not_logged() {
    let lines = logged(|| {
        let _ = Status::from(Error::new(Code::Gone, reason::UPLOAD_EXPIRED, "too late").because("detail"));
    });
    assert!(lines.is_empty(), "{lines:?}");
}
