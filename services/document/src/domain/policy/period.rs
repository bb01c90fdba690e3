//! Lengths of time as calendars count them.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use time::{Duration, Month, OffsetDateTime};

/// A length of time in ISO 8601's spelling, such as `P10Y`, `P1Y6M` or `P30D`: no time of day, at most 100 years.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Period {
    months: u16,
    days: u16,
}

/// The text is no such length.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be a length of time such as P10Y, P6M, P2W or P30D, up to 100 years")]
pub struct Error;

const MAX_MONTHS: u32 = 1_200;
const MAX_DAYS: u32 = 36_525;

impl Period {
    /// So many years.
    #[must_use]
    pub const fn years(years: u8) -> Self {
        Self { months: years as u16 * 12, days: 0 }
    }

    /// So many days.
    #[must_use]
    pub const fn days(days: u8) -> Self {
        Self { months: 0, days: days as u16 }
    }

    /// Whether it is no time at all.
    #[must_use]
    pub fn is_zero(self) -> bool {
        self == Self { months: 0, days: 0 }
    }

    /// The end of the period that begins at `start`: months first, to the same day or the month's last, then days. The
    /// end of time where it lies beyond.
    #[must_use]
    pub fn after(self, start: OffsetDateTime) -> OffsetDateTime {
        let date = start.date();
        let months = i32::from(u8::from(date.month())) - 1 + i32::from(self.months);
        let year = date.year() + months / 12;
        let month = u8::try_from(months % 12 + 1).ok().and_then(|month| Month::try_from(month).ok());
        let last = start.replace_date(time::Date::MAX);
        let Some(month) = month else { return last };
        let day = date.day().min(month.length(year));
        time::Date::from_calendar_date(year, month, day)
            .ok()
            .and_then(|date| start.replace_date(date).checked_add(Duration::days(self.days.into())))
            .unwrap_or(last)
    }
}

impl FromStr for Period {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let mut rest = text.strip_prefix('P').filter(|rest| !rest.is_empty()).ok_or(Error)?;
        let (mut months, mut days) = (0_u32, 0_u32);
        let mut units = "YMWD";
        while !rest.is_empty() {
            let end =
                rest.find(|c: char| !c.is_ascii_digit()).filter(|end| (1..=5).contains(end)).ok_or(Error)?;
            let count: u32 = rest[..end].parse().map_err(|_| Error)?;
            let unit = rest[end..].chars().next().ok_or(Error)?;
            // Each at most once, the largest first.
            let place = units.find(unit).ok_or(Error)?;
            units = &units[place + 1..];
            rest = &rest[end + 1..];
            match unit {
                'Y' => months += count * 12,
                'M' => months += count,
                'W' => days += count * 7,
                _ => days += count,
            }
        }
        if months > MAX_MONTHS || days > MAX_DAYS {
            return Err(Error);
        }
        let small = |count: u32| u16::try_from(count).map_err(|_| Error);
        Ok(Self { months: small(months)?, days: small(days)? })
    }
}

impl TryFrom<String> for Period {
    type Error = Error;

    fn try_from(text: String) -> Result<Self, Error> {
        text.parse()
    }
}

impl From<Period> for String {
    fn from(period: Period) -> Self {
        period.to_string()
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_zero() {
            return f.write_str("P0D");
        }
        f.write_str("P")?;
        for (count, unit) in [(self.months / 12, 'Y'), (self.months % 12, 'M'), (self.days, 'D')] {
            if count > 0 {
                write!(f, "{count}{unit}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use time::macros::datetime;

    use super::*;

    #[test]
    fn it_ends_where_a_calendar_says() {
        for (period, start, end) in [
            ("P10Y", datetime!(2026-11-21 15:00 UTC), datetime!(2036-11-21 15:00 UTC)),
            ("P1Y", datetime!(2024-02-29 0:00 UTC), datetime!(2025-02-28 0:00 UTC)),
            ("P1M", datetime!(2026-01-31 23:59 UTC), datetime!(2026-02-28 23:59 UTC)),
            ("P1M1D", datetime!(2026-12-31 0:00 UTC), datetime!(2027-02-01 0:00 UTC)),
            ("P2W", datetime!(2026-11-21 0:00 UTC), datetime!(2026-12-05 0:00 UTC)),
            ("P0D", datetime!(2026-11-21 0:00 UTC), datetime!(2026-11-21 0:00 UTC)),
            ("P100Y", datetime!(9999-01-01 0:00 UTC), datetime!(9999-12-31 0:00 UTC)),
        ] {
            assert_eq!(period.parse::<Period>().unwrap().after(start), end, "{period} after {start}");
        }
    }

    #[test]
    fn other_texts_are_refused() {
        for text in [
            "", "P", "10Y", "P10", "PY", "P1D1Y", "P1Y1Y", "PT1H", "P-1D", "P1.5Y", "p1y", "P101Y",
            "P999999D", "P1Ä",
        ] {
            assert_eq!(text.parse::<Period>(), Err(Error), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn its_text_leads_back_to_it(months in 0..=1_200_u16, days in 0..=36_525_u16) {
            let period = Period { months, days };
            prop_assert_eq!(period.to_string().parse(), Ok(period));
        }

        #[test]
        fn no_text_makes_it_panic(text in "P?[0-9YMWDPT-]{0,12}") {
            if let Ok(period) = text.parse::<Period>() {
                prop_assert_eq!(period.to_string().parse(), Ok(period));
            }
        }
    }
}
