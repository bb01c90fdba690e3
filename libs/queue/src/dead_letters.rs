//! Looking into a dead-letter queue and sending its jobs back.

use std::time::Duration;

use aws_sdk_sqs::types::{Message, MessageSystemAttributeName};
use ids::JobId;
use time::OffsetDateTime;

use crate::{Error, Job, Outgoing, Sqs, dead_letter_queue};

/// How long a look hides what it looks at from others, at most; it is shown again as soon as the look ends.
const LOOK: Duration = Duration::from_secs(300);

/// The dead-letter queue of one queue.
#[derive(Clone, Debug)]
pub struct DeadLetters {
    sqs: Sqs,
    queue: String,
    dead: String,
}

/// A message that was given up.
#[derive(Clone, Debug)]
pub struct DeadLetter {
    /// SQS's id of the message; another one each time a job is sent.
    pub message_id: String,
    /// When it was last sent; unknown where the server does not say.
    pub sent_at: Option<OffsetDateTime>,
    /// The job, or nothing where the body is none.
    pub job: Option<Job>,
    /// The body as it is.
    pub body: String,
    /// Its attributes, `traceparent` among them.
    pub attributes: Vec<(String, String)>,
}

impl DeadLetters {
    /// The dead letters of `queue` (name without prefix and without `-dlq`).
    #[must_use]
    pub fn new(sqs: Sqs, queue: &str) -> Self {
        Self { sqs, queue: queue.to_owned(), dead: dead_letter_queue(queue) }
    }

    /// All dead letters, oldest first. They stay where they are.
    ///
    /// # Errors
    /// When SQS did not answer or the queue does not exist.
    pub async fn list(&self) -> Result<Vec<DeadLetter>, Error> {
        let found = self.hold().await?;
        self.release(&found).await;
        let mut letters: Vec<_> = found.iter().map(letter).collect();
        letters.sort_by_key(|l| l.sent_at);
        Ok(letters)
    }

    /// The dead letters of one job; more than one where the job came twice.
    ///
    /// # Errors
    /// As [`DeadLetters::list`].
    pub async fn show(&self, job: JobId) -> Result<Vec<DeadLetter>, Error> {
        let mut letters = self.list().await?;
        letters.retain(|l| l.job.as_ref().is_some_and(|j| j.job_id == job));
        Ok(letters)
    }

    /// Sends dead letters back to their queue, body (job id included) and attributes unchanged, oldest first: those of
    /// one job, or all that were there when the call began. Each is deleted once its copy is accepted, so a crash in
    /// between leaves both: a job may come twice, it is never lost. Returns how many went back.
    ///
    /// # Errors
    /// When SQS did not answer or a queue does not exist. What was already sent back stays sent back.
    pub async fn redrive(&self, job: Option<JobId>) -> Result<usize, Error> {
        let mut found = self.hold().await?;
        found.sort_by_key(|m| letter(m).sent_at);
        let wanted = |m: &Message| job.is_none() || letter(m).job.map(|j| j.job_id) == job;
        let (chosen, others): (Vec<_>, Vec<_>) = found.into_iter().partition(wanted);
        self.release(&others).await;
        for (done, message) in chosen.iter().enumerate() {
            if let Err(error) = self.send_back(message).await {
                self.release(&chosen[done..]).await;
                return Err(error);
            }
        }
        Ok(chosen.len())
    }

    async fn send_back(&self, message: &Message) -> Result<(), Error> {
        let DeadLetter { body, attributes, .. } = letter(message);
        self.sqs.send(&self.queue, &Outgoing { body, attributes }, Duration::ZERO).await?;
        self.sqs.delete(&self.dead, message.receipt_handle().unwrap_or_default()).await
    }

    /// Receives until the queue is empty. What comes in meanwhile may or may not be among it.
    async fn hold(&self) -> Result<Vec<Message>, Error> {
        let mut found = Vec::new();
        loop {
            // A wait makes SQS ask all its servers: an answer without one may be empty though messages are there.
            match self.sqs.receive(&self.dead, 10, Duration::from_secs(1), LOOK).await {
                Ok(messages) if messages.is_empty() => return Ok(found),
                Ok(messages) => found.extend(messages),
                Err(error) => {
                    self.release(&found).await;
                    return Err(error);
                }
            }
        }
    }

    async fn release(&self, messages: &[Message]) {
        for message in messages {
            let receipt = message.receipt_handle().unwrap_or_default();
            // Shown again by itself after five minutes where this fails.
            if let Err(error) = self.sqs.set_visibility(&self.dead, receipt, Duration::ZERO).await {
                tracing::debug!(queue.name = self.dead, error = %error, "dead letter stays hidden for five minutes");
            }
        }
    }
}

fn letter(message: &Message) -> DeadLetter {
    let body = message.body().unwrap_or_default().to_owned();
    DeadLetter {
        message_id: message.message_id().unwrap_or_default().to_owned(),
        sent_at: sent_at(message),
        job: Job::parse(&body).ok(),
        body,
        attributes: attributes(message),
    }
}

pub(crate) fn attributes(message: &Message) -> Vec<(String, String)> {
    let attributes = message.message_attributes().into_iter().flatten();
    let mut attributes: Vec<_> = attributes
        .filter_map(|(name, value)| Some((name.clone(), value.string_value()?.to_owned())))
        .collect();
    attributes.sort();
    attributes
}

pub(crate) fn sent_at(message: &Message) -> Option<OffsetDateTime> {
    let millis = system(message, &MessageSystemAttributeName::SentTimestamp)?.parse::<i128>().ok()?;
    OffsetDateTime::from_unix_timestamp_nanos(millis.checked_mul(1_000_000)?).ok()
}

pub(crate) fn receive_count(message: &Message) -> u32 {
    system(message, &MessageSystemAttributeName::ApproximateReceiveCount)
        .and_then(|v| v.parse().ok())
        .unwrap_or(1)
}

fn system<'a>(message: &'a Message, name: &MessageSystemAttributeName) -> Option<&'a String> {
    message.attributes()?.get(name)
}
