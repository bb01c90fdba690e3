//! Hazard 1: a caller that goes away in the middle must neither cut a transaction nor spoil a connection.
//!
//! `GUILDHALL_CANCELLATIONS` sets how many calls each test cancels; 4,000 when it is not there.

use std::cell::RefCell;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, AtomicU32, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use pg::{Db, Error};
use testkit::{TestDb, eventually};
use tokio::net::TcpListener;
use tonic::transport::{Endpoint, Server, server::TcpIncoming};
use tonic::{Request, Response, Status};
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use tonic_health::pb::health_server::{Health, HealthServer};
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse};

use crate::harness::{SOON, database, insert, open_transactions, riverton, seen};

fn cancellations() -> u32 {
    std::env::var("GUILDHALL_CANCELLATIONS").map_or(4_000, |count| count.parse().expect("a number"))
}

/// Lets a future run for this long, then drops it. Spins: timers are a hundred times too coarse.
async fn cancel_after<T>(patience: Duration, future: impl Future<Output = T>) -> Option<T> {
    let mut future = pin!(future);
    let deadline = Instant::now() + patience;
    while Instant::now() < deadline {
        if let Poll::Ready(value) = future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            return Some(value);
        }
        tokio::task::yield_now().await;
    }
    None
}

/// A pool of one connection, and units that write two rows and are counted.
#[derive(Clone)]
struct Writes {
    db: Db,
    began: Arc<AtomicU32>,
    ended: Arc<AtomicU32>,
    next: Arc<AtomicI32>,
}

impl Writes {
    fn new(database: &TestDb, name: &str) -> Self {
        let mut settings = database.settings();
        settings.max_connections = 1;
        let db = Db::connect(&settings, name).unwrap();
        Self { db, began: Arc::default(), ended: Arc::default(), next: Arc::default() }
    }

    async fn write(&self) -> Result<(), Error> {
        let (began, ended) = (self.began.clone(), self.ended.clone());
        let id = self.next.fetch_add(2, Ordering::SeqCst);
        let unit = self.db.tenant(riverton(), move |tx| {
            Box::pin(async move {
                began.fetch_add(1, Ordering::SeqCst);
                insert(tx, "riverton", id).await?;
                insert(tx, "riverton", id + 1).await?;
                ended.fetch_add(1, Ordering::SeqCst);
                Ok::<_, Error>(())
            })
        });
        unit.await
    }

    /// Every unit that began is whole, no transaction is open, and it was one connection all the time.
    async fn verify(&self, database: &TestDb, name: &str, answered: u32) {
        let settled = eventually(SOON, || async {
            let began = self.began.load(Ordering::SeqCst);
            if began == self.ended.load(Ordering::SeqCst) { Ok(()) } else { Err(began) }
        });
        settled.await.expect("every unit that began ends");
        // The pool has one connection: this waits for the last unit's commit.
        let rows = seen(&self.db, riverton()).await.len();
        let ended = self.ended.load(Ordering::SeqCst);
        assert_eq!(rows, 2 * ended as usize, "each unit that began is whole");
        assert!(answered > 0, "no call was ever answered");
        assert!(
            ended > answered,
            "{ended} units ran, {answered} were answered: none was cut by a dropped caller"
        );
        let open = eventually(SOON, || async {
            match open_transactions(&mut database.admin().await, name).await {
                0 => Ok(()),
                open => Err(open),
            }
        });
        open.await.expect("no transaction is left open");
        let sessions: i64 =
            sqlx::query_scalar("select sessions from pg_stat_database where datname = current_database()")
                .fetch_one(&mut database.admin().await)
                .await
                .unwrap();
        assert!(sessions < 50, "{sessions} sessions: connections were closed instead of reused");
    }
}

/// Makes calls until that many were cancelled, spread evenly from before the first poll to after the answer; says how
/// many were answered instead.
async fn cancel<T, E: std::fmt::Debug, F: Future<Output = Result<T, E>>>(call: impl Fn() -> F) -> u32 {
    for _ in 0..5 {
        call().await.unwrap();
    }
    let (mut answered, mut cancelled, mut round) = (5, 0, 0u32);
    while cancelled < cancellations() {
        // Waits for its answer: it stands behind what the cancelled ones left to the one connection, so that those which
        // follow have a chance, and it tells how long a call takes on this machine now.
        let started = Instant::now();
        call().await.unwrap();
        answered += 1;
        let typical = started.elapsed();
        for _ in 0..3 {
            round = round.wrapping_add(1);
            let share = round.wrapping_mul(2_654_435_761) >> 16;
            match cancel_after(typical * 2 * share / 65_536, call()).await {
                Some(answer) => {
                    answer.unwrap();
                    answered += 1;
                }
                None => cancelled += 1,
            }
        }
    }
    answered
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cancelling_anywhere_poisons_no_connection_and_cuts_no_transaction() {
    let database = database().await;
    let writes = Writes::new(&database, "cancel");
    let answered = cancel(|| writes.write()).await;
    writes.verify(&database, "cancel", answered).await;
}

/// A service whose handler writes; counts the handlers that were dropped before they answered.
struct Handler {
    writes: Writes,
    dropped: Arc<AtomicU32>,
}

struct Entered<'h>(&'h AtomicU32);

impl Drop for Entered<'_> {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

#[tonic::async_trait]
impl Health for Handler {
    async fn check(&self, _: Request<HealthCheckRequest>) -> Result<Response<HealthCheckResponse>, Status> {
        let entered = Entered(&self.dropped);
        let written = self.writes.write().await;
        std::mem::forget(entered);
        written.map_err(|error| Status::unavailable(error.to_string()))?;
        Ok(Response::new(HealthCheckResponse { status: ServingStatus::Serving.into() }))
    }

    type WatchStream = futures::stream::Empty<Result<HealthCheckResponse, Status>>;

    async fn watch(&self, _: Request<HealthCheckRequest>) -> Result<Response<Self::WatchStream>, Status> {
        Err(Status::unimplemented("not watched"))
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_hangs_up_anywhere_poisons_no_connection_and_cuts_no_transaction() {
    let database = database().await;
    let writes = Writes::new(&database, "hangup");
    let dropped = Arc::new(AtomicU32::new(0));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let handler = Handler { writes: writes.clone(), dropped: dropped.clone() };
    let server = Server::builder()
        .add_service(HealthServer::new(handler))
        .serve_with_incoming(TcpIncoming::from(listener).with_nodelay(Some(true)));
    let server = tokio::spawn(server);
    let endpoint = Endpoint::from_shared(format!("http://{address}")).unwrap();
    // A connection ends itself after a thousand resets, as a measure against floods of them.
    let channel = RefCell::new((0, endpoint.connect_lazy()));
    let answered = cancel(|| {
        let mut channel = channel.borrow_mut();
        channel.0 += 1;
        if channel.0 % 400 == 0 {
            channel.1 = endpoint.connect_lazy();
        }
        let mut client = HealthClient::new(channel.1.clone());
        async move { client.check(HealthCheckRequest::default()).await }
    })
    .await;
    writes.verify(&database, "hangup", answered).await;
    let dropped = dropped.load(Ordering::SeqCst);
    assert!(dropped > cancellations() / 20, "only {dropped} handlers were dropped while they worked");
    server.abort();
}
