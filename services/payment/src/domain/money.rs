//! Currencies and amounts: whole numbers of a currency's smallest unit, never fractions.

use std::fmt;
use std::str::FromStr;

/// A currency of ISO 4217 that people pay in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Currency([u8; 3]);

/// The text is not a currency's code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be an ISO 4217 code of a currency with a smallest unit, such as EUR")]
pub struct NoCurrency;

/// The sum is larger than can be counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the sum is out of range")]
pub struct Overflow;

impl Currency {
    /// The code.
    #[must_use]
    pub fn as_str(&self) -> &str {
        // Three ASCII letters, by construction.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl FromStr for Currency {
    type Err = NoCurrency;

    fn from_str(code: &str) -> Result<Self, NoCurrency> {
        let known = iso_currency::Currency::from_code(code).ok_or(NoCurrency)?;
        // Metals, funds and the code for tests have none.
        known.exponent().ok_or(NoCurrency)?;
        code.as_bytes().try_into().map(Self).map_err(|_| NoCurrency)
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Adds up amounts.
///
/// # Errors
/// [`Overflow`].
pub fn sum(amounts: impl IntoIterator<Item = i64>) -> Result<i64, Overflow> {
    amounts.into_iter().try_fold(0_i64, i64::checked_add).ok_or(Overflow)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn currencies_have_a_code_and_a_smallest_unit() {
        for code in ["EUR", "JPY", "KWD"] {
            assert_eq!(code.parse::<Currency>().map(|currency| currency.to_string()), Ok(code.to_owned()));
        }
        for code in ["", "eur", "EURO", "XXX", "XAU", "EU", "€", "ZZZ"] {
            assert_eq!(code.parse::<Currency>(), Err(NoCurrency), "{code}");
        }
    }

    #[test]
    fn a_sum_that_cannot_be_counted_is_none() {
        assert_eq!(sum([1, -3, i64::MAX]), Ok(i64::MAX - 2));
        assert_eq!(sum([i64::MAX, 1]), Err(Overflow));
        assert_eq!(sum([i64::MIN, -1]), Err(Overflow));
    }
}
