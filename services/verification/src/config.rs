//! Settings, from `VERIFICATION__*`.

use std::path::PathBuf;

use settings::Env;

use crate::provider::{Accounts, FileError};

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
    /// `DOCUMENT__URL`: the document service.
    pub document: service::channel::Target,
    /// `PROVIDERS__FILE`: a file with accounts at identity providers; without it every case comes to a person.
    pub accounts: Accounts,
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
        let auth = auth::Settings::load_with_client(env);
        let telemetry = telemetry::Settings::load(env);
        let grpc = service::grpc::Settings::load(env);
        let admin = service::admin::Settings::load(env);
        let document = service::channel::Target::load(env, "DOCUMENT__URL");
        let accounts = accounts(env);
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
            document: document?,
            accounts: accounts?,
        })
    }
}

fn accounts(env: &mut Env) -> Option<Accounts> {
    let Some(file) = env.var::<PathBuf>("PROVIDERS__FILE").optional()? else {
        return Some(Accounts::default());
    };
    match Accounts::open(&file) {
        Ok(accounts) => Some(accounts),
        Err(error) => {
            match error {
                FileError::Invalid(problems) => {
                    problems.iter().for_each(|problem| env.problem("PROVIDERS__FILE", problem.to_string()));
                }
                other => env.problem("PROVIDERS__FILE", other.to_string()),
            }
            None
        }
    }
}
