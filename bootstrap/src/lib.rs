#![doc = include_str!("../README.md")]

mod config;
mod topics;

use clock::Clock;
use service::BoxError;
use topology::Topology;

pub use config::Config;
pub use topics::Error as TopicError;

/// Makes everything that is not there.
///
/// # Errors
/// What the database or the brokers refuse, by name; what was made before stays.
pub async fn run(config: &Config, clock: &Clock) -> Result<(), BoxError> {
    for plan in &config.databases {
        pg::bootstrap(&config.admin_url, plan).await?;
        tracing::info!(database = plan.database, "database and logins are there");
    }
    topics::create(&config.kafka, clock, &Topology::get().topics, config.replicas).await?;
    Ok(())
}
