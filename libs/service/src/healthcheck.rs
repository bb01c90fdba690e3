//! `healthcheck`: what a container runtime runs to ask how the service beside it is.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use settings::Env;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::admin;

/// Longer than the checks behind `/ready` may take.
const TIMEOUT: Duration = Duration::from_secs(4);

/// Options of `healthcheck`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::Args)]
pub struct Args {
    /// Ask /ready (can it serve?) instead of /health (does it run?)
    #[arg(long)]
    pub ready: bool,
}

/// Why the service beside this process is not well.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It does not answer.
    #[error("{0} does not answer")]
    Silent(SocketAddr, #[source] std::io::Error),
    /// It answers that it is not well.
    #[error("{0} says: {1}")]
    Unwell(SocketAddr, String),
    /// The settings do not say where to ask.
    #[error(transparent)]
    Settings(#[from] settings::Error),
}

/// Asks the service whose settings are `<SERVICE>__*`; `service` is upper case, for example `DOCUMENT`.
///
/// # Errors
/// When it is not well.
pub async fn run(service: &str, args: Args) -> Result<(), Error> {
    let mut env = Env::from_process(service);
    // The other variables are `serve`'s to check.
    let Some(settings) = admin::Settings::load(&mut env) else {
        return Err(env.finish(None::<()>).err().map_or_else(unset, Error::Settings));
    };
    ask(settings.addr, args).await
}

fn unset() -> Error {
    Error::Settings(settings::Error { problems: Vec::new() })
}

/// Asks the admin port at `addr`; `0.0.0.0` and `[::]` are asked on loopback.
///
/// # Errors
/// When it does not answer with 200 within 4 seconds.
pub async fn ask(addr: SocketAddr, args: Args) -> Result<(), Error> {
    let addr = dialled(addr);
    let path = if args.ready { "/ready" } else { "/health" };
    let timed_out = || Err(std::io::ErrorKind::TimedOut.into());
    let answer = tokio::time::timeout(TIMEOUT, get(addr, path)).await.unwrap_or_else(|_| timed_out());
    let answer = answer.map_err(|source| Error::Silent(addr, source))?;
    let status = answer.lines().next().unwrap_or_default();
    if status.starts_with("HTTP/1.1 200 ") {
        return Ok(());
    }
    let body = answer.split_once("\r\n\r\n").map_or(status, |(_, body)| body);
    Err(Error::Unwell(addr, body.trim().to_owned()))
}

fn dialled(addr: SocketAddr) -> SocketAddr {
    let ip: IpAddr = match addr.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    (ip, addr.port()).into()
}

/// One request of our own to our own server does not need an HTTP client.
async fn get(addr: SocketAddr, path: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(addr).await?;
    let request = format!("GET {path} HTTP/1.1\r\nhost: {addr}\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    stream.take(64 * 1024).read_to_end(&mut answer).await?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}
