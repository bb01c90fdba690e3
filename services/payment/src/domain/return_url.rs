//! Where a provider sends the payer afterwards.

use url::{Host, Url};

/// The text cannot be a return URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "must be an absolute https URL of at most 2000 visible ASCII characters without user or password; http to the machine itself"
)]
pub struct NoReturnUrl;

/// Reads a return URL. What a browser would send elsewhere than it shows is refused.
///
/// # Errors
/// [`NoReturnUrl`].
pub fn parse(text: &str) -> Result<String, NoReturnUrl> {
    if text.len() > 2_000 || !text.bytes().all(|b| b.is_ascii_graphic()) {
        return Err(NoReturnUrl);
    }
    let url = Url::parse(text).map_err(|_| NoReturnUrl)?;
    let local = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => return Err(NoReturnUrl),
    };
    let scheme = url.scheme() == "https" || (url.scheme() == "http" && local);
    let anonymous = url.username().is_empty() && url.password().is_none();
    if scheme && anonymous { Ok(text.to_owned()) } else { Err(NoReturnUrl) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_leads_somewhere_safe_is_taken() {
        for text in [
            "https://town.example/bills?id=1",
            "http://localhost:8080/",
            "http://127.0.0.1:1/x",
            "http://[::1]/",
        ] {
            assert_eq!(parse(text).as_deref(), Ok(text));
        }
    }

    #[test]
    fn everything_else_is_refused() {
        let long = format!("https://town.example/{}", "x".repeat(2_000));
        for text in [
            "",
            "/bills",
            "town.example",
            "http://town.example/",
            "javascript:alert(1)",
            "data:text/html,x",
            "https://user@town.example/",
            "https://user:secret@town.example/",
            "https://town.example/a b",
            "https://town.example/\r\nset-cookie:x",
            "ftp://localhost/",
            &long,
        ] {
            assert_eq!(parse(text), Err(NoReturnUrl), "{text:?}");
        }
    }
}
