//! Accounts at providers, from a file.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use clock::Clock;
use ids::Tenant;
use secrecy::SecretString;
use serde::Deserialize;
use url::Url;

use super::sandbox::Sandbox;
use super::signature::Secret;
use super::{Heard, NotHeard, Provider, signature};
use crate::domain::AccountName;

/// Every account there is, by name. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Accounts(Arc<BTreeMap<AccountName, Account>>);

/// An account at a provider.
#[derive(Clone, Debug)]
pub struct Account {
    /// What it is called here, and in the address the provider calls.
    pub name: AccountName,
    /// Whose money it takes.
    pub tenant: Tenant,
    /// Who is asked.
    pub provider: Provider,
    callback_url: Option<Url>,
    secrets: Vec<Secret>,
}

/// Why the accounts cannot be used. Never says what is in the file, which holds secrets.
#[derive(Debug, thiserror::Error)]
pub enum AccountsError {
    /// The file cannot be read.
    #[error("cannot be read")]
    Unreadable(#[source] std::io::Error),
    /// It is not a list of accounts.
    #[error("must be a JSON object `accounts` with a list of accounts: line {line}, column {column}")]
    Malformed {
        /// Where.
        line: usize,
        /// Where in the line.
        column: usize,
    },
    /// Two accounts have one name.
    #[error("names the account {0} twice")]
    Twice(AccountName),
    /// A tenant has two accounts, of which nobody says which one is used.
    #[error("has two accounts of the tenant {0}")]
    TwoOfTenant(Tenant),
    /// No client can be made.
    #[error("needs a client that cannot be made")]
    Client(#[source] reqwest::Error),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    accounts: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    name: AccountName,
    tenant: Tenant,
    provider: Kind,
    url: Url,
    api_key: String,
    /// One, or two while they rotate.
    webhook_secrets: Vec<Secret>,
    /// Where the provider sends callbacks; what is set at the provider where it is not.
    #[serde(default)]
    callback_url: Option<Url>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    Sandbox,
}

impl Accounts {
    /// Reads the file.
    ///
    /// # Errors
    /// [`AccountsError`].
    pub fn open(file: &Path) -> Result<Self, AccountsError> {
        Self::read(&std::fs::read(file).map_err(AccountsError::Unreadable)?)
    }

    /// Reads what is in such a file.
    ///
    /// # Errors
    /// [`AccountsError`].
    pub fn read(text: &[u8]) -> Result<Self, AccountsError> {
        let file: File = serde_json::from_slice(text)
            .map_err(|error| AccountsError::Malformed { line: error.line(), column: error.column() })?;
        let mut accounts = BTreeMap::new();
        for Entry { name, tenant, provider, url, api_key, webhook_secrets, callback_url } in file.accounts {
            let provider = match provider {
                Kind::Sandbox => Provider::Sandbox(
                    Sandbox::new(url, SecretString::from(api_key), callback_url.clone())
                        .map_err(AccountsError::Client)?,
                ),
            };
            if accounts.values().any(|other: &Account| other.tenant == tenant) {
                return Err(AccountsError::TwoOfTenant(tenant));
            }
            let account =
                Account { name: name.clone(), tenant, provider, callback_url, secrets: webhook_secrets };
            if accounts.insert(name.clone(), account).is_some() {
                return Err(AccountsError::Twice(name));
            }
        }
        Ok(Self(Arc::new(accounts)))
    }

    /// The account that takes a tenant's money.
    #[must_use]
    pub fn of_tenant(&self, tenant: &Tenant) -> Option<&Account> {
        self.0.values().find(|account| account.tenant == *tenant)
    }

    /// The account of this name.
    #[must_use]
    pub fn find(&self, name: &AccountName) -> Option<&Account> {
        self.0.get(name)
    }
}

impl Account {
    /// Where the provider is told to call; `None` where that is set there.
    #[must_use]
    pub fn callback_url(&self) -> Option<&Url> {
        self.callback_url.as_ref()
    }

    /// Takes a callback, if the provider has signed it now.
    ///
    /// # Errors
    /// [`NotHeard`].
    pub fn hear(
        &self,
        body: &[u8],
        headers: &BTreeMap<String, String>,
        clock: &Clock,
    ) -> Result<Heard, NotHeard> {
        match &self.provider {
            Provider::Sandbox(_) => {
                let event = signature::verify(&self.secrets, body, headers, clock)?;
                let payment = super::sandbox::about(body).ok_or(NotHeard::Body)?;
                Ok(Heard { event, payment })
            }
        }
    }
}
