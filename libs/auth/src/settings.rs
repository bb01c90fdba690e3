//! Where tokens come from, and as whom this service calls others.

use settings::{Env, Secret};
use url::Url;

/// The identity provider and what is expected of its tokens.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `iss` that tokens must carry, compared byte for byte; `AUTH__ISSUER`.
    pub issuer: String,
    /// Base that answers `/.well-known/openid-configuration`; `AUTH__DISCOVERY_URL`, default the issuer. It differs
    /// where services reach the provider by another name than browsers do.
    pub discovery_url: Url,
    /// `aud` that tokens must carry; `AUTH__AUDIENCE`, default `guildhall`.
    pub audience: String,
    /// This service's own client; `AUTH__CLIENT_ID` and `AUTH__CLIENT_SECRET`, both or neither.
    pub client: Option<Client>,
}

/// An OAuth client that fetches tokens by client credentials.
#[derive(Clone, Debug)]
pub struct Client {
    /// For example `svc-worker`.
    pub id: String,
    /// Its secret.
    pub secret: Secret,
}

impl Settings {
    /// Reads the section `AUTH__*`; the client may be left out.
    #[must_use]
    pub fn load(env: &mut Env) -> Option<Self> {
        Self::read(env, false)
    }

    fn read(env: &mut Env, needs_client: bool) -> Option<Self> {
        let issuer = env.var_with("AUTH__ISSUER", http_url).required();
        let discovery = env.var_with("AUTH__DISCOVERY_URL", http_url).optional();
        let audience = env.var::<String>("AUTH__AUDIENCE").default("guildhall".to_owned());
        let id = env.var::<String>("AUTH__CLIENT_ID").optional();
        let secret = env.secret("AUTH__CLIENT_SECRET").optional();
        let client = match (id?, secret?) {
            (Some(id), Some(secret)) => Some(Client { id, secret }),
            (None, None) if needs_client => {
                env.problem("AUTH__CLIENT_ID", "is missing");
                env.problem("AUTH__CLIENT_SECRET", "is missing");
                return None;
            }
            (None, None) => None,
            (Some(_), None) => {
                env.problem("AUTH__CLIENT_SECRET", "is needed where AUTH__CLIENT_ID is set");
                return None;
            }
            (None, Some(_)) => {
                env.problem("AUTH__CLIENT_ID", "is needed where AUTH__CLIENT_SECRET is set");
                return None;
            }
        };
        let (issuer_text, issuer_url) = issuer?;
        let discovery_url = discovery?.map_or(issuer_url, |(_, url)| url);
        Some(Self { issuer: issuer_text, discovery_url, audience: audience?, client })
    }

    /// Reads the section `AUTH__*` of a service that calls others: the client must be there.
    #[must_use]
    pub fn load_with_client(env: &mut Env) -> Option<Self> {
        Self::read(env, true)
    }
}

/// Keeps the text beside the URL: an issuer is compared as it was written, and `Url` would add a slash.
fn http_url(text: &str) -> Result<(String, Url), String> {
    let rule = || "must be an absolute http or https URL".to_owned();
    let url = Url::parse(text).map_err(|_| rule())?;
    if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
        return Err(rule());
    }
    Ok((text.to_owned(), url))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(pairs: &[(&str, &str)], with_client: bool) -> Result<Settings, settings::Error> {
        let mut env = Env::from_pairs("DOCUMENT", pairs.iter().copied());
        let settings =
            if with_client { Settings::load_with_client(&mut env) } else { Settings::load(&mut env) };
        env.finish(settings)
    }

    #[test]
    fn discovery_defaults_to_the_issuer_which_keeps_its_spelling() {
        let settings = load(&[("DOCUMENT__AUTH__ISSUER", "https://id.example")], false).unwrap();
        assert_eq!(settings.issuer, "https://id.example");
        assert_eq!(settings.discovery_url.as_str(), "https://id.example/");
        assert_eq!(settings.audience, "guildhall");
        assert!(settings.client.is_none());
    }

    #[test]
    fn a_client_is_both_or_neither() {
        let issuer = ("DOCUMENT__AUTH__ISSUER", "http://id.example/realms/guildhall");
        let error = load(&[issuer, ("DOCUMENT__AUTH__CLIENT_ID", "svc-x")], false).unwrap_err();
        assert_eq!(error.problems[0].variable, "DOCUMENT__AUTH__CLIENT_SECRET");
        let error = load(&[issuer, ("DOCUMENT__AUTH__CLIENT_SECRET", "x")], false).unwrap_err();
        assert_eq!(error.problems[0].variable, "DOCUMENT__AUTH__CLIENT_ID");
        let error = load(&[issuer], true).unwrap_err();
        assert_eq!(error.problems.len(), 2);
        let both = [issuer, ("DOCUMENT__AUTH__CLIENT_ID", "svc-x"), ("DOCUMENT__AUTH__CLIENT_SECRET", "x")];
        assert_eq!(load(&both, true).unwrap().client.unwrap().id, "svc-x");
    }

    #[test]
    fn an_issuer_is_an_http_url() {
        for bad in ["id.example", "ftp://id.example", "mailto:a@b"] {
            let error = load(&[("DOCUMENT__AUTH__ISSUER", bad)], false).unwrap_err();
            assert_eq!(error.problems[0].rule, "must be an absolute http or https URL", "{bad}");
        }
    }
}
