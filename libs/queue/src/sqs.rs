//! The client: queue URLs, sending, receiving, and what a consumer does with one message.

use std::collections::HashMap;
use std::sync::{Arc, RwLock};
use std::time::Duration;

use aws_credential_types::Credentials;
use aws_sdk_sqs::Client;
use aws_sdk_sqs::config::Region;
use aws_sdk_sqs::config::retry::RetryConfig;
use aws_sdk_sqs::config::timeout::TimeoutConfig;
use aws_sdk_sqs::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_sqs::types::{
    Message, MessageSystemAttributeName, QueueAttributeName, SendMessageBatchRequestEntry,
};
use rpc_error::Chain;
use secrecy::ExposeSecret;

use crate::{Depth, EntryError, Error, Outgoing, Settings};

/// A batch of SQS holds at most ten messages.
const BATCH: usize = 10;
/// Deadline of one request, retries included; a long poll has its own on top of its wait.
const DEADLINE: Duration = Duration::from_secs(10);

/// A client of SQS. Cheap to clone; clones share connections and the cache of queue URLs.
#[derive(Clone, Debug)]
pub struct Sqs {
    client: Client,
    prefix: Arc<str>,
    urls: Arc<RwLock<HashMap<String, String>>>,
}

/// What a consumer needs to know about a queue.
#[derive(Clone, Copy, Debug)]
pub(crate) struct QueueRules {
    pub(crate) visibility: Duration,
    pub(crate) max_receive_count: Option<u32>,
}

impl Sqs {
    /// Makes a client. Connects to nothing yet.
    pub async fn new(settings: &Settings) -> Self {
        let mut loader = aws_config::defaults(aws_config::BehaviorVersion::latest())
            .region(Region::new(settings.region.clone()))
            .retry_config(
                RetryConfig::standard().with_max_attempts(3).with_max_backoff(Duration::from_secs(2)),
            )
            .timeout_config(timeouts(DEADLINE));
        if let Some((id, secret)) = &settings.credentials {
            loader = loader.credentials_provider(Credentials::from_keys(id, secret.expose_secret(), None));
        }
        let config = loader.load().await;
        let mut config = aws_sdk_sqs::config::Builder::from(&config);
        if let Some(endpoint) = &settings.endpoint {
            config = config.endpoint_url(endpoint.as_str());
        }
        Self {
            client: Client::from_conf(config.build()),
            prefix: settings.queue_prefix.as_str().into(),
            urls: Arc::default(),
        }
    }

    /// Sends messages, in requests of at most ten. The result has one entry per message, in their order; one that was
    /// refused says nothing about the others. A message may arrive twice when an answer was lost.
    pub async fn send_batch(&self, queue: &str, messages: &[Outgoing]) -> Vec<Result<(), EntryError>> {
        let mut results = Vec::with_capacity(messages.len());
        for chunk in messages.chunks(BATCH) {
            match self.send_chunk(queue, chunk).await {
                Ok(chunk) => results.extend(chunk),
                Err(error) => {
                    let failed = EntryError {
                        code: "REQUEST_FAILED".to_owned(),
                        message: Chain(&error).to_string(),
                        sender_fault: false,
                    };
                    results.extend(chunk.iter().map(|_| Err(failed.clone())));
                }
            }
        }
        results
    }

