//! Days of the calendar, in UTC.

use std::fmt;
use std::str::FromStr;

use time::format_description::well_known::Iso8601;
use time::{Date, OffsetDateTime, Time};

/// A day. It ends when the next one begins, in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Day(Date);

/// The text is not a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be a day of the calendar, YYYY-MM-DD")]
pub struct NoDay;

impl Day {
    /// The day of a moment.
    #[must_use]
    pub fn of(moment: OffsetDateTime) -> Self {
        Self(moment.to_utc().date())
    }

    /// When it is over.
    #[must_use]
    pub fn end(self) -> OffsetDateTime {
        self.next().begin()
    }

    /// When it begins.
    #[must_use]
    pub fn begin(self) -> OffsetDateTime {
        OffsetDateTime::new_utc(self.0, Time::MIDNIGHT)
    }

    /// The day after it.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0.next_day().unwrap_or(Date::MAX))
    }

    /// As the database keeps it.
    #[must_use]
    pub fn date(self) -> Date {
        self.0
    }
}

impl From<Date> for Day {
    fn from(date: Date) -> Self {
        Self(date)
    }
}

impl FromStr for Day {
    type Err = NoDay;

    fn from_str(text: &str) -> Result<Self, NoDay> {
        // ISO 8601 has other forms too.
        let day = Date::parse(text, &Iso8601::DATE).map(Self).map_err(|_| NoDay)?;
        if day.to_string() == text { Ok(day) } else { Err(NoDay) }
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // `Date` writes years of four digits, months and days of two.
        write!(f, "{}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use time::macros::{date, datetime};

    use super::*;

    #[test]
    fn a_day_is_written_in_one_way() {
        assert_eq!("2026-11-29".parse(), Ok(Day(date!(2026 - 11 - 29))));
        assert_eq!(Day(date!(2026 - 01 - 02)).to_string(), "2026-01-02");
        for text in [
            "",
            "2026-11-31",
            "2026-1-2",
            "20261129",
            "2026-W48-7",
            "2026-333",
            "29.11.2026",
            "2026-11-29T00",
        ] {
            assert_eq!(text.parse::<Day>(), Err(NoDay), "{text}");
        }
    }

    #[test]
    fn a_day_ends_at_midnight_of_utc() {
        let day = Day::of(datetime!(2026-12-31 23:30 -01:00));
        assert_eq!((day.to_string(), day.end()), ("2027-01-01".to_owned(), datetime!(2027-01-02 0:00 UTC)));
    }
}
