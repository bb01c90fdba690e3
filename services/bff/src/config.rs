//! Settings, from `BFF__*`.

use std::path::PathBuf;

use secrecy::SecretString;
use service::channel::Target;
use settings::Env;
use url::Url;

/// Everything the service is told from outside.
#[derive(Debug, Clone)]
pub struct Config {
    /// The public port.
    pub http: Http,
    /// The admin port.
    pub admin: service::admin::Settings,
    /// Logs, traces and metrics.
    pub telemetry: telemetry::Settings,
    /// Whose tokens are trusted, and the service's own client.
    pub auth: auth::Settings,
    /// The client that signs people in.
    pub oidc: Oidc,
    /// Where sessions are.
    pub redis: Redis,
    /// Where the feed's hints come from.
    pub kafka: kafka::Settings,
    /// The document service.
    pub document: Target,
    /// The payment service.
    pub payment: Target,
    /// The notification service.
    pub notification: Target,
}

/// The public port.
#[derive(Debug, Clone)]
pub struct Http {
    /// Address and limits.
    pub server: service::http::Settings,
    /// The address people see, with a trailing slash.
    pub public_url: Url,
    /// Origins whose scripts may call the API with a session; the public URL's own always may.
    pub allowed_origins: Vec<String>,
    /// Origin that browsers upload to, for the page's content security policy.
    pub upload_origin: String,
}

/// Where sessions are.
#[derive(Debug, Clone)]
pub struct Redis {
    /// `redis://` or, over TLS, `rediss://`.
    pub url: SecretString,
    /// PEM file of the authority to trust over TLS; without it, the system's.
    pub tls_ca: Option<PathBuf>,
}

/// The client that signs people in.
#[derive(Debug, Clone)]
pub struct Oidc {
    /// Client id at the provider.
    pub client_id: String,
    /// Client secret at the provider.
    pub client_secret: SecretString,
}

impl Config {
    /// Reads `BFF__*`.
    ///
    /// # Errors
    ///
    /// All that is wrong, at once.
    pub fn from_env(mut env: Env) -> Result<Self, settings::Error> {
        let config = Self::load(&mut env);
        env.finish(config)
    }

    fn load(env: &mut Env) -> Option<Self> {
        let http = Http::load(env);
        let admin = service::admin::Settings::load(env);
        let telemetry = telemetry::Settings::load(env);
        let auth = auth::Settings::load_with_client(env);
        let client_id = env.var("OIDC__CLIENT_ID").required();
        let client_secret = env.secret("OIDC__CLIENT_SECRET").required();
        let redis_url = env.secret("REDIS__URL").required();
        let redis_ca =
            env.var::<PathBuf>("REDIS__TLS_CA").check("must be a file", |path| path.is_file()).optional();
        let kafka = kafka::Settings::load(env);
        let document = Target::load(env, "DOCUMENT__URL");
        let payment = Target::load(env, "PAYMENT__URL");
        let notification = Target::load(env, "NOTIFICATION__URL");
        Some(Self {
            http: http?,
            admin: admin?,
            telemetry: telemetry?,
            auth: auth?,
            oidc: Oidc { client_id: client_id?, client_secret: client_secret? },
            redis: Redis { url: redis_url?, tls_ca: redis_ca? },
            kafka: kafka?,
            document: document?,
            payment: payment?,
            notification: notification?,
        })
    }
}

impl Http {
    fn load(env: &mut Env) -> Option<Self> {
        let server = service::http::Settings::load(env);
        let public_url = env.var::<Url>("HTTP__PUBLIC_URL").required();
        let allowed_origins = env.var::<String>("HTTP__ALLOWED_ORIGINS").default(String::new());
        let upload_origin = env.var::<Url>("HTTP__UPLOAD_ORIGIN").required();
        let public_url = public_url?;
        let own = public_url.origin().ascii_serialization();
        let others = allowed_origins?;
        let others = others.split(',').map(str::trim).filter(|origin| !origin.is_empty()).map(str::to_owned);
        Some(Self {
            server: server?,
            allowed_origins: std::iter::once(own).chain(others).collect(),
            public_url,
            upload_origin: upload_origin?.origin().ascii_serialization(),
        })
    }
}
