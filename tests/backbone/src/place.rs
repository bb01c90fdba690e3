//! Where a role finds its servers.

use anyhow::{Context as _, Result};
use queue::Sqs;
use serde::{Deserialize, Serialize};

/// The topic of the steps, without prefix.
pub const TOPIC: &str = "guildhall.backbone.v1";
/// The type of the steps' events.
pub const TYPE: &str = "guildhall.backbone.stepped.v1";
/// The queue of the jobs, without prefix: any of the topology's.
pub const QUEUE: &str = "guildhall-scan";
/// The variable that carries a [`Place`] as JSON to a role's process.
pub const VARIABLE: &str = "BACKBONE_PLACE";

/// Addresses of the servers, proxies in between included, and the names that are this run's own.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Place {
    /// Where the app role signs in.
    pub app_url: String,
    /// Where the system role signs in.
    pub system_url: String,
    /// Kafka's bootstrap list.
    pub brokers: String,
    /// Before topics and groups.
    pub topic_prefix: String,
    /// SQS.
    pub sqs: String,
    /// Before queues.
    pub queue_prefix: String,
}

impl Place {
    /// As the driver told it.
    ///
    /// # Errors
    /// When the variable is missing or unreadable.
    pub fn from_env() -> Result<Self> {
        let text = std::env::var(VARIABLE).context("a role is started by the driver: `cargo xtask crash`")?;
        Ok(serde_json::from_str(&text)?)
    }

    /// The database, with both pools.
    ///
    /// # Errors
    /// When a URL is none.
    pub fn db(&self, name: &str) -> Result<pg::Db> {
        let settings = pg::Settings {
            url: self.app_url.as_str().into(),
            system_url: self.system_url.as_str().into(),
            owner_url: None,
            max_connections: 16,
            tls_ca: None,
            pooler: false,
        };
        Ok(pg::Db::connect(&settings, name)?)
    }

    /// Kafka, as the member of this name.
    #[must_use]
    pub fn kafka(&self, instance: &str) -> kafka::Settings {
        let mut settings = kafka::Settings::plaintext(&*self.brokers, &*self.topic_prefix);
        settings.instance_id = Some(instance.to_owned());
        settings
    }

    /// SQS.
    ///
    /// # Errors
    /// When the endpoint is no URL.
    pub async fn sqs(&self) -> Result<Sqs> {
        let settings = queue::Settings {
            endpoint: Some(self.sqs.parse()?),
            region: "elasticmq".to_owned(),
            queue_prefix: self.queue_prefix.clone(),
            credentials: Some(("test".to_owned(), "test".to_owned().into())),
        };
        Ok(Sqs::new(&settings).await)
    }
}
