//! Reads the file: everything that is wrong with it is told at once, by the field, and never what is in one.

use std::collections::BTreeSet;
use std::fmt::{self, Display};
use std::str::FromStr;

use ids::Tenant;
use secrecy::SecretString;
use serde_json::{Map, Value};
use url::{Host, Url};

use super::AccountsError;
use crate::domain::AccountName;
use crate::provider::signature::{standard_webhooks, stripe as stripe_signature};
use crate::provider::stripe::Settings;

const STRIPE: &str = "https://api.stripe.com";
/// Secrets that are valid at once: one, or two while they rotate.
const MOST_SECRETS: usize = 2;

/// A field that breaks a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Which, such as `accounts[0].name`.
    pub field: String,
    /// What must hold.
    pub rule: String,
}

/// An account, as it is written.
pub(super) struct Entry {
    pub(super) name: AccountName,
    pub(super) tenant: Tenant,
    pub(super) kind: Kind,
}

/// At which provider, and its settings there.
pub(super) enum Kind {
    Sandbox {
        url: Url,
        api_key: SecretString,
        /// Where the provider sends callbacks; what is set at the provider where it is not.
        callback_url: Option<Url>,
        secrets: Vec<standard_webhooks::Secret>,
    },
    Stripe {
        settings: Settings,
        secrets: Vec<stripe_signature::Secret>,
    },
}

/// The fields of one object. Those that nobody has asked for are wrong.
struct Fields<'a> {
    at: String,
    map: Map<String, Value>,
    problems: &'a mut Vec<Problem>,
}

impl Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.field, self.rule)
    }
}

/// Reads the entries. No two have one name or one tenant: nobody would say which of them is used.
pub(super) fn read(text: &[u8]) -> Result<Vec<Entry>, AccountsError> {
    let root = serde_json::from_slice(text)
        .map_err(|error| AccountsError::Malformed { line: error.line(), column: error.column() })?;
    let mut problems = Vec::new();
    let entries = root_of(root, &mut problems);
    if problems.is_empty() { Ok(entries) } else { Err(AccountsError::Invalid(problems)) }
}

fn root_of(root: Value, problems: &mut Vec<Problem>) -> Vec<Entry> {
    let Value::Object(map) = root else {
        problems.push(Problem { field: "the file".to_owned(), rule: "must be an object".to_owned() });
        return Vec::new();
    };
    let mut root = Fields { at: String::new(), map, problems: &mut *problems };
    let accounts = root.list("accounts");
    root.finish();
    let (mut names, mut tenants) = (BTreeSet::new(), BTreeSet::new());
    let mut entries = Vec::new();
    for (index, account) in accounts.unwrap_or_default().into_iter().enumerate() {
        let at = format!("accounts[{index}]");
        let Value::Object(map) = account else {
            problems.push(Problem { field: at, rule: "must be an object".to_owned() });
            continue;
        };
        let mut fields = Fields { at: format!("{at}."), map, problems: &mut *problems };
        let name = fields.required::<AccountName>("name");
        if name.as_ref().is_some_and(|name| !names.insert(name.clone())) {
            fields.problem("name", "is another account's");
        }
        let tenant = fields.required::<Tenant>("tenant");
        if tenant.as_ref().is_some_and(|tenant| !tenants.insert(tenant.to_string())) {
            fields.problem("tenant", "has another account");
        }
        let kind = match fields.text("provider").as_deref() {
            Some("sandbox") => sandbox(&mut fields),
            Some("stripe") => stripe(&mut fields),
            given => {
                if given.is_some() {
                    fields.problem("provider", "must be sandbox or stripe");
                }
                // What else there should be depends on it.
                continue;
            }
        };
        fields.finish();
        if let (Some(name), Some(tenant), Some(kind)) = (name, tenant, kind) {
            entries.push(Entry { name, tenant, kind });
        }
    }
    entries
}

fn sandbox(fields: &mut Fields<'_>) -> Option<Kind> {
    let url = fields.required::<Url>("url");
    let api_key = fields.text("api_key");
    let callback_url = fields.optional::<Url>("callback_url");
    let secrets = fields.secrets();
    Some(Kind::Sandbox {
        url: url?,
        api_key: SecretString::from(api_key?),
        callback_url: callback_url?,
        secrets: secrets?,
    })
}

