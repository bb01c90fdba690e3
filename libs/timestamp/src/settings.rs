//! Which authority is asked, and who is believed.

use std::time::Duration;

use ::settings::Env;
use der::asn1::ObjectIdentifier;
use url::Url;

use crate::Trusted;

/// Settings `TSA__*`.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `TSA__URL`: where the authority is asked, `http://` or `https://`, without user and password. A token is signed, so
    /// that plain HTTP shows who asks and nothing more.
    pub url: Url,
    /// `TSA__TRUSTED`: a PEM file with the certificates of those who certify the authority.
    pub trusted: Trusted,
    /// `TSA__POLICY`, as dotted numbers: the policy to stamp under; the authority's own without it.
    pub policy: Option<ObjectIdentifier>,
    /// `TSA__DEADLINE_SECONDS`, 1 to 120, default 15: how long it may take to get a time-stamp, with all attempts.
    pub deadline: Duration,
}

impl Settings {
    /// Reads `TSA__*`; notes every error in `env`. `Some(None)` where `TSA__URL` is not set: nothing is stamped.
    pub fn load(env: &mut Env) -> Option<Option<Self>> {
        let url = env.var::<Url>("TSA__URL").check(URL, is_endpoint).optional();
        let trusted = env.var_with("TSA__TRUSTED", trusted).optional();
        let policy = env.var_with("TSA__POLICY", policy).optional();
        let deadline =
            env.var::<u32>("TSA__DEADLINE_SECONDS").check("must be 1 to 120", |n| (1..=120).contains(n));
        let deadline = deadline.default(15);
        let (url, trusted, policy) = (url?, trusted?, policy?);
        let deadline = Duration::from_secs(deadline?.into());
        match (url, trusted) {
            (Some(url), Some(trusted)) => Some(Some(Self { url, trusted, policy, deadline })),
            (None, None) => Some(None),
            (Some(_), None) => {
                env.problem("TSA__TRUSTED", "is needed with TSA__URL");
                None
            }
            (None, Some(_)) => {
                env.problem("TSA__URL", "is needed with TSA__TRUSTED");
                None
            }
        }
    }
}

const URL: &str = "must be http:// or https:// with a host and without user and password";

fn is_endpoint(url: &Url) -> bool {
    let anonymous = url.username().is_empty() && url.password().is_none();
    matches!(url.scheme(), "http" | "https") && url.has_host() && anonymous
}

fn trusted(path: &str) -> Result<Trusted, String> {
    let text = std::fs::read(path).map_err(|_| "must be the path of a file that can be read".to_owned())?;
    Trusted::from_pem(&text).map_err(|error| error.to_string())
}

fn policy(text: &str) -> Result<ObjectIdentifier, String> {
    ObjectIdentifier::new(text).map_err(|_| "must be an object identifier, for example 1.2.3.4".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/samples/root.pem");

    fn load(pairs: &[(&str, &str)]) -> Result<Option<Settings>, ::settings::Error> {
        let pairs = pairs.iter().map(|(name, value)| (format!("DOCUMENT__TSA__{name}"), *value));
        let mut env = Env::from_pairs("DOCUMENT", pairs);
        let settings = Settings::load(&mut env);
        env.finish(settings)
    }

    #[test]
    fn nothing_is_stamped_unless_an_authority_is_named() {
        assert!(load(&[]).unwrap().is_none());
        let settings =
            load(&[("URL", "http://tsa.example.org/rfc3161"), ("TRUSTED", ROOT)]).unwrap().unwrap();
        assert_eq!((settings.policy, settings.deadline), (None, Duration::from_secs(15)));
    }

    #[test]
    fn every_error_is_noted() {
        let wrong = |pairs: &[(&str, &str)]| {
            let problems = load(pairs).unwrap_err().problems;
            let variables = problems.iter().map(|problem| problem.variable.replace("DOCUMENT__TSA__", ""));
            variables.collect::<Vec<_>>().join(" ")
        };
        let all = [("URL", "ftp://a"), ("TRUSTED", "/nowhere"), ("POLICY", "x"), ("DEADLINE_SECONDS", "0")];
        assert_eq!(wrong(&all), "DEADLINE_SECONDS POLICY TRUSTED URL");
        assert_eq!(wrong(&[("URL", "https://me:secret@tsa.example.org"), ("TRUSTED", ROOT)]), "URL");
        assert_eq!(wrong(&[("URL", "https://tsa.example.org")]), "TRUSTED");
        assert_eq!(wrong(&[("TRUSTED", ROOT)]), "URL");
        assert_eq!(wrong(&[("URL", "https://tsa.example.org"), ("TRUSTED", "Cargo.toml")]), "TRUSTED");
    }
}
