//! Putting the service together.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use auth::{TokenSource, Verifier};
use clock::Clock;
use deadpool_redis::redis::TlsCertificates;
use deadpool_redis::{Manager, Pool, Runtime};
use secrecy::ExposeSecret;
use service::admin::Admin;
use service::{BoxError, Shutdown, admin, channel};

use crate::config::{Config, Redis};
use crate::live::Hub;
use crate::oidc::Provider;
use crate::services::Services;
use crate::{App, http};

/// Whose events tell that a feed has grown.
const FEED_TOPIC: &str = "guildhall.notification.v1";

/// Sessions in use at once; a request holds one for a round trip or two.
const REDIS_CONNECTIONS: usize = 32;

/// The service while it runs.
#[derive(Debug)]
pub struct Running {
    /// The public port.
    pub http: SocketAddr,
    /// The admin port.
    pub admin: Admin,
}

/// Runs until asked to stop.
///
/// # Errors
///
/// When a port cannot be opened or a task fails.
pub async fn run(config: Config, clock: Clock, shutdown: Shutdown) -> Result<(), BoxError> {
    start(config, clock, &shutdown).await?;
    Ok(shutdown.finished().await?)
}

/// Opens the ports and starts the tasks. No dependency needs to be there yet.
///
/// # Errors
///
/// When a port cannot be opened or a client cannot be made.
pub async fn start(config: Config, clock: Clock, shutdown: &Shutdown) -> Result<Running, BoxError> {
    let redis = redis(&config.redis)?;
    let verifier = Verifier::new(&config.auth, clock.clone());
    let services = Services::new(
        channel::balanced(&config.document),
        channel::balanced(&config.payment),
        channel::balanced(&config.notification),
        TokenSource::new(&config.auth, clock.clone())?,
    );
    let provider = Provider::new(&config, clock.clone())?;
    let hub = Hub::new(services.clone());
    let tail = consumer::tail(&config.kafka, &clock, FEED_TOPIC)?;

    let admin = admin::Server::new(&config.admin)
        .check("redis", &redis, async |redis| ping(&redis).await)
        .check("oidc", &verifier, async |verifier: Verifier| verifier.ready().await)
        .serve(shutdown)
        .await?;
    shutdown.spawn("feed hints", follow(hub.clone(), tail, shutdown.clone()));
    shutdown.spawn("feed heads", repair(hub.clone(), shutdown.clone()));

    let app = App {
        config: Arc::new(config),
        clock,
        verifier,
        provider,
        redis,
        services,
        hub,
        shutdown: shutdown.clone(),
    };
    let router = http::router(&app, &admin);
    let http = service::http::serve(&app.config.http.server, router, shutdown).await?;
    admin.started();
    tracing::info!(%http, "serving");
    Ok(Running { http, admin })
}

async fn follow(hub: Hub, tail: consumer::Tail, shutdown: Shutdown) -> Result<(), BoxError> {
    hub.follow(tail, shutdown.token()).await;
    Ok(())
}

async fn repair(hub: Hub, shutdown: Shutdown) -> Result<(), BoxError> {
    hub.repair(shutdown.token()).await;
    Ok(())
}

/// Connections for sessions; over TLS the server must prove its name. Nothing is dialled yet.
///
/// # Errors
///
/// When the URL is none or the authority's file cannot be used.
pub fn redis(settings: &Redis) -> Result<Pool, BoxError> {
    let url = settings.url.expose_secret();
    let info = match &settings.tls_ca {
        None => deadpool_redis::redis::Client::open(url)?,
        Some(path) => {
            let authority = std::fs::read(path)?;
            let trusted = TlsCertificates { client_tls: None, root_cert: Some(authority) };
            deadpool_redis::redis::Client::build_with_tls(url, trusted)?
        }
    };
    let manager = Manager::new(info.get_connection_info().clone())?;
    let wait = Some(Duration::from_secs(2));
    Ok(Pool::builder(manager)
        .max_size(REDIS_CONNECTIONS)
        .wait_timeout(wait)
        .create_timeout(wait)
        .recycle_timeout(wait)
        .runtime(Runtime::Tokio1)
        .build()?)
}

/// Whether Redis answers.
///
/// # Errors
///
/// When it does not.
pub async fn ping(redis: &Pool) -> Result<(), BoxError> {
    let mut connection = redis.get().await?;
    deadpool_redis::redis::cmd("PING").query_async::<()>(&mut connection).await?;
    Ok(())
}
