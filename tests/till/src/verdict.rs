//! What has to hold once everything is at rest. No IO.

use std::collections::{BTreeMap, BTreeSet};

use crate::found::{Acknowledged, AtProvider, Event, Found, Part, Payment};

/// What has to hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Promise {
    /// What was acknowledged is there.
    Kept,
    /// A payment or refund is one that somebody asked for, once.
    Asked,
    /// The provider charges a bill once.
    Charged,
    /// A payment is what the provider's books say.
    Same,
    /// A refund or dispute is what the provider's books say, and they are never more than was charged.
    Back,
    /// The ledger adds up, and says the same.
    Ledger,
    /// Every line of the provider's books is settled once.
    Settled,
    /// Events are those of a life, in their order, each once.
    Events,
    /// One row of the feed for each event.
    Told,
    /// At least one mail for each event that is mailed.
    Mailed,
}

impl Promise {
    /// Every promise.
    pub const ALL: [Self; 10] = [
        Self::Kept,
        Self::Asked,
        Self::Charged,
        Self::Same,
        Self::Back,
        Self::Ledger,
        Self::Settled,
        Self::Events,
        Self::Told,
        Self::Mailed,
    ];

    /// What breaks it, in words.
    #[must_use]
    pub fn broken(self) -> &'static str {
        match self {
            Self::Kept => "lost: acknowledged, and not there",
            Self::Asked => "doubled: there, and asked for by nobody",
            Self::Charged => "doubled: bills charged more than once",
            Self::Same => "wrong: payments unlike the provider's books",
            Self::Back => "wrong: refunds and disputes unlike the books",
            Self::Ledger => "wrong: findings in the ledger",
            Self::Settled => "wrong: lines of settlements",
            Self::Events => "wrong: events",
            Self::Told => "wrong: rows of feeds",
            Self::Mailed => "lost: mails",
        }
    }
}

/// Status of the feed's row that an event makes, where it makes one.
#[must_use]
pub fn told(event: &str) -> Option<&'static str> {
    Some(match event {
        "billing.bill_issued" => "bill.issued",
        "billing.bill_part_paid" => "bill.part_paid",
        "billing.bill_paid" => "bill.paid",
        "payment.submitted" => "payment.submitted",
        "payment.completed" => "payment.completed",
        "payment.failed" => "payment.failed",
        "payment.expired" => "payment.expired",
        "payment.cancelled" => "payment.cancelled",
        "payment.outcome_unknown" => "payment.outcome_unknown",
        "payment.refund_submitted" => "refund.submitted",
        "payment.refund_completed" => "refund.completed",
        "payment.refund_failed" => "refund.failed",
        _ => return None,
    })
}

/// Whether an event is mailed too.
fn is_mailed(event: &str) -> bool {
    matches!(
        event,
        "billing.bill_issued"
            | "billing.bill_part_paid"
            | "billing.bill_paid"
            | "payment.failed"
            | "payment.outcome_unknown"
            | "payment.refund_completed"
            | "payment.refund_failed"
    )
}

/// How often each promise was broken, with the cases of each.
#[derive(Clone, Debug, Default)]
pub struct Verdict {
    /// Things that were compared, by what they are.
    pub compared: BTreeMap<&'static str, usize>,
    /// Broken promises.
    pub broken: BTreeMap<Promise, Vec<String>>,
}

impl Verdict {
    /// Judges what was found.
    #[must_use]
    pub fn on(found: &Found) -> Self {
        let mut verdict = Self::default();
        verdict.acknowledgements(found);
        verdict.charges(found);
        verdict.given_back(found);
        verdict.settlements(found);
        let events = verdict.events(found);
        verdict.feeds(found, &events);
        let copies = found.deliveries.values().map(|delivery| delivery.mails.saturating_sub(1)).sum();
        verdict.compared.extend([
            ("bills", found.bills.len()),
            ("payments", found.payments.len()),
            ("refunds", found.refunds.len()),
            ("disputes", found.disputes.len()),
            ("lines of the provider's books", found.entries.len()),
            ("events", events.len()),
            ("rows of feeds", found.feeds.values().map(Vec::len).sum()),
            ("mails", found.deliveries.len()),
            ("mails sent again under their id", copies),
        ]);
        for status in ["completed", "failed", "cancelled"] {
            let count = found.payments.values().filter(|payment| payment.status == status).count();
            verdict.compared.insert(status, count);
        }
        verdict
    }

