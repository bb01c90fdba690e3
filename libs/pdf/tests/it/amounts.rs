//! Amounts on paper are those of the bill.

use pdf::{Bill, BillLine, Locale};
use proptest::prelude::*;

use crate::harness::{bill, currency, read};

#[test]
fn currencies_have_their_own_number_of_places() {
    for (code, en, de) in [
        ("JPY", "JPY\u{a0}41,209", "41.209\u{a0}JPY"),
        ("KWD", "KWD\u{a0}41.209", "41,209\u{a0}KWD"),
        ("USD", "USD\u{a0}412.09", "412,09\u{a0}USD"),
    ] {
        for (locale, said) in [(Locale::En, en), (Locale::De, de)] {
            let text = read(locale, pdf::sample::receipt(currency(code))).concat();
            assert!(text.contains(said), "{said} is not in:\n{text}");
        }
    }
}

#[test]
fn the_largest_amounts_stay_on_the_page() {
    let line = BillLine {
        description: "W".repeat(255),
        fund: "f".repeat(63),
        quantity: 1_000_000,
        unit_price: 1_000_000,
        tax_rate_bp: 10_000,
        tax: 0,
    };
    let bill = Bill {
        currency: currency("KWD"),
        lines: vec![line; 2],
        outstanding: 2_000_000_000_000,
        reference: "R".repeat(64),
        payer_name: "N".repeat(255),
        ..bill(1)
    };
    let text = read(Locale::En, bill).concat();
    assert!(text.contains("KWD\u{a0}2,000,000,000.000"), "{text}");
}

prop_compose! {
    fn lines()(lines in prop::collection::vec((1..1_000, 0_i64..1_000_000, 0..3_usize), 1..12)) -> Vec<BillLine> {
        lines
            .into_iter()
            .map(|(quantity, unit_price, rate)| {
                let tax_rate_bp = [0, 700, 1_900][rate];
                let net = unit_price * i64::from(quantity);
                BillLine {
                    description: "Item".to_owned(),
                    fund: String::new(),
                    quantity,
                    unit_price,
                    tax_rate_bp,
                    tax: (net * i64::from(tax_rate_bp) + 5_000) / 10_000,
                }
            })
            .collect()
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Added up from what is printed, not from what was handed in.
    #[test]
    fn totals_that_are_printed_are_the_sums_of_what_is_printed(lines in lines(), part in 0..=4_i64) {
        let total: i64 = lines.iter().map(|line| line.unit_price * i64::from(line.quantity) + line.tax).sum();
        let made = Bill { lines: lines.clone(), outstanding: total / 4 * part, ..bill(1) };
        let outstanding = made.outstanding;
        let text = read(Locale::En, made).concat();
        let after = |label: &str| -> i64 {
            let line = text.lines().find(|line| line.starts_with(label)).unwrap();
            minor(line.rsplit('\t').next().unwrap())
        };
        let printed: i64 = text
            .lines()
            .filter(|line| line.split('\t').count() >= 5 && line.split('\t').next().unwrap().parse::<u32>().is_ok())
            .map(|line| minor(line.rsplit('\t').next().unwrap()))
            .sum();
        prop_assert_eq!(after("Total\t"), total);
        let taxes: i64 = lines.iter().map(|line| line.tax).sum();
        prop_assert_eq!(printed, total - taxes);
        if lines.iter().any(|line| line.tax_rate_bp != 0) {
            prop_assert_eq!(after("Net\t"), printed);
            let by_rate: i64 =
                text.lines().filter(|line| line.starts_with("Tax ") && line.contains(" on ")).map(|line| minor(line.rsplit('\t').next().unwrap())).sum();
            prop_assert_eq!(by_rate, taxes);
        }
        if outstanding == total {
            prop_assert!(!text.contains("waived"));
        } else {
            prop_assert_eq!(after("Outstanding\t"), outstanding);
            prop_assert_eq!(after("Paid, credited"), outstanding - total);
        }
    }
}

/// Reads an amount of euros.
fn minor(text: &str) -> i64 {
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    let minor: i64 = digits.parse().unwrap();
    if text.starts_with('-') { -minor } else { minor }
}
