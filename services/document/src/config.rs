//! Settings, from `DOCUMENT__*`.

use settings::Env;
use time::Duration;

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
    /// `S3__*`.
    pub s3: blobs::Settings,
    /// `REJECTED__KEEP_DAYS`, 0 to 365, default 7: how long the bytes of what was refused are kept.
    pub keep_rejected: Duration,
    /// `EXPORTS__KEEP_DAYS`, 1 to 30, default 7: how long an exported case is kept for those who fetch it.
    pub keep_exports: Duration,
    /// `AUDIT__*`: who signs what the audit chains have come to, and exports.
    pub audit: evidence::Settings,
    /// `TSA__*`: whose time-stamp exports get; none where it is not set.
    pub tsa: Option<timestamp::Settings>,
    /// `AUTH__*`.
    pub auth: auth::Settings,
    /// `TELEMETRY__*`.
    pub telemetry: telemetry::Settings,
    /// `GRPC__*`.
    pub grpc: service::grpc::Settings,
    /// `ADMIN__*`.
    pub admin: service::admin::Settings,
    /// `RECONCILE__*`.
    pub reconcile: Reconcile,
    /// `INTEGRITY__EVERY_DAYS`, 1 to 3,650, default 30: how often a ready version is read again.
    pub integrity_every: Duration,
}

/// How rows and objects are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reconcile {
    /// `RECONCILE__EVERY_SECONDS`, default a day; `None` for 0, which leaves it to the command.
    pub every: Option<Duration>,
    /// `RECONCILE__HORIZON_SECONDS`, default 48 hours: what is younger is nobody's orphan.
    pub horizon: Duration,
    /// `RECONCILE__PAUSE_MS`, default 1,000: between batches of a pass that nobody waits for.
    pub pause: std::time::Duration,
}

impl Reconcile {
    /// Reads `RECONCILE__*`; notes every error in `env`.
    pub fn load(env: &mut Env) -> Option<Self> {
        const YEAR: u32 = 366 * 24 * 3_600;
        let mut seconds = |name: &str, default: u32| {
            env.var::<u32>(name).check("must be 0 to 31622400", |n| *n <= YEAR).default(default)
        };
        let every = seconds("RECONCILE__EVERY_SECONDS", 24 * 3_600);
        let horizon = seconds("RECONCILE__HORIZON_SECONDS", 48 * 3_600);
        let pause = env.var::<u64>("RECONCILE__PAUSE_MS");
        let pause = pause.check("must be 0 to 60000", |n| *n <= 60_000).default(1_000);
        Some(Self {
            every: every.map(|n| (n > 0).then(|| Duration::seconds(n.into())))?,
            horizon: Duration::seconds(horizon?.into()),
            pause: std::time::Duration::from_millis(pause?),
        })
    }
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
        let keep_rejected = keep_rejected(env);
        let keep_exports = keep_exports(env);
        let audit = evidence::Settings::load(env);
        let tsa = timestamp::Settings::load(env);
        let auth = auth::Settings::load(env);
        let telemetry = telemetry::Settings::load(env);
        let grpc = service::grpc::Settings::load(env);
        let admin = service::admin::Settings::load(env);
        let reconcile = Reconcile::load(env);
        let days = env
            .var("INTEGRITY__EVERY_DAYS")
            .check("must be 1 to 3650", |n| (1..=3_650).contains(n))
            .default(30);
        Some(Self {
            db: db?,
            kafka: kafka?,
            sqs: sqs?,
            kms: kms?,
            s3: s3?,
            keep_rejected: keep_rejected?,
            keep_exports: keep_exports?,
            audit: audit?,
            tsa: tsa?,
            auth: auth?,
            telemetry: telemetry?,
            grpc: grpc?,
            admin: admin?,
            reconcile: reconcile?,
            integrity_every: Duration::days(days?),
        })
    }
}

/// Reads `REJECTED__KEEP_DAYS`.
pub fn keep_rejected(env: &mut Env) -> Option<Duration> {
    let days = env.var("REJECTED__KEEP_DAYS").check("must be 0 to 365", |days| (0..=365).contains(days));
    days.default(7).map(Duration::days)
}

/// Reads `EXPORTS__KEEP_DAYS`.
pub fn keep_exports(env: &mut Env) -> Option<Duration> {
    let days = env.var("EXPORTS__KEEP_DAYS").check("must be 1 to 30", |days| (1..=30).contains(days));
    days.default(7).map(Duration::days)
}
