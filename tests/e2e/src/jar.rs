//! Cookies of one browser. `Secure` cookies go to `http://localhost` too, as browsers do it.

use std::collections::BTreeMap;

use http::{HeaderMap, header};
use url::Url;

/// Cookies by host and port.
#[derive(Debug, Default, Clone)]
pub struct Jar(BTreeMap<String, BTreeMap<String, String>>);

impl Jar {
    fn site(url: &Url) -> String {
        format!("{}:{}", url.host_str().unwrap_or_default(), url.port_or_known_default().unwrap_or_default())
    }

    /// Keeps what an answer sets.
    pub fn keep(&mut self, url: &Url, headers: &HeaderMap) {
        let site = self.0.entry(Self::site(url)).or_default();
        for value in headers.get_all(header::SET_COOKIE) {
            let Ok(value) = value.to_str() else { continue };
            let Some((name, value)) = value.split(';').next().and_then(|pair| pair.split_once('=')) else {
                continue;
            };
            if value.is_empty() {
                site.remove(name);
            } else {
                site.insert(name.to_owned(), value.to_owned());
            }
        }
    }

    /// The `cookie` header for a request.
    #[must_use]
    pub fn header(&self, url: &Url) -> String {
        let site = self.0.get(&Self::site(url));
        let pairs = site.into_iter().flatten().map(|(name, value)| format!("{name}={value}"));
        pairs.collect::<Vec<_>>().join("; ")
    }
}
