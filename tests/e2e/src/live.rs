//! The feed over a WebSocket.

use std::collections::VecDeque;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use futures::StreamExt;
use serde::Deserialize;
use tokio::net::TcpStream;
use tokio::time::timeout_at;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};
use url::Url;

/// One row of the feed.
#[derive(Debug, Clone, Deserialize, PartialEq, Eq)]
pub struct Row {
    /// Its number.
    pub seq: i64,
    /// What happened.
    pub status: String,
    /// Refines the status.
    pub code: Option<String>,
    /// Kind of the thing it is about.
    pub subject_type: String,
    /// Id of the thing it is about.
    pub subject_id: String,
}

/// An open WebSocket.
#[derive(Debug)]
pub struct Live {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    /// Number of the last row received.
    pub seq: i64,
    /// What was wrong with the order, where something was.
    pub broken: Option<String>,
    seen: VecDeque<Row>,
}

impl Live {
    /// Opens the stream above `after`.
    ///
    /// # Errors
    ///
    /// When the upgrade is refused.
    pub async fn connect(base: &Url, cookie: &str, origin: &str, after: i64) -> Result<Self> {
        let mut url = base.join(&format!("ws/notifications?after={after}"))?;
        let scheme = if base.scheme() == "https" { "wss" } else { "ws" };
        ensure!(url.set_scheme(scheme).is_ok(), "no WebSocket for {base}");
        let mut request = url.as_str().into_client_request()?;
        request.headers_mut().insert("cookie", cookie.parse()?);
        request.headers_mut().insert("origin", origin.parse()?);
        let socket = match tokio_tungstenite::connect_async(request).await {
            Ok((socket, _)) => socket,
            Err(Error::Http(answer)) => bail!("{}", answer.status().as_u16()),
            Err(error) => return Err(error).context("no live stream"),
        };
        Ok(Self { socket, seq: after, broken: None, seen: VecDeque::new() })
    }

    /// The next row. Fails on a gap or a repeat: the numbers must go up by one.
    ///
    /// # Errors
    ///
    /// When the stream ends, or skips or repeats a number.
    pub async fn next(&mut self) -> Result<Row> {
        loop {
            match self.socket.next().await {
                Some(Ok(Message::Text(text))) => {
                    let row: Row = serde_json::from_str(&text)?;
                    if row.seq != self.seq + 1 {
                        let broken = format!("row {} came after row {}", row.seq, self.seq);
                        self.broken = Some(broken.clone());
                        bail!(broken);
                    }
                    self.seq = row.seq;
                    return Ok(row);
                }
                Some(Ok(Message::Close(frame))) => bail!("the stream was closed: {frame:?}"),
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err(error).context("the stream broke"),
                None => bail!("the stream ended"),
            }
        }
    }

    /// Waits for a row about a thing with one of these statuses; rows about other things are kept.
    ///
    /// # Errors
    ///
    /// When it does not come in time.
    pub async fn wait_for(&mut self, subject: &str, statuses: &[&str], within: Duration) -> Result<Row> {
        let fits = |row: &Row| row.subject_id == subject && statuses.contains(&row.status.as_str());
        if let Some(place) = self.seen.iter().position(&fits) {
            return self.seen.remove(place).context("row vanished");
        }
        let end = tokio::time::Instant::now() + within;
        loop {
            let row = timeout_at(end, self.next())
                .await
                .with_context(|| format!("{statuses:?} of {subject} did not come within {within:?}"))??;
            if fits(&row) {
                return Ok(row);
            }
            self.seen.push_back(row);
        }
    }
}