    async fn send_chunk(
        &self,
        queue: &str,
        chunk: &[Outgoing],
    ) -> Result<Vec<Result<(), EntryError>>, Error> {
        let mut request = self.client.send_message_batch().queue_url(self.url(queue).await?);
        for (index, message) in chunk.iter().enumerate() {
            let entry = SendMessageBatchRequestEntry::builder()
                .id(index.to_string())
                .message_body(&message.body)
                .set_message_attributes(message.sdk_attributes())
                .build()
                .map_err(|e| Error::request("send")(e.into()))?;
            request = request.entries(entry);
        }
        let answer = request.send().await.map_err(|e| self.failed(queue, "send", e))?;
        let unanswered = || EntryError {
            code: "UNANSWERED".to_owned(),
            message: "the answer does not mention the message".to_owned(),
            sender_fault: false,
        };
        let mut results: Vec<Result<(), EntryError>> = chunk.iter().map(|_| Err(unanswered())).collect();
        for sent in answer.successful() {
            if let Some(slot) = slot(&mut results, sent.id()) {
                *slot = Ok(());
            }
        }
        for refused in answer.failed() {
            if let Some(slot) = slot(&mut results, refused.id()) {
                *slot = Err(EntryError {
                    code: refused.code().to_owned(),
                    message: refused.message().unwrap_or_default().to_owned(),
                    sender_fault: refused.sender_fault(),
                });
            }
        }
        Ok(results)
    }

    /// Sends one message; it can be received after `delay` (whole seconds, at most 15 minutes).
    ///
    /// # Errors
    /// When SQS did not take it.
    pub async fn send(&self, queue: &str, message: &Outgoing, delay: Duration) -> Result<(), Error> {
        self.client
            .send_message()
            .queue_url(self.url(queue).await?)
            .message_body(&message.body)
            .set_message_attributes(message.sdk_attributes())
            .delay_seconds(seconds(delay.min(Duration::from_secs(900))))
            .send()
            .await
            .map_err(|e| self.failed(queue, "send", e))?;
        Ok(())
    }

    /// Counts a queue's messages; also the cheapest proof that SQS answers and the queue is there.
    ///
    /// # Errors
    /// When SQS did not answer or the queue does not exist.
    pub async fn depth(&self, queue: &str) -> Result<Depth, Error> {
        let names = [
            QueueAttributeName::ApproximateNumberOfMessages,
            QueueAttributeName::ApproximateNumberOfMessagesNotVisible,
            QueueAttributeName::ApproximateNumberOfMessagesDelayed,
        ];
        let attributes = self.attributes(queue, &names).await?;
        let count =
            |name: &QueueAttributeName| attributes.get(name).and_then(|v| v.parse().ok()).unwrap_or(0);
        Ok(Depth { waiting: count(&names[0]), in_flight: count(&names[1]), delayed: count(&names[2]) })
    }

    pub(crate) async fn rules(&self, queue: &str) -> Result<QueueRules, Error> {
        let names = [QueueAttributeName::VisibilityTimeout, QueueAttributeName::RedrivePolicy];
        let attributes = self.attributes(queue, &names).await?;
        let visibility = attributes.get(&names[0]).and_then(|v| v.parse().ok()).map(Duration::from_secs);
        Ok(QueueRules {
            visibility: visibility.ok_or(Error::Incomplete("VisibilityTimeout"))?,
            max_receive_count: attributes.get(&names[1]).and_then(|policy| max_receive_count(policy)),
        })
    }

    async fn attributes(
        &self,
        queue: &str,
        names: &[QueueAttributeName],
    ) -> Result<HashMap<QueueAttributeName, String>, Error> {
        self.client
            .get_queue_attributes()
            .queue_url(self.url(queue).await?)
            .set_attribute_names(Some(names.to_vec()))
            .send()
            .await
            .map_err(|e| self.failed(queue, "describe the queue", e))?
            .attributes
            .ok_or(Error::Incomplete("attributes"))
    }

    pub(crate) async fn receive(
        &self,
        queue: &str,
        max: usize,
        wait: Duration,
        visibility: Duration,
    ) -> Result<Vec<Message>, Error> {
        let answer = self
            .client
            .receive_message()
            .queue_url(self.url(queue).await?)
            .max_number_of_messages(i32::try_from(max.clamp(1, BATCH)).unwrap_or(1))
            .wait_time_seconds(seconds(wait.min(Duration::from_secs(20))))
            .visibility_timeout(seconds(visibility))
            .message_attribute_names("All")
            .message_system_attribute_names(MessageSystemAttributeName::All)
            .customize()
            .config_override(
                aws_sdk_sqs::config::Builder::default().timeout_config(timeouts(DEADLINE + wait)),
            )
            .send()
            .await
            .map_err(|e| self.failed(queue, "receive", e))?;
        Ok(answer.messages.unwrap_or_default())
    }

