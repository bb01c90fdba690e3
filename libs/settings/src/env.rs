//! Reading variables and collecting what is wrong with them.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fmt::Display;
use std::str::FromStr;

use secrecy::SecretString;

use crate::{Error, Problem};

/// The variables of one service, and what was found wrong with them so far.
#[derive(Debug)]
pub struct Env {
    /// For example `DOCUMENT__`.
    prefix: String,
    values: BTreeMap<String, Value>,
    known: BTreeSet<String>,
    problems: Vec<Problem>,
}

/// `None` where the variable is not UTF-8. Redacted, because most of them come near a secret.
type Value = Option<SecretString>;

impl Env {
    /// Takes the variables `<SERVICE>__*` of this process; `service` is upper case, for example `DOCUMENT`.
    #[must_use]
    pub fn from_process(service: &str) -> Self {
        Self::from_os(service, std::env::vars_os())
    }

    /// Takes the variables `<SERVICE>__*` of a list, for tests and tools.
    #[must_use]
    pub fn from_pairs<K: Into<String>, V: Into<String>>(
        service: &str,
        pairs: impl IntoIterator<Item = (K, V)>,
    ) -> Self {
        let pairs = pairs.into_iter().map(|(k, v)| (OsString::from(k.into()), OsString::from(v.into())));
        Self::from_os(service, pairs)
    }

    fn from_os(service: &str, pairs: impl Iterator<Item = (OsString, OsString)>) -> Self {
        let prefix = format!("{service}__");
        let values = pairs
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value)))
            .filter(|(name, value)| name.starts_with(&prefix) && !value.is_empty())
            .map(|(name, value)| (name, value.into_string().ok().map(SecretString::from)))
            .collect();
        Self { prefix, values, known: BTreeSet::new(), problems: Vec::new() }
    }

    /// Reads the variable `<SERVICE>__<name>`; say with the returned [`Var`] whether it must be there.
    pub fn var<T>(&mut self, name: &str) -> Var<'_, T>
    where
        T: FromStr,
        T::Err: Display,
    {
        self.var_with(name, |text| {
            // The error of a parser may quote the value; only the rule is kept.
            text.parse().map_err(|_: T::Err| format!("must be {}", kind::<T>()))
        })
    }

    /// Reads a variable with its own parser, which returns the rule (`must be …`) of a value it refuses.
    pub fn var_with<T>(&mut self, name: &str, parse: impl FnOnce(&str) -> Result<T, String>) -> Var<'_, T> {
        use secrecy::ExposeSecret as _;
        let variable = format!("{}{name}", self.prefix);
        self.known.insert(variable.clone());
        let found = match self.values.get(&variable) {
            None => Found::Absent,
            Some(None) => Found::Bad("must be UTF-8".to_owned()),
            Some(Some(text)) => match parse(text.expose_secret()) {
                Ok(value) => Found::Value(value),
                Err(rule) => Found::Bad(rule),
            },
        };
        Var { env: self, variable, found }
    }

    /// Reads a secret: any text that is not empty.
    pub fn secret(&mut self, name: &str) -> Var<'_, SecretString> {
        self.var_with(name, |text| Ok(SecretString::from(text)))
    }

    /// Adds an error about a variable, for rules that span several of them.
    pub fn problem(&mut self, name: &str, rule: impl Into<String>) {
        self.problems.push(Problem { variable: format!("{}{name}", self.prefix), rule: rule.into() });
    }

    /// The settings, or everything that is wrong with them. Variables of the prefix that were never read are wrong.
    ///
    /// # Errors
    /// When anything was collected, or `config` is `None`.
    pub fn finish<C>(mut self, config: Option<C>) -> Result<C, Error> {
        for name in self.values.keys().filter(|name| !self.known.contains(*name)) {
            let rule = match self.nearest(name) {
                Some(near) => format!("is not a setting; did you mean {near}?"),
                None => "is not a setting".to_owned(),
            };
            self.problems.push(Problem { variable: name.clone(), rule });
        }
        self.problems.sort_by(|a, b| (&a.variable, &a.rule).cmp(&(&b.variable, &b.rule)));
        self.problems.dedup();
        match config {
            Some(config) if self.problems.is_empty() => Ok(config),
            None if self.problems.is_empty() => {
                let rule = "is refused without a reason given; this is a defect of the loader".to_owned();
                Err(Error { problems: vec![Problem { variable: format!("{}*", self.prefix), rule }] })
            }
            _ => Err(Error { problems: self.problems }),
        }
    }

    /// As [`Env::finish`], for a command that needs a part of a service's settings only: what it did not read may be
    /// there, and is not looked at.
    ///
    /// # Errors
    /// As [`Env::finish`].
    pub fn finish_part<C>(mut self, config: Option<C>) -> Result<C, Error> {
        self.values.retain(|name, _| self.known.contains(name));
        self.finish(config)
    }

    /// The known variable that differs in one or two characters, if there is one.
    fn nearest(&self, name: &str) -> Option<&str> {
        let near = self.known.iter().map(|known| (distance(known, name), known)).min()?;
        (near.0 <= 2).then_some(near.1)
    }
}

