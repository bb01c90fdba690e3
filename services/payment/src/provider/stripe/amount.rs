//! Amounts as Stripe counts them, which for some currencies is not as ISO 4217 does.
//!
//! From Stripe's list of currencies: some have no decimals; ISK and UGX have none either but are counted in hundredths, of which only
//! whole ones can be charged; of those with three decimals the last has to be 0. Ariary, which ISO 4217 counts in hundredths, has none.
//! A currency that is in none of these lists has two. Where ISO 4217 disagrees with that nobody knows what an amount would mean, and
//! nothing is asked for.

use iso_currency::Currency as Iso;

use crate::domain::Currency;

const NO_DECIMALS: [&str; 15] =
    ["BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA", "PYG", "RWF", "VND", "VUV", "XAF", "XOF", "XPF"];
const HUNDREDTHS_THAT_ARE_WHOLE: [&str; 2] = ["ISK", "UGX"];
const THREE_DECIMALS: [&str; 5] = ["BHD", "JOD", "KWD", "OMR", "TND"];

/// How an amount of ours is counted there.
#[derive(Clone, Copy)]
struct Scale {
    /// What one of ours is multiplied by.
    times: i64,
    /// And then divided by.
    by: i64,
    /// What has to divide their amount.
    step: i64,
}

/// What Stripe is asked for; `None` where it cannot be said there.
pub(super) fn to_stripe(currency: Currency, minor_units: i64) -> Option<i64> {
    let Scale { times, by, step } = scale(currency)?;
    let scaled = minor_units.checked_mul(times)?;
    let exact = scaled % by == 0;
    Some(scaled / by).filter(|amount| exact && amount % step == 0)
}

/// What Stripe says, in the currency's smallest unit.
pub(super) fn from_stripe(currency: Currency, amount: i64) -> Option<i64> {
    let Scale { times, by, .. } = scale(currency)?;
    let scaled = amount.checked_mul(by)?;
    (scaled % times == 0).then_some(scaled / times)
}

/// How Stripe writes a currency.
pub(super) fn code(currency: Currency) -> String {
    currency.as_str().to_ascii_lowercase()
}

fn scale(currency: Currency) -> Option<Scale> {
    let code = currency.as_str();
    let decimals = Iso::from_code(code)?.exponent()?;
    let same = Scale { times: 1, by: 1, step: 1 };
    if HUNDREDTHS_THAT_ARE_WHOLE.contains(&code) {
        return (decimals == 0).then_some(Scale { times: 100, ..same });
    }
    if NO_DECIMALS.contains(&code) {
        return match decimals {
            0 => Some(same),
            2 => Some(Scale { by: 100, ..same }),
            _ => None,
        };
    }
    if THREE_DECIMALS.contains(&code) {
        return (decimals == 3).then_some(Scale { step: 10, ..same });
    }
    (decimals == 2).then_some(same)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn currency(code: &str) -> Currency {
        code.parse().expect("a currency")
    }

    #[test]
    fn amounts_are_counted_as_stripe_does() {
        for (code, ours, theirs) in [
            ("EUR", 1_050, Some(1_050)),
            ("USD", 1, Some(1)),
            ("HUF", 1_045, Some(1_045)),
            ("TWD", 80_045, Some(80_045)),
            ("JPY", 500, Some(500)),
            ("KRW", 1, Some(1)),
            ("XAF", 7, Some(7)),
            ("ISK", 5, Some(500)),
            ("UGX", 5, Some(500)),
            ("MGA", 500, Some(5)),
            ("MGA", 550, None),
            ("KWD", 5_120, Some(5_120)),
            ("KWD", 5_124, None),
            ("TND", 10, Some(10)),
            // Three decimals, and not in Stripe's list.
            ("IQD", 1_000, None),
            ("LYD", 1_000, None),
            // None, and not in the list.
            ("UYI", 1, None),
            ("ISK", i64::MAX, None),
        ] {
            assert_eq!(to_stripe(currency(code), ours), theirs, "{code} {ours}");
        }
    }

    #[test]
    fn what_stripe_says_is_counted_back() {
        for (code, theirs, ours) in [
            ("EUR", 1_050, Some(1_050)),
            ("JPY", 500, Some(500)),
            ("ISK", 500, Some(5)),
            ("ISK", 550, None),
            ("MGA", 5, Some(500)),
            ("MGA", i64::MAX, None),
            ("KWD", 5_120, Some(5_120)),
            ("IQD", 1_000, None),
        ] {
            assert_eq!(from_stripe(currency(code), theirs), ours, "{code} {theirs}");
        }
        assert_eq!(code(currency("EUR")), "eur");
    }

    #[test]
    fn every_currency_of_the_lists_is_known_and_in_one_of_them() {
        let all: Vec<_> =
            NO_DECIMALS.iter().chain(&HUNDREDTHS_THAT_ARE_WHOLE).chain(&THREE_DECIMALS).collect();
        for code in &all {
            assert!(scale(currency(code)).is_some(), "{code}");
            assert_eq!(all.iter().filter(|other| other == &code).count(), 1, "{code}");
        }
    }

    proptest! {
        #[test]
        fn what_is_asked_for_comes_back(ours in 1_i64..10_000_000_000, code in "EUR|JPY|ISK|UGX|MGA|KWD|HUF") {
            if let Some(theirs) = to_stripe(currency(&code), ours) {
                prop_assert_eq!(from_stripe(currency(&code), theirs), Some(ours));
            }
        }
    }
}
