//! From settings to a running service.

use std::net::SocketAddr;
use std::sync::Arc;

use auth::{TokenSource, Verifier};
use clock::Clock;
use envelope::{Envelope, Kms};
use outbox::Relay;
use pg::Db;
use queue::Sqs;
use service::{BoxError, Shutdown, admin, channel};
use sqlx::migrate::Migrator;

use crate::documents::Documents;
use crate::ready::Kafka;
use crate::templates::Templates;
use crate::{Config, State, consumers, grpc, jobs};

/// Every migration of the service's database, in the order in which they are applied.
#[must_use]
pub fn migrators() -> [&'static Migrator; 6] {
    [
        &outbox::MIGRATOR,
        &consumer::MIGRATOR,
        &due::MIGRATOR,
        &idempotency::MIGRATOR,
        &envelope::MIGRATOR,
        &crate::MIGRATOR,
    ]
}

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
/// When a setting or the key file cannot be used, or a port cannot be opened.
pub async fn start(config: &Config, clock: Clock, shutdown: &Shutdown) -> Result<Running, BoxError> {
    let db = Db::connect(&config.db, "notification")?;
    let sqs = Sqs::new(&config.sqs).await;
    let verifier = Verifier::new(&config.auth, clock.clone());
    let tokens = TokenSource::new(&config.auth, clock.clone())?;
    let state = State {
        db: db.clone(),
        clock: clock.clone(),
        envelope: Envelope::new(Kms::open(&config.kms).await?, &clock),
        templates: Arc::new(Templates::embedded()?),
        documents: Documents::new(channel::balanced(&config.document), tokens),
    };

    let relay = Relay::new(db.clone(), config.kafka.clone(), sqs, clock.clone())?;
    let inbox = consumers::inbox(&state, &config.kafka)?;
    let letters = dead_letters::server(&db, &clock, vec![inbox.dead_letters()])?;
    let runner = jobs::runner(&state);
    shutdown.keep("outbox relay", relay.run(shutdown.token()));
    shutdown.keep("event consumer", inbox.run(shutdown.token()));
    shutdown.keep("due runner", runner.run(shutdown.token()));
    let sweep = idempotency::sweep_until(db.clone(), clock.clone(), shutdown.token());
    shutdown.keep("idempotency sweep", sweep);
    let rewrap = state.envelope.clone().rewrap_until(db.clone(), shutdown.token());
    shutdown.keep("key rotation", rewrap);
    let forget = consumer::forget_until(db.clone(), clock.clone(), shutdown.token());
    shutdown.keep("inbox sweep", forget);

    let grpc = service::grpc::Server::new(&config.grpc, auth::Layer::new(verifier.clone()))
        .service(service::grpc_service!(grpc::Service::server(state.clone())))
        .service(service::grpc_service!(letters))
        .serve(shutdown)
        .await?;
    // Without Kafka nothing new arrives, but feeds can be read and deliveries reported: it is shown, and calls go on.
    let admin = admin::Server::new(&config.admin)
        .check("postgres", &db, |db| async move { db.ping().await })
        .check("issuer", &verifier, |verifier| async move { verifier.ready().await })
        .optional_check("kafka", &Kafka::new(&config.kafka, &clock)?, Kafka::check)
        .serve(shutdown)
        .await?;
    Ok(Running { grpc, admin, state })
}
