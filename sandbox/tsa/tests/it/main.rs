//! The authority against OpenSSL's client: what it signs is taken by somebody who shares no code with it.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Output, Stdio};

use clock::Clock;

fn openssl(folder: &Path, arguments: &[&str]) -> Output {
    Command::new("openssl").args(arguments).current_dir(folder).output().unwrap()
}

/// Asks with a request of OpenSSL's; the answer is in the file `reply`, the certificate to trust in `ca.pem`.
async fn ask(folder: &Path, url: &str, root_pem: &str, query: &[&str]) -> reqwest::StatusCode {
    fs::write(folder.join("stamped"), b"what is stamped").unwrap();
    fs::write(folder.join("ca.pem"), root_pem).unwrap();
    let asked = openssl(folder, &[&["ts", "-query", "-data", "stamped", "-out", "query"], query].concat());
    assert!(asked.status.success(), "{asked:?}");
    let request = reqwest::Client::new().post(url).header("content-type", "application/timestamp-query");
    let answer = request.body(fs::read(folder.join("query")).unwrap()).send().await.unwrap();
    let status = answer.status();
    fs::write(folder.join("reply"), answer.bytes().await.unwrap()).unwrap();
    status
}

fn verify(folder: &Path) -> Output {
    openssl(folder, &["ts", "-verify", "-queryfile", "query", "-in", "reply", "-CAfile", "ca.pem"])
}

#[tokio::test]
async fn openssl_takes_its_tokens() {
    let tsa = tsa::start(Clock::system()).await.unwrap();
    for query in [&["-sha256", "-cert"], &["-sha512", "-cert"]] {
        let folder = tempfile::tempdir().unwrap();
        assert!(ask(folder.path(), &tsa.url(""), tsa.root_pem(), query).await.is_success());
        let verified = verify(folder.path());
        assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stderr));
    }
}

#[tokio::test]
async fn openssl_takes_none_that_is_wrong() {
    let tsa = tsa::start(Clock::system()).await.unwrap();
    let paths = ["wrong-nonce", "wrong-imprint", "wrong-signature", "wrong-digest", "wrong-certificate"];
    for path in paths.into_iter().chain(["wrong-purpose", "expired", "stranger", "garbage", "no-token"]) {
        let folder = tempfile::tempdir().unwrap();
        assert!(ask(folder.path(), &tsa.url(path), tsa.root_pem(), &["-sha256", "-cert"]).await.is_success());
        assert!(!verify(folder.path()).status.success(), "{path}");
    }
}

#[tokio::test]
async fn openssl_reads_why_it_refuses() {
    let tsa = tsa::start(Clock::system()).await.unwrap();
    let cases: [(&str, &[&str], &str); 4] = [
        ("reject/systemFailure", &["-sha256"], "system failure"),
        ("reject/timeNotAvailable", &["-sha256"], "the TSA's time source is not available"),
        ("", &["-sha1"], "unrecognized or unsupported algorithm identifier"),
        ("", &["-sha256", "-tspolicy", "1.2.3.4"], "the requested TSA policy is not supported"),
    ];
    for (path, query, expected) in cases {
        let folder = tempfile::tempdir().unwrap();
        assert!(ask(folder.path(), &tsa.url(path), tsa.root_pem(), query).await.is_success());
        let text = openssl(folder.path(), &["ts", "-reply", "-in", "reply", "-text"]);
        let text = String::from_utf8(text.stdout).unwrap();
        assert!(text.contains("Status: Rejected"), "{text}");
        assert!(text.contains(expected), "{text}");
    }
}

#[tokio::test]
async fn the_program_serves_what_the_library_does() {
    let mut child =
        Command::new(env!("CARGO_BIN_EXE_tsa")).arg("127.0.0.1:0").stdout(Stdio::piped()).spawn().unwrap();
    let mut url = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut url).unwrap();
    let url = url.trim();
    let root = reqwest::get(format!("{url}ca.pem")).await.unwrap().text().await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let status = ask(folder.path(), &format!("{url}unavailable/1"), &root, &["-sha256", "-cert"]).await;
    assert_eq!(status, 503);
    let status = ask(folder.path(), &format!("{url}unavailable/1"), &root, &["-sha256", "-cert"]).await;
    assert_eq!(status, 200);
    let verified = verify(folder.path());
    assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stderr));
    child.kill().unwrap();
    child.wait().unwrap();
}
