//! Tokens that OpenSSL made, by its own authority.

use std::fs;
use std::path::Path;
use std::process::Command;

use timestamp::{Invalid, Trusted, verify};

const CONFIG: &str = "
[tsa]
default_tsa = authority
[authority]
serial = serial
default_policy = 1.3.6.1.4.1.32473.2
digests = sha256, sha512
accuracy = secs:1, millisecs:2, microsecs:3
clock_precision_digits = 3
ordering = yes
tsa_name = yes
ess_cert_id_alg = sha512
[req]
distinguished_name = name
[name]
[root]
basicConstraints = critical, CA:true
keyUsage = critical, keyCertSign
[middle]
basicConstraints = critical, CA:true, pathlen:0
keyUsage = critical, keyCertSign
extendedKeyUsage = timeStamping
[stamps]
keyUsage = critical, nonRepudiation
extendedKeyUsage = critical, timeStamping
";

/// `rsa:…` or `ec` with a curve; the hash of certificates and signatures.
struct Kind {
    key: &'static [&'static str],
    hash: &'static str,
}

const RSA: Kind = Kind { key: &["-newkey", "rsa:2048"], hash: "sha512" };
const EC: Kind = Kind { key: &["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-384"], hash: "sha384" };

fn openssl(folder: &Path, arguments: &[&str]) {
    let ran = Command::new("openssl").args(arguments).current_dir(folder).output().unwrap();
    assert!(ran.status.success(), "openssl {arguments:?}: {}", String::from_utf8_lossy(&ran.stderr));
}

/// Root, intermediate and time-stamping certificate, and a token over `stamped` by the last.
fn token(folder: &Path, kind: &Kind) -> Vec<u8> {
    fs::write(folder.join("config"), CONFIG).unwrap();
    fs::write(folder.join("stamped"), b"what is stamped").unwrap();
    fs::write(folder.join("serial"), "0A0B0C").unwrap();
    let certify = |name: &str, issuer: Option<&str>| {
        let subject = format!("/CN={name}");
        let hash = format!("-{}", kind.hash);
        let (key, pem) = (format!("{name}.key"), format!("{name}.pem"));
        let mut arguments = vec!["req", "-x509", "-config", "config", "-nodes", "-days", "2"];
        arguments.extend(["-extensions", name, "-subj", &subject, "-keyout", &key, "-out", &pem, &hash]);
        arguments.extend(kind.key);
        let ca = issuer.map(|issuer| (format!("{issuer}.pem"), format!("{issuer}.key")));
        if let Some((pem, key)) = &ca {
            arguments.extend(["-CA", pem, "-CAkey", key]);
        }
        openssl(folder, &arguments);
    };
    certify("root", None);
    certify("middle", Some("root"));
    certify("stamps", Some("middle"));
    openssl(folder, &["ts", "-query", "-data", "stamped", "-sha256", "-cert", "-out", "query"]);
    let hash = format!("-{}", kind.hash);
    let mut reply = vec!["ts", "-reply", "-config", "config", "-queryfile", "query", "-signer", "stamps.pem"];
    reply.extend(["-inkey", "stamps.key", "-chain", "middle.pem", &hash, "-token_out", "-out", "token"]);
    openssl(folder, &reply);
    fs::read(folder.join("token")).unwrap()
}

fn digest(folder: &Path) -> [u8; 32] {
    openssl(folder, &["dgst", "-sha256", "-binary", "-out", "digest", "stamped"]);
    fs::read(folder.join("digest")).unwrap().try_into().unwrap()
}

#[test]
fn a_token_of_openssl_holds() {
    for kind in [RSA, EC] {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        let token = token(folder, &kind);
        let digest = digest(folder);
        let root = Trusted::from_pem(&fs::read(folder.join("root.pem")).unwrap()).unwrap();
        let stamp = verify(&token, &digest, &root).unwrap();
        assert_eq!(stamp.accuracy, Some(std::time::Duration::from_micros(1_002_003)));
        assert_eq!((stamp.policy.as_str(), stamp.serial.as_str()), ("1.3.6.1.4.1.32473.2", "0a0b0d"));
        assert_eq!(stamp.authority, "CN=stamps");
        // The intermediate one may be what is trusted.
        let middle = Trusted::from_pem(&fs::read(folder.join("middle.pem")).unwrap()).unwrap();
        assert_eq!(verify(&token, &digest, &middle).unwrap(), stamp);
        assert!(matches!(verify(&token, &[0; 32], &root), Err(Invalid::Imprint)));
        let other = Trusted::from_pem(include_bytes!("../samples/root.pem")).unwrap();
        assert!(matches!(verify(&token, &digest, &other), Err(Invalid::Chain(_))));
    }
}

#[test]
fn a_token_without_its_certificate_does_not_hold() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    token(folder, &EC);
    // As before, but not asking for certificates.
    openssl(folder, &["ts", "-query", "-data", "stamped", "-sha256", "-out", "query"]);
    let reply = ["ts", "-reply", "-config", "config", "-queryfile", "query", "-signer", "stamps.pem"];
    openssl(
        folder,
        &[&reply[..], &["-inkey", "stamps.key", "-sha256", "-token_out", "-out", "token"]].concat(),
    );
    let token = fs::read(folder.join("token")).unwrap();
    let root = Trusted::from_pem(&fs::read(folder.join("root.pem")).unwrap()).unwrap();
    assert!(matches!(verify(&token, &digest(folder), &root), Err(Invalid::NoCertificate)));
}
