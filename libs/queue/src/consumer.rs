//! The loop of a role: receive, work, delete.

use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use aws_sdk_sqs::types::Message;
use futures::FutureExt;
use opentelemetry::metrics::Histogram;
use opentelemetry::{KeyValue, global};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::Instrument;

use crate::dead_letters::{attributes, receive_count, sent_at};
use crate::pause::Pause;
use crate::sqs::QueueRules;
use crate::{Failure, Job, Outgoing, Received, Sqs};

type Gate = Arc<dyn Fn() -> Pin<Box<dyn Future<Output = Result<(), String>> + Send>> + Send + Sync>;

/// How long an open gate is taken to stay open, unless a job fails meanwhile.
const OPEN: Duration = Duration::from_secs(5);
/// Longest pause before a job that failed for now is tried again, unless the failure names its own.
const MAX_RETRY: Duration = Duration::from_secs(60);

/// Receives the jobs of one queue.
#[derive(Clone)]
pub struct Consumer {
    sqs: Sqs,
    queue: Arc<str>,
    concurrency: usize,
    wait: Duration,
    gate: Option<Gate>,
    /// A job has failed for now: something may be down, whatever the gate said.
    suspect: Arc<AtomicBool>,
    jobs: Histogram<f64>,
}

impl fmt::Debug for Consumer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Consumer")
            .field("queue", &self.queue)
            .field("concurrency", &self.concurrency)
            .finish()
    }
}

impl Consumer {
    /// A consumer of `queue` (name without prefix): four jobs at a time, polls of 2 s, no gate.
    #[must_use]
    pub fn new(sqs: Sqs, queue: &str) -> Self {
        let jobs = global::meter("queue")
            .f64_histogram("queue.job.duration")
            .with_unit("s")
            .with_description("How long a job took, by queue and outcome")
            .build();
        Self {
            sqs,
            queue: queue.into(),
            concurrency: 4,
            wait: Duration::from_secs(2),
            gate: None,
            suspect: Arc::default(),
            jobs,
        }
    }

    /// Works on at most this many jobs at a time; at least one.
    #[must_use]
    pub fn concurrency(self, concurrency: usize) -> Self {
        Self { concurrency: concurrency.max(1), ..self }
    }

    /// Lets a poll wait this long for a message (whole seconds, at most 20). A stop waits for the poll under way,
    /// since messages handed to an abandoned poll stay invisible until their time is over.
    #[must_use]
    pub fn wait(self, wait: Duration) -> Self {
        Self { wait, ..self }
    }

    /// Asks `gate` before a poll and receives nothing while it is `Err`, so that an outage of a dependency uses up no
    /// message's receive count. A gate that was open is asked again after five seconds, and at once when a job has failed
    /// for now. It must answer within its own deadline.
    #[must_use]
    pub fn gate<G, F>(self, gate: G) -> Self
    where
        G: Fn() -> F + Send + Sync + 'static,
        F: Future<Output = Result<(), String>> + Send + 'static,
    {
        Self { gate: Some(Arc::new(move || Box::pin(gate()))), ..self }
    }

    /// Works until `shutdown`, then finishes the jobs it has begun, shows the others again, and returns. It rides out
    /// every failure of SQS.
    pub async fn run<H, F>(self, handler: H, shutdown: CancellationToken)
    where
        H: Fn(Received) -> F + Send + Sync + 'static,
        F: Future<Output = Result<(), Failure>> + Send + 'static,
    {
        let handler = Arc::new(handler);
        let slots = Arc::new(Semaphore::new(self.concurrency));
        let working = TaskTracker::new();
        let Some(rules) = self.rules(&shutdown).await else { return };
        let mut pause = Pause::default();
        let mut open_until = Instant::now();
        while self.open(&mut open_until, &shutdown).await {
            let Some(mut permits) = take(&slots, &shutdown).await else { break };
            let messages =
                match self.sqs.receive(&self.queue, permits.len(), self.wait, rules.visibility).await {
                    Ok(messages) => messages,
                    Err(error) => {
                        pause.note(&self.queue, "jobs are not received", &error);
                        pause.pass(&shutdown).await;
                        continue;
                    }
                };
            pause = Pause::default();
            for message in messages {
                let receipt = message.receipt_handle().unwrap_or_default().to_owned();
                match permits.pop() {
                    Some(permit) if !shutdown.is_cancelled() => {
                        let (consumer, handler) = (self.clone(), Arc::clone(&handler));
                        working.spawn(async move {
                            consumer.process(message, rules, &*handler).await;
                            drop(permit);
                        });
                    }
                    _ => self.show_again(&receipt, Duration::ZERO).await,
                }
            }
        }
        working.close();
        working.wait().await;
    }

