//! Where the servers are.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use secrecy::{ExposeSecret as _, SecretString};

/// Addresses of the test servers, by variable name.
#[derive(Debug)]
pub struct Env {
    file: BTreeMap<String, String>,
}

/// The variables of this process, and behind them those that `cargo xtask up --servers` wrote.
#[must_use]
pub fn env() -> &'static Env {
    static ENV: LazyLock<Env> = LazyLock::new(|| {
        // Cargo sets it for tests; a test binary that is run by hand was built somewhere below the workspace too.
        let start = std::env::var_os("CARGO_MANIFEST_DIR")
            .map_or_else(|| env!("CARGO_MANIFEST_DIR").into(), PathBuf::from);
        Env { file: find(&start).map(|text| parse(&text)).unwrap_or_default() }
    });
    &ENV
}

impl Env {
    /// The value of a variable, where it has one.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<String> {
        std::env::var(name).ok().filter(|v| !v.is_empty()).or_else(|| self.file.get(name).cloned())
    }

    /// The value of a variable that a test cannot do without.
    ///
    /// # Panics
    /// Where there is none, with the way to get it.
    #[must_use]
    #[track_caller]
    pub fn get(&self, name: &str) -> String {
        match self.find(name) {
            Some(value) => value,
            None => panic!(
                "{name} is not set; start the servers with `cargo xtask up --servers`, or run `cargo xtask test`"
            ),
        }
    }

    /// `GUILDHALL_PG_ADMIN_URL`: a superuser of a PostgreSQL that tests may fill with databases.
    #[must_use]
    pub fn pg_admin_url(&self) -> String {
        self.get("GUILDHALL_PG_ADMIN_URL")
    }

    /// `GUILDHALL_REDIS_URL`.
    #[must_use]
    pub fn redis_url(&self) -> String {
        self.get("GUILDHALL_REDIS_URL")
    }

    /// `GUILDHALL_KAFKA_BROKERS`, `host:port` separated by commas.
    #[must_use]
    pub fn kafka_brokers(&self) -> String {
        self.get("GUILDHALL_KAFKA_BROKERS")
    }

    /// `GUILDHALL_CLAMD_ADDR`, `host:port`.
    #[must_use]
    pub fn clamd_addr(&self) -> String {
        self.get("GUILDHALL_CLAMD_ADDR")
    }

    /// `GUILDHALL_TEMPORAL_URL`; the namespace is `guildhall`, the task queue the test's own.
    #[must_use]
    pub fn temporal_url(&self) -> String {
        self.get("GUILDHALL_TEMPORAL_URL")
    }

    /// `GUILDHALL_SMTP_URL`, for example `smtp://127.0.0.1:11025`.
    #[must_use]
    pub fn smtp_url(&self) -> String {
        self.get("GUILDHALL_SMTP_URL")
    }

    /// `GUILDHALL_MAIL_API`, base URL of the mail catcher's API.
    #[must_use]
    pub fn mail_api(&self) -> String {
        self.get("GUILDHALL_MAIL_API")
    }

    /// `GUILDHALL_OIDC_ISSUER`, the Keycloak realm.
    #[must_use]
    pub fn oidc_issuer(&self) -> String {
        self.get("GUILDHALL_OIDC_ISSUER")
    }
}

/// The two parts of a key, as a process is told them.
pub(crate) fn credentials(of: Option<&(String, SecretString)>) -> (String, String) {
    of.map(|(id, secret)| (id.clone(), secret.expose_secret().to_owned())).unwrap_or_default()
}

/// The text of `target/stack/env` of the nearest folder upwards that has one.
fn find(start: &Path) -> Option<String> {
    start.ancestors().find_map(|folder| std::fs::read_to_string(folder.join("target/stack/env")).ok())
}

fn parse(text: &str) -> BTreeMap<String, String> {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines
        .filter_map(|line| line.split_once('='))
        .map(|(name, value)| (name.trim().to_owned(), unquote(value.trim())))
        .collect()
}

fn unquote(value: &str) -> String {
    let inner = value.strip_prefix('"').and_then(|v| v.strip_suffix('"'));
    inner.or_else(|| value.strip_prefix('\'').and_then(|v| v.strip_suffix('\''))).unwrap_or(value).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_names_and_values_are_read() {
        let read = parse("# servers\nA=1\n\nB = \"x y=z\"\nC='q'\nnonsense\n");
        let wanted = [("A", "1"), ("B", "x y=z"), ("C", "q")].map(|(n, v)| (n.to_owned(), v.to_owned()));
        assert_eq!(read, BTreeMap::from(wanted));
    }
}
