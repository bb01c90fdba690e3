//! The HTTP face of Guildhall. It signs people in and keeps their tokens, forwards each call with the caller's own token
//! to the service that owns the data, and follows the notification topic so that people see what happens as it happens.
//!
//! It owns nothing durable: sessions are in Redis, and losing them costs a sign-in, never a document.

pub mod config;
pub mod http;
pub mod live;
pub mod oidc;
pub mod principal;
pub mod problem;
mod run;
pub mod services;
pub mod session;

pub use config::Config;
pub use run::{Running, ping, redis, run, start};

use std::sync::Arc;

use auth::Verifier;
use clock::Clock;
use deadpool_redis::Pool;
use service::Shutdown;

use crate::live::Hub;
use crate::oidc::Provider;
use crate::services::Services;
use crate::session::RedisStore;

/// What every handler sees; cheap to clone.
#[derive(Clone)]
pub struct App {
    /// Settings.
    pub config: Arc<Config>,
    /// The time.
    pub clock: Clock,
    /// Checks tokens.
    pub verifier: Verifier,
    /// Signs people in.
    pub provider: Provider,
    /// Sessions.
    pub redis: Pool,
    /// The services behind.
    pub services: Services,
    /// Who follows their feed here.
    pub hub: Hub,
    /// Ends live streams when the process is told to stop.
    pub shutdown: Shutdown,
}

impl App {
    /// Where sessions are.
    #[must_use]
    pub fn sessions(&self) -> RedisStore {
        RedisStore::new(self.redis.clone(), self.clock.clone())
    }
}
