//! The file of a day: what the books say, or what a test wants it to say.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use crate::books::Entry;
use crate::id::EntryId;
use crate::moment::Day;
use crate::money::Currency;

const HEADER: &str = "line,type,entry_id,payment_id,object_id,reference,currency,amount,booked_at\n";

/// How a day's file is not what the books say.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Alteration {
    /// Entries that are not in it.
    pub(crate) omit: BTreeSet<EntryId>,
    /// Entries that are in it twice.
    pub(crate) repeat: BTreeSet<EntryId>,
    /// Entries that are in it with other amounts.
    pub(crate) amounts: BTreeMap<EntryId, i64>,
    /// Lines of nothing that is in the books.
    pub(crate) add: Vec<Stray>,
    /// What is added to the net total of a currency.
    pub(crate) net_off_by: BTreeMap<Currency, i64>,
}

/// A line of a payment that nobody knows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Stray {
    pub(crate) r#type: String,
    pub(crate) payment_id: String,
    pub(crate) reference: String,
    pub(crate) currency: Currency,
    pub(crate) amount: i64,
}

/// A day of an account, closed before its end or altered.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Settlement {
    pub(crate) account: String,
    pub(crate) date: Day,
    /// Nothing is settled on this day any more, though it may not be over.
    pub(crate) closed: bool,
    pub(crate) alteration: Alteration,
}

/// The lines, and after them a line `net` per currency: how many lines there were of it, and their sum.
pub(crate) fn file<'a>(entries: impl Iterator<Item = &'a Entry>, alteration: &Alteration) -> String {
    let mut file = File::default();
    for entry in entries.filter(|entry| !alteration.omit.contains(&entry.id)) {
        let amount = alteration.amounts.get(&entry.id).copied().unwrap_or(entry.amount);
        let times = if alteration.repeat.contains(&entry.id) { 2 } else { 1 };
        for _ in 0..times {
            let ids = [entry.id.to_string(), entry.payment.to_string(), entry.object.clone()];
            let at = entry.at.to_string();
            file.line(entry.kind.name(), &ids, &entry.reference, &entry.currency, amount, &at);
        }
    }
    for stray in &alteration.add {
        let ids = [String::new(), stray.payment_id.clone(), stray.payment_id.clone()];
        file.line(&stray.r#type, &ids, &stray.reference, &stray.currency, stray.amount, "");
    }
    file.close(&alteration.net_off_by)
}

#[derive(Default)]
struct File {
    text: String,
    lines: usize,
    net: BTreeMap<Currency, (usize, i64)>,
}

impl File {
    fn line(
        &mut self,
        kind: &str,
        ids: &[String; 3],
        reference: &str,
        currency: &Currency,
        amount: i64,
        at: &str,
    ) {
        self.lines += 1;
        let net = self.net.entry(currency.clone()).or_default();
        net.0 += 1;
        net.1 = net.1.saturating_add(amount);
        let [entry, payment, object] = ids.each_ref().map(|id| field(id));
        let (number, kind, reference) = (self.lines, field(kind), field(reference));
        // Writing to a `String` cannot fail.
        let _ = writeln!(
            self.text,
            "{number},{kind},{entry},{payment},{object},{reference},{currency},{amount},{at}"
        );
    }

    fn close(self, off_by: &BTreeMap<Currency, i64>) -> String {
        let mut text = format!("{HEADER}{}", self.text);
        for (currency, (lines, net)) in self.net {
            let net = net.saturating_add(off_by.get(&currency).copied().unwrap_or(0));
            let _ = writeln!(text, "{lines},net,,,,,{currency},{net},");
        }
        text
    }
}

/// RFC 4180: quoted where it has to be.
fn field(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}
