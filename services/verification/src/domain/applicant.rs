//! What people say of themselves. Personal data: it is never shown in a debug output.

use std::fmt;

use time::Date;
use time::macros::format_description;

use super::{Broken, CheckKind, Country};

const MOST_BYTES: usize = 200;
const MOST_POSTAL_CODE: usize = 20;

/// What somebody says of themselves.
#[derive(Clone, PartialEq, Eq)]
pub struct Applicant {
    /// Given names.
    pub given_names: String,
    /// Family name.
    pub family_name: String,
    /// When they were born, where the purpose needs it.
    pub birth_date: Option<Date>,
    /// Where they live, where the purpose needs it.
    pub address: Option<Address>,
}

/// Where somebody lives.
#[derive(Clone, PartialEq, Eq)]
pub struct Address {
    /// Street and number.
    pub line1: String,
    /// More of it; may be empty.
    pub line2: String,
    /// City, town or village.
    pub city: String,
    /// Postal code.
    pub postal_code: String,
    /// In which country.
    pub country: Country,
}

/// What was given, as it was given.
#[derive(Clone, Copy, Default)]
pub struct Given<'a> {
    /// Given names.
    pub given_names: &'a str,
    /// Family name.
    pub family_name: &'a str,
    /// `YYYY-MM-DD`, or empty.
    pub birth_date: &'a str,
    /// Lines 1 and 2, city, postal code, country.
    pub address: Option<[&'a str; 5]>,
}

impl Applicant {
    /// Holds what was given to the rules, and to what these checks need; `today` is no day on which anybody was born who asks.
    ///
    /// # Errors
    /// Every broken rule.
    pub fn read(given: Given<'_>, checks: &[CheckKind], today: Date) -> Result<Self, Vec<Broken>> {
        let mut broken = Vec::new();
        let needs = |kinds: &[CheckKind]| checks.iter().any(|check| kinds.contains(check));
        text(&mut broken, "applicant.given_names", given.given_names, MOST_BYTES, true);
        text(&mut broken, "applicant.family_name", given.family_name, MOST_BYTES, true);
        let birth_date = match given.birth_date {
            "" if needs(&[CheckKind::Identity, CheckKind::Watchlist]) => {
                broken.push(Broken::new("applicant.birth_date", "must be set for this purpose"));
                None
            }
            "" => None,
            text => {
                let date = day(text).filter(|date| *date < today && date.year() >= 1870);
                if date.is_none() {
                    broken.push(Broken::new("applicant.birth_date", "must be a day in the past, YYYY-MM-DD"));
                }
                date
            }
        };
        let address = match given.address {
            None if needs(&[CheckKind::Address]) => {
                broken.push(Broken::new("applicant.address", "must be set for this purpose"));
                None
            }
            None => None,
            Some(lines) => address(&mut broken, lines),
        };
        if !broken.is_empty() {
            return Err(broken);
        }
        let (given_names, family_name) = (given.given_names.to_owned(), given.family_name.to_owned());
        Ok(Self { given_names, family_name, birth_date, address })
    }
}

fn address(
    broken: &mut Vec<Broken>,
    [line1, line2, city, postal_code, country]: [&str; 5],
) -> Option<Address> {
    text(broken, "applicant.address.line1", line1, MOST_BYTES, true);
    text(broken, "applicant.address.line2", line2, MOST_BYTES, false);
    text(broken, "applicant.address.city", city, MOST_BYTES, true);
    text(broken, "applicant.address.postal_code", postal_code, MOST_POSTAL_CODE, true);
    let Ok(country) = country.parse() else {
        broken.push(Broken::new("applicant.address.country", "must be two letters of ISO 3166-1"));
        return None;
    };
    let [line1, line2, city, postal_code] = [line1, line2, city, postal_code].map(str::to_owned);
    Some(Address { line1, line2, city, postal_code, country })
}

fn text(broken: &mut Vec<Broken>, field: &str, text: &str, most: usize, needed: bool) {
    let least = usize::from(needed);
    if !(least..=most).contains(&text.len()) || text.chars().any(char::is_control) || text.trim() != text {
        let rule = format!("must be {least} to {most} bytes, without control characters or spaces around it");
        broken.push(Broken::new(field, rule));
    }
}

/// A day as `YYYY-MM-DD`.
#[must_use]
pub fn day(text: &str) -> Option<Date> {
    Date::parse(text, format_description!("[year]-[month]-[day]")).ok().filter(|_| text.len() == 10)
}

impl fmt::Debug for Applicant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Applicant(..)")
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Address(..)")
    }
}

#[cfg(test)]
mod tests {
    use time::macros::date;

    use super::*;

    const TODAY: Date = date!(2026 - 12 - 01);
    const ADA: Given<'_> = Given {
        given_names: "Ada",
        family_name: "Miller",
        birth_date: "1990-12-31",
        address: Some(["1 Mill Lane", "", "Riverton", "RV1 2AB", "GB"]),
    };

    fn fields(given: Given<'_>, checks: &[CheckKind]) -> Vec<String> {
        let broken = Applicant::read(given, checks, TODAY).unwrap_err();
        broken.into_iter().map(|broken| broken.field).collect()
    }

    #[test]
    fn what_a_purpose_needs_is_asked_for_and_nothing_else() {
        assert!(Applicant::read(ADA, &CheckKind::ALL, TODAY).is_ok());
        let bare = Given { birth_date: "", address: None, ..ADA };
        assert!(Applicant::read(bare, &[CheckKind::Document], TODAY).is_ok());
        let missing = ["applicant.birth_date", "applicant.address"];
        assert_eq!(fields(bare, &[CheckKind::Identity, CheckKind::Address]), missing);
        assert_eq!(fields(bare, &[CheckKind::Watchlist]), missing[..1]);
    }

    #[test]
    fn each_broken_rule_names_its_field() {
        let long = "x".repeat(201);
        let wrong = Given {
            given_names: "",
            family_name: &long,
            birth_date: "2026-12-01",
            address: Some([" 1", "a\nb", "", "123456789012345678901", "GBR"]),
        };
        assert_eq!(
            fields(wrong, &[]),
            [
                "applicant.given_names",
                "applicant.family_name",
                "applicant.birth_date",
                "applicant.address.line1",
                "applicant.address.line2",
                "applicant.address.city",
                "applicant.address.postal_code",
                "applicant.address.country",
            ]
        );
        for day in ["1990-02-30", "31.12.1990", "1800-01-01", "90-12-31", "1990-12-31 "] {
            assert_eq!(fields(Given { birth_date: day, ..ADA }, &[]), ["applicant.birth_date"], "{day}");
        }
    }

    #[test]
    fn nobody_is_shown_in_a_debug_output() {
        let ada = Applicant::read(ADA, &[], TODAY).unwrap();
        assert_eq!(format!("{ada:?} {:?}", ada.address), "Applicant(..) Some(Address(..))");
    }
}
