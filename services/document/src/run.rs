//! From settings to a running service.

use std::convert::Infallible;
use std::net::SocketAddr;

use auth::Verifier;
use blobs::Blobs;
use clock::Clock;
use outbox::Relay;
use pg::Db;
use policy::Kinds;
use proto::document::v1::case_service_server::CaseServiceServer;
use proto::document::v1::document_service_server::DocumentServiceServer;
use queue::Sqs;
use service::{BoxError, Shutdown, admin};
use sqlx::migrate::Migrator;

use crate::app::Cleaner;
use crate::domain::{RetentionPolicy, UploadPolicy};
use crate::grpc::Api;
use crate::{Config, State, jobs, ready};

/// Every migration of the service's database, in the order in which they are applied.
pub static MIGRATORS: &[&Migrator] =
    &[&outbox::MIGRATOR, &due::MIGRATOR, &idempotency::MIGRATOR, &policy::MIGRATOR, &crate::MIGRATOR];

/// A service whose ports are open.
#[derive(Debug)]
pub struct Running {
    /// Where the gRPC port is.
    pub grpc: SocketAddr,
    /// The admin port.
    pub admin: admin::Admin,
    /// What the use cases work with.
    pub state: State,
}

/// Runs the service until it is asked to stop, then until what it has begun is finished.
///
/// # Errors
/// When a port cannot be opened, or a task failed.
pub async fn run(config: Config, shutdown: Shutdown) -> Result<(), BoxError> {
    let running = start(&config, Clock::system(), &shutdown).await?;
    running.admin.started();
    shutdown.finished().await?;
    running.state.db.close().await;
    Ok(())
}

/// Starts everything and opens the ports. Waits for no dependency: `/ready` says which are missing.
///
/// # Errors
/// When a setting cannot be used or a port cannot be opened.
pub async fn start(config: &Config, clock: Clock, shutdown: &Shutdown) -> Result<Running, BoxError> {
    let db = Db::connect(&config.db, "document")?;
    let blobs = Blobs::new(&config.s3, clock.clone()).await;
    let sqs = Sqs::new(&config.sqs).await;
    let verifier = Verifier::new(&config.auth, clock.clone());
    let state = State { db: db.clone(), clock: clock.clone(), blobs: blobs.clone() };

    let relay = Relay::new(db.clone(), config.kafka.clone(), sqs, clock.clone())?;
    let (cleaner, cleaning) = Cleaner::new();
    let runner = jobs::runner(&state, &cleaner);
    spawn(shutdown, "outbox relay", relay.run(shutdown.token()));
    spawn(shutdown, "due runner", runner.run(shutdown.token()));
    spawn(shutdown, "object chores", cleaning.run(state.clone(), shutdown.token()));
    let sweep = idempotency::sweep_until(db.clone(), clock.clone(), shutdown.token());
    spawn(shutdown, "idempotency sweep", sweep);

    let grpc = service::grpc::Server::new(&config.grpc, auth::Layer::new(verifier.clone()))
        .service(service::grpc_service!(DocumentServiceServer::new(Api::new(state.clone()))))
        .service(service::grpc_service!(CaseServiceServer::new(Api::new(state.clone()))))
        .service(service::grpc_service!(dead_letters::server(&db, &clock, Vec::new())?))
        .service(service::grpc_service!(policy::server(&db, &clock, policies())))
        .serve(shutdown)
        .await?;
    let admin = admin::Server::new(&config.admin)
        .check("postgres", &db, |db| async move { db.ping().await })
        .check("s3", &blobs, |blobs| async move { blobs.check().await })
        .check("issuer", &verifier, |verifier| async move { verifier.ready().await })
        .optional_check("relay", &state, |state| ready::relayed(state.db, state.clock))
        .serve(shutdown)
        .await?;
    Ok(Running { grpc, admin, state })
}

/// What a tenant's staff may publish.
fn policies() -> Kinds {
    Kinds::new().with::<UploadPolicy>().with::<RetentionPolicy>()
}

/// A task that ends when asked, and never fails: what it depends on is waited for.
fn spawn(shutdown: &Shutdown, name: &'static str, task: impl Future<Output = ()> + Send + 'static) {
    shutdown.spawn(name, async move {
        task.await;
        Ok::<_, Infallible>(())
    });
}
