//! Currencies, and amounts in writing.

use std::str::FromStr;

use crate::Locale;

/// A currency of ISO 4217 that has a smallest unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Currency {
    code: &'static str,
    /// How many digits follow the point.
    exponent: u16,
}

/// The text is not a currency's code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be an ISO 4217 code of a currency with a smallest unit, such as EUR")]
pub struct NoCurrency;

impl Currency {
    /// The code.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.code
    }

    /// A number of smallest units, as digits of the locale: 123456 of EUR is `1,234.56` or `1.234,56`.
    #[must_use]
    pub fn digits(self, minor: i64, locale: Locale) -> String {
        let places = usize::from(self.exponent);
        let digits = format!("{:0>width$}", minor.unsigned_abs(), width = places + 1);
        let (whole, rest) = digits.split_at(digits.len() - places);
        let mut text = String::new();
        if minor < 0 {
            text.push(MINUS);
        }
        text += &grouped(whole, locale);
        if !rest.is_empty() {
            text.push(locale.point());
            text += rest;
        }
        text
    }

    /// The same with the currency: `€1,234.56` or `1.234,56 €`. Only where a sign means one currency is it used, as `$`
    /// does not; the others have their code. The space between does not break.
    #[must_use]
    pub fn amount(self, minor: i64, locale: Locale) -> String {
        let digits = self.digits(minor, locale);
        let sign = match self.code {
            "EUR" => Some("€"),
            "GBP" => Some("£"),
            _ => None,
        };
        match (locale, sign) {
            (Locale::En, Some(sign)) => match digits.strip_prefix(MINUS) {
                Some(positive) => format!("{MINUS}{sign}{positive}"),
                None => format!("{sign}{digits}"),
            },
            (Locale::En, None) => format!("{}{NO_BREAK}{digits}", self.code),
            (Locale::De, _) => format!("{digits}{NO_BREAK}{}", sign.unwrap_or(self.code)),
        }
    }
}

impl FromStr for Currency {
    type Err = NoCurrency;

    fn from_str(code: &str) -> Result<Self, NoCurrency> {
        let known = iso_currency::Currency::from_code(code).ok_or(NoCurrency)?;
        // Metals, funds and the code for tests have none.
        let exponent = known.exponent().ok_or(NoCurrency)?;
        Ok(Self { code: known.code(), exponent })
    }
}

/// As both languages have it in the Unicode locale data.
pub(crate) const MINUS: char = '-';
pub(crate) const NO_BREAK: char = '\u{a0}';

/// A whole number in groups of three.
pub(crate) fn grouped(digits: &str, locale: Locale) -> String {
    let mut text = String::with_capacity(digits.len() * 4 / 3 + 1);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(locale.group());
        }
        text.push(digit);
    }
    text
}

/// Hundredths of a percent: 1900 is `19%` or `19 %`, 550 is `5.5%`.
pub(crate) fn rate(basis_points: i32, locale: Locale) -> String {
    let (whole, rest) = (basis_points / 100, basis_points % 100);
    let mut text = whole.to_string();
    if rest != 0 {
        text.push(locale.point());
        text += format!("{rest:02}").trim_end_matches('0');
    }
    match locale {
        Locale::En => text.push('%'),
        Locale::De => text.extend([NO_BREAK, '%']),
    }
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(code: &str) -> Currency {
        code.parse().unwrap()
    }

    #[test]
    fn amounts_have_as_many_places_as_their_currency() {
        for (code, minor, en, de) in [
            ("EUR", 123_456, "€1,234.56", "1.234,56\u{a0}€"),
            ("EUR", 7, "€0.07", "0,07\u{a0}€"),
            ("EUR", -120_000, "-€1,200.00", "-1.200,00\u{a0}€"),
            ("GBP", 100_000_000, "£1,000,000.00", "1.000.000,00\u{a0}£"),
            ("USD", 100, "USD\u{a0}1.00", "1,00\u{a0}USD"),
            ("JPY", 0, "JPY\u{a0}0", "0\u{a0}JPY"),
            ("JPY", 1_234, "JPY\u{a0}1,234", "1.234\u{a0}JPY"),
            ("KWD", 1_234_567, "KWD\u{a0}1,234.567", "1.234,567\u{a0}KWD"),
            ("KWD", 5, "KWD\u{a0}0.005", "0,005\u{a0}KWD"),
        ] {
            assert_eq!(of(code).amount(minor, Locale::En), en);
            assert_eq!(of(code).amount(minor, Locale::De), de);
        }
        let least = "-92,233,720,368,547,758.08";
        assert_eq!(of("EUR").digits(i64::MIN, Locale::En), least);
    }

    #[test]
    fn a_currency_has_a_code_and_a_smallest_unit() {
        for code in ["", "eur", "EURO", "XXX", "XAU", "€"] {
            assert_eq!(code.parse::<Currency>(), Err(NoCurrency), "{code}");
        }
    }

    #[test]
    fn rates_have_no_more_places_than_they_need() {
        for (bp, en, de) in [
            (0, "0%", "0\u{a0}%"),
            (1_900, "19%", "19\u{a0}%"),
            (550, "5.5%", "5,5\u{a0}%"),
            (825, "8.25%", "8,25\u{a0}%"),
            (5, "0.05%", "0,05\u{a0}%"),
            (10_000, "100%", "100\u{a0}%"),
        ] {
            assert_eq!((rate(bp, Locale::En).as_str(), rate(bp, Locale::De).as_str()), (en, de));
        }
    }

    proptest! {
        #[test]
        fn digits_are_the_amount_again_once_points_are_taken_out(minor: i64, code in "EUR|JPY|KWD|USD") {
            for locale in [Locale::En, Locale::De] {
                let text = of(&code).digits(minor, locale);
                let plain: String = text.replace(['.', ','], "");
                prop_assert_eq!(plain.parse::<i64>().unwrap(), minor);
            }
        }
    }
}
