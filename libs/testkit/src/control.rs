//! Stopping and starting the servers themselves, where `cargo xtask crash` lets a test do so.

use anyhow::{Context as _, Result, ensure};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;

use crate::env::env;

/// Whoever started the servers. One request at a time.
#[derive(Debug)]
pub struct Control(BufReader<TcpStream>);

impl Control {
    /// At `GUILDHALL_CONTROL`.
    ///
    /// # Errors
    /// When nobody takes requests.
    pub async fn connect() -> Result<Self> {
        let address = env().find("GUILDHALL_CONTROL");
        let address = address.context("GUILDHALL_CONTROL is not set; run `cargo xtask crash`")?;
        Ok(Self(BufReader::new(TcpStream::connect(address).await?)))
    }

    /// Ends a server by a signal, for example `TERM`; returns when it is gone.
    ///
    /// # Errors
    /// When it does not run, or does not end.
    pub async fn stop(&mut self, server: &str, signal: &str) -> Result<()> {
        self.ask(&format!("stop {server} {signal}\n")).await
    }

    /// Starts a server; returns when it serves.
    ///
    /// # Errors
    /// When it does not come to that.
    pub async fn start(&mut self, server: &str) -> Result<()> {
        self.ask(&format!("start {server}\n")).await
    }

    async fn ask(&mut self, request: &str) -> Result<()> {
        self.0.write_all(request.as_bytes()).await?;
        let mut answer = String::new();
        self.0.read_line(&mut answer).await?;
        ensure!(answer.trim() == "ok", "{}: {}", request.trim(), answer.trim());
        Ok(())
    }
}
