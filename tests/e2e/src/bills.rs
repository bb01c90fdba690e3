//! Bills that the office writes, and citizens pay.

use std::time::Duration;

use anyhow::{Result, ensure};
use http::Method;
use serde_json::{Value, json};

use crate::Citizen;
use crate::citizen::key;
use crate::files::File;

/// How long a provider and what follows may take.
const WITHIN: Duration = Duration::from_secs(60);

impl Citizen {
    /// Writes a bill, as staff, that somebody owes from now on.
    ///
    /// # Errors
    ///
    /// When it is refused.
    pub async fn issue(&mut self, payer: &str, minor_units: i64) -> Result<Value> {
        let bill = json!({
            "reference": format!("demo-{}", key()), "payer": payer, "payer_name": "Ada Lovelace", "due_on": "2035-01-31",
            "issue": true, "lines": [{
                "description": "Dog licence", "fund": "dogs", "quantity": 1,
                "unit_price": { "minor_units": minor_units, "currency": "EUR" },
            }],
        });
        self.expect(Method::POST, "/v1/staff/bills", Some(&key()), Some(bill)).await
    }

    /// Writes a bill, as staff, for whom the office knows by a reference of its own and may reach by e-mail.
    ///
    /// # Errors
    ///
    /// When it is refused.
    pub async fn issue_to_person(&mut self, person_ref: &str, name: &str, email: &str) -> Result<Value> {
        let bill = json!({
            "reference": format!("demo-{}", key()), "payer": format!("person:{person_ref}"), "payer_name": name,
            "payer_contact": { "email": email, "locale": "en" }, "due_on": "2035-01-31", "issue": true, "lines": [{
                "description": "Property tax", "fund": "tax", "unit_price": { "minor_units": 5_000, "currency": "EUR" },
            }],
        });
        self.expect(Method::POST, "/v1/staff/bills", Some(&key()), Some(bill)).await
    }

    /// Hands in a file of bills, as staff, and has them issued once it was scanned. Gives the run when it is over.
    ///
    /// # Errors
    ///
    /// When it is refused, or does not end.
    pub async fn run_bills(&mut self, file: &File) -> Result<Value> {
        let document = self.hand_in(file).await?;
        let own = format!("/v1/documents/{}", document.id());
        self.once(&own, |document| document["status"] == "ready").await?;
        let body = json!({ "document_id": document.id(), "format": "csv" });
        let run = self.expect(Method::POST, "/v1/staff/bill-runs", Some(&key()), Some(body)).await?;
        let own = run["_links"]["self"].as_str().unwrap_or_default().to_owned();
        self.once(&own, |run| !run["finished_at"].is_null()).await
    }

    /// Begins to pay a bill, and waits until the provider has given its page.
    ///
    /// # Errors
    ///
    /// When it is refused, or there is no page.
    pub async fn begin_to_pay(&mut self, bill: &str) -> Result<Value> {
        let body = json!({ "bill_id": bill, "return_url": "http://localhost:8080/" });
        let begun = self.expect(Method::POST, "/v1/payments", Some(&key()), Some(body)).await?;
        self.payment_once(&begun, |payment| !payment["_links"]["next"].is_null()).await
    }

    /// A payment once it is as it should be.
    ///
    /// # Errors
    ///
    /// When it does not come to that.
    pub async fn payment_once(&self, payment: &Value, right: impl Fn(&Value) -> bool) -> Result<Value> {
        self.once(payment["_links"]["self"].as_str().unwrap_or_default(), right).await
    }

    /// What is at a path once it is as it should be.
    ///
    /// # Errors
    ///
    /// When it does not come to that.
    pub async fn once(&self, path: &str, right: impl Fn(&Value) -> bool) -> Result<Value> {
        let right = &right;
        testkit::eventually(WITHIN, || {
            let (mut citizen, path) = (self.clone(), path.to_owned());
            async move {
                let seen = citizen.get(&path).await?;
                ensure!(right(&seen), "{path} is {seen}");
                Ok(seen)
            }
        })
        .await
    }

    /// A payment once its outcome is known.
    ///
    /// # Errors
    ///
    /// When it stays unknown.
    pub async fn paid(&self, payment: &Value) -> Result<Value> {
        self.payment_once(payment, |payment| !payment["finished_at"].is_null()).await
    }
}
