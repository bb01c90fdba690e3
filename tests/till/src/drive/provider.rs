//! The payment provider: what payers, banks and misfortune do there, and its books.

use anyhow::{Context as _, Result, ensure};
use clock::Clock;
use psp::{Options, Psp};
use serde_json::{Value, json};

use crate::found::{AtProvider, Part};

/// The account of the only tenant.
pub(super) const ACCOUNT: &str = "acct_town";

/// Its whole state is this process's, which is never killed.
pub(super) struct Provider {
    psp: Psp,
    http: reqwest::Client,
}

impl Provider {
    pub(super) async fn start() -> Result<Self> {
        let mut options = Options::new(Clock::system());
        for account in &mut options.accounts {
            // Often, and long enough for a service that is killed again and again.
            account.retry_seconds = vec![1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 5, 5, 5, 10, 10, 10];
        }
        Ok(Self { psp: psp::start_with(options).await?, http: reqwest::Client::new() })
    }

    /// The file of accounts that `payment` reads.
    pub(super) fn accounts(&self, callback_url: &str) -> String {
        let account = self.psp.account(ACCOUNT);
        let secrets: Vec<_> = account.webhook_secrets.iter().map(ToString::to_string).collect();
        let accounts = json!({ "accounts": [{
            "name": account.id, "tenant": super::world::TENANT, "provider": "sandbox", "url": self.psp.url(),
            "api_key": account.api_key.0, "webhook_secrets": secrets, "callback_url": callback_url,
        }] });
        accounts.to_string()
    }

    /// Does something there; what cannot be done as things stand is not done.
    pub(super) async fn control(&self, path: &str, body: Value) -> Result<()> {
        let url = format!("{}/control/{path}", self.psp.url());
        let answer = self.http.post(url).json(&body).send().await?;
        let status = answer.status();
        // Somebody was faster, or nothing came of it in time.
        let fine = status.is_success() || matches!(status.as_u16(), 409 | 422 | 504);
        ensure!(fine, "{path} gave {status}: {}", answer.text().await.unwrap_or_default());
        Ok(())
    }

    /// Nothing goes wrong any more.
    pub(super) async fn behave(&self) -> Result<()> {
        let url = format!("{}/control/script", self.psp.url());
        self.http.delete(url).send().await?.error_for_status()?;
        Ok(())
    }

    async fn read(&self, path: &str) -> Result<Value> {
        let request = self.http.get(format!("{}/{path}", self.psp.url()));
        let key = &self.psp.account(ACCOUNT).api_key.0;
        let answer = request.bearer_auth(key).send().await?.error_for_status()?;
        Ok(answer.json().await?)
    }

    /// Ids of what belongs to a payment there: `refunds` or `disputes`.
    pub(super) async fn parts(&self, payment: &str, what: &str) -> Result<Vec<Part>> {
        list(&self.read(&format!("v1/payments/{payment}/{what}")).await?).iter().map(part).collect()
    }

    /// Every payment there is, with its refunds and disputes.
    pub(super) async fn payments(&self) -> Result<Vec<AtProvider>> {
        let mut payments = Vec::new();
        for shown in list(&self.read("control/payments").await?) {
            let id = text(shown, "id")?;
            // What was never charged has neither.
            let charged = shown["state"] == "captured";
            payments.push(AtProvider {
                reference: text(shown, "reference")?,
                state: text(shown, "state")?,
                captured: number(shown, "amount_captured")?,
                refunds: if charged { self.parts(&id, "refunds").await? } else { Vec::new() },
                disputes: if charged { self.parts(&id, "disputes").await? } else { Vec::new() },
                id,
            });
        }
        Ok(payments)
    }

    /// Every line of the books: its id, its amount, and the day on which it is settled.
    pub(super) async fn entries(&self) -> Result<Vec<(String, i64, String)>> {
        let books = self.read("control/books").await?;
        let entries = books["accounts"][ACCOUNT]["entries"].as_array().context("no books")?;
        let entries = entries.iter();
        entries
            .map(|entry| Ok((text(entry, "id")?, number(entry, "amount")?, text(entry, "settled_on")?)))
            .collect()
    }
}

fn list(answer: &Value) -> &[Value] {
    answer["data"].as_array().map(Vec::as_slice).unwrap_or_default()
}

fn part(shown: &Value) -> Result<Part> {
    let reference = shown["reference"].as_str().map(str::to_owned);
    Ok(Part {
        id: text(shown, "id")?,
        reference,
        amount: number(shown, "amount")?,
        state: text(shown, "state")?,
    })
}

fn text(shown: &Value, field: &str) -> Result<String> {
    shown[field].as_str().map(str::to_owned).with_context(|| format!("no {field} in {shown}"))
}

fn number(shown: &Value, field: &str) -> Result<i64> {
    shown[field].as_i64().with_context(|| format!("no {field} in {shown}"))
}
