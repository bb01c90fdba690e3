//! E-mail addresses.

use std::fmt;

use email_address::{EmailAddress, Options};

/// Longest address that fits a mail envelope, in bytes (RFC 5321, 4.5.3.1.3, without its angle brackets).
const MAX_BYTES: usize = 254;

/// An address that mail can be sent to: one mailbox, no display name, no IP literal. `Debug` never shows it.
#[derive(Clone, PartialEq, Eq)]
pub struct Email(String);

impl Email {
    /// Parses an address by RFC 5321 and RFC 6531.
    ///
    /// # Errors
    /// When it is no address, or longer than 254 bytes.
    pub fn parse(text: &str) -> Result<Self, InvalidEmail> {
        let options = Options::default().without_display_text().without_domain_literal().with_required_tld();
        if text.len() > MAX_BYTES || EmailAddress::parse_with_options(text, options).is_err() {
            return Err(InvalidEmail);
        }
        Ok(Self(text.to_owned()))
    }

    /// The address.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Email(..)")
    }
}

/// Not an e-mail address. Says nothing about the text, which may be somebody's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be an e-mail address of at most 254 bytes, without a display name")]
pub struct InvalidEmail;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_taken_as_it_is() {
        for good in
            ["ada@example.org", "Ada.L+inbox@mail.example.co.uk", "jörg@bücher.example", "o'neil@example.org"]
        {
            assert_eq!(Email::parse(good).map(|email| email.as_str().to_owned()).as_deref(), Ok(good));
        }
    }

    #[test]
    fn what_is_not_one_mailbox_is_refused() {
        let long = format!("ada@{}.org", "a.".repeat(130));
        for bad in [
            "",
            "ada",
            "@example.org",
            "ada@",
            "ada@@example.org",
            "Ada <ada@example.org>",
            "ada@[127.0.0.1]",
            "ada@localhost",
            "ada@example.org\r\nBcc: all@example.org",
            "ada@example.org,ben@example.org",
            " ada@example.org",
            &long,
        ] {
            assert_eq!(Email::parse(bad), Err(InvalidEmail), "{bad:?}");
        }
    }

    #[test]
    fn debug_does_not_show_the_address() {
        let email = Email::parse("ada@example.org").unwrap();
        assert_eq!(format!("{email:?}"), "Email(..)");
    }
}
