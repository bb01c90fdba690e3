//! Settings, from `DOCUMENT__*`.

use settings::Env;

/// Everything the service can be told. Each section says which variables it reads.
#[derive(Clone, Debug)]
pub struct Config {
    /// `DB__*`.
    pub db: pg::Settings,
    /// `KAFKA__*`.
    pub kafka: kafka::Settings,
    /// `SQS__*`.
    pub sqs: queue::Settings,
    /// `S3__*`.
    pub s3: blobs::Settings,
    /// `AUTH__*`.
    pub auth: auth::Settings,
    /// `TELEMETRY__*`.
    pub telemetry: telemetry::Settings,
    /// `GRPC__*`.
    pub grpc: service::grpc::Settings,
    /// `ADMIN__*`.
    pub admin: service::admin::Settings,
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
        let s3 = blobs::Settings::load(env);
        let auth = auth::Settings::load(env);
        let telemetry = telemetry::Settings::load(env);
        let grpc = service::grpc::Settings::load(env);
        let admin = service::admin::Settings::load(env);
        Some(Self {
            db: db?,
            kafka: kafka?,
            sqs: sqs?,
            s3: s3?,
            auth: auth?,
            telemetry: telemetry?,
            grpc: grpc?,
            admin: admin?,
        })
    }
}
