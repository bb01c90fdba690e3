//! What Stripe has, as far as it is looked at, and what that means.

use serde::Deserialize;
use url::Url;

use super::amount;
use super::{PAYMENT, REFUND};
use crate::domain::{Payment, Refund, RefundSeen, RefundState, Seen, Standing};

/// A Checkout Session: the page on which one payment is made.
#[derive(Debug, Deserialize)]
pub(super) struct Session {
    id: String,
    client_reference_id: Option<String>,
    status: Option<String>,
    amount_total: Option<i64>,
    currency: Option<String>,
    url: Option<String>,
    /// There is none before the payer has begun.
    payment_intent: Option<Expandable>,
}

/// Asked for with `expand`. An answer that was given before we asked so has the id alone.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Expandable {
    Intent(Box<Intent>),
    Id(String),
}

/// The attempt to charge.
#[derive(Debug, Deserialize)]
struct Intent {
    id: String,
    status: String,
    #[serde(default)]
    amount_received: i64,
    currency: String,
    last_payment_error: Option<LastError>,
}

#[derive(Debug, Deserialize)]
struct LastError {
    r#type: String,
}

/// A refund.
#[derive(Debug, Deserialize)]
pub(super) struct RefundRecord {
    id: String,
    status: Option<String>,
    amount: i64,
    currency: String,
    #[serde(default)]
    metadata: Option<Metadata>,
}

/// What we have written on a thing.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Metadata {
    #[serde(rename = "guildhall_payment")]
    pub(super) payment: Option<String>,
    #[serde(rename = "guildhall_refund")]
    pub(super) refund: Option<String>,
}

/// A page of a list.
#[derive(Debug, Deserialize)]
pub(super) struct List<T> {
    pub(super) data: Vec<T>,
    pub(super) has_more: bool,
}

/// What has an id of Stripe's.
pub(super) trait Named {
    fn id(&self) -> &str;
}

/// Why something is refused.
#[derive(Debug, Deserialize)]
pub(super) struct Refusal {
    pub(super) error: RefusalError,
}

#[derive(Debug, Deserialize)]
pub(super) struct RefusalError {
    pub(super) r#type: String,
    pub(super) code: Option<String>,
    pub(super) param: Option<String>,
}

impl Named for Session {
    fn id(&self) -> &str {
        &self.id
    }
}

impl Named for RefundRecord {
    fn id(&self) -> &str {
        &self.id
    }
}

impl RefusalError {
    /// What is not even asked for, for this field.
    pub(super) fn ours(param: &str) -> Self {
        Self { r#type: "invalid_request_error".to_owned(), code: None, param: Some(param.to_owned()) }
    }

    /// Nothing was made, whatever is asked again: it is about what is asked for. What is about the key, or about something that is not
    /// there, can be set right.
    pub(super) fn is_final(&self) -> bool {
        self.r#type != "idempotency_error" && self.code.as_deref() != Some("resource_missing")
    }
}

impl Session {
    /// It was made for this payment.
    pub(super) fn is_of(&self, payment: &Payment) -> bool {
        self.client_reference_id.as_ref().is_some_and(|reference| *reference == payment.id.to_string())
    }

    /// What Stripe calls the attempt to charge.
    pub(super) fn intent_id(&self) -> Option<&str> {
        match self.payment_intent.as_ref()? {
            Expandable::Intent(intent) => Some(&intent.id),
            Expandable::Id(id) => Some(id),
        }
    }

    /// What it means for a payment. One that is of another payment means nothing.
    pub(super) fn seen(self, payment: &Payment) -> Seen {
        let asked = amount::to_stripe(payment.currency, payment.amount);
        let same = self.is_of(payment)
            && self.amount_total.is_some()
            && self.amount_total == asked
            && self.currency.as_ref().is_some_and(|code| *code == amount::code(payment.currency))
            && (1..=255).contains(&self.id.len());
        if !same {
            tracing::error!(payment.id = %payment.id, "the provider shows another payment");
            return Seen::NoAnswer;
        }
        match self.standing(payment) {
            Some(standing) => Seen::Record { provider_id: self.id, standing },
            None => Seen::NoAnswer,
        }
    }

