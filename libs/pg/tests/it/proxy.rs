//! A way to the server that breaks when told.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use secrecy::{ExposeSecret, SecretString};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use url::Url;

/// The message that commits: its type, its length, the text, a zero.
pub(crate) const COMMIT: &[u8] = b"Q\0\0\0\x1fselect now()::text; commit\0";

/// Where it breaks.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Cut {
    /// After so many bytes of the COMMIT message went to the server.
    Request(usize),
    /// After so many bytes of its answer went to the client; its last byte never goes.
    Answer(usize),
    /// Nowhere.
    Nowhere,
}

/// What it saw, and what it is told.
#[derive(Debug, Default)]
pub(crate) struct Wire {
    /// Length of the answer to COMMIT.
    pub(crate) answered: AtomicUsize,
    /// From now on nothing passes, and nothing is closed either.
    pub(crate) silent: AtomicBool,
}

/// The URL by way of a proxy that cuts a connection that commits.
pub(crate) async fn through(url: &SecretString, cut: Cut) -> (SecretString, Arc<Wire>) {
    let mut url = Url::parse(url.expose_secret()).unwrap();
    let host = url.host_str().unwrap().to_owned();
    let server = tokio::net::lookup_host((host, url.port().unwrap_or(5432))).await.unwrap().next().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    url.set_ip_host(address.ip()).unwrap();
    url.set_port(Some(address.port())).unwrap();
    let wire = Arc::new(Wire::default());
    let shared = wire.clone();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            tokio::spawn(forward(client, server, cut, shared.clone()));
        }
    });
    (String::from(url).into(), wire)
}

async fn forward(mut client: TcpStream, server: SocketAddr, cut: Cut, wire: Arc<Wire>) {
    let mut server = TcpStream::connect(server).await.unwrap();
    let (mut up, mut down) = (vec![0; 16 * 1024], vec![0; 16 * 1024]);
    let mut committing = false;
    loop {
        tokio::select! {
            read = client.read(&mut up) => {
                let Ok(length @ 1..) = read else { return };
                let at = up[..length].windows(COMMIT.len()).position(|window| window == COMMIT);
                match (at, cut) {
                    (Some(at), Cut::Request(bytes)) => {
                        let _ = server.write_all(&up[..at + bytes]).await;
                        return;
                    }
                    (Some(_), _) => committing = true,
                    _ => {}
                }
                if !wire.silent.load(Ordering::SeqCst) {
                    let _ = server.write_all(&up[..length]).await;
                }
            }
            read = server.read(&mut down) => {
                let Ok(length @ 1..) = read else { return };
                if committing {
                    wire.answered.store(length, Ordering::SeqCst);
                    if let Cut::Answer(bytes) = cut {
                        // The answer holds a time, whose text is shorter when its microseconds end in a zero.
                        let _ = client.write_all(&down[..bytes.min(length - 1)]).await;
                        return;
                    }
                }
                if !wire.silent.load(Ordering::SeqCst) {
                    let _ = client.write_all(&down[..length]).await;
                }
            }
        }
    }
}
