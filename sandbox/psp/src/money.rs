//! Amounts in minor units of a currency.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::error::Error;

/// The largest amount of a payment, in minor units: sums of a run stay far from the end of an `i64`.
pub(crate) const LARGEST: i64 = 999_999_999_999;

/// What the provider takes of each charge: so much, and so many per mille.
const FEE_FIXED: i64 = 20;
const FEE_PER_MILLE: i64 = 14;
/// What the provider takes of each dispute.
pub(crate) const DISPUTE_FEE: i64 = 1_500;

/// The fee for a charge of `amount`, rounded up.
pub(crate) fn fee(amount: i64) -> i64 {
    FEE_FIXED + (amount * FEE_PER_MILLE + 999) / 1_000
}

/// ISO 4217, by the number of digits after the point.
const NO_DIGITS: &str = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF";
const THREE_DIGITS: &str = "BHD IQD JOD KWD LYD OMR TND";
const TWO_DIGITS: &str = "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BRL BSD BTN BWP BYN BZD CAD \
    CDF CHF CNY COP CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR \
    ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN \
    NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC \
    SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD UYU UZS VES WST YER ZAR ZMW";

/// A currency of ISO 4217.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Currency(String);

impl Currency {
    pub(crate) fn parse(text: &str) -> Result<Self, Error> {
        let known =
            [NO_DIGITS, TWO_DIGITS, THREE_DIGITS].iter().any(|of| of.split(' ').any(|one| one == text));
        if known {
            Ok(Self(text.to_owned()))
        } else {
            Err(Error::field("currency", "must be a currency of ISO 4217 in capital letters"))
        }
    }

    fn digits(&self) -> usize {
        if NO_DIGITS.contains(&self.0) {
            0
        } else if THREE_DIGITS.contains(&self.0) {
            3
        } else {
            2
        }
    }

    /// As people read it, `12.50 EUR`.
    pub(crate) fn show(&self, amount: i64) -> String {
        let digits = self.digits();
        let all = format!("{amount:0>width$}", width = digits + 1);
        let (whole, part) = all.split_at(all.len() - digits);
        let point = if digits == 0 { "" } else { "." };
        format!("{whole}{point}{part} {self}")
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An amount that a caller named, within what a payment may be of.
pub(crate) fn amount(field: &'static str, minor: i64) -> Result<i64, Error> {
    if (1..=LARGEST).contains(&minor) {
        Ok(minor)
    } else {
        Err(Error::field(field, "must be 1 to 999999999999, in minor units"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_shown_by_the_digits_of_their_currency() {
        let show = |currency, amount| Currency::parse(currency).unwrap().show(amount);
        assert_eq!(show("EUR", 1_250), "12.50 EUR");
        assert_eq!(show("EUR", 5), "0.05 EUR");
        assert_eq!(show("JPY", 1_250), "1250 JPY");
        assert_eq!(show("TND", 1_250), "1.250 TND");
        for wrong in ["eur", "EU", "EURO", "XXX", "EUR ", "", "EUR USD"] {
            assert!(Currency::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn fees_are_rounded_up() {
        assert_eq!([fee(1), fee(1_000), fee(1_001), fee(LARGEST)], [21, 34, 35, 14_000_000_020]);
    }
}
