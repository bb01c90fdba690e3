//! HTTP and TCP to servers on this machine.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context, Result, bail};

/// An HTTP client that gives every answer as it is, whatever its status.
pub(crate) fn agent(timeout: Duration) -> ureq::Agent {
    ureq::Agent::config_builder()
        .timeout_global(Some(timeout))
        .http_status_as_error(false)
        .proxy(None)
        .build()
        .into()
}

/// GET that must answer 200; gives the body.
pub(crate) fn get(url: &str) -> Result<String> {
    let mut response = agent(Duration::from_secs(5)).get(url).call().with_context(|| format!("GET {url}"))?;
    let body = response.body_mut().read_to_string().unwrap_or_default();
    if response.status() != 200 {
        bail!("GET {url} answered {}: {}", response.status(), body.trim());
    }
    Ok(body)
}

/// Connects to a port of this machine.
pub(crate) fn connect(port: u16) -> Result<TcpStream> {
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    let stream = TcpStream::connect_timeout(&address, Duration::from_secs(2))
        .with_context(|| format!("nothing answers on {address}"))?;
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    stream.set_write_timeout(Some(Duration::from_secs(5)))?;
    Ok(stream)
}

/// Sends a line and checks how the answer starts: enough for the greetings of Redis and clamd.
pub(crate) fn greet(port: u16, send: &str, expect: &str) -> Result<()> {
    let mut stream = connect(port)?;
    stream.write_all(send.as_bytes())?;
    let mut answer = vec![0; expect.len()];
    stream.read_exact(&mut answer)?;
    if answer != expect.as_bytes() {
        bail!("port {port} answered {:?} to {send:?}", String::from_utf8_lossy(&answer));
    }
    Ok(())
}