/// A variable that was read: say whether it must be there.
#[must_use = "say `required`, `default` or `optional`"]
#[derive(Debug)]
pub struct Var<'e, T> {
    env: &'e mut Env,
    variable: String,
    found: Found<T>,
}

#[derive(Debug)]
enum Found<T> {
    Absent,
    Value(T),
    Bad(String),
}

impl<T> Var<'_, T> {
    /// Adds a rule to a value that parsed, for example a range.
    pub fn check(mut self, rule: &str, holds: impl FnOnce(&T) -> bool) -> Self {
        if let Found::Value(value) = &self.found
            && !holds(value)
        {
            self.found = Found::Bad(rule.to_owned());
        }
        self
    }

    /// The value; an error is noted where it is missing or wrong.
    #[must_use]
    pub fn required(self) -> Option<T> {
        match self.found {
            Found::Value(value) => Some(value),
            Found::Absent => note(self.env, self.variable, "is missing".to_owned()),
            Found::Bad(rule) => note(self.env, self.variable, rule),
        }
    }

    /// The value, or `default` where it is not set; an error is noted where it is wrong.
    #[must_use]
    pub fn default(self, default: T) -> Option<T> {
        self.optional().map(|value| value.unwrap_or(default))
    }

    /// The value, or `Some(None)` where it is not set; an error is noted where it is wrong.
    #[must_use]
    pub fn optional(self) -> Option<Option<T>> {
        match self.found {
            Found::Value(value) => Some(Some(value)),
            Found::Absent => Some(None),
            Found::Bad(rule) => note(self.env, self.variable, rule),
        }
    }
}

fn note<T>(env: &mut Env, variable: String, rule: String) -> Option<T> {
    env.problems.push(Problem { variable, rule });
    None
}

/// What to call a type in a message: the names of the common ones, else the type's own.
fn kind<T>() -> &'static str {
    let name = std::any::type_name::<T>();
    match name {
        "bool" => "true or false",
        "u8" | "u16" | "u32" | "u64" | "usize" => "a whole number, not negative and not too large",
        "i8" | "i16" | "i32" | "i64" | "isize" => "a whole number, not too large",
        "core::num::nonzero::NonZero<u32>" | "core::num::nonzero::NonZero<usize>" => "a whole number above 0",
        "core::net::socket_addr::SocketAddr" => "an address and port, for example 0.0.0.0:8080",
        "url::Url" => "an absolute URL",
        "http::uri::Uri" => "a URI",
        _ => name.rsplit("::").next().unwrap_or(name),
    }
}

