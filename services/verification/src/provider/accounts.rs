//! Accounts at identity providers, from a file: each says which checks it does, and documents of which countries.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;

use clock::Clock;
use ids::Tenant;
use providers::file::{self, Error, Fields, is_safe};
use providers::signature::{Secrets, standard_webhooks};
use secrecy::SecretString;
use url::Url;

use super::kompass::{self, Kompass};
use super::veritas::Veritas;
use super::{Heard, NotHeard, Provider};
use crate::domain::{AccountName, CaseDocument, CheckKind, Country, VerificationPolicy};

/// Every account there is, in the order of the file. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Accounts(Arc<Vec<Account>>);

/// An account at a provider.
#[derive(Clone, Debug)]
pub struct Account {
    /// What it is called here, and in the address the provider calls.
    pub name: AccountName,
    /// Who uses it.
    pub tenant: Tenant,
    /// Who is asked.
    pub provider: Provider,
    /// What it does.
    pub checks: BTreeSet<CheckKind>,
    /// Whose documents it knows; everybody's where none is named.
    countries: BTreeSet<Country>,
    secrets: Option<Secrets>,
}

/// Where the provider is, and how it lets us in.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Base URL.
    pub url: Url,
    /// Key of the account.
    pub api_key: SecretString,
}

struct Entry {
    provider: Result<Provider, reqwest::Error>,
    checks: BTreeSet<CheckKind>,
    countries: BTreeSet<Country>,
    secrets: Option<Secrets>,
}

impl Accounts {
    /// Reads the file.
    ///
    /// # Errors
    /// [`Error`].
    pub fn open(file: &Path) -> Result<Self, Error> {
        Self::read(&std::fs::read(file).map_err(Error::Unreadable)?)
    }

    /// Reads what is in such a file.
    ///
    /// # Errors
    /// [`Error`].
    pub fn read(text: &[u8]) -> Result<Self, Error> {
        let mut accounts = Vec::new();
        for (name, tenant, entry) in file::read(text, false, &[("veritas", veritas), ("kompass", kompass)])? {
            let Entry { provider, checks, countries, secrets } = entry;
            let provider = provider.map_err(Error::Client)?;
            accounts.push(Account { name, tenant, provider, checks, countries, secrets });
        }
        Ok(Self(Arc::new(accounts)))
    }

    /// A tenant's accounts, in the order of the file.
    pub fn of_tenant(&self, tenant: &Tenant) -> impl Iterator<Item = &Account> {
        self.0.iter().filter(move |account| account.tenant == *tenant)
    }

    /// Those of a tenant that do this check for what a case has, in the order in which they are asked.
    #[must_use]
    pub fn for_check(
        &self,
        tenant: &Tenant,
        policy: &VerificationPolicy,
        kind: CheckKind,
        documents: &[CaseDocument],
    ) -> Vec<&Account> {
        let first = policy.first.get(&kind).map_or(&[][..], Vec::as_slice);
        let mut accounts: Vec<_> =
            self.of_tenant(tenant).filter(|account| account.does(kind, documents)).collect();
        let place = |account: &Account| {
            first.iter().position(|name| name == account.name.as_str()).unwrap_or(first.len())
        };
        // Stable: those that are not named stay in the order of the file.
        accounts.sort_by_key(|account| place(account));
        accounts
    }

    /// The account of this name.
    #[must_use]
    pub fn find(&self, name: &AccountName) -> Option<&Account> {
        self.0.iter().find(|account| account.name == *name)
    }

    /// The account of this name, if it is this tenant's.
    #[must_use]
    pub fn find_of(&self, tenant: &Tenant, name: &AccountName) -> Option<&Account> {
        self.find(name).filter(|account| account.tenant == *tenant)
    }
}

impl Account {
    fn does(&self, kind: CheckKind, documents: &[CaseDocument]) -> bool {
        let known = kind != CheckKind::Document
            || self.countries.is_empty()
            || documents
                .iter()
                .filter(|document| document.kind.is_issued())
                .all(|document| document.country.is_some_and(|country| self.countries.contains(&country)));
        self.checks.contains(&kind) && known
    }

    /// Takes a callback, if the provider has signed it now.
    ///
    /// # Errors
    /// [`NotHeard`]. A provider that answers at once calls nobody.
    pub fn hear(
        &self,
        body: &[u8],
        headers: &BTreeMap<String, String>,
        clock: &Clock,
    ) -> Result<Heard, NotHeard> {
        let secrets = self.secrets.as_ref().ok_or(NotHeard::Body)?;
        let event = secrets.verify(body, headers, clock)?.ok_or(NotHeard::Body)?;
        let provider_id = kompass::about(body).filter(|id| (1..=255).contains(&id.len()));
        Ok(Heard { event, provider_id: provider_id.ok_or(NotHeard::Body)? })
    }
}

fn veritas(fields: &mut Fields<'_>) -> Option<Entry> {
    let settings = settings(fields);
    let (checks, countries) = (checks(fields, &CheckKind::ALL), countries(fields));
    Some(Entry {
        provider: Veritas::new(settings?).map(Provider::Veritas),
        checks: checks?,
        countries: countries?,
        secrets: None,
    })
}

fn kompass(fields: &mut Fields<'_>) -> Option<Entry> {
    let settings = settings(fields);
    let callback_url = fields.optional::<Url>("callback_url");
    let secrets = fields.secrets::<standard_webhooks::Secret>();
    let (checks, countries) = (checks(fields, &kompass::CHECKS), countries(fields));
    Some(Entry {
        provider: Kompass::new(settings?, callback_url?).map(Provider::Kompass),
        checks: checks?,
        countries: countries?,
        secrets: Some(Secrets::StandardWebhooks(secrets?)),
    })
}

