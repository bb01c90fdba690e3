//! `DB__TLS_CA`: a TLS server in front of the real one, which shows a certificate of our making.

use std::net::SocketAddr;
use std::sync::Arc;

use pg::{Db, Error};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use secrecy::{ExposeSecret, SecretString};
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use url::Url;

use crate::harness::{database, riverton, seen};

fn authority() -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// Answers PostgreSQL's request for TLS as `name`, and hands what is inside to the real server.
async fn server(behind: SocketAddr, authority: &CertifiedIssuer<'static, KeyPair>, name: &str) -> SocketAddr {
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new([name.to_owned()]).unwrap();
    let certificate = params.signed_by(&key, authority).unwrap();
    let config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(
            vec![certificate.der().clone()],
            PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
        )
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let mut request = [0; 8];
                client.read_exact(&mut request).await.unwrap();
                assert_eq!(request, [0, 0, 0, 8, 4, 210, 22, 47], "only TLS is asked for");
                client.write_all(b"S").await.unwrap();
                if let Ok(mut client) = acceptor.accept(client).await {
                    let mut server = TcpStream::connect(behind).await.unwrap();
                    let _ = copy_bidirectional(&mut client, &mut server).await;
                }
            });
        }
    });
    address
}

struct Setup {
    database: testkit::TestDb,
    folder: tempfile::TempDir,
    behind: SocketAddr,
}

async fn setup() -> Setup {
    let database = database().await;
    let url = Url::parse(database.urls.app.expose_secret()).unwrap();
    let host = url.host_str().unwrap().to_owned();
    let behind = tokio::net::lookup_host((host, url.port().unwrap_or(5432))).await.unwrap().next().unwrap();
    Setup { database, folder: tempfile::tempdir().unwrap(), behind }
}

impl Setup {
    async fn connect(
        &self,
        server: SocketAddr,
        trusted: &CertifiedIssuer<'static, KeyPair>,
        host: &str,
    ) -> Result<(), Error> {
        let ca = self.folder.path().join("ca.pem");
        std::fs::write(&ca, trusted.pem()).unwrap();
        let through = |url: &SecretString| {
            let mut url = Url::parse(url.expose_secret()).unwrap();
            url.set_host(Some(host)).unwrap();
            url.set_port(Some(server.port())).unwrap();
            SecretString::from(String::from(url))
        };
        let mut settings = self.database.settings();
        settings.url = through(&settings.url);
        settings.system_url = through(&settings.system_url);
        settings.tls_ca = Some(ca);
        let db = Db::connect(&settings, "tls").unwrap();
        db.ping().await?;
        assert_eq!(seen(&db, riverton()).await, [0; 0]);
        Ok(())
    }
}

#[tokio::test]
async fn a_server_of_the_right_authority_and_name_is_accepted() {
    let (setup, authority) = (setup().await, authority());
    let server = server(setup.behind, &authority, "localhost").await;
    setup.connect(server, &authority, "localhost").await.unwrap();
}

#[tokio::test]
async fn a_server_of_another_authority_is_refused() {
    let (setup, ours) = (setup().await, authority());
    let server = server(setup.behind, &authority(), "localhost").await;
    let error = setup.connect(server, &ours, "localhost").await.unwrap_err();
    assert!(matches!(error, Error::Unreachable(_)), "{error:?}");
}

#[tokio::test]
async fn a_server_of_another_name_is_refused() {
    let (setup, authority) = (setup().await, authority());
    let server = server(setup.behind, &authority, "db.example.org").await;
    let error = setup.connect(server, &authority, "localhost").await.unwrap_err();
    assert!(matches!(error, Error::Unreachable(_)), "{error:?}");
}

#[tokio::test]
async fn a_server_without_tls_is_refused() {
    let (setup, authority) = (setup().await, authority());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let mut request = [0; 8];
            client.read_exact(&mut request).await.unwrap();
            client.write_all(b"N").await.unwrap();
        }
    });
    let error = setup.connect(address, &authority, "localhost").await.unwrap_err();
    assert!(matches!(error, Error::Unreachable(_)), "{error:?}");
}