/// Levenshtein's distance, for misspelled names.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<u8> = b.bytes().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.bytes().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use secrecy::ExposeSecret as _;

    use super::*;

    #[derive(Debug)]
    struct Config {
        addr: SocketAddr,
        connections: u32,
        password: SecretString,
        ca: Option<String>,
    }

    fn load(env: &mut Env) -> Option<Config> {
        let addr = env.var("GRPC__ADDR").required();
        let connections =
            env.var("DB__MAX_CONNECTIONS").check("must be 1 to 100", |n| (1..=100).contains(n)).default(10);
        let password = env.secret("DB__PASSWORD").required();
        let ca = env.var("DB__TLS_CA").optional();
        Some(Config { addr: addr?, connections: connections?, password: password?, ca: ca? })
    }

    fn finish(pairs: &[(&str, &str)]) -> Result<Config, Error> {
        let mut env = Env::from_pairs("DOCUMENT", pairs.iter().copied());
        let config = load(&mut env);
        env.finish(config)
    }

    #[test]
    fn a_command_that_reads_a_part_is_not_told_of_the_rest() {
        let mut env = Env::from_pairs(
            "DOCUMENT",
            [("DOCUMENT__DB__MAX_CONNECTIONS", "x"), ("DOCUMENT__COLOUR", "red")],
        );
        let connections = env.var::<u32>("DB__MAX_CONNECTIONS").required();
        let told = env.finish_part(connections).unwrap_err().to_string();
        assert!(told.contains("DOCUMENT__DB__MAX_CONNECTIONS") && !told.contains("COLOUR"), "{told}");
    }

    #[test]
    fn values_are_read_and_defaults_apply() {
        let config = finish(&[
            ("DOCUMENT__GRPC__ADDR", "127.0.0.1:8090"),
            ("DOCUMENT__DB__PASSWORD", "hunter2"),
            ("DOCUMENT__DB__TLS_CA", ""),
            ("PATH", "/bin"),
            ("WORKER__ROLES", "scan"),
        ])
        .unwrap();
        assert_eq!(config.addr, SocketAddr::from(([127, 0, 0, 1], 8090)));
        assert_eq!(config.connections, 10);
        assert_eq!(config.password.expose_secret(), "hunter2");
        assert_eq!(config.ca, None);
    }

    #[test]
    fn every_error_is_listed_at_once_by_full_name() {
        let error = finish(&[
            ("DOCUMENT__GRPC__ADDR", "nowhere"),
            ("DOCUMENT__DB__MAX_CONNECTIONS", "0"),
            ("DOCUMENT__DB__MAX_CONECTIONS", "7"),
            ("DOCUMENT__COLOUR", "green"),
        ])
        .unwrap_err();
        assert_eq!(
            error.to_string(),
            "settings: 5 errors\
             \n  DOCUMENT__COLOUR: is not a setting\
             \n  DOCUMENT__DB__MAX_CONECTIONS: is not a setting; did you mean DOCUMENT__DB__MAX_CONNECTIONS?\
             \n  DOCUMENT__DB__MAX_CONNECTIONS: must be 1 to 100\
             \n  DOCUMENT__DB__PASSWORD: is missing\
             \n  DOCUMENT__GRPC__ADDR: must be an address and port, for example 0.0.0.0:8080"
        );
    }

    #[test]
    fn values_are_in_no_message() {
        let mut env = Env::from_pairs("DOCUMENT", [("DOCUMENT__DB__MAX_CONNECTIONS", "s3cret")]);
        let _ = env.var::<u32>("DB__MAX_CONNECTIONS").required();
        assert!(!format!("{env:?}").contains("s3cret"));
        let error = env.finish(Some(())).unwrap_err();
        assert!(!format!("{error:?} {error}").contains("s3cret"));
    }

    #[test]
    fn a_rule_over_several_variables_can_be_noted() {
        let mut env = Env::from_pairs("BFF", [("BFF__A", "1")]);
        let _ = env.var::<u32>("A").required();
        env.problem("B", "is needed when BFF__A is set");
        let error = env.finish(Some(())).unwrap_err();
        assert_eq!(error.problems[0].variable, "BFF__B");
    }

    #[test]
    fn a_loader_that_fails_silently_is_still_an_error() {
        let error = Env::from_pairs("BFF", [("X", "1")]).finish(None::<()>).unwrap_err();
        assert_eq!(error.problems.len(), 1);
    }

    #[cfg(unix)]
    #[test]
    fn a_value_that_is_not_utf8_is_refused() {
        use std::os::unix::ffi::OsStringExt as _;
        let pairs = [(OsString::from("BFF__A"), OsString::from_vec(vec![0xff]))];
        let mut env = Env::from_os("BFF", pairs.into_iter());
        let _ = env.var::<String>("A").optional();
        assert_eq!(env.finish(Some(())).unwrap_err().problems[0].rule, "must be UTF-8");
    }
}
