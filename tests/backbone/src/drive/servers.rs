//! The servers: the proxies before them, and stopping and starting them.

use std::env;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use testkit::Control;
use url::Url;

/// A server that roles reach by a proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Server {
    Postgres,
    Kafka,
    Sqs,
}

impl Server {
    pub(super) const ALL: [Self; 3] = [Self::Postgres, Self::Kafka, Self::Sqs];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Postgres => "postgres",
            Self::Kafka => "kafka",
            Self::Sqs => "sqs",
        }
    }
}

/// Addresses, as `cargo xtask crash` tells them.
#[derive(Clone, Debug)]
pub(super) struct Servers {
    toxiproxy: String,
    upstream: [String; 3],
    proxy: [String; 3],
    http: reqwest::Client,
}

impl Servers {
    pub(super) fn from_env() -> Result<Self> {
        let get = |name: &str| {
            env::var(name).with_context(|| format!("{name} is not set; run `cargo xtask crash`"))
        };
        let authority = |url: String| -> Result<String> {
            let url = Url::parse(&url)?;
            Ok(format!("{}:{}", url.host_str().unwrap_or_default(), url.port().unwrap_or_default()))
        };
        Ok(Self {
            toxiproxy: get("BACKBONE_TOXIPROXY")?,
            upstream: [
                authority(get("GUILDHALL_PG_ADMIN_URL")?)?,
                get("GUILDHALL_KAFKA_BROKERS")?,
                authority(get("GUILDHALL_SQS_ENDPOINT")?)?,
            ],
            proxy: [
                get("BACKBONE_PROXY_POSTGRES")?,
                get("BACKBONE_PROXY_KAFKA")?,
                get("BACKBONE_PROXY_SQS")?,
            ],
            http: reqwest::Client::builder().no_proxy().build()?,
        })
    }

    /// Where roles reach a server.
    pub(super) fn proxy(&self, server: Server) -> &str {
        &self.proxy[server as usize]
    }

    /// Makes the proxies, or brings what an earlier run left in order.
    pub(super) async fn make_proxies(&self) -> Result<()> {
        let proxies: Vec<Value> = Server::ALL
            .iter()
            .map(|server| {
                json!({
                    "name": server.name(),
                    "listen": self.proxy[*server as usize],
                    "upstream": self.upstream[*server as usize],
                    "enabled": true,
                })
            })
            .collect();
        self.post("populate", &Value::Array(proxies)).await?;
        self.heal().await
    }

    /// Removes every fault of a proxy.
    pub(super) async fn heal(&self) -> Result<()> {
        self.post("reset", &Value::Null).await
    }

    /// Cuts every connection and takes no new one, or takes them again.
    pub(super) async fn enable(&self, server: Server, enabled: bool) -> Result<()> {
        self.post(&format!("proxies/{}", server.name()), &json!({ "enabled": enabled })).await
    }

    /// Makes the connections bad in one way, in both directions.
    pub(super) async fn poison(&self, server: Server, kind: &str, attributes: &Value) -> Result<()> {
        for stream in ["upstream", "downstream"] {
            let toxic = json!({ "type": kind, "stream": stream, "attributes": attributes });
            self.post(&format!("proxies/{}/toxics", server.name()), &toxic).await?;
        }
        Ok(())
    }

    async fn post(&self, path: &str, body: &Value) -> Result<()> {
        let answer = self.http.post(format!("{}/{path}", self.toxiproxy)).json(body).send().await?;
        let status = answer.status();
        ensure!(
            status.is_success(),
            "toxiproxy, {path}: {status} {}",
            answer.text().await.unwrap_or_default()
        );
        Ok(())
    }

    /// Ends a server by a signal, and starts it again; returns when it serves.
    pub(super) async fn restart(&self, server: Server, signal: &str) -> Result<()> {
        let mut control = Control::connect().await?;
        control.stop(server.name(), signal).await?;
        control.start(server.name()).await
    }
}
