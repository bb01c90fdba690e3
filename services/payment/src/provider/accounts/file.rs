//! The accounts' own fields, by provider.

use ids::Tenant;
use providers::file::{self, Fields, is_safe};
use providers::signature::{standard_webhooks, stripe as stripe_signature};
use secrecy::SecretString;
use url::Url;

use super::AccountsError;
use crate::domain::AccountName;
use crate::provider::stripe::Settings;

const STRIPE: &str = "https://api.stripe.com";
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

/// Reads the entries. No two have one name or one tenant: nobody would say which of them is used.
pub(super) fn read(text: &[u8]) -> Result<Vec<Entry>, AccountsError> {
    let entries = file::read(text, true, &[("sandbox", sandbox), ("stripe", stripe)])?;
    Ok(entries.into_iter().map(|(name, tenant, kind)| Entry { name, tenant, kind }).collect())
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

#[cfg(test)]
mod tests;
