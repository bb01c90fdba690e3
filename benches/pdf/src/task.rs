//! What everybody renders, and how often.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use pdf::{Bill, Locale, sample};
use serde::{Deserialize, Serialize};

/// So many bills of so many lines.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Task {
    pub(crate) lines: usize,
    pub(crate) count: u64,
    /// A page of HTML with [`PLACE`] where the reference goes; for the peers.
    pub(crate) html: String,
    /// Where the last PDF goes.
    pub(crate) out: PathBuf,
}

/// Each bill has another reference in this place.
const PLACE: &str = "@@REFERENCE@@";
const PAGE: &str = include_str!("../weasyprint/bill.html");

impl Task {
    pub(crate) fn new(lines: usize, count: u64) -> Self {
        let out = std::env::temp_dir().join(format!("guildhall-bench-pdf-{}.pdf", std::process::id()));
        Self { lines, count, html: html(&bill(lines, PLACE)), out }
    }

    pub(crate) fn load(file: &Path) -> Result<Self> {
        let text = fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
        serde_json::from_slice(&text).context("the task is not one")
    }

    pub(crate) fn reference(number: u64) -> String {
        format!("2026/B-{number:06}")
    }

    /// What the last PDF must say.
    pub(crate) fn said(&self) -> [String; 2] {
        let bill = bill(self.lines, "");
        let total = bill.sums().map(|sums| bill.currency.amount(sums.total, Locale::En));
        [Self::reference(self.count), total.unwrap_or_default()]
    }
}

pub(crate) fn bill(lines: usize, reference: &str) -> Bill {
    let euro = "EUR".parse().expect("a code of ISO 4217");
    Bill { reference: reference.to_owned(), ..sample::bill(euro, lines) }
}

/// The same content as a web page.
fn html(bill: &Bill) -> String {
    let digits = |minor| bill.currency.digits(minor, Locale::En);
    let amount = |minor| bill.currency.amount(minor, Locale::En);
    let percent = |bp: i32| format!("{}%", bp / 100);
    let sums = bill.sums().expect("samples add up");
    let mut lines = String::new();
    for (number, line) in bill.lines.iter().enumerate() {
        lines += &format!(
            "<tr><td>{}</td><td>{}<br><small>Fund: {}</small></td><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>\n",
            number + 1,
            line.description,
            line.fund,
            line.quantity,
            digits(line.unit_price),
            percent(line.tax_rate_bp),
            digits(line.net().expect("samples add up")),
        );
    }
    let row = |name: &str, value: String| format!("<tr><th scope=row>{name}</th><td>{value}</td></tr>\n");
    let mut totals = row("Net", amount(sums.net));
    for tax in &sums.taxes {
        totals += &row(&format!("Tax {} on {}", percent(tax.rate_bp), amount(tax.net)), amount(tax.tax));
    }
    totals += &row("Total", amount(sums.total));
    totals += &row("Paid, credited or waived", format!("-{}", amount(sums.settled)));
    totals += &row("Outstanding", amount(bill.outstanding));
    PAGE.replace("@@LINES@@", &lines)
        .replace("@@TOTALS@@", &totals)
        .replace("@@OUTSTANDING@@", &amount(bill.outstanding))
        .replace("@@PAYER@@", &bill.payer_name)
}
