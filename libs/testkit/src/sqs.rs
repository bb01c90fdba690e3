//! Fresh queues per test.

use std::collections::HashMap;

use aws_credential_types::Credentials;
use aws_sdk_sqs::Client;
use aws_sdk_sqs::config::{BehaviorVersion, Region};
use aws_sdk_sqs::types::QueueAttributeName;
use queue::Sqs;
use topology::{Queue, Topology};

use crate::cleanup::{on_own_thread, unique};
use crate::env::{credentials, env};

const REGION: &str = "elasticmq";

/// The queues of the topology, dead-letter queues included, under a prefix nobody else uses. They are deleted with
/// this value.
#[derive(Debug)]
pub struct TestSqs {
    /// Settings of `queue` with that prefix.
    pub settings: queue::Settings,
    /// A client with these settings.
    pub sqs: Sqs,
    /// The SDK's own client, for what `queue` does not do.
    pub client: Client,
}

/// Makes every queue of the topology.
///
/// # Panics
/// When SQS does not answer.
pub async fn sqs() -> TestSqs {
    sqs_with(|_| {}).await
}

/// Makes every queue of the topology, each changed by `change` first: a shorter visibility, for example.
///
/// # Panics
/// When SQS does not answer.
pub async fn sqs_with(change: impl Fn(&mut Queue)) -> TestSqs {
    // The SDK's futures are large; tests hold several helpers at once.
    Box::pin(make(change)).await
}

async fn make(change: impl Fn(&mut Queue)) -> TestSqs {
    let settings = queue::Settings {
        endpoint: Some(env().get("GUILDHALL_SQS_ENDPOINT").parse().expect("GUILDHALL_SQS_ENDPOINT is a URL")),
        region: REGION.to_owned(),
        queue_prefix: format!("t{}-", unique()),
        credentials: Some(("test".to_owned(), "test".to_owned().into())),
    };
    let client = client(&settings);
    for queue in &Topology::get().queues {
        let mut queue = queue.clone();
        change(&mut queue);
        create(&client, &settings.queue_prefix, &queue).await;
    }
    let sqs = Sqs::new(&settings).await;
    TestSqs { settings, sqs, client }
}

impl TestSqs {
    /// What a service's process is told of it, without its prefix.
    #[must_use]
    pub fn variables(&self) -> Vec<(&'static str, String)> {
        let (id, secret) = credentials(self.settings.credentials.as_ref());
        let endpoint = self.settings.endpoint.as_ref().map(ToString::to_string);
        vec![
            ("SQS__ENDPOINT", endpoint.unwrap_or_default()),
            ("SQS__REGION", self.settings.region.clone()),
            ("SQS__QUEUE_PREFIX", self.settings.queue_prefix.clone()),
            ("SQS__ACCESS_KEY_ID", id),
            ("SQS__SECRET_ACCESS_KEY", secret),
        ]
    }

    /// Name on the server of a queue of the topology.
    #[must_use]
    pub fn name(&self, queue: &str) -> String {
        format!("{}{queue}", self.settings.queue_prefix)
    }
}

async fn create(client: &Client, prefix: &str, queue: &Queue) {
    let retention = (u64::from(queue.retention_days) * 86_400).to_string();
    let dead = client
        .create_queue()
        .queue_name(format!("{prefix}{}", queue.dead_letter_name()))
        .attributes(QueueAttributeName::MessageRetentionPeriod, &retention)
        .send()
        .await
        .expect("SQS of the test servers");
    let arn = client
        .get_queue_attributes()
        .queue_url(dead.queue_url().expect("a URL"))
        .attribute_names(QueueAttributeName::QueueArn)
        .send()
        .await
        .expect("attributes");
    let arn = &arn.attributes().expect("attributes")[&QueueAttributeName::QueueArn];
    let policy = serde_json::json!({"deadLetterTargetArn": arn, "maxReceiveCount": queue.max_receive_count});
    let attributes = HashMap::from([
        (QueueAttributeName::VisibilityTimeout, queue.visibility_seconds.to_string()),
        (QueueAttributeName::MessageRetentionPeriod, retention),
        (QueueAttributeName::RedrivePolicy, policy.to_string()),
    ]);
    client
        .create_queue()
        .queue_name(format!("{prefix}{}", queue.name))
        .set_attributes(Some(attributes))
        .send()
        .await
        .expect("queue");
}

impl Drop for TestSqs {
    fn drop(&mut self) {
        let settings = self.settings.clone();
        on_own_thread(move || async move {
            // A client of its own: connections belong to the runtime that opened them.
            let client = client(&settings);
            let queues = client.list_queues().queue_name_prefix(&settings.queue_prefix).send().await;
            for url in queues.ok().and_then(|q| q.queue_urls).unwrap_or_default() {
                let _ = client.delete_queue().queue_url(url).send().await;
            }
        });
    }
}

fn client(settings: &queue::Settings) -> Client {
    let config = aws_sdk_sqs::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(REGION))
        .credentials_provider(Credentials::from_keys("test", "test", None))
        .endpoint_url(settings.endpoint.as_ref().expect("set above").as_str())
        .build();
    Client::from_conf(config)
}
