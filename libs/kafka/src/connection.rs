//! What every client of the library shares: its log lines, and the tokens of MSK.

use std::error::Error;
use std::sync::Arc;

use clock::Clock;
use rdkafka::client::{ClientContext, OAuthToken};
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::ConsumerContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};

use crate::msk_iam::{self, Tokens};
use crate::{Security, Settings};

/// A client's context: sends the library's log lines to `tracing` and signs tokens where MSK asks for them.
///
/// Contexts with callbacks of their own hold one and hand the methods of `ClientContext` on to it.
#[derive(Clone, Debug)]
pub struct Connection {
    tokens: Option<Arc<Tokens>>,
}

impl Connection {
    /// For clients of these settings. With MSK's IAM it starts the thread that signs tokens, which lives as long as
    /// a clone of the connection; nothing is asked of AWS before a client connects.
    ///
    /// # Errors
    /// When the thread cannot be started.
    pub fn new(settings: &Settings, clock: &Clock) -> Result<Self, msk_iam::Error> {
        let tokens = match &settings.security {
            Security::Plaintext | Security::ScramTls { .. } => None,
            Security::MskIam { region, .. } => Some(Arc::new(Tokens::start(region, clock)?)),
        };
        Ok(Self { tokens })
    }
}

impl ClientContext for Connection {
    const ENABLE_REFRESH_OAUTH_TOKEN: bool = true;

    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        match level {
            RDKafkaLogLevel::Emerg
            | RDKafkaLogLevel::Alert
            | RDKafkaLogLevel::Critical
            | RDKafkaLogLevel::Error => tracing::error!(kafka.facility = facility, "kafka client: {message}"),
            RDKafkaLogLevel::Warning => tracing::warn!(kafka.facility = facility, "kafka client: {message}"),
            RDKafkaLogLevel::Notice | RDKafkaLogLevel::Info => {
                tracing::info!(kafka.facility = facility, "kafka client: {message}");
            }
            RDKafkaLogLevel::Debug => tracing::debug!(kafka.facility = facility, "kafka client: {message}"),
        }
    }

    fn error(&self, error: KafkaError, reason: &str) {
        match error.rdkafka_error_code() {
            // Nobody can do more about a broker that is away than wait; the client tries again by itself.
            Some(RDKafkaErrorCode::BrokerTransportFailure | RDKafkaErrorCode::AllBrokersDown) => {
                tracing::warn!("kafka is not reachable: {reason}");
            }
            _ => tracing::error!("kafka client: {error}: {reason}"),
        }
    }

    fn generate_oauth_token(&self, _config: Option<&str>) -> Result<OAuthToken, Box<dyn Error>> {
        let tokens = self.tokens.as_ref().ok_or("tokens are for MSK only")?;
        Ok(tokens.token()?)
    }
}

impl ConsumerContext for Connection {}
