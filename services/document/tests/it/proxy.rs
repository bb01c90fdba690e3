//! A way to a server that can be cut.

use std::net::SocketAddr;

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use url::Url;

/// Forwards connections to the object store until it is cut: then it ends those that are open, and each new one at
/// once.
pub(crate) struct Proxy {
    addr: SocketAddr,
    cut: watch::Sender<bool>,
}

impl Proxy {
    pub(crate) async fn to_s3() -> Self {
        let endpoint: Url = testkit::env().get("GUILDHALL_S3_ENDPOINT").parse().expect("a URL");
        let target = (endpoint.host_str().expect("a host").to_owned(), endpoint.port().expect("a port"));
        let listener = TcpListener::bind(crate::harness::any_port()).await.expect("a port");
        let addr = listener.local_addr().expect("an address");
        let (cut, is_cut) = watch::channel(false);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(forward(client, target.clone(), is_cut.clone()));
            }
        });
        Self { addr, cut }
    }

    pub(crate) fn url(&self) -> Url {
        format!("http://{}", self.addr).parse().expect("a URL")
    }

    pub(crate) fn cut(&self) {
        self.cut.send_replace(true);
    }

    pub(crate) fn mend(&self) {
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
