use ::tracing::Instrument as _;

use crate::harness::World;

const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

#[tokio::test]
async fn an_event_belongs_to_the_trace_of_whoever_appended_it() {
    let world = World::new().await;
    let span = ::tracing::info_span!("request");
    telemetry::context::set_parent(&span, PARENT);
    world.append("a", 1).instrument(span).await;
    let relay = world.relay();
    world.drained().await;
    relay.stop().await;
    let [event] = world.published().await.try_into().unwrap();
    let stored: Option<String> = event.traceparent;
    let traceparent = stored.expect("a traceparent");
    let parts: Vec<_> = traceparent.split('-').collect();
    assert_eq!(parts[1], "0af7651916cd43dd8448eb211c80319c", "the trace of the request");
    assert_ne!(parts[2], "b7ad6b7169203331", "through the span that published it");
}
