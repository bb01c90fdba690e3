use std::sync::{Arc, Mutex};

use crate::harness::{GROUP, READY, TOPIC, World};

#[tokio::test]
async fn a_handler_runs_in_the_trace_of_its_event() {
    let world = World::new().await;
    let traces = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&traces);
    let inbox = consumer::inbox(&world.db, &world.kafka.settings, &world.clock, GROUP, &[TOPIC]).unwrap().on(
        READY,
        move |_, _| {
            seen.lock().unwrap().push(telemetry::context::current_trace_id());
            Box::pin(async { Ok(()) })
        },
    );
    let mut event = world.event("a", 1);
    event.traceparent = Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".to_owned());
    world.send(&event).await;
    let running = world.start_with(inbox);
    world.wait_for("inbox", 1).await;
    running.stop().await;
    assert_eq!(*traces.lock().unwrap(), [Some("0af7651916cd43dd8448eb211c80319c".to_owned())]);
}