fn stripe(fields: &mut Fields<'_>) -> Option<Kind> {
    let api_base = fields.optional::<Url>("api_base").map(|url| url.or_else(|| Url::parse(STRIPE).ok()));
    let api_base = fields.check(
        "api_base",
        "must be an https URL, without user, password or query; http to the machine itself",
        api_base.flatten(),
        is_safe,
    );
    let secret_key = fields.text("secret_key");
    let secret_key = fields.check(
        "secret_key",
        "must begin with sk_ or rk_, and be 16 to 255 letters, digits and underscores",
        secret_key,
        |key| {
            (16..=255).contains(&key.len())
                && (key.starts_with("sk_") || key.starts_with("rk_"))
                && key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
        },
    );
    let product_name =
        fields.optional::<String>("product_name").map(|name| name.unwrap_or("Bill".to_owned()));
    let product_name = fields.check(
        "product_name",
        "must be 1 to 250 bytes without control characters",
        product_name,
        |name| (1..=250).contains(&name.len()) && !name.chars().any(char::is_control),
    );
    let payment_methods = fields.texts("payment_methods", &["card"]);
    let payment_methods = fields.check(
        "payment_methods",
        "must be 1 to 20 names of Stripe's, lower case with underscores",
        payment_methods,
        |names| {
            let plain = |name: &String| {
                (1..=64).contains(&name.len())
                    && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
            };
            (1..=20).contains(&names.len()) && names.iter().all(plain)
        },
    );
    let secrets = fields.secrets();
    let settings = Settings {
        api_base: api_base?,
        secret_key: SecretString::from(secret_key?),
        product_name: product_name?,
        payment_methods: payment_methods?,
    };
    Some(Kind::Stripe { settings, secrets: secrets? })
}

/// A secret key is sent there.
fn is_safe(url: &Url) -> bool {
    let local = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    let plain = url.username().is_empty()
        && url.password().is_none()
        && url.query().is_none()
        && url.fragment().is_none();
    plain && (url.scheme() == "https" || (url.scheme() == "http" && local))
}

impl Fields<'_> {
    fn problem(&mut self, name: &str, rule: impl Into<String>) {
        self.problems.push(Problem { field: format!("{}{name}", self.at), rule: rule.into() });
    }

    /// What is there, if it keeps to the rule.
    fn check<T>(
        &mut self,
        name: &str,
        rule: &str,
        value: Option<T>,
        right: impl Fn(&T) -> bool,
    ) -> Option<T> {
        let value = value?;
        if right(&value) {
            return Some(value);
        }
        self.problem(name, rule);
        None
    }

    /// `Some(None)` where it is not there, `None` where it is no text.
    fn maybe(&mut self, name: &str) -> Option<Option<String>> {
        match self.map.remove(name) {
            None | Some(Value::Null) => Some(None),
            Some(Value::String(text)) => Some(Some(text)),
            Some(_) => {
                self.problem(name, "must be a text");
                None
            }
        }
    }

    fn text(&mut self, name: &str) -> Option<String> {
        match self.maybe(name)? {
            Some(text) if !text.is_empty() => Some(text),
            _ => {
                self.problem(name, "must be set");
                None
            }
        }
    }

    fn required<T: FromStr<Err: Display>>(&mut self, name: &str) -> Option<T> {
        let text = self.text(name)?;
        self.parse(name, &text)
    }

    fn optional<T: FromStr<Err: Display>>(&mut self, name: &str) -> Option<Option<T>> {
        match self.maybe(name)? {
            Some(text) => self.parse(name, &text).map(Some),
            None => Some(None),
        }
    }

    /// Rules are the parsers' own: none repeats what it was given.
    fn parse<T: FromStr<Err: Display>>(&mut self, name: &str, text: &str) -> Option<T> {
        text.parse().map_err(|rule: T::Err| self.problem(name, rule.to_string())).ok()
    }

    fn list(&mut self, name: &str) -> Option<Vec<Value>> {
        match self.map.remove(name) {
            Some(Value::Array(list)) => Some(list),
            _ => {
                self.problem(name, "must be a list");
                None
            }
        }
    }

    fn texts(&mut self, name: &str, default: &[&str]) -> Option<Vec<String>> {
        if !self.map.contains_key(name) {
            return Some(default.iter().map(|&text| text.to_owned()).collect());
        }
        let list = self.list(name)?;
        let texts: Option<_> = list.iter().map(|one| one.as_str().map(str::to_owned)).collect();
        if texts.is_none() {
            self.problem(name, "must be a list of texts");
        }
        texts
    }

    fn secrets<T: FromStr<Err: Display>>(&mut self) -> Option<Vec<T>> {
        const NAME: &str = "webhook_secrets";
        let list = self.list(NAME)?;
        if !(1..=MOST_SECRETS).contains(&list.len()) {
            self.problem(NAME, "must be one, or two while they rotate");
        }
        let mut secrets = Vec::new();
        let count = list.len();
        for (index, one) in list.into_iter().enumerate() {
            let name = format!("{NAME}[{index}]");
            match one {
                Value::String(text) => secrets.extend(self.parse::<T>(&name, &text)),
                _ => self.problem(&name, "must be a text"),
            }
        }
        (secrets.len() == count).then_some(secrets)
    }

    /// Nobody has asked for what is left.
    fn finish(mut self) {
        for name in std::mem::take(&mut self.map).keys() {
            self.problem(name, "is not a setting");
        }
    }
}

#[cfg(test)]
mod tests;