    /// Whether every promise was kept.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.broken.is_empty()
    }

    fn fault(&mut self, promise: Promise, what: impl Into<String>) {
        self.broken.entry(promise).or_default().push(what.into());
    }

    fn acknowledgements(&mut self, found: &Found) {
        let Acknowledged { bills, payments, refunds } = &found.acknowledged;
        for bill in bills.iter().filter(|bill| !found.bills.contains_key(*bill)) {
            self.fault(Promise::Kept, format!("bill {bill}"));
        }
        for (payment, bill) in payments {
            if found.payments.get(payment).is_none_or(|row| row.bill != *bill) {
                self.fault(Promise::Kept, format!("payment {payment} of bill {bill}"));
            }
        }
        for (refund, (payment, amount)) in refunds {
            if found.refunds.get(refund).is_none_or(|row| (&row.payment, row.amount) != (payment, *amount)) {
                self.fault(Promise::Kept, format!("refund {refund} of payment {payment}"));
            }
        }
        // Every call was repeated until it was answered: what nobody was told of was made by a repetition.
        for bill in found.bills.keys().filter(|bill| !bills.contains(*bill)) {
            self.fault(Promise::Asked, format!("bill {bill}"));
        }
        for payment in found.payments.keys().filter(|payment| !payments.contains_key(*payment)) {
            self.fault(Promise::Asked, format!("payment {payment}"));
        }
        for refund in found.refunds.keys().filter(|refund| !refunds.contains_key(*refund)) {
            self.fault(Promise::Asked, format!("refund {refund}"));
        }
        for _ in 0..found.parked {
            self.fault(Promise::Kept, "an event is parked");
        }
    }

    fn charges(&mut self, found: &Found) {
        let mut there: BTreeMap<&str, Vec<&AtProvider>> = BTreeMap::new();
        for payment in &found.at_provider {
            there.entry(&payment.reference).or_default().push(payment);
        }
        let mut charged: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        let mut paid: BTreeMap<&str, i64> = BTreeMap::new();
        for (id, payment) in &found.payments {
            let of = there.remove(id.as_str()).unwrap_or_default();
            for one in of.iter().filter(|one| one.captured > 0) {
                charged.entry(&payment.bill).or_default().push(&one.id);
            }
            *paid.entry(&payment.bill).or_default() += payment.captured;
            let same = match &of[..] {
                [one] => {
                    payment.captured == one.captured
                        && match one.state.as_str() {
                            "captured" => payment.status == "completed",
                            "failed" | "expired" => payment.status == "failed",
                            "cancelled" => {
                                // Its time was over, or somebody has cancelled it.
                                payment.status == "cancelled" || payment.failure.as_deref() == Some("expired")
                            }
                            _ => false,
                        }
                }
                _ => false,
            };
            if !same || payment.contradiction.is_some() {
                self.fault(Promise::Same, format!("{id}: {payment:?}, and there {of:?}"));
            }
        }
        for (reference, of) in there {
            self.fault(Promise::Asked, format!("{} payments {reference} at the provider", of.len()));
        }
        for (bill, charges) in charged.iter().filter(|(_, charges)| charges.len() > 1) {
            self.fault(Promise::Charged, format!("bill {bill}: {charges:?}"));
        }
        for (id, bill) in &found.bills {
            let paid = paid.get(id.as_str()).copied().unwrap_or(0);
            let status = match paid {
                0 => "issued",
                paid if paid == bill.total => "paid",
                _ => "part_paid",
            };
            if bill.paid != paid || bill.status != status {
                self.fault(Promise::Same, format!("bill {id}: {bill:?}, and {paid} was charged"));
            }
        }
    }

    fn given_back(&mut self, found: &Found) {
        for one in &found.at_provider {
            let Some(payment) = found.payments.get(&one.reference) else { continue };
            let sum = |parts: &[Part], states: &[&str]| -> i64 {
                let counted = parts.iter().filter(|part| states.contains(&part.state.as_str()));
                counted.map(|part| part.amount).sum()
            };
            let refunded = sum(&one.refunds, &["succeeded"]);
            let disputed = sum(&one.disputes, &["needs_response", "under_review", "lost"]);
            let same = (payment.refunded, payment.refunding, payment.disputed) == (refunded, 0, disputed);
            if !same || refunded + disputed > one.captured {
                self.fault(Promise::Back, format!("{}: {payment:?}, and there {one:?}", one.reference));
            }
            for dispute in &one.disputes {
                let known = found.disputes.get(&dispute.id);
                let same = known.is_some_and(|known| {
                    (&known.payment, known.amount, &known.status)
                        == (&one.reference, dispute.amount, &dispute.state)
                });
                if !same {
                    self.fault(Promise::Back, format!("dispute {dispute:?}, and here {known:?}"));
                }
            }
        }
        let mut there: BTreeMap<&str, Vec<&Part>> = BTreeMap::new();
        for refund in found.at_provider.iter().flat_map(|one| &one.refunds) {
            there.entry(refund.reference.as_deref().unwrap_or_default()).or_default().push(refund);
        }
        for (id, refund) in &found.refunds {
            let of = there.remove(id.as_str()).unwrap_or_default();
            let same = match (&of[..], refund.status.as_str()) {
                // One that did not fit was refused.
                ([], "failed") => true,
                ([one], "failed") => one.state == "failed" && one.amount == refund.amount,
                ([one], "completed") => one.state == "succeeded" && one.amount == refund.amount,
                _ => false,
            };
            if !same {
                self.fault(Promise::Back, format!("refund {id}: {refund:?}, and there {of:?}"));
            }
        }
        for (reference, of) in there {
            self.fault(Promise::Asked, format!("{} refunds {reference:?} at the provider", of.len()));
        }
    }

    fn settlements(&mut self, found: &Found) {
        if let Some(findings) = &found.ledger {
            self.fault(Promise::Ledger, findings.clone());
        }
        let mut times: BTreeMap<&str, usize> = BTreeMap::new();
        let mut settled = BTreeSet::new();
        for line in found.lines.iter().filter(|line| matches!(line.status.as_str(), "matched" | "found")) {
            if let Some(id) = &line.provider_line {
                *times.entry(id).or_default() += 1;
                if found.entries.get(id).copied() != line.reported {
                    self.fault(Promise::Settled, format!("{line:?}, and there {:?}", found.entries.get(id)));
                }
            }
            settled.insert((&line.kind, &line.subject));
        }
        for id in found.entries.keys() {
            let times = times.get(id.as_str()).copied().unwrap_or(0);
            if times != 1 {
                self.fault(
                    Promise::Settled,
                    format!("line {id} of the provider's books is settled {times} times"),
                );
            }
        }
        for line in &found.lines {
            let fine = match line.status.as_str() {
                "matched" | "found" => true,
                // It was charged after the provider had closed that day: a later report has it.
                "missing_there" => settled.contains(&(&line.kind, &line.subject)),
                _ => false,
            };
            if !fine {
                self.fault(Promise::Settled, format!("{line:?}"));
            }
        }
        let net: i64 = found.entries.values().sum();
        let of = |kind: &str| found.balances.get(kind).copied().unwrap_or(0);
        for (what, is, should) in
            [("bank", of("bank"), net), ("suspense", of("suspense"), 0), ("clearing", of("clearing"), 0)]
        {
            if is != should {
                self.fault(Promise::Settled, format!("{what} has {is}, and should have {should}"));
            }
        }
    }

    /// Looks at the lives that events tell; gives each event once.
    fn events<'f>(&mut self, found: &'f Found) -> Vec<&'f Event> {
        let mut seen: BTreeMap<&str, &Event> = BTreeMap::new();
        let mut lives: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        let mut once = Vec::new();
        for event in &found.events {
            match seen.insert(&event.id, event) {
                // The relay delivers at least once; consumers drop by id.
                Some(first) if first == event => {
                    *self.compared.entry("events delivered again").or_default() += 1;
                    continue;
                }
                Some(_) => self.fault(Promise::Events, format!("{} has two contents", event.id)),
                None => once.push(event),
            }
            lives.entry(&event.key).or_default().push(&event.name);
        }
        for (id, payment) in &found.payments {
            let life: Vec<_> = lives.get(id.as_str()).into_iter().flatten().copied().collect();
            if let Some(why) = wrong(&life, payment) {
                self.fault(Promise::Events, format!("{id}: {why}; {payment:?}, {life:?}"));
            }
        }
        for (id, bill) in &found.bills {
            let life: Vec<_> = lives.get(id.as_str()).into_iter().flatten().copied().collect();
            let right: &[&str] = match bill.status.as_str() {
                "issued" => &["billing.bill_issued"],
                "paid" => &["billing.bill_issued", "billing.bill_paid"],
                "part_paid" => &["billing.bill_issued", "billing.bill_part_paid"],
                _ => &[],
            };
            if life != right {
                self.fault(Promise::Events, format!("bill {id}: {bill:?}, {life:?}"));
            }
        }
        once
    }

    fn feeds(&mut self, found: &Found, events: &[&Event]) {
        let mut left: BTreeMap<(&str, &str, &str), i64> = BTreeMap::new();
        for event in events {
            if let Some(status) = told(&event.name) {
                *left.entry((&event.payer, status, &event.key)).or_default() += 1;
            }
            let Some(delivery) = found.deliveries.get(&event.id) else {
                if is_mailed(&event.name) {
                    self.fault(Promise::Mailed, format!("{} of {}: no delivery", event.name, event.key));
                }
                continue;
            };
            if delivery.state != "sent" || delivery.mails == 0 {
                self.fault(Promise::Mailed, format!("{} of {}: {delivery:?}", event.name, event.key));
            }
        }
        for (payer, feed) in &found.feeds {
            for (row, seq) in feed.iter().zip(1..) {
                if row.seq != seq {
                    self.fault(Promise::Told, format!("{payer}: number {} in the place of {seq}", row.seq));
                }
                if !row.status.starts_with("delivery.") {
                    *left.entry((payer, &row.status, &row.subject)).or_default() -= 1;
                }
            }
        }
        for ((payer, status, subject), count) in left.into_iter().filter(|(_, count)| *count != 0) {
            let how = if count > 0 { "missing" } else { "too many" };
            self.fault(Promise::Told, format!("{payer}: {status} of {subject}, {} {how}", count.abs()));
        }
    }
}

/// What is wrong with a payment's life.
fn wrong(life: &[&str], payment: &Payment) -> Option<&'static str> {
    let steps: Vec<&str> = life.iter().filter_map(|name| name.strip_prefix("payment.")).collect();
    let is_end = |step: &&&str| matches!(**step, "completed" | "failed" | "expired" | "cancelled");
    let of_provider = |step: &&&str| step.starts_with("refund_") || step.starts_with("dispute_");
    if steps.first() != Some(&"initiated") || steps.iter().filter(|step| **step == "initiated").count() > 1 {
        return Some("it does not begin once");
    }
    let ends: Vec<_> = steps.iter().filter(is_end).collect();
    let end = match (payment.status.as_str(), payment.failure.as_deref()) {
        ("failed", Some("expired")) => "expired",
        (status, _) => status,
    };
    if ends != [&end] {
        return Some("it does not end once, as it has");
    }
    let after = steps.iter().skip_while(|step| **step != end).skip(1);
    let before = steps.iter().take_while(|step| **step != end);
    if before.filter(of_provider).count() > 0 || after.filter(|step| !of_provider(step)).count() > 0 {
        return Some("it is out of order");
    }
    None
}

#[cfg(test)]
mod tests;
