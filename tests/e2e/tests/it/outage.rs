//! Losing a dependency delays and loses nothing.
//!
//! `GUILDHALL_OUTAGE_SECONDS` makes the outage in the midst of journeys last that long; otherwise it ends once it was noticed.

use std::time::{Duration, Instant};

use e2e::{Citizen, World, files};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

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
            // Dropped with this task, so that a cut way cuts scans under way too.
            let mut connections = JoinSet::new();
            while let Ok((mut from, _)) = listener.accept().await {
                let clamd = clamd.clone();
                connections.spawn(async move {
                    if let Ok(mut to) = TcpStream::connect(clamd).await {
                        // How a scan's connection ends is the scan's business.
                        let _ended = copy_bidirectional(&mut from, &mut to).await;
                    }
                });
            }
        }));
    }
}

impl Way {
    async fn cut(&mut self) {
        if let Some(task) = self.task.take() {
            task.abort();
            // It ends by having been aborted.
            let _aborted = task.await;
        }
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

#[tokio::test(flavor = "multi_thread")]
async fn when_clamd_stops_in_the_midst_of_journeys_they_are_delayed_and_none_is_lost() {
    let lasts = std::env::var("GUILDHALL_OUTAGE_SECONDS").map_or(0, |text| text.parse().expect("seconds"));
    let mut way = Way::closed().await;
    way.open().await;
    let world =
        World::start_unready(&[("WORKER__CLAMD__ADDR", &format!("127.0.0.1:{}", way.port))]).await.unwrap();
    world.ready(e2e::Service::Worker).await.unwrap();
    let mut ada = Citizen::sign_in(&world.bff, "ada", "ada-pw").await.unwrap();
    let mut live = ada.live(ada.clone().head().await.unwrap()).await.unwrap();
    let mut documents = vec![ada.hand_in(&files::pdf()).await.unwrap()];
    live.wait_for(documents[0].id(), &["document.ready"], WITHIN).await.unwrap();
    for _ in 0..3 {
        documents.push(ada.hand_in(&files::pdf()).await.unwrap());
    }
    way.cut().await;
    let away = Instant::now();
    // Citizens hand in as ever.
    for _ in 0..3 {
        documents.push(ada.hand_in(&files::pdf()).await.unwrap());
    }
    let noticed = testkit::eventually(WITHIN + Duration::from_secs(lasts), || async {
        let report = world.report(e2e::Service::Worker).await.map_err(|error| error.to_string())?;
        if report.contains("\"down\"") && away.elapsed() >= Duration::from_secs(lasts) {
            Ok(())
        } else {
            Err(report)
        }
    });
    noticed.await.unwrap();
    let outage = away.elapsed();
    way.open().await;
    let back = Instant::now();
    for document in &documents[1..] {
        live.wait_for(document.id(), &["document.ready"], WITHIN + Duration::from_secs(60)).await.unwrap();
    }
    let (outage, recovery) = (outage.as_secs(), back.elapsed());
    assert!(
        outage >= lasts && recovery < WITHIN + Duration::from_secs(60),
        "away {outage} s, back after {recovery:?}"
    );
}
