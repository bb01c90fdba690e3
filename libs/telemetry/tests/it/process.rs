//! What is global: set up once per process.

use std::net::SocketAddr;
use std::sync::OnceLock;
use std::time::Duration;

use telemetry::{Guard, Settings};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

use crate::capture::{Capture, subscriber};

const SOON: Duration = Duration::from_secs(15);

struct Process {
    capture: Capture,
    /// Where its collector would be.
    collector: SocketAddr,
    _guard: Guard,
    /// Outlives every test's own runtime, as a service's outlives its requests.
    _runtime: Runtime,
}

/// Makes this test binary a process that logs into a capture and whose collector is away.
fn process() -> &'static Process {
    static PROCESS: OnceLock<Process> = OnceLock::new();
    PROCESS.get_or_init(|| {
        let runtime = Runtime::new().expect("a runtime");
        let inside = runtime.enter();
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("a port");
        let collector = listener.local_addr().expect("an address");
        drop(listener);
        let otlp_endpoint = Some(format!("http://{collector}").parse().expect("an endpoint"));
        let (capture, subscriber, guard) = subscriber(&Settings { otlp_endpoint, ..Settings::default() });
        tracing::subscriber::set_global_default(subscriber).expect("the only one of this binary");
        drop(inside);
        Process { capture, collector, _guard: guard, _runtime: runtime }
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_goes_and_comes_is_logged_once_each() -> anyhow::Result<()> {
    let process = process();
    let lines = |text: &str| {
        let mut lines = process.capture.lines();
        // Other tests lose collectors too.
        lines.retain(|line| line["collector"] == format!("http://{}/", process.collector));
        lines.iter().filter(|line| line["message"].as_str().is_some_and(|m| m.contains(text))).count()
    };
    let exported = |count: usize| {
        testkit::eventually(SOON, move || async move {
            drop(tracing::info_span!("work").entered());
            let found = lines("collector is");
            if found >= count { Ok(()) } else { Err(anyhow::anyhow!("{found} of {count} lines")) }
        })
    };
    exported(1).await?;
    let listener = TcpListener::bind(process.collector).await?;
    let server = tokio::spawn(testkit::otlp::serve(listener, Box::new(|_| Ok(()))));
    exported(2).await?;
    assert_eq!((lines("collector is away"), lines("collector is back")), (1, 1));
    server.abort();
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_start_in_one_process_shares_the_firsts_metrics() {
    process();
    let first = telemetry::init("document", &Settings::default());
    let second = telemetry::init("worker", &Settings::default());
    opentelemetry::global::meter("test").u64_counter("shared.calls").build().add(2, &[]);
    second.shutdown().await;
    assert!(first.metrics().text().contains("shared_calls_total"), "{}", first.metrics().text());
    assert!(telemetry::metrics_text().contains("shared_calls_total"));
}
