//! Files with accounts at providers: everything that is wrong with one is told at once, by the field, and never what is in one, since it
//! holds secrets.

use std::collections::BTreeSet;
use std::fmt::{self, Display};
use std::str::FromStr;

use ids::Tenant;
use serde_json::{Map, Value};
use url::{Host, Url};

use crate::AccountName;

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

/// Why the accounts cannot be used. Never says what is in the file, which holds secrets.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file cannot be read.
    #[error("cannot be read")]
    Unreadable(#[source] std::io::Error),
    /// It is not JSON.
    #[error("must be JSON: line {line}, column {column}")]
    Malformed {
        /// Where.
        line: usize,
        /// Where in the line.
        column: usize,
    },
    /// These fields break a rule, at least one.
    #[error("breaks {} rules", .0.len())]
    Invalid(Vec<Problem>),
    /// No client can be made.
    #[error("needs a client that cannot be made")]
    Client(#[source] reqwest::Error),
}

/// The fields of one object. Those that nobody has asked for are wrong.
pub struct Fields<'a> {
    at: String,
    map: Map<String, Value>,
    problems: &'a mut Vec<Problem>,
}

impl Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.field, self.rule)
    }
}

/// A provider's name, and how its own fields of an account are read.
pub type Reader<K> = (&'static str, fn(&mut Fields<'_>) -> Option<K>);

/// Reads `{"accounts": [{"name", "tenant", "provider", …}]}`: what else is in an account is its provider's to read. No two have one name.
/// Where `one_a_tenant`, no two have one tenant either: nobody would say which of them is used.
///
/// # Errors
/// [`Error::Malformed`] and [`Error::Invalid`].
pub fn read<K>(
    text: &[u8],
    one_a_tenant: bool,
    readers: &[Reader<K>],
) -> Result<Vec<(AccountName, Tenant, K)>, Error> {
    let root = serde_json::from_slice(text)
        .map_err(|error| Error::Malformed { line: error.line(), column: error.column() })?;
    let mut problems = Vec::new();
    let accounts = list_of(root, &mut problems);
    let (mut names, mut tenants) = (BTreeSet::new(), BTreeSet::new());
    let mut entries = Vec::new();
    for (index, account) in accounts.into_iter().enumerate() {
        let at = format!("accounts[{index}]");
        let Value::Object(map) = account else {
            problems.push(Problem { field: at, rule: "must be an object".to_owned() });
            continue;
        };
        let mut fields = Fields { at: format!("{at}."), map, problems: &mut problems };
        let name = fields.required::<AccountName>("name");
        if name.as_ref().is_some_and(|name| !names.insert(name.clone())) {
            fields.problem("name", "is another account's");
        }
        let tenant = fields.required::<Tenant>("tenant");
        if one_a_tenant && tenant.as_ref().is_some_and(|tenant| !tenants.insert(tenant.to_string())) {
            fields.problem("tenant", "has another account");
        }
        let Some(provider) = fields.text("provider") else { continue };
        let Some((_, reader)) = readers.iter().find(|(name, _)| *name == provider) else {
            // What else there should be depends on it.
            let known: Vec<_> = readers.iter().map(|(name, _)| *name).collect();
            fields.problem("provider", format!("must be {}", known.join(" or ")));
            continue;
        };
        let kind = reader(&mut fields);
        fields.finish();
        if let (Some(name), Some(tenant), Some(kind)) = (name, tenant, kind) {
            entries.push((name, tenant, kind));
        }
    }
    if problems.is_empty() { Ok(entries) } else { Err(Error::Invalid(problems)) }
}

fn list_of(root: Value, problems: &mut Vec<Problem>) -> Vec<Value> {
    let Value::Object(map) = root else {
        problems.push(Problem { field: "the file".to_owned(), rule: "must be an object".to_owned() });
        return Vec::new();
    };
    let mut root = Fields { at: String::new(), map, problems };
    let accounts = root.list("accounts");
    root.finish();
    accounts.unwrap_or_default()
}

/// Whether a secret key may be sent there: an https URL, without user, password or query; http to the machine itself.
#[must_use]
pub fn is_safe(url: &Url) -> bool {
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
    /// Tells of a broken rule.
    pub fn problem(&mut self, name: &str, rule: impl Into<String>) {
        self.problems.push(Problem { field: format!("{}{name}", self.at), rule: rule.into() });
    }

    /// What is there, if it keeps to the rule.
    pub fn check<T>(
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

    /// What has to be there, and is not empty.
    pub fn text(&mut self, name: &str) -> Option<String> {
        match self.maybe(name)? {
            Some(text) if !text.is_empty() => Some(text),
            _ => {
                self.problem(name, "must be set");
                None
            }
        }
    }

    /// What has to be there, read by its own rule.
    pub fn required<T: FromStr<Err: Display>>(&mut self, name: &str) -> Option<T> {
        let text = self.text(name)?;
        self.parse(name, &text)
    }

    /// What may be there, read by its own rule; `None` where it breaks it.
    pub fn optional<T: FromStr<Err: Display>>(&mut self, name: &str) -> Option<Option<T>> {
        match self.maybe(name)? {
            Some(text) => self.parse(name, &text).map(Some),
            None => Some(None),
        }
    }

    /// Rules are the parsers' own: none repeats what it was given.
    fn parse<T: FromStr<Err: Display>>(&mut self, name: &str, text: &str) -> Option<T> {
        text.parse().map_err(|rule: T::Err| self.problem(name, rule.to_string())).ok()
    }

    /// A list, which has to be there.
    pub fn list(&mut self, name: &str) -> Option<Vec<Value>> {
        match self.map.remove(name) {
            Some(Value::Array(list)) => Some(list),
            _ => {
                self.problem(name, "must be a list");
                None
            }
        }
    }

    /// A list of texts; `default` where it is not there.
    pub fn texts(&mut self, name: &str, default: &[&str]) -> Option<Vec<String>> {
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

    /// `webhook_secrets`: one, or two while they rotate.
    pub fn secrets<T: FromStr<Err: Display>>(&mut self) -> Option<Vec<T>> {
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
