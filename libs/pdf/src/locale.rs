//! Languages that documents are written in.

use std::str::FromStr;

use time::{Date, OffsetDateTime, UtcOffset};

/// The language of a document, with how it writes numbers and days.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Locale {
    /// English: `1,234.56`, 29 November 2026.
    En,
    /// German: `1.234,56`, 29. November 2026.
    De,
}

const EN: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const DE: [&str; 12] = [
    "Januar",
    "Februar",
    "März",
    "April",
    "Mai",
    "Juni",
    "Juli",
    "August",
    "September",
    "Oktober",
    "November",
    "Dezember",
];

impl Locale {
    /// Every one.
    pub const ALL: [Self; 2] = [Self::En, Self::De];

    /// Its language as BCP 47 has it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::De => "de",
        }
    }

    /// What separates a number's whole part.
    pub(crate) fn point(self) -> char {
        match self {
            Self::En => '.',
            Self::De => ',',
        }
    }

    /// What separates thousands.
    pub(crate) fn group(self) -> char {
        match self {
            Self::En => ',',
            Self::De => '.',
        }
    }

    /// A day in words.
    pub(crate) fn day(self, day: Date) -> String {
        let month = usize::from(u8::from(day.month())) - 1;
        match self {
            Self::En => format!("{} {} {}", day.day(), EN[month], day.year()),
            Self::De => format!("{}. {} {}", day.day(), DE[month], day.year()),
        }
    }

    /// A moment to the minute, with its offset from UTC.
    pub(crate) fn moment(self, moment: OffsetDateTime) -> String {
        let day = self.day(moment.date());
        let (hour, minute, offset) = (moment.hour(), moment.minute(), offset(moment.offset()));
        match self {
            Self::En => format!("{day}, {hour:02}:{minute:02} ({offset})"),
            Self::De => format!("{day}, {hour:02}:{minute:02} Uhr ({offset})"),
        }
    }
}

fn offset(offset: UtcOffset) -> String {
    let (hours, minutes, _) = offset.as_hms();
    let sign = if offset.is_negative() { '-' } else { '+' };
    match (hours.unsigned_abs(), minutes.unsigned_abs()) {
        (0, 0) => "UTC".to_owned(),
        (hours, 0) => format!("UTC{sign}{hours}"),
        (hours, minutes) => format!("UTC{sign}{hours}:{minutes:02}"),
    }
}

/// The language is not one that documents are written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be `en` or `de`")]
pub struct NoLocale;

impl FromStr for Locale {
    type Err = NoLocale;

    fn from_str(tag: &str) -> Result<Self, NoLocale> {
        Self::ALL.into_iter().find(|locale| locale.as_str() == tag).ok_or(NoLocale)
    }
}

#[cfg(test)]
mod tests {
    use time::macros::{date, datetime};

    use super::*;

    #[test]
    fn days_and_moments_are_written_as_the_language_does() {
        assert_eq!(Locale::En.day(date!(2026 - 11 - 29)), "29 November 2026");
        assert_eq!(Locale::De.day(date!(2026 - 03 - 01)), "1. März 2026");
        assert_eq!(Locale::En.moment(datetime!(2026-11-29 08:05:59 UTC)), "29 November 2026, 08:05 (UTC)");
        let paid = datetime!(2026-07-01 00:30 +5:30);
        assert_eq!(Locale::De.moment(paid), "1. Juli 2026, 00:30 Uhr (UTC+5:30)");
        assert_eq!(Locale::En.moment(datetime!(2026-01-31 23:00 -3)), "31 January 2026, 23:00 (UTC-3)");
    }

    #[test]
    fn a_locale_is_named_by_its_language_alone() {
        assert_eq!("de".parse(), Ok(Locale::De));
        for tag in ["", "DE", "de-AT", "fr"] {
            assert_eq!(tag.parse::<Locale>(), Err(NoLocale), "{tag}");
        }
    }
}
