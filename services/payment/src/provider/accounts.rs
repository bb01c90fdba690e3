//! Accounts at providers, from a file.

mod file;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use clock::Clock;
use ids::Tenant;
use providers::signature::Secrets;
use url::Url;

use super::sandbox::{self, Sandbox};
use super::stripe::{self, Stripe};
use super::{Heard, NotHeard, Provider};
use crate::domain::AccountName;

pub use providers::file::{Error as AccountsError, Problem};

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
    secrets: Secrets,
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
        let mut accounts = BTreeMap::new();
        for file::Entry { name, tenant, kind } in file::read(text)? {
            let (provider, callback_url, secrets) = match kind {
                file::Kind::Sandbox { url, api_key, callback_url, secrets } => {
                    let sandbox = Sandbox::new(url, api_key, callback_url.clone());
                    (sandbox.map(Provider::Sandbox), callback_url, Secrets::StandardWebhooks(secrets))
                }
                file::Kind::Stripe { settings, secrets } => {
                    (Stripe::new(settings).map(Provider::Stripe), None, Secrets::Stripe(secrets))
                }
            };
            let provider = provider.map_err(AccountsError::Client)?;
            accounts.insert(name.clone(), Account { name, tenant, provider, callback_url, secrets });
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
        let id = self.secrets.verify(body, headers, clock)?;
        let about = match &self.provider {
            Provider::Sandbox(_) => sandbox::about(body),
            Provider::Stripe(_) => stripe::about(body),
        };
        let about = about.ok_or(NotHeard::Body)?;
        let short = |text: &String| (1..=255).contains(&text.len());
        let event = id.or(about.event).filter(short).ok_or(NotHeard::Body)?;
        let kind = Some(about.kind).filter(short).ok_or(NotHeard::Body)?;
        let (reference, charge) = (about.reference.filter(short), about.charge.filter(short));
        Ok(Heard { event, kind, reference, payment: about.payment, charge })
    }
}
