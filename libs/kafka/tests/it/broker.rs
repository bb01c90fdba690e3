//! A broker of one's own that speaks SCRAM-SHA-512 over TLS, started from the jars of the development stack.

use std::fs::File;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use tempfile::TempDir;

pub(crate) const USERNAME: &str = "worker";
pub(crate) const PASSWORD: &str = "s3cret-of-a-test";
const CLUSTER_ID: &str = "R3VpbGRoYWxsVGVzdEticQ";

pub(crate) struct Broker {
    /// Its TLS listener; the certificate names `localhost`, not the address.
    pub(crate) port: u16,
    /// Who signed its certificate.
    pub(crate) ca: PathBuf,
    /// An authority that did not.
    pub(crate) other_ca: PathBuf,
    folder: TempDir,
    process: Child,
}

impl Broker {
    pub(crate) fn start() -> Self {
        let folder = TempDir::new().unwrap();
        let path = |name: &str| folder.path().join(name);
        let [port, plain, controller] = free_ports();
        let issuer = authority();
        std::fs::write(path("ca.pem"), issuer.as_ref().pem()).unwrap();
        std::fs::write(path("other.pem"), authority().as_ref().pem()).unwrap();
        let key = KeyPair::generate().unwrap();
        // Names of their own: OpenSSL takes a certificate whose subject is its issuer's for a self-signed one.
        let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        params.distinguished_name.push(DnType::CommonName, "broker");
        let certificate = params.signed_by(&key, &issuer).unwrap();
        std::fs::write(path("server.pem"), format!("{}{}", key.serialize_pem(), certificate.pem())).unwrap();
        let properties = format!(
            "process.roles=broker,controller\n\
             node.id=1\n\
             controller.quorum.voters=1@127.0.0.1:{controller}\n\
             listeners=SASL_SSL://127.0.0.1:{port},PLAINTEXT://127.0.0.1:{plain},CONTROLLER://127.0.0.1:{controller}\n\
             advertised.listeners=SASL_SSL://localhost:{port},PLAINTEXT://127.0.0.1:{plain}\n\
             listener.security.protocol.map=SASL_SSL:SASL_SSL,PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT\n\
             inter.broker.listener.name=PLAINTEXT\n\
             controller.listener.names=CONTROLLER\n\
             sasl.enabled.mechanisms=SCRAM-SHA-512\n\
             listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config=\
             org.apache.kafka.common.security.scram.ScramLoginModule required;\n\
             ssl.keystore.type=PEM\n\
             ssl.keystore.location={keys}\n\
             log.dirs={logs}\n\
             offsets.topic.replication.factor=1\n\
             offsets.topic.num.partitions=1\n\
             num.network.threads=1\n\
             num.io.threads=2\n\
             log.cleaner.dedupe.buffer.size=16777216\n",
            keys = path("server.pem").display(),
            logs = path("logs").display(),
        );
        std::fs::write(path("server.properties"), properties).unwrap();
        let user = format!("SCRAM-SHA-512=[name={USERNAME},password={PASSWORD}]");
        let formatted = java(folder.path(), "kafka.tools.StorageTool")
            .args(["format", "--cluster-id", CLUSTER_ID, "--add-scram", &user, "--config"])
            .arg(path("server.properties"))
            .status()
            .expect("java, as `cargo xtask doctor` checks");
        assert!(formatted.success(), "{}", log(folder.path()));
        let process = java(folder.path(), "kafka.Kafka").arg(path("server.properties")).spawn().unwrap();
        Self { port, ca: path("ca.pem"), other_ca: path("other.pem"), folder, process }
    }

    /// The broker's log, for a test that fails.
    pub(crate) fn log(&self) -> String {
        log(self.folder.path())
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn log(folder: &Path) -> String {
    std::fs::read_to_string(folder.join("broker.log")).unwrap_or_default()
}

fn authority() -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.distinguished_name.push(DnType::CommonName, "authority");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

fn free_ports() -> [u16; 3] {
    let listeners = [(); 3].map(|()| TcpListener::bind(("127.0.0.1", 0)).unwrap());
    listeners.map(|listener| listener.local_addr().unwrap().port())
}

fn java(folder: &Path, main: &str) -> Command {
    let log = File::options().create(true).append(true).open(folder.join("broker.log")).unwrap();
    let mut command = Command::new("java");
    command
        .arg("-Xmx256m")
        .arg("-Dorg.slf4j.simpleLogger.defaultLogLevel=warn")
        .arg("-cp")
        .arg(jars().join("*"))
        .arg(main)
        .stderr(log.try_clone().unwrap())
        .stdout(log);
    command
}

/// The jars that `cargo xtask up` installed.
fn jars() -> PathBuf {
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let cache = cache.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache"))).unwrap();
    let folders = std::fs::read_dir(cache.join("guildhall")).into_iter().flatten();
    let mut kafkas: Vec<_> = folders
        .filter_map(|folder| Some(folder.ok()?.path()))
        .filter(|folder| folder.file_name().is_some_and(|name| name.to_string_lossy().starts_with("kafka-")))
        .map(|folder| folder.join("libs"))
        .filter(|libs| libs.is_dir())
        .collect();
    kafkas.sort();
    kafkas.pop().expect("Kafka's jars; `cargo xtask up --servers` installs them")
}
