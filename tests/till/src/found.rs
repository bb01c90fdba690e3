//! What a run has left, where it comes from.

use std::collections::{BTreeMap, BTreeSet};

/// What callers were told.
#[derive(Clone, Debug, Default)]
pub struct Acknowledged {
    /// Bills that were written.
    pub bills: BTreeSet<String>,
    /// Payments that were begun, with their bills.
    pub payments: BTreeMap<String, String>,
    /// Refunds that were asked for, with their payments and amounts.
    pub refunds: BTreeMap<String, (String, i64)>,
}

/// A row of `bills`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bill {
    /// Where it stands.
    pub status: String,
    /// What it comes to.
    pub total: i64,
    /// What was paid of it.
    pub paid: i64,
}

/// A row of `payments`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payment {
    /// Its bill.
    pub bill: String,
    /// Where it stands.
    pub status: String,
    /// Why it failed.
    pub failure: Option<String>,
    /// What was charged.
    pub captured: i64,
    /// What was given back.
    pub refunded: i64,
    /// What is being given back.
    pub refunding: i64,
    /// What is contested, or was with success.
    pub disputed: i64,
    /// What the provider said that cannot be.
    pub contradiction: Option<String>,
}

/// A row of `refunds`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refund {
    /// Of which payment.
    pub payment: String,
    /// How much.
    pub amount: i64,
    /// Where it stands.
    pub status: String,
}

/// A row of `disputes`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dispute {
    /// Of which payment.
    pub payment: String,
    /// How much.
    pub amount: i64,
    /// Where it stands.
    pub status: String,
}

/// A refund or a dispute, as the provider has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// What the provider calls it.
    pub id: String,
    /// What we call it.
    pub reference: Option<String>,
    /// How much.
    pub amount: i64,
    /// Where it stands there.
    pub state: String,
}

/// A payment, as the provider has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AtProvider {
    /// What the provider calls it.
    pub id: String,
    /// What we call it.
    pub reference: String,
    /// Where it stands there.
    pub state: String,
    /// What was charged.
    pub captured: i64,
    /// What was given back, or is to be.
    pub refunds: Vec<Part>,
    /// What was contested.
    pub disputes: Vec<Part>,
}

/// A row of `settlement_lines`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// What moved.
    pub kind: String,
    /// How it compares.
    pub status: String,
    /// What the provider calls the line.
    pub provider_line: Option<String>,
    /// What it is about.
    pub subject: Option<String>,
    /// What the report says.
    pub reported: Option<i64>,
}

/// An event, as it is on its topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Its id.
    pub id: String,
    /// Its type, without what is common to all, for example `payment.completed`.
    pub name: String,
    /// Its bill or payment.
    pub key: String,
    /// Whose bill or payment it is.
    pub payer: String,
    /// Its bytes.
    pub payload: Vec<u8>,
}

/// A row of a feed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// Its number in the feed.
    pub seq: i64,
    /// What it says.
    pub status: String,
    /// What it is about.
    pub subject: String,
}

/// An e-mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// How it went.
    pub state: String,
    /// How many have arrived under its `Message-ID`.
    pub mails: usize,
}

/// What a run has left.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// What callers were told.
    pub acknowledged: Acknowledged,
    /// By id.
    pub bills: BTreeMap<String, Bill>,
    /// By id.
    pub payments: BTreeMap<String, Payment>,
    /// By id.
    pub refunds: BTreeMap<String, Refund>,
    /// By what the provider calls them.
    pub disputes: BTreeMap<String, Dispute>,
    /// What the provider has.
    pub at_provider: Vec<AtProvider>,
    /// Lines of the provider's books: id and amount.
    pub entries: BTreeMap<String, i64>,
    /// What was compared with reports.
    pub lines: Vec<Line>,
    /// What `ledger verify` has found, where it has found something.
    pub ledger: Option<String>,
    /// What the accounts `bank`, `suspense`, and those of the account at the provider have come to.
    pub balances: BTreeMap<String, i64>,
    /// Of each topic in its order.
    pub events: Vec<Event>,
    /// By payer.
    pub feeds: BTreeMap<String, Vec<Told>>,
    /// By event.
    pub deliveries: BTreeMap<String, Delivery>,
    /// Events that a consumer could not apply.
    pub parked: i64,
}
