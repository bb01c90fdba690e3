//! The protocol, against a real clamd.

use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use worker::clamd::{Clamd, Error, Verdict};

use crate::harness::EICAR;

fn clamd() -> Clamd {
    Clamd::new(testkit::env().clamd_addr())
}

async fn scan(bytes: &[u8], by: usize) -> Verdict {
    let mut scan = clamd().begin().await.unwrap();
    for part in bytes.chunks(by) {
        if !scan.send(part).await.unwrap() {
            break;
        }
    }
    scan.verdict().await.unwrap()
}

#[tokio::test]
async fn it_answers_a_ping() {
    clamd().ping().await.unwrap();
}

#[tokio::test]
async fn a_clean_stream_is_clean_however_it_is_cut() {
    for by in [1, 7, 4_096] {
        assert_eq!(scan(&b"nothing to see here\n".repeat(200), by).await, Verdict::Clean);
    }
    assert_eq!(scan(b"", 1).await, Verdict::Clean);
}

#[tokio::test]
async fn eicar_is_found_however_it_is_cut() {
    for by in [1, 13, 4_096] {
        let verdict = scan(EICAR, by).await;
        assert!(
            matches!(&verdict, Verdict::Infected { signature } if signature.contains("Eicar")),
            "{verdict:?}"
        );
    }
}

#[tokio::test]
async fn what_is_above_its_limit_is_never_called_clean() {
    // One more than `StreamMaxLength` of the test server.
    let mut scan = clamd().begin().await.unwrap();
    let block = vec![b'a'; 1024 * 1024];
    for _ in 0..101 {
        if !scan.send(&block).await.unwrap() {
            break;
        }
    }
    let verdict = scan.verdict().await;
    // It says so, or, where its answer was lost with the connection, nothing at all.
    assert!(matches!(&verdict, Ok(Verdict::Unscannable { .. }) | Err(Error::Broken(_))), "{verdict:?}");
}

#[tokio::test]
async fn one_that_is_away_or_breaks_off_gives_no_verdict() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let there = Clamd::new(listener.local_addr().unwrap().to_string());
    let server = tokio::spawn(async move {
        // The first caller is hung up on, the second gets half an answer.
        drop(listener.accept().await.unwrap());
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.write_all(b"stream: O").await.unwrap();
    });
    for answer in [true, false] {
        let verdict = async {
            let mut scan = there.begin().await?;
            scan.send(b"bytes").await?;
            scan.verdict().await
        };
        let verdict = tokio::time::timeout(Duration::from_secs(10), verdict).await.unwrap();
        assert!(matches!(&verdict, Err(Error::Broken(_) | Error::Answer(_))), "{answer} {verdict:?}");
    }
    server.await.unwrap();
    assert!(matches!(there.begin().await, Err(Error::Connect { .. })));
    assert!(there.ping().await.is_err());
}
