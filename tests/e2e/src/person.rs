//! A person of the realm that nobody else is, made for one test.

use std::sync::LazyLock;

use anyhow::{Context, Result};
use reqwest::{Client, header};
use serde_json::{Value, json};
use testkit::canary::Canary;

static HTTP: LazyLock<Client> = LazyLock::new(Client::new);

/// A citizen of `riverton` whose e-mail and name are a canary's.
#[derive(Debug)]
pub struct Person {
    /// The provider's `sub`.
    pub subject: String,
    /// What they sign in as; the password is the same with `-pw`.
    pub user: String,
}

impl Person {
    /// Makes the account, as the provider's administrator.
    ///
    /// # Errors
    ///
    /// When the provider refuses.
    pub async fn register(user: &str, canary: &Canary) -> Result<Self> {
        Self::register_as(user, canary, &[]).await
    }

    /// The same for somebody whom the office knows by a reference of its own, where there is one.
    ///
    /// # Errors
    ///
    /// When the provider refuses.
    pub async fn register_as(user: &str, canary: &Canary, person_ref: &[&str]) -> Result<Self> {
        let (realm, token) = (realm()?, administrator().await?);
        let account = json!({
            "username": user, "enabled": true, "emailVerified": true, "email": canary.email(),
            "firstName": canary.name(), "lastName": canary.name(),
            "attributes": {"tenant": ["riverton"], "locale": ["en"], "person_ref": person_ref},
            "credentials": [{"type": "password", "value": format!("{user}-pw"), "temporary": false}],
        });
        let made = HTTP.post(format!("{realm}/users")).bearer_auth(&token).json(&account).send().await?;
        let made = made.error_for_status()?;
        let location = made.headers().get(header::LOCATION).context("no location")?.to_str()?;
        let subject = location.rsplit('/').next().context("no id")?.to_owned();
        let role: Value =
            HTTP.get(format!("{realm}/roles/citizen")).bearer_auth(&token).send().await?.json().await?;
        let mapping = format!("{realm}/users/{subject}/role-mappings/realm");
        let mapped = HTTP.post(mapping).bearer_auth(&token).json(&json!([role])).send().await?;
        mapped.error_for_status()?;
        Ok(Self { subject, user: user.to_owned() })
    }

    /// Deletes the account.
    ///
    /// # Errors
    ///
    /// When the provider refuses.
    pub async fn forget(&self) -> Result<()> {
        let (url, token) = (format!("{}/users/{}", realm()?, self.subject), administrator().await?);
        HTTP.delete(url).bearer_auth(token).send().await?.error_for_status()?;
        Ok(())
    }
}

/// The provider's own address, and the realm's for administrators.
fn provider() -> Result<String> {
    let issuer = testkit::env().oidc_issuer();
    Ok(issuer.strip_suffix("/realms/guildhall").context("another realm")?.to_owned())
}

fn realm() -> Result<String> {
    Ok(format!("{}/admin/realms/guildhall", provider()?))
}

async fn administrator() -> Result<String> {
    let form = [
        ("grant_type", "password"),
        ("client_id", "admin-cli"),
        ("username", "admin"),
        ("password", "admin"),
    ];
    let endpoint = format!("{}/realms/master/protocol/openid-connect/token", provider()?);
    let token: Value = HTTP.post(endpoint).form(&form).send().await?.error_for_status()?.json().await?;
    Ok(token["access_token"].as_str().context("no token")?.to_owned())
}
