use std::path::{Path, PathBuf};
use std::str::FromStr;

use secrecy::{ExposeSecret, SecretString};
use settings::{Env, Var};
use sqlx::postgres::{PgConnectOptions, PgSslMode};

use crate::{Error, Urls};

/// Where a service's database is and who it signs in as.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `DB__URL`: the app role, `postgres://document_app:..@host/document`; may point at a pooler.
    pub url: SecretString,
    /// `DB__SYSTEM_URL`: the system role, straight to the server.
    pub system_url: SecretString,
    /// `DB__OWNER_URL`: the owner of the tables; only [`crate::migrate_command`] uses it.
    pub owner_url: Option<SecretString>,
    /// `DB__MAX_CONNECTIONS`: of the app role, 1..=500. Default 10.
    pub max_connections: u32,
    /// `DB__TLS_CA`: PEM file; when set the server must prove its name by a certificate of this authority.
    pub tls_ca: Option<PathBuf>,
    /// `DB__POOLER`: `DB__URL` points at a pooler in transaction mode, which refuses unusual start-up parameters: time
    /// limits then come from the role's own settings. It must know named statements (PgBouncer 1.21 or newer with
    /// `max_prepared_statements`). Default false.
    pub pooler: bool,
}

const DEFAULT_CONNECTIONS: u32 = 10;

/// The logins of a service that serve.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    App,
    System,
}

/// Time limits of a session. A statement of a request never needs seconds; a transaction that waits for its
/// process this long belongs to one that hangs.
pub(crate) const LIMITS: [(&str, &str); 3] =
    [("statement_timeout", "5s"), ("lock_timeout", "3s"), ("idle_in_transaction_session_timeout", "15s")];

impl Settings {
    /// Reads `DB__*`.
    pub fn load(env: &mut Env) -> Option<Self> {
        let url = url(env, "DB__URL").required();
        let system_url = self::url(env, "DB__SYSTEM_URL").required();
        let owner_url = self::url(env, "DB__OWNER_URL").optional();
        let max_connections = env
            .var("DB__MAX_CONNECTIONS")
            .check("must be 1 to 500", |connections| (1..=500).contains(connections))
            .default(DEFAULT_CONNECTIONS);
        let tls_ca = self::tls_ca(env);
        let pooler = env.var("DB__POOLER").default(false);
        Some(Self {
            url: url?,
            system_url: system_url?,
            owner_url: owner_url?,
            max_connections: max_connections?,
            tls_ca: tls_ca?,
            pooler: pooler?,
        })
    }

    /// Defaults around three URLs, for tests and tools.
    #[must_use]
    pub fn from_urls(urls: Urls) -> Self {
        Self {
            url: urls.app,
            system_url: urls.system,
            owner_url: Some(urls.owner),
            max_connections: DEFAULT_CONNECTIONS,
            tls_ca: None,
            pooler: false,
        }
    }

    pub(crate) fn options(&self, role: Role, name: &str) -> Result<PgConnectOptions, Error> {
        let (url, pooler) = match role {
            Role::App => (&self.url, self.pooler),
            Role::System => (&self.system_url, false),
        };
        let options = options(url, self.tls_ca.as_deref())?.application_name(name);
        Ok(if pooler { options.extra_float_digits(None) } else { options.options(LIMITS) })
    }
}

/// Who owns the tables, and where.
#[derive(Debug)]
pub(crate) struct Owner {
    pub(crate) url: SecretString,
    pub(crate) tls_ca: Option<PathBuf>,
}

impl Owner {
    pub(crate) fn load(env: &mut Env) -> Option<Self> {
        let url = url(env, "DB__OWNER_URL").required();
        let tls_ca = tls_ca(env);
        Some(Self { url: url?, tls_ca: tls_ca? })
    }
}

fn tls_ca(env: &mut Env) -> Option<Option<PathBuf>> {
    env.var_with("DB__TLS_CA", |path| match std::fs::File::open(path) {
        Ok(_) => Ok(PathBuf::from(path)),
        Err(_) => Err("must be the path of a file that can be read".to_owned()),
    })
    .optional()
}

fn url<'e>(env: &'e mut Env, name: &str) -> Var<'e, SecretString> {
    env.var_with(name, |text| match options(&text.into(), None) {
        Ok(_) => Ok(text.into()),
        Err(_) => Err("must be postgres://user:password@host:port/database".to_owned()),
    })
}

pub(crate) fn options(url: &SecretString, tls_ca: Option<&Path>) -> Result<PgConnectOptions, Error> {
    let url = url.expose_secret();
    let ours = url.starts_with("postgres://") || url.starts_with("postgresql://");
    let options = ours.then(|| PgConnectOptions::from_str(url).ok()).flatten();
    let invalid = Error::Invalid("a database URL must be postgres://user:password@host:port/database");
    let options = options.ok_or(invalid)?;
    Ok(match tls_ca {
        Some(ca) => options.ssl_mode(PgSslMode::VerifyFull).ssl_root_cert(ca),
        None => options,
    })
}
