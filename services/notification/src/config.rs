//! Settings, from `NOTIFICATION__*`.

use service::channel::Target;
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
    /// `KMS__*`: who wraps the keys of subjects.
    pub kms: envelope::Settings,
    /// `AUTH__*`, with this service's own client.
    pub auth: auth::Settings,
    /// `TELEMETRY__*`.
    pub telemetry: telemetry::Settings,
    /// `GRPC__*`.
    pub grpc: service::grpc::Settings,
    /// `ADMIN__*`.
    pub admin: service::admin::Settings,
    /// `DOCUMENT__URL`: where the document service is.
    pub document: Target,
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
        let auth = auth::Settings::load_with_client(env);
        let telemetry = telemetry::Settings::load(env);
        let grpc = service::grpc::Settings::load(env);
        let admin = service::admin::Settings::load(env);
        let document = Target::load(env, "DOCUMENT__URL");
        Some(Self {
            db: db?,
            kafka: kafka?,
            sqs: sqs?,
            kms: kms?,
            auth: auth?,
            telemetry: telemetry?,
            grpc: grpc?,
            admin: admin?,
            document: document?,
        })
    }
}
