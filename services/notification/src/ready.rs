//! Whether Kafka answers, for `/ready`.

use std::sync::Arc;
use std::time::Duration;

use clock::Clock;
use kafka::Connection;
use kafka::rdkafka::admin::AdminClient;
use service::BoxError;
use topology::topics;

/// Below the time that `/ready` gives a check.
const TIMEOUT: Duration = Duration::from_millis(1_500);

/// A client that asks for the topic this service lives on.
#[derive(Clone)]
pub(crate) struct Kafka {
    client: Arc<AdminClient<Connection>>,
    topic: String,
}

impl Kafka {
    /// Connects when it is first asked.
    pub(crate) fn new(settings: &kafka::Settings, clock: &Clock) -> Result<Self, BoxError> {
        let connection = Connection::new(settings, clock)?;
        let client = settings.client().create_with_context(connection)?;
        Ok(Self { client: Arc::new(client), topic: settings.topic(topics::DOCUMENT) })
    }

    /// Ok when a broker answers and knows the topic.
    pub(crate) async fn check(self) -> Result<(), BoxError> {
        let asked = move || {
            let metadata = self.client.inner().fetch_metadata(Some(&self.topic), TIMEOUT)?;
            let known = metadata.topics().iter().any(|topic| !topic.partitions().is_empty());
            known.then_some(()).ok_or_else(|| BoxError::from("the topic does not exist"))
        };
        tokio::task::spawn_blocking(asked).await?
    }
}
