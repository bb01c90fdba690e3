//! Settings, from `PAYMENT__*`.

use std::path::PathBuf;

use settings::Env;
use time::Duration;

use crate::provider::{Accounts, AccountsError};

/// Everything the service can be told. Each section says which variables it reads.
#[derive(Clone, Debug)]
pub struct Config {
    /// `DB__*`.
    pub db: pg::Settings,
    /// `KAFKA__*`.
    pub kafka: kafka::Settings,
    /// `SQS__*`.
    pub sqs: queue::Settings,
    /// `KMS__*`: who wraps the keys of subjects.
    pub kms: envelope::Settings,
    /// `S3__*`: where checkpoints of the audit chains are.
    pub s3: blobs::Settings,
    /// `AUDIT__*`: who signs what the audit chains have come to.
    pub audit: evidence::Settings,
    /// `AUTH__*`.
    pub auth: auth::Settings,
    /// `TELEMETRY__*`.
    pub telemetry: telemetry::Settings,
    /// `GRPC__*`.
    pub grpc: service::grpc::Settings,
    /// `ADMIN__*`.
    pub admin: service::admin::Settings,
    /// `PROVIDERS__FILE`: a file with accounts at providers; nothing can be paid without it.
    pub providers: Accounts,
    /// `PROVIDERS__PATIENCE_SECONDS`, 1 to 3,600, default 120: after how long without anything that leads on the outcome of a payment is
    /// unknown.
    pub patience: Duration,
}

impl Config {
    /// Reads every section and tells everything that is wrong at once.
    ///
    /// # Errors
    /// One line per variable.
    pub fn load(mut env: Env) -> Result<Self, settings::Error> {
        let config = Self::sections(&mut env);
        env.finish(config)
    }

    fn sections(env: &mut Env) -> Option<Self> {
        // Each section is read before the first that is wrong ends this.
        let db = pg::Settings::load(env);
        let kafka = kafka::Settings::load(env);
        let sqs = queue::Settings::load(env);
        let kms = envelope::Settings::load(env);
        let s3 = blobs::Settings::load(env);
        let audit = evidence::Settings::load(env);
        let auth = auth::Settings::load(env);
        let telemetry = telemetry::Settings::load(env);
        let grpc = service::grpc::Settings::load(env);
        let admin = service::admin::Settings::load(env);
        let providers = providers(env);
        let patience = env.var::<u16>("PROVIDERS__PATIENCE_SECONDS");
        let patience = patience.check("must be 1 to 3600", |n| (1..=3_600).contains(n)).default(120);
        Some(Self {
            db: db?,
            kafka: kafka?,
            sqs: sqs?,
            kms: kms?,
            s3: s3?,
            audit: audit?,
            auth: auth?,
            telemetry: telemetry?,
            grpc: grpc?,
            admin: admin?,
            providers: providers?,
            patience: Duration::seconds(patience?.into()),
        })
    }
}

pub(crate) fn providers(env: &mut Env) -> Option<Accounts> {
    let Some(file) = env.var::<PathBuf>("PROVIDERS__FILE").optional()? else {
        return Some(Accounts::default());
    };
    match Accounts::open(&file) {
        Ok(accounts) => Some(accounts),
        Err(error) => {
            match error {
                AccountsError::Invalid(problems) => {
                    problems.iter().for_each(|problem| env.problem("PROVIDERS__FILE", problem.to_string()));
                }
                other => env.problem("PROVIDERS__FILE", other.to_string()),
            }
            None
        }
    }
}
