//! Losing a dependency delays and loses nothing.

use std::time::Duration;

use e2e::{Citizen, World, files};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use crate::harness::WITHIN;

/// A way to clamd that can be cut.
struct Way {
    port: u16,
    task: Option<JoinHandle<()>>,
}

impl Way {
    async fn closed() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("way");
        Self { port: listener.local_addr().expect("way").port(), task: None }
    }

    async fn open(&mut self) {
        let listener = TcpListener::bind(("127.0.0.1", self.port)).await.expect("way");
        let clamd = testkit::env().clamd_addr();
        self.task = Some(tokio::spawn(async move {
            while let Ok((mut from, _)) = listener.accept().await {
                let clamd = clamd.clone();
                tokio::spawn(async move {
                    if let Ok(mut to) = TcpStream::connect(clamd).await {
                        // How a scan's connection ends is the scan's business.
                        let _ended = copy_bidirectional(&mut from, &mut to).await;
                    }
                });
            }
        }));
    }
}

impl Drop for Way {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_clamd_documents_wait_and_are_all_scanned_when_it_is_back() {
    let mut way = Way::closed().await;
    let world =
        World::start_unready(&[("WORKER__CLAMD__ADDR", &format!("127.0.0.1:{}", way.port))]).await.unwrap();
    let mut ada = Citizen::sign_in(&world.bff, "ada", "ada-pw").await.unwrap();
    let mut live = ada.live(ada.clone().head().await.unwrap()).await.unwrap();
    let mut documents = Vec::new();
    for _ in 0..5 {
        documents.push(ada.hand_in(&files::pdf()).await.unwrap());
    }
    for document in &documents {
        live.wait_for(document.id(), &["document.uploaded"], WITHIN).await.unwrap();
    }
    // The worker says what it lacks, and nothing is scanned or given up.
    let report = world.report(e2e::Service::Worker).await.unwrap();
    assert!(report.contains("clamd"), "{report}");
    for document in &documents {
        let read = ada.get(&format!("/v1/documents/{}", document.id())).await.unwrap();
        assert!(["uploaded", "scanning"].contains(&read["status"].as_str().unwrap()), "{read}");
    }
    way.open().await;
    for document in &documents {
        live.wait_for(document.id(), &["document.ready"], WITHIN + Duration::from_secs(60)).await.unwrap();
    }
}
