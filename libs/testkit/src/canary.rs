//! Personal data that can be recognised wherever it leaks.
//!
//! Plant it in every field a person fills in, then search logs, traces, Kafka records, SQS bodies, dead letters and
//! errors with [`Canary::leaks`].

/// One person's data, unlike anybody else's.
#[derive(Clone, Debug)]
pub struct Canary {
    token: String,
}

impl Canary {
    /// A person nobody else is.
    #[must_use]
    pub fn new() -> Self {
        Self { token: format!("canary{:016x}", rand::random::<u64>()) }
    }

    /// A name.
    #[must_use]
    pub fn name(&self) -> String {
        format!("Ada {}", self.token)
    }

    /// An e-mail address.
    #[must_use]
    pub fn email(&self) -> String {
        format!("{}@example.org", self.token)
    }

    /// A file name.
    #[must_use]
    pub fn file_name(&self) -> String {
        format!("{}.pdf", self.token)
    }

    /// What is found in a text or in bytes: plain, in other case, in Base64, in hex or percent-encoded.
    #[must_use]
    pub fn leaks(&self, haystack: impl AsRef<[u8]>) -> bool {
        use base64::Engine;
        use base64::engine::general_purpose::STANDARD_NO_PAD;
        let text = String::from_utf8_lossy(haystack.as_ref());
        let lower = text.to_lowercase();
        // A Base64 text depends on where in a group of three the needle starts; the middle of each is the same.
        let base64 = (0..3).map(|lead| {
            let encoded = STANDARD_NO_PAD.encode(format!("{}{}", " ".repeat(lead), self.token));
            encoded[4..encoded.len() - 4].to_owned()
        });
        let percent: String = self.token.bytes().map(|byte| format!("%{byte:02x}")).collect();
        lower.contains(&self.token)
            || lower.contains(&percent)
            || lower.contains(&hex::encode(&self.token))
            || base64.into_iter().any(|needle| text.contains(&needle))
    }
}

impl Default for Canary {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;

    use super::*;

    #[test]
    fn every_spelling_of_it_is_found_and_nothing_else() {
        let canary = Canary::new();
        assert!(canary.leaks(format!("to={}", canary.email())));
        assert!(canary.leaks(canary.name().to_uppercase()));
        for prefix in ["", "a", "ab", "abc"] {
            assert!(canary.leaks(STANDARD.encode(format!("{prefix}{}", canary.email()))), "{prefix}");
        }
        assert!(canary.leaks(hex::encode(canary.file_name())));
        let percent: String = canary.name().bytes().map(|byte| format!("%{byte:02X}")).collect();
        assert!(canary.leaks(percent));
        assert!(!canary.leaks(Canary::new().email()));
    }
}
