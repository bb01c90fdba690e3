//! What a payer does at the payment provider, and what becomes of it there.

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use url::Url;

/// A payment's page at the provider: `_links.next`.
#[derive(Clone, Debug)]
pub struct Checkout(Url);

impl Checkout {
    /// The page that a payment leads to.
    ///
    /// # Errors
    ///
    /// When it leads nowhere.
    pub fn of(payment: &Value) -> Result<Self> {
        let next = payment["_links"]["next"].as_str().context("the payment leads nowhere")?;
        Ok(Self(next.parse()?))
    }

    /// Puts in a card, one of [`psp::cards`].
    ///
    /// # Errors
    ///
    /// When the provider does not take it.
    pub async fn pay(&self, card: &str) -> Result<()> {
        self.control("pay", json!({ "card": card })).await
    }

    /// The bank says what becomes of a payment that it has not answered.
    ///
    /// # Errors
    ///
    /// When there is nothing to say.
    pub async fn resolve(&self, approve: bool) -> Result<()> {
        self.control("resolve", json!({ "approve": approve })).await
    }

    async fn control(&self, what: &str, body: Value) -> Result<()> {
        let id =
            self.0.path_segments().and_then(Iterator::last).context("no payment in the page's address")?;
        let url = self.0.join(&format!("/control/payments/{id}/{what}"))?;
        let answer = reqwest::Client::new().post(url).json(&body).send().await?;
        ensure!(answer.status().is_success(), "{what} gave {}: {}", answer.status(), answer.text().await?);
        Ok(())
    }
}
