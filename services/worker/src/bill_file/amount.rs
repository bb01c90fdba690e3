//! Amounts and rates as people write them in files.

/// A price such as `12.50` in the currency's smallest unit.
///
/// # Errors
/// The rule it breaks.
pub(super) fn minor_units(text: &str, currency: &str) -> Result<i64, String> {
    let known = iso_currency::Currency::from_code(currency);
    // Where the currency is unknown that is said of the currency.
    let digits = known.and_then(iso_currency::Currency::exponent).unwrap_or(2);
    scaled(text, digits.into()).ok_or_else(|| match digits {
        0 => format!("must be a whole amount of {currency}, such as 12"),
        digits => format!("must be an amount with up to {digits} digits after the point, such as 12.50"),
    })
}

/// A percentage such as `7.75` in hundredths of a percent; 0 where there is none.
///
/// # Errors
/// The rule it breaks.
pub(super) fn basis_points(text: &str) -> Result<i32, String> {
    if text.is_empty() {
        return Ok(0);
    }
    let rate = scaled(text, 2).and_then(|rate| i32::try_from(rate).ok());
    rate.ok_or_else(|| {
        "must be a percentage with up to 2 digits after the point, such as 19 or 7.75".to_owned()
    })
}

/// A decimal number of at most so many digits after the point, times ten to that power. No sign, no exponent, no separators of thousands:
/// what could be read in two ways is not read.
fn scaled(text: &str, digits: usize) -> Option<i64> {
    let (whole, fraction) = match text.split_once('.') {
        Some((whole, fraction)) if !fraction.is_empty() => (whole, fraction),
        Some(_) => return None,
        None => (text, ""),
    };
    let plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || fraction.len() > digits || !plain(whole) || !plain(fraction) {
        return None;
    }
    format!("{whole}{fraction:0<digits$}").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_price_has_the_digits_of_its_currency() {
        for (text, currency, units) in [
            ("12.50", "EUR", 1_250),
            ("12.5", "EUR", 1_250),
            ("12", "EUR", 1_200),
            ("0", "EUR", 0),
            ("007", "EUR", 700),
            ("1200", "JPY", 1_200),
            ("1.234", "KWD", 1_234),
            ("92233720368547758.07", "EUR", i64::MAX),
        ] {
            assert_eq!(minor_units(text, currency), Ok(units), "{text} {currency}");
        }
        for (text, currency) in [
            ("12.505", "EUR"),
            ("12.5", "JPY"),
            ("12,50", "EUR"),
            ("1 200", "EUR"),
            ("1.200,00", "EUR"),
            ("-1", "EUR"),
            ("+1", "EUR"),
            ("1e3", "EUR"),
            (".5", "EUR"),
            ("5.", "EUR"),
            ("", "EUR"),
            ("\u{661}", "EUR"),
            ("92233720368547758.08", "EUR"),
        ] {
            assert!(minor_units(text, currency).is_err(), "{text} {currency}");
        }
    }

    #[test]
    fn a_rate_is_a_percentage() {
        for (text, rate) in [("", 0), ("0", 0), ("19", 1_900), ("7.75", 775), ("5.5", 550)] {
            assert_eq!(basis_points(text), Ok(rate), "{text}");
        }
        for text in ["19%", "7.755", "-1", "nineteen"] {
            assert!(basis_points(text).is_err(), "{text}");
        }
    }
}