fn settings(fields: &mut Fields<'_>) -> Option<Settings> {
    let url = fields.required::<Url>("url");
    // What people say of themselves is sent there: in the clear only within the machine, or where it is said so.
    let plain = fields.optional::<String>("plain_http").map(|plain| plain.unwrap_or("forbidden".to_owned()));
    let plain = fields.check("plain_http", "must be forbidden or allowed", plain, |plain| {
        matches!(plain.as_str(), "forbidden" | "allowed")
    });
    let allowed = plain.as_deref() == Some("allowed");
    let url = fields.check(
        "url",
        "must be an https URL, without user, password or query; http to the machine itself, or where plain_http is allowed",
        url,
        |url| is_safe(url) || (allowed && url.scheme() == "http"),
    );
    let api_key = fields.text("api_key");
    plain?;
    Some(Settings { url: url?, api_key: SecretString::from(api_key?) })
}

fn checks(fields: &mut Fields<'_>, known: &[CheckKind]) -> Option<BTreeSet<CheckKind>> {
    let names: Vec<_> = known.iter().map(|kind| kind.name()).collect();
    let given = fields.texts("checks", &names)?;
    let kinds: Option<BTreeSet<_>> = given.iter().map(|name| CheckKind::named(name)).collect();
    let kinds = kinds.filter(|kinds| !kinds.is_empty() && kinds.iter().all(|kind| known.contains(kind)));
    let rule = format!("must be one or more of: {}", names.join(", "));
    if kinds.is_none() {
        fields.problem("checks", rule);
    }
    kinds
}

fn countries(fields: &mut Fields<'_>) -> Option<BTreeSet<Country>> {
    let given = fields.texts("countries", &[])?;
    let countries: Result<BTreeSet<_>, _> = given.iter().map(|code| Country::from_str(code)).collect();
    if countries.is_err() {
        fields.problem("countries", "must be codes of two capital letters");
    }
    countries.ok()
}

#[cfg(test)]
mod tests {
    use ids::DocumentId;
    use serde_json::json;

    use super::*;
    use crate::domain::DocumentKind;
    use policy::Policy as _;

    const SECRET: &str = "whsec_HRbkVgiORG5IJpw+uFGFxRD8FCPemayp4uo1hUJAjoE=";

    fn file() -> serde_json::Value {
        json!({"accounts": [
            {"name": "v", "tenant": "riverton", "provider": "veritas", "url": "http://127.0.0.1:1/veritas", "api_key": "k",
             "countries": ["GB"]},
            {"name": "k", "tenant": "riverton", "provider": "kompass", "url": "https://kompass.example", "api_key": "k",
             "webhook_secrets": [SECRET], "checks": ["document", "identity"]},
        ]})
    }

    fn problems(file: &serde_json::Value) -> Vec<String> {
        match Accounts::read(file.to_string().as_bytes()) {
            Err(Error::Invalid(problems)) => problems.iter().map(ToString::to_string).collect(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn accounts_are_asked_in_the_order_of_the_file_unless_the_policy_names_others_first() {
        let accounts = Accounts::read(file().to_string().as_bytes()).unwrap();
        let tenant = "riverton".parse().unwrap();
        let mut policy = VerificationPolicy::builtin();
        let names = |policy: &VerificationPolicy, kind, documents: &[CaseDocument]| -> Vec<String> {
            accounts.for_check(&tenant, policy, kind, documents).iter().map(|a| a.name.to_string()).collect()
        };
        assert_eq!(names(&policy, CheckKind::Identity, &[]), ["v", "k"]);
        assert_eq!(names(&policy, CheckKind::Liveness, &[]), ["v"]);
        policy.first = [(CheckKind::Identity, vec!["k".to_owned()])].into();
        assert_eq!(names(&policy, CheckKind::Identity, &[]), ["k", "v"]);
        let id = DocumentId::mint(&Clock::system());
        let german = CaseDocument {
            id,
            kind: DocumentKind::Passport,
            country: "DE".parse().ok(),
            sha256: vec![0; 32],
        };
        assert_eq!(names(&policy, CheckKind::Document, &[german]), ["k"], "veritas knows those of GB alone");
        assert_eq!(
            accounts.for_check(&"lakeside".parse().unwrap(), &policy, CheckKind::Identity, &[]).len(),
            0
        );
    }

    #[test]
    fn everything_that_is_wrong_is_told_at_once() {
        let mut wrong = file();
        wrong["accounts"][0]["url"] = json!("http://veritas.example");
        wrong["accounts"][0]["countries"] = json!(["gb"]);
        wrong["accounts"][1]["checks"] = json!(["liveness"]);
        wrong["accounts"][1]["webhook_secrets"] = json!([]);
        assert_eq!(
            problems(&wrong),
            [
                "accounts[0].url must be an https URL, without user, password or query; http to the machine itself, or where \
                 plain_http is allowed",
                "accounts[0].countries must be codes of two capital letters",
                "accounts[1].webhook_secrets must be one, or two while they rotate",
                "accounts[1].checks must be one or more of: document, identity, address, watchlist",
            ]
        );
        let unknown = json!({"accounts": [{"name": "v", "tenant": "riverton", "provider": "other"}]});
        assert_eq!(problems(&unknown), ["accounts[0].provider must be veritas or kompass"]);
    }
}