    /// How it stands. What was charged, or may be, counts before what became of the page.
    fn standing(&self, payment: &Payment) -> Option<Standing> {
        let intent = match &self.payment_intent {
            Some(Expandable::Intent(intent)) => Some(intent),
            Some(Expandable::Id(_)) | None => None,
        };
        match intent.map(|intent| &*intent.status) {
            Some("succeeded") => return self.charged(payment),
            Some("processing" | "requires_capture") => return Some(Standing::Charging),
            _ => {}
        }
        match (self.status.as_deref()?, intent.map(|intent| &*intent.status)) {
            // A card that was declined is no end: the payer may put in another.
            ("open", _) => {
                let next_url = self.url.clone()?;
                let fits = next_url.len() <= 2_000 && Url::parse(&next_url).is_ok();
                fits.then_some(Standing::Open { next_url })
            }
            ("complete", Some("canceled")) => Some(Standing::Cancelled),
            // The bank had days to say, and has said no.
            ("complete", Some("requires_payment_method")) => {
                let why = intent.and_then(|intent| intent.last_payment_error.as_ref());
                Some(match why.map(|why| &*why.r#type) {
                    Some("api_error") => Standing::Broken,
                    Some(_) => Standing::Declined,
                    None => Standing::Charging,
                })
            }
            ("complete", _) => Some(Standing::Charging),
            // The payer was at their bank when it ended: Stripe cancels that, but has not yet.
            ("expired", Some("requires_action" | "requires_confirmation")) => Some(Standing::Charging),
            // What became of an attempt that we are not shown may be anything.
            ("expired", None) if self.payment_intent.is_some() => None,
            ("expired", _) if payment.cancel.is_some() => Some(Standing::Cancelled),
            ("expired", _) => Some(Standing::Expired),
            _ => None,
        }
    }

    fn charged(&self, payment: &Payment) -> Option<Standing> {
        let Some(Expandable::Intent(intent)) = &self.payment_intent else { return None };
        let amount = (intent.currency == amount::code(payment.currency))
            .then(|| amount::from_stripe(payment.currency, intent.amount_received))
            .flatten();
        if amount.is_none() {
            tracing::error!(payment.id = %payment.id, "the provider has charged what cannot be counted");
        }
        let charge_id = Some(intent.id.clone()).filter(|id| (1..=255).contains(&id.len()));
        amount.map(|amount| Standing::Charged { amount, charge_id })
    }
}

impl RefundRecord {
    /// It was made for this refund.
    pub(super) fn is_of(&self, refund: &Refund) -> bool {
        let written = self.metadata.as_ref().and_then(|metadata| metadata.refund.as_ref());
        written.is_some_and(|id| *id == refund.id.to_string())
    }

    /// What it means for a refund. One that is of another refund means nothing.
    pub(super) fn seen(self, payment: &Payment, refund: &Refund) -> RefundSeen {
        let same = self.is_of(refund)
            && Some(self.amount) == amount::to_stripe(payment.currency, refund.amount)
            && self.currency == amount::code(payment.currency)
            && (1..=255).contains(&self.id.len());
        if !same {
            tracing::error!(refund.id = %refund.id, "the provider shows another refund");
            return RefundSeen::NoAnswer;
        }
        let state = match self.status.as_deref() {
            Some("pending" | "requires_action") => RefundState::Submitted,
            Some("succeeded") => RefundState::Completed,
            Some("failed" | "canceled") => RefundState::Failed,
            _ => return RefundSeen::NoAnswer,
        };
        RefundSeen::Record { provider_id: self.id, state }
    }
}

/// Our ids, written on a part of what is made, so that it is found again.
pub(super) fn written(part: &str, payment: &Payment, refund: Option<&Refund>) -> Vec<(String, String)> {
    let name = |name: &str| match part {
        "" => format!("metadata[{name}]"),
        part => format!("{part}[metadata][{name}]"),
    };
    let refund = refund.map(|refund| (name(REFUND), refund.id.to_string()));
    [(name(PAYMENT), payment.id.to_string())].into_iter().chain(refund).collect()
}

#[cfg(test)]
pub(super) mod tests;
