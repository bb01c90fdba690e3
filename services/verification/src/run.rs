//! From settings to a running service.

use std::net::SocketAddr;

use audit::Trail;
use auth::{TokenSource, Verifier};
use blobs::Blobs;
use clock::Clock;
use envelope::{Envelope, Kms};
use outbox::Relay;
use pg::Db;
use policy::Kinds;
use proto::verification::v1::provider_service_server::ProviderServiceServer;
use proto::verification::v1::review_service_server::ReviewServiceServer;
use proto::verification::v1::verification_service_server::VerificationServiceServer;
use queue::Sqs;
use service::{BoxError, Shutdown, admin};
use sqlx::migrate::Migrator;
use topology::topics;

use crate::app::Checker;
use crate::documents::Documents;
use crate::domain::VerificationPolicy;
use crate::grpc::Api;
use crate::metrics::Metrics;
use crate::{Config, State, consumers, jobs};

/// Every migration of the service's database, in the order in which they are applied.
pub static MIGRATORS: &[&Migrator] = &[
    &outbox::MIGRATOR,
    &consumer::MIGRATOR,
    &due::MIGRATOR,
    &idempotency::MIGRATOR,
    &envelope::MIGRATOR,
    &policy::MIGRATOR,
    &audit::MIGRATOR,
    &crate::MIGRATOR,
];

/// Connections of the audit chain. Its own, so that those who wait for a chain's head keep none from a call.
const CHAIN_CONNECTIONS: u32 = 2;

/// A service whose ports are open.
#[derive(Debug)]
pub struct Running {
    /// Where the gRPC port is.
    pub grpc: SocketAddr,
    /// The admin port.
    pub admin: admin::Admin,
    /// What the use cases work with.
    pub state: State,
    /// What has happened, in chains that nobody changes unseen.
    pub trail: Trail,
}

/// Runs the service until it is asked to stop, then until what it has begun is finished.
///
/// # Errors
/// When a port cannot be opened, or a task failed.
pub async fn run(config: Config, shutdown: Shutdown) -> Result<(), BoxError> {
    let running = start(&config, Clock::system(), &shutdown).await?;
    running.admin.started();
    shutdown.finished().await?;
    tokio::join!(running.state.db.close(), running.trail.books.db.close());
    Ok(())
}

/// Starts everything and opens the ports. Waits for no dependency: `/ready` says which are missing.
///
/// # Errors
/// When a setting or the key file cannot be used, or a port cannot be opened.
pub async fn start(config: &Config, clock: Clock, shutdown: &Shutdown) -> Result<Running, BoxError> {
    let db = Db::connect(&config.db, "verification")?;
    let blobs = Blobs::new(&config.s3, clock.clone()).await;
    let sqs = Sqs::new(&config.sqs).await;
    let verifier = Verifier::new(&config.auth, clock.clone());
    let tokens = TokenSource::new(&config.auth, clock.clone())?;
    let chains = pg::Settings { max_connections: CHAIN_CONNECTIONS, ..config.db.clone() };
    let chains = Db::connect(&chains, "verification-audit")?;
    let trail = Trail::new(&chains, &blobs, &clock, &config.audit, "verification");
    let state = State {
        db: db.clone(),
        clock: clock.clone(),
        envelope: Envelope::new(Kms::open(&config.kms).await?, &clock),
        accounts: config.accounts.clone(),
        documents: Documents::new(service::channel::balanced(&config.document), tokens.clone()),
        metrics: Metrics::new(),
    };

    let relay = Relay::new(db.clone(), config.kafka.clone(), sqs, clock.clone())?;
    let (checker, checking) = Checker::new();
    let runner = jobs::runner(&state, &checker);
    let inbox = consumers::inbox(&state, &config.kafka)?;
    let chained = trail.inbox(&config.kafka, &[topics::VERIFICATION])?;
    let policies = policy::server(&db, &clock, Kinds::new().with::<VerificationPolicy>());
    let letters = dead_letters::server(&db, &clock, vec![inbox.dead_letters(), chained.dead_letters()])?;
    shutdown.keep("outbox relay", relay.run(shutdown.token()));
    shutdown.keep("event consumer", inbox.run(shutdown.token()));
    shutdown.keep("audit chain", chained.run(shutdown.token()));
    shutdown.keep("audit checkpoints", trail.clone().seal_until(shutdown.token()));
    let forget = consumer::forget_until(db.clone(), clock.clone(), shutdown.token());
    shutdown.keep("inbox sweep", forget);
    shutdown.keep("due runner", runner.run(shutdown.token()));
    shutdown.keep("checks", checking.run(state.clone(), shutdown.token()));
    let sweep = idempotency::sweep_until(db.clone(), clock.clone(), shutdown.token());
    shutdown.keep("idempotency sweep", sweep);
    let rewrap = state.envelope.clone().rewrap_until(db.clone(), shutdown.token());
    shutdown.keep("key rotation", rewrap);

    let grpc = service::grpc::Server::new(&config.grpc, auth::Layer::new(verifier.clone()))
        .service(service::grpc_service!(VerificationServiceServer::new(Api::new(state.clone()))))
        .service(service::grpc_service!(ReviewServiceServer::new(Api::new(state.clone()))))
        .service(service::grpc_service!(ProviderServiceServer::new(Api::new(state.clone()))))
        .service(service::grpc_service!(policies))
        .service(service::grpc_service!(letters))
        .service(service::grpc_service!(audit::server(&trail.books)))
        .serve(shutdown)
        .await?;
    // Providers are nobody's dependency: where none answers a person decides.
    let admin = admin::Server::new(&config.admin)
        .check("postgres", &db, |db| async move { db.ping().await })
        .check("issuer", &verifier, |verifier| async move { verifier.ready().await })
        .optional_check("relay", &(db, clock), |(db, clock)| outbox::relayed(db, clock))
        .optional_check("audit", &trail, Trail::check)
        .serve(shutdown)
        .await?;
    Ok(Running { grpc, admin, state, trail })
}
