//! The adapter of Stripe: what it asks is held against Stripe's own specification, and what it makes of answers against a server that
//! answers as the documentation says.

mod fake;
mod lost;
mod service;
mod specification;
mod standing;

use clock::Clock;
use ids::{BillId, PaymentId, RefundId};
use payment::domain::{Payment, PaymentState, Refund, RefundState, Standing};
use payment::provider::{Accounts, Provider};
use serde_json::{Value, json};
use time::{Duration, OffsetDateTime};

/// A moment at which a payment is begun.
pub(crate) const NOW: OffsetDateTime = time::macros::datetime!(2026-11-29 06:00 UTC);
/// What its callbacks are signed by.
pub(crate) const SECRET: &str = "whsec_0123456789abcdefghijklmnopqrstuv";
pub(crate) const ACCOUNT: &str = "acct_hill";

/// The entry of an account at a server that speaks like Stripe.
pub(crate) fn account(api_base: &str) -> Value {
    json!({
        "name": ACCOUNT, "tenant": "hilltop", "provider": "stripe", "api_base": api_base,
        "secret_key": "sk_test_0123456789abcdef", "webhook_secrets": [SECRET], "product_name": "Bill of Hilltop",
    })
}

pub(crate) fn provider(api_base: &str) -> Provider {
    let file = json!({ "accounts": [account(api_base)] }).to_string();
    let accounts = Accounts::read(file.as_bytes()).expect("accounts");
    accounts.find(&ACCOUNT.parse().expect("a name")).expect("the account").provider.clone()
}

/// A payment of 10.50 euros that was begun now.
pub(crate) fn payment() -> Payment {
    let clock = Clock::frozen(NOW);
    Payment {
        id: PaymentId::mint(&clock),
        tenant: "hilltop".parse().expect("a tenant"),
        bill_id: BillId::mint(&clock),
        payer: "ada".parse().expect("a subject"),
        account: ACCOUNT.parse().expect("a name"),
        amount: 1_050,
        currency: "EUR".parse().expect("a currency"),
        return_url: Some("https://town.example/bills?a=1&b=ü".to_owned()),
        state: PaymentState::Initiated,
        provider_id: None,
        charge_id: None,
        next_url: None,
        cancel: None,
        silent_since: None,
        refunded: 0,
        refunding: 0,
        disputed: 0,
        created_at: NOW,
        expires_at: NOW + Duration::minutes(90),
        finished_at: None,
        receipt_id: None,
    }
}

/// It is charged, as the only session of a server is.
pub(crate) fn charged(amount: i64) -> Standing {
    Standing::Charged { amount, charge_id: Some(format!("pi_{}", standing::SESSION)) }
}

/// A refund of some of it.
pub(crate) fn refund(payment: &Payment, amount: i64) -> Refund {
    Refund {
        id: RefundId::mint(&Clock::frozen(NOW)),
        tenant: payment.tenant.clone(),
        payment_id: payment.id,
        amount,
        state: RefundState::Submitted,
        provider_id: None,
        reason: None,
        requested_by: "fin".parse().expect("a subject"),
        created_at: NOW,
        finished_at: None,
    }
}
