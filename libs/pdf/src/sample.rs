//! Documents that templates are checked with when they are loaded, and that `cargo xtask pdf-check` has validated.

use time::macros::{date, datetime};

use crate::{Bill, BillLine, Currency, Document, Issuer, Locale, Receipt};

/// Each with a name: short and long, taxed and not, paid and not, in every language, with names that few fonts have.
#[must_use]
pub fn all() -> Vec<(&'static str, Locale, Document)> {
    let (euro, yen) = (currency("EUR"), currency("JPY"));
    let untaxed = Bill {
        lines: vec![line("Parking permit, zone 4", "streets", 1, 3_000, 0)],
        payer_name: "田中 さくら".to_owned(),
        outstanding: 0,
        ..bill(yen, 1)
    };
    let erased = Bill {
        payer_name: String::new(),
        lines: vec![BillLine { description: String::new(), ..line("", "waste", 2, 1_250, 700) }],
        outstanding: 2_675,
        ..bill(euro, 1)
    };
    let plain =
        Receipt { payer_name: String::new(), method: String::new(), account: String::new(), ..receipt(yen) };
    vec![
        ("bill-en", Locale::En, bill(euro, 4).into()),
        ("bill-de", Locale::De, Bill { payer_name: "יעל כהן".to_owned(), ..bill(euro, 4) }.into()),
        ("bill-long-de", Locale::De, bill(euro, 100).into()),
        ("bill-untaxed-en", Locale::En, untaxed.into()),
        ("bill-erased-de", Locale::De, erased.into()),
        ("receipt-en", Locale::En, receipt(euro).into()),
        ("receipt-de", Locale::De, receipt(euro).into()),
        ("receipt-plain-en", Locale::En, plain.into()),
    ]
}

/// A bill of so many lines, of which a part was paid; none when it is to have none.
#[must_use]
pub fn bill(currency: Currency, lines: usize) -> Bill {
    const LINES: [(&str, &str, i32, i64, i32); 5] = [
        ("Waste collection, 240 l bin, emptied every two weeks", "waste", 2, 8_450, 1_900),
        ("Street cleaning, 18 m of frontage on Bahnhofstraße", "streets", 18, 265, 0),
        ("Rainwater from sealed surfaces, 112 m²", "sewers", 112, 89, 0),
        ("Garden waste card", "waste", 1, 2_400, 700),
        ("Straßenreinigungsgebührenbescheidzweitausfertigung", "office", 1, 500, 1_900),
    ];
    let lines: Vec<BillLine> = LINES
        .iter()
        .cycle()
        .take(lines)
        .map(|&(description, fund, quantity, price, rate)| line(description, fund, quantity, price, rate))
        .collect();
    let total: i64 = lines.iter().map(|line| line.unit_price * i64::from(line.quantity) + line.tax).sum();
    Bill {
        issuer: issuer(),
        reference: "2026/B-004711".to_owned(),
        payer_name: "Zoë O’Connor-Müller".to_owned(),
        issued_on: date!(2026 - 11 - 02),
        due_on: date!(2026 - 11 - 30),
        currency,
        lines,
        outstanding: total - total / 3,
    }
}

/// A receipt.
#[must_use]
pub fn receipt(currency: Currency) -> Receipt {
    Receipt {
        issuer: issuer(),
        bill_reference: "2026/B-004711".to_owned(),
        payer_name: "Zoë O’Connor-Müller".to_owned(),
        payment_id: "019aa2b4-6c1e-7d53-9f00-4b1d2c3e5a60".parse().expect("a UUIDv7"),
        currency,
        paid: 41_209,
        paid_at: datetime!(2026-11-17 14:05:09 +1),
        method: "Card".to_owned(),
        account: "town-hall-card".to_owned(),
    }
}

fn line(description: &str, fund: &str, quantity: i32, unit_price: i64, tax_rate_bp: i32) -> BillLine {
    let net = unit_price * i64::from(quantity);
    BillLine {
        description: description.to_owned(),
        fund: fund.to_owned(),
        quantity,
        unit_price,
        tax_rate_bp,
        tax: (net * i64::from(tax_rate_bp) + 5_000) / 10_000,
    }
}

fn issuer() -> Issuer {
    Issuer {
        name: "Town of Aldersbrook".to_owned(),
        address: ["Finance office", "Market Square 1", "12345 Aldersbrook"].map(str::to_owned).to_vec(),
    }
}

fn currency(code: &str) -> Currency {
    code.parse().expect("a code of ISO 4217")
}
