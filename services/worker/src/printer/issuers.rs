//! What tenants are called on what they send, and which language that is in.

use std::collections::BTreeMap;
use std::sync::Arc;

use ::pdf::Locale;
use ids::Tenant;
use serde::Deserialize;

/// The issuers of all tenants; cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Issuers(Arc<BTreeMap<Tenant, Issuer>>);

/// A tenant as its letterhead has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issuer {
    /// What it is called.
    name: String,
    /// Where its office is, line by line.
    address: Vec<String>,
    /// The language of what it sends. It is the office's, not the reader's: what is sent is a record of the office.
    pub locale: Locale,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Read {
    name: String,
    #[serde(default)]
    address: Vec<String>,
    locale: Option<String>,
}

impl Issuers {
    /// Reads a JSON object: by tenant an object of `name`, and where they are given `address`, a list of up to 6 lines, and `locale`, `en`
    /// (the default) or `de`. Texts have 1 to 100 characters.
    ///
    /// # Errors
    /// The rule that is broken, and where.
    pub fn parse(text: &str) -> Result<Self, String> {
        let read: BTreeMap<Tenant, Read> = serde_json::from_str(text)
            .map_err(|error| format!("must be a JSON object of issuers by tenant: {error}"))?;
        let mut issuers = BTreeMap::new();
        for (tenant, Read { name, address, locale }) in read {
            let fits = |text: &String| {
                !text.trim().is_empty() && text.chars().count() <= 100 && !text.contains(char::is_control)
            };
            if !fits(&name) {
                return Err(format!("must have a name of 1 to 100 characters for {tenant}"));
            }
            if address.len() > 6 || !address.iter().all(fits) {
                return Err(format!(
                    "must have an address of up to 6 lines of 1 to 100 characters for {tenant}"
                ));
            }
            let locale = locale.as_deref().unwrap_or("en").parse();
            let locale = locale.map_err(|_| format!("must have a locale of `en` or `de` for {tenant}"))?;
            issuers.insert(tenant, Issuer { name, address, locale });
        }
        Ok(Self(Arc::new(issuers)))
    }

    /// The tenant's; one without is called by its id.
    #[must_use]
    pub fn of(&self, tenant: &Tenant) -> Issuer {
        let unnamed = || Issuer { name: tenant.to_string(), address: Vec::new(), locale: Locale::En };
        self.0.get(tenant).cloned().unwrap_or_else(unnamed)
    }
}

impl Issuer {
    /// What its letterhead says.
    #[must_use]
    pub fn name_and_address(&self) -> ::pdf::Issuer {
        ::pdf::Issuer { name: self.name.clone(), address: self.address.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tenant_is_called_as_it_says_or_else_by_its_id() {
        let issuers =
            r#"{"riverton": {"name": "City of Riverton", "address": ["1 Bridge St"], "locale": "de"}}"#;
        let issuers = Issuers::parse(issuers).unwrap();
        let issuer = issuers.of(&"riverton".parse().unwrap());
        assert_eq!((issuer.name.as_str(), issuer.locale), ("City of Riverton", Locale::De));
        assert_eq!(issuer.address, ["1 Bridge St"]);
        let other = issuers.of(&"lakeside".parse().unwrap());
        assert_eq!((other.name.as_str(), other.locale), ("lakeside", Locale::En));
    }

    #[test]
    fn each_rule_is_told() {
        for (text, rule) in [
            ("[]", "must be a JSON object"),
            (r#"{"River Town": {"name": "x"}}"#, "must be a JSON object"),
            (r#"{"riverton": {"name": " "}}"#, "must have a name of 1 to 100 characters for riverton"),
            (r#"{"riverton": {"name": "x", "logo": "y"}}"#, "must be a JSON object"),
            (r#"{"riverton": {"name": "x", "address": [""]}}"#, "must have an address"),
            (r#"{"riverton": {"name": "x", "locale": "fr"}}"#, "must have a locale of `en` or `de`"),
        ] {
            let told = Issuers::parse(text).unwrap_err();
            assert!(told.starts_with(rule), "{told}");
        }
    }
}
