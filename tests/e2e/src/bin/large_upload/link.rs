//! A client's link to the object store, which can be cut.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Context, Result};
use futures::{Stream, StreamExt as _, stream};
use reqwest::Client;
use serde_json::{Value, json};
use tokio::sync::Mutex;

/// How much is handed to the connection at once.
const CHUNK: usize = 256 * 1024;

/// The link's name at toxiproxy.
const NAME: &str = "client-to-store";

/// A proxy in front of the store. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Link {
    http: Client,
    api: String,
    url: String,
    cuts: Arc<AtomicU32>,
    /// Held while it is cut.
    cutting: Arc<Mutex<()>>,
}

impl Link {
    /// Opens a link to the store at `store`, a base URL.
    pub(crate) async fn open(toxiproxy: &str, store: &str) -> Result<Self> {
        let http = Client::new();
        let api = format!("{}/proxies", toxiproxy.trim_end_matches('/'));
        let store: url::Url = store.parse()?;
        let upstream =
            format!("{}:{}", store.host_str().context("no host")?, store.port().context("no port")?);
        let body = json!({ "name": NAME, "listen": "127.0.0.1:0", "upstream": upstream, "enabled": true });
        let made = http.post(&api).json(&body).send().await?.error_for_status()?.json::<Value>().await?;
        let url = format!("http://{}", made["listen"].as_str().context("toxiproxy names no address")?);
        Ok(Self { http, api, url, cuts: Arc::default(), cutting: Arc::default() })
    }

    /// The base URL that clients dial.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// How often it was cut.
    pub(crate) fn cuts(&self) -> u32 {
        self.cuts.load(Ordering::SeqCst)
    }

    /// Waits until it lets connections through.
    pub(crate) async fn whole(&self) {
        drop(self.cutting.lock().await);
    }

    /// Breaks every connection, and lets new ones through.
    async fn cut(&self) -> Result<()> {
        let _cutting = self.cutting.lock().await;
        for enabled in [false, true] {
            let listen = self.url.trim_start_matches("http://");
            let body = json!({ "enabled": enabled, "listen": listen });
            self.http.post(format!("{}/{NAME}", self.api)).json(&body).send().await?.error_for_status()?;
        }
        self.cuts.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }

    /// Bytes on their way to the store; where `cut`, the link is cut when half of them have left.
    pub(crate) fn stream(
        &self,
        bytes: &[u8],
        cut: bool,
    ) -> impl Stream<Item = Result<Vec<u8>>> + Send + use<> {
        let (link, half) = (self.clone(), bytes.len() / 2 / CHUNK);
        let chunks: Vec<_> = bytes.chunks(CHUNK).map(<[u8]>::to_vec).collect();
        stream::iter(chunks).enumerate().then(move |(nth, chunk)| {
            let link = link.clone();
            async move {
                if cut && nth == half {
                    // On its own: whoever sends drops this stream with its connection, before the link is whole again.
                    tokio::spawn(async move { link.cut().await }).await??;
                }
                Ok(chunk)
            }
        })
    }

    /// Takes the proxy away.
    pub(crate) async fn close(self) -> Result<()> {
        self.http.delete(format!("{}/{NAME}", self.api)).send().await?.error_for_status()?;
        Ok(())
    }
}
