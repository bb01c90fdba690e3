//! A way to a server that can be cut.

use std::net::{Ipv4Addr, SocketAddr};

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use url::Url;

/// Forwards connections to a server until it is cut: then it ends those that are open, and each new one at once.
#[derive(Debug)]
pub struct Proxy {
    addr: SocketAddr,
    cut: watch::Sender<bool>,
}

impl Proxy {
    /// A way to the server of this URL.
    ///
    /// # Panics
    /// When the URL names no host and port, or there is no free port.
    pub async fn to(endpoint: &str) -> Self {
        let endpoint: Url = endpoint.parse().expect("a URL");
        let target = (endpoint.host_str().expect("a host").to_owned(), endpoint.port().expect("a port"));
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
        let addr = listener.local_addr().expect("an address");
        let (cut, is_cut) = watch::channel(false);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(forward(client, target.clone(), is_cut.clone()));
            }
        });
        Self { addr, cut }
    }

    /// Where the way begins.
    ///
    /// # Panics
    /// Never: the address is one.
    #[must_use]
    pub fn url(&self) -> Url {
        format!("http://{}", self.addr).parse().expect("a URL")
    }

    /// Cuts it.
    pub fn cut(&self) {
        self.cut.send_replace(true);
    }

    /// Opens it again.
    pub fn mend(&self) {
        self.cut.send_replace(false);
    }
}

async fn forward(mut client: TcpStream, target: (String, u16), mut is_cut: watch::Receiver<bool>) {
    if *is_cut.borrow() {
        return;
    }
    let Ok(mut server) = TcpStream::connect(target).await else { return };
    tokio::select! {
        _ended = copy_bidirectional(&mut client, &mut server) => {}
        _cut = is_cut.wait_for(|cut| *cut) => {}
    }
}
