//! Redis over TLS: a server that proves its name is talked to, any other is not.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use bff::config::Redis;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};

struct Server {
    child: Child,
    port: u16,
    folder: tempfile::TempDir,
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself; either way it is gone.
        let _gone = self.child.kill().and_then(|()| self.child.wait());
    }
}

/// A `redis-server` that takes TLS alone, with a certificate for `name` of an authority of its own.
fn server(name: &str) -> Server {
    let folder = tempfile::tempdir().expect("test server");
    let authority_key = KeyPair::generate().expect("test server");
    let mut authority = CertificateParams::new(Vec::new()).expect("test server");
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority_cert = authority.self_signed(&authority_key).expect("test server");
    let key = KeyPair::generate().expect("test server");
    let params = CertificateParams::new(vec![name.to_owned()]).expect("test server");
    let cert = params.signed_by(&key, &Issuer::new(authority, authority_key)).expect("test server");
    let write = |file: &str, text: String| {
        let path = folder.path().join(file);
        std::fs::write(&path, text).expect("test server");
        path
    };
    let (ca, cert, key) = (
        write("ca.pem", authority_cert.pem()),
        write("cert.pem", cert.pem()),
        write("key.pem", key.serialize_pem()),
    );
    let port =
        TcpListener::bind(("127.0.0.1", 0)).expect("test server").local_addr().expect("test server").port();
    let child = Command::new("redis-server")
        .args(["--port", "0", "--tls-auth-clients", "no", "--save", "", "--bind", "127.0.0.1"])
        .args(["--tls-port", &port.to_string()])
        .arg("--tls-cert-file")
        .arg(cert)
        .arg("--tls-key-file")
        .arg(key)
        .arg("--tls-ca-cert-file")
        .arg(ca)
        .current_dir(folder.path())
        .stdout(Stdio::null())
        .spawn()
        .expect("redis-server");
    Server { child, port, folder }
}

fn settings(server: &Server, scheme: &str, host: &str, tls_ca: Option<PathBuf>) -> Redis {
    Redis { url: format!("{scheme}://{host}:{}", server.port).into(), tls_ca }
}

async fn ping(settings: &Redis) -> Result<(), String> {
    let pool = bff::redis(settings).map_err(|error| error.to_string())?;
    bff::ping(&pool).await.map_err(|error| error.to_string())
}

fn ca(folder: &Path) -> Option<PathBuf> {
    Some(folder.join("ca.pem"))
}

#[tokio::test]
async fn a_server_of_the_trusted_authority_is_talked_to_and_no_other() {
    let good = server("localhost");
    let settings_of = |server: &Server, scheme: &str, tls_ca| settings(server, scheme, "localhost", tls_ca);
    let trusted = settings_of(&good, "rediss", ca(good.folder.path()));
    testkit::eventually(Duration::from_secs(10), || ping(&trusted)).await.unwrap();
    // Without the authority, or in plain text, there is no connection.
    assert!(ping(&settings_of(&good, "rediss", None)).await.is_err());
    assert!(ping(&settings_of(&good, "redis", None)).await.is_err());
    // A server of another authority, and one of another name.
    let stranger = server("localhost");
    let known = settings_of(&stranger, "rediss", ca(stranger.folder.path()));
    testkit::eventually(Duration::from_secs(10), || ping(&known)).await.unwrap();
    assert!(ping(&settings_of(&stranger, "rediss", ca(good.folder.path()))).await.is_err());
    let misnamed = server("elsewhere.example");
    let its_own = settings_of(&misnamed, "rediss", ca(misnamed.folder.path()));
    let refused = testkit::eventually(Duration::from_secs(5), || async {
        match ping(&its_own).await {
            Err(error) if error.contains("ertificate") || error.contains("name") => Ok(()),
            other => Err(format!("{other:?}")),
        }
    });
    refused.await.unwrap();
}