    pub(crate) async fn delete(&self, queue: &str, receipt: &str) -> Result<(), Error> {
        self.client
            .delete_message()
            .queue_url(self.url(queue).await?)
            .receipt_handle(receipt)
            .send()
            .await
            .map_err(|e| self.failed(queue, "delete", e))?;
        Ok(())
    }

    /// Makes a received message visible again after `visibility`, counted from now.
    pub(crate) async fn set_visibility(
        &self,
        queue: &str,
        receipt: &str,
        visibility: Duration,
    ) -> Result<(), Error> {
        self.client
            .change_message_visibility()
            .queue_url(self.url(queue).await?)
            .receipt_handle(receipt)
            .visibility_timeout(seconds(visibility))
            .send()
            .await
            .map_err(|e| self.failed(queue, "change visibility", e))?;
        Ok(())
    }

    async fn url(&self, queue: &str) -> Result<String, Error> {
        if let Some(url) = self.urls.read().ok().and_then(|urls| urls.get(queue).cloned()) {
            return Ok(url);
        }
        let name = format!("{}{queue}", self.prefix);
        let answer = self.client.get_queue_url().queue_name(name).send().await;
        let answer = answer.map_err(|e| self.failed(queue, "find the queue", e))?;
        let url = answer.queue_url.ok_or(Error::Incomplete("QueueUrl"))?;
        if let Ok(mut urls) = self.urls.write() {
            urls.insert(queue.to_owned(), url.clone());
        }
        Ok(url)
    }

    /// Names the failure; forgets the URL of a queue that is gone, since it may come back under another one.
    fn failed<E>(&self, queue: &str, operation: &'static str, error: SdkError<E>) -> Error
    where
        E: std::error::Error + ProvideErrorMetadata + Send + Sync + 'static,
    {
        let code = error.code().unwrap_or_default();
        if code.ends_with("NonExistentQueue") || code.ends_with("QueueDoesNotExist") {
            if let Ok(mut urls) = self.urls.write() {
                urls.remove(queue);
            }
            return Error::Missing(format!("{}{queue}", self.prefix));
        }
        Error::request(operation)(error.into())
    }
}

fn timeouts(operation: Duration) -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(2))
        .operation_attempt_timeout(
            operation.mul_f32(0.6).max(operation.saturating_sub(Duration::from_secs(4))),
        )
        .operation_timeout(operation)
        .build()
}

fn seconds(duration: Duration) -> i32 {
    i32::try_from(duration.as_secs()).unwrap_or(i32::MAX)
}

fn slot<'a, T>(slots: &'a mut [T], id: &str) -> Option<&'a mut T> {
    slots.get_mut(id.parse::<usize>().ok()?)
}

/// `{"deadLetterTargetArn":"…","maxReceiveCount":5}`; some servers write the number as text.
fn max_receive_count(policy: &str) -> Option<u32> {
    let policy: serde_json::Value = serde_json::from_str(policy).ok()?;
    let count = policy.get("maxReceiveCount")?;
    count.as_u64().map_or_else(|| count.as_str()?.parse().ok(), |n| u32::try_from(n).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_receive_limit_is_read_from_both_spellings() {
        assert_eq!(max_receive_count(r#"{"deadLetterTargetArn":"arn:x","maxReceiveCount":5}"#), Some(5));
        assert_eq!(max_receive_count(r#"{"maxReceiveCount":"7"}"#), Some(7));
        assert_eq!(max_receive_count("{}"), None);
        assert_eq!(max_receive_count("none"), None);
    }
}