    async fn rules(&self, shutdown: &CancellationToken) -> Option<QueueRules> {
        let mut pause = Pause::default();
        while !shutdown.is_cancelled() {
            match self.sqs.rules(&self.queue).await {
                Ok(rules) => return Some(rules),
                Err(error) => pause.note(&self.queue, "the queue cannot be described", &error),
            }
            pause.pass(shutdown).await;
        }
        None
    }

    /// Waits until the gate is open; false on shutdown.
    async fn open(&self, open_until: &mut Instant, shutdown: &CancellationToken) -> bool {
        let Some(gate) = &self.gate else { return !shutdown.is_cancelled() };
        let suspect = self.suspect.swap(false, Ordering::Relaxed);
        if !suspect && Instant::now() < *open_until {
            return !shutdown.is_cancelled();
        }
        let mut pause = Pause::default();
        while !shutdown.is_cancelled() {
            match gate().await {
                Ok(()) => {
                    if pause.noted {
                        tracing::info!(queue.name = &*self.queue, "dependency is back, receiving jobs");
                    }
                    *open_until = Instant::now() + OPEN;
                    return true;
                }
                Err(error) => pause.note(&self.queue, "dependency is down, not receiving jobs", &error),
            }
            pause.pass(shutdown).await;
        }
        false
    }

    async fn process<H, F>(&self, message: Message, rules: QueueRules, handler: &H)
    where
        H: Fn(Received) -> F,
        F: Future<Output = Result<(), Failure>>,
    {
        let receipt = message.receipt_handle().unwrap_or_default();
        let body = message.body().unwrap_or_default();
        let received = Job::parse(body).map(|job| Received {
            job,
            receive_count: receive_count(&message),
            sent_at: sent_at(&message),
            attributes: attributes(&message),
        });
        let span = span(&self.queue, &message, received.as_ref().ok());
        let started = Instant::now();
        async {
            let outcome = match received {
                Ok(received) => self.work(receipt, rules.visibility, handler(received)).await,
                Err(error) => Err(Failure::poison("BODY_INVALID", error)),
            };
            let outcome = self.settle(&message, rules, outcome).await;
            let labels = [KeyValue::new("queue", self.queue.to_string()), KeyValue::new("outcome", outcome)];
            self.jobs.record(started.elapsed().as_secs_f64(), &labels);
        }
        .instrument(span)
        .await;
    }

    /// Runs the handler, keeping the message invisible for as long as it works. A panic is poison.
    async fn work<F>(&self, receipt: &str, visibility: Duration, handler: F) -> Result<(), Failure>
    where
        F: Future<Output = Result<(), Failure>>,
    {
        tokio::select! {
            done = AssertUnwindSafe(handler).catch_unwind() => {
                done.unwrap_or_else(|_| Err(Failure::poison("PANICKED", "the handler panicked")))
            }
            never = self.keep_hidden(receipt, visibility) => match never {},
        }
    }

    async fn keep_hidden(&self, receipt: &str, visibility: Duration) -> Infallible {
        loop {
            tokio::time::sleep((visibility / 3).max(Duration::from_millis(200))).await;
            if let Err(error) = self.sqs.set_visibility(&self.queue, receipt, visibility).await {
                tracing::warn!(error = %error, "visibility not extended, the job may come again");
            }
        }
    }

