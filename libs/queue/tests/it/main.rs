//! Against a real ElasticMQ.

#![expect(clippy::unwrap_used, reason = "a helper that cannot go on fails its test, and says where")]

mod consumer;
mod dead_letters;
mod sending;

use std::time::Duration;

use clock::Clock;
use ids::JobId;
use queue::{Job, Outgoing, Sqs};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

const QUEUE: &str = topology::queues::SCAN;
const WITHIN: Duration = Duration::from_secs(20);

fn job() -> Job {
    let id = JobId::mint(&Clock::system());
    Job::new(id, "riverton".parse().unwrap(), "scan").about("document_id", id)
}

async fn send(sqs: &Sqs, job: &Job) {
    sqs.send(QUEUE, &Outgoing::job(job), Duration::ZERO).await.unwrap();
}

/// Waits until a queue holds this many messages, in whatever state.
async fn holds(sqs: &Sqs, queue: &str, count: u64) {
    testkit::eventually(WITHIN, || async {
        let depth = sqs.depth(queue).await.map_err(|e| e.to_string())?;
        if depth.total() == count { Ok(()) } else { Err(format!("{queue} holds {depth:?}, not {count}")) }
    })
    .await
    .unwrap();
}

/// A consumer that runs until it is stopped.
struct Running {
    shutdown: CancellationToken,
    task: JoinHandle<()>,
}

impl Running {
    async fn stop(self) {
        self.shutdown.cancel();
        tokio::time::timeout(WITHIN, self.task).await.expect("stops").expect("no panic");
    }
}