    /// Tells SQS how the job went. Where that fails the message comes again by itself.
    async fn settle(
        &self,
        message: &Message,
        rules: QueueRules,
        outcome: Result<(), Failure>,
    ) -> &'static str {
        let receipt = message.receipt_handle().unwrap_or_default();
        match outcome {
            Ok(()) => {
                if let Err(error) = self.sqs.delete(&self.queue, receipt).await {
                    tracing::warn!(error = %error, "finished job not deleted, it will come again");
                }
                "done"
            }
            Err(Failure::Retry { after, source }) => {
                self.suspect.store(true, Ordering::Relaxed);
                let count = receive_count(message);
                let after = after.unwrap_or_else(|| backoff(count));
                tracing::warn!(
                    error = &*source as &(dyn std::error::Error + 'static),
                    retry.after_s = after.as_secs(),
                    "job failed for now"
                );
                if rules.max_receive_count.is_some_and(|max| count >= max) {
                    self.start_over(message, after).await;
                } else {
                    self.show_again(receipt, after).await;
                }
                "retry"
            }
            Err(Failure::Poison { reason, source }) => {
                tracing::error!(
                    error = &*source as &(dyn std::error::Error + 'static),
                    reason,
                    receive_count = receive_count(message),
                    "job is poison"
                );
                self.show_again(receipt, Duration::ZERO).await;
                "poison"
            }
        }
    }

    /// The next receipt of this message would put it into the dead-letter queue, but nothing is wrong with it: a fresh
    /// copy takes its place. Sent before the original is deleted, so that a crash leaves two rather than none.
    async fn start_over(&self, message: &Message, after: Duration) {
        let copy =
            Outgoing { body: message.body().unwrap_or_default().to_owned(), attributes: attributes(message) };
        match self.sqs.send(&self.queue, &copy, after).await {
            Ok(()) => {
                if let Err(error) =
                    self.sqs.delete(&self.queue, message.receipt_handle().unwrap_or_default()).await
                {
                    tracing::warn!(error = %error, "job was sent again but its original stays");
                }
            }
            Err(error) => tracing::warn!(error = %error, "job not sent again, its next receipt is its last"),
        }
    }

    async fn show_again(&self, receipt: &str, after: Duration) {
        if let Err(error) = self.sqs.set_visibility(&self.queue, receipt, after).await {
            tracing::warn!(error = %error, "visibility not changed, the job comes again when its time is over");
        }
    }
}

/// The span of one job, child of whoever caused it.
fn span(queue: &str, message: &Message, received: Option<&Received>) -> tracing::Span {
    let span = tracing::info_span!(
        "job",
        otel.name = format!("{queue} process"),
        otel.kind = "consumer",
        messaging.system = "aws_sqs",
        messaging.destination.name = queue,
        messaging.message.id = message.message_id().unwrap_or_default(),
        job.id = tracing::field::Empty,
        job.kind = tracing::field::Empty,
        tenant = tracing::field::Empty,
        request_id = tracing::field::Empty,
        receive_count = receive_count(message),
    );
    if let Some(received) = received {
        span.record("job.id", tracing::field::display(received.job.job_id));
        span.record("job.kind", &received.job.kind);
        span.record("tenant", received.job.tenant.as_str());
        if let Some(request_id) = received.attribute("x-request-id") {
            span.record("request_id", request_id);
        }
        if let Some(traceparent) = received.attribute("traceparent") {
            telemetry::context::set_parent(&span, traceparent);
        }
    }
    span
}

/// One slot at least, and as many more as are free, up to SQS's limit for one request.
async fn take(slots: &Arc<Semaphore>, shutdown: &CancellationToken) -> Option<Vec<OwnedSemaphorePermit>> {
    let first = tokio::select! {
        () = shutdown.cancelled() => return None,
        permit = Arc::clone(slots).acquire_owned() => permit.ok()?,
    };
    let more = std::iter::from_fn(|| Arc::clone(slots).try_acquire_owned().ok());
    Some(std::iter::once(first).chain(more).take(10).collect())
}

fn backoff(receive_count: u32) -> Duration {
    Duration::from_secs(1 << receive_count.saturating_sub(1).min(16)).min(MAX_RETRY)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_a_minute() {
        let seconds: Vec<_> = [1, 2, 3, 6, 7, 100].map(|n| backoff(n).as_secs()).into();
        assert_eq!(seconds, [1, 2, 4, 32, 60, 60]);
    }
}
