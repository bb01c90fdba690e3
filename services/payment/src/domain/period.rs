//! Months of the books, which two persons close. No IO.

use std::fmt;
use std::str::FromStr;

use ids::{PeriodId, Subject, Tenant};
use time::{Date, OffsetDateTime, Time};

/// A month of the calendar, in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Month(Date);

/// The text is not a month.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be a month of the calendar, YYYY-MM")]
pub struct NoMonth;

/// A month of the books that is closed, or is to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Period {
    /// Its id.
    pub id: PeriodId,
    /// Whose books they are.
    pub tenant: Tenant,
    /// Which month.
    pub month: Month,
    /// Who proposed to close it.
    pub proposed_by: Subject,
    /// When.
    pub proposed_at: OffsetDateTime,
    /// Who has closed it, and when.
    pub closed: Option<(Subject, OffsetDateTime)>,
}

/// Why a month is not closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotClosed {
    /// Something may still happen in it.
    #[error("the month is not over")]
    NotOver,
    /// It is, by itself or with a later one.
    #[error("the month is closed")]
    Closed,
    /// Who proposed it does not close it.
    #[error("a second person has to close it")]
    SecondPersonNeeded,
}

impl Month {
    /// When it is over.
    #[must_use]
    pub fn end(self) -> OffsetDateTime {
        let next = match self.0.month() {
            time::Month::December => Date::from_calendar_date(self.0.year() + 1, time::Month::January, 1),
            month => Date::from_calendar_date(self.0.year(), month.next(), 1),
        };
        OffsetDateTime::new_utc(next.unwrap_or(Date::MAX), Time::MIDNIGHT)
    }

    /// Its first day, as the database keeps it.
    #[must_use]
    pub fn first_day(self) -> Date {
        self.0
    }

    /// The month of a day.
    #[must_use]
    pub fn of(day: Date) -> Self {
        Self(day.replace_day(1).unwrap_or(day))
    }
}

impl FromStr for Month {
    type Err = NoMonth;

    fn from_str(text: &str) -> Result<Self, NoMonth> {
        let (year, month) = text.split_once('-').ok_or(NoMonth)?;
        let month = month.parse::<u8>().ok().and_then(|month| time::Month::try_from(month).ok());
        let year = year.parse().map_err(|_| NoMonth)?;
        let first = Date::from_calendar_date(year, month.ok_or(NoMonth)?, 1).map_err(|_| NoMonth)?;
        // Numbers have other forms too; and what is before or after four digits is nobody's month.
        let right = Self(first).to_string() == text && (1..=9_998).contains(&year);
        right.then_some(Self(first)).ok_or(NoMonth)
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.0.year(), u8::from(self.0.month()))
    }
}

impl Period {
    /// Proposes to close a month, of which `closed` is the last that is closed.
    ///
    /// # Errors
    /// [`NotClosed`].
    pub fn propose(
        id: PeriodId,
        tenant: Tenant,
        month: Month,
        closed: Option<Month>,
        by: Subject,
        now: OffsetDateTime,
    ) -> Result<Self, NotClosed> {
        if now < month.end() {
            return Err(NotClosed::NotOver);
        }
        if closed.is_some_and(|closed| month <= closed) {
            return Err(NotClosed::Closed);
        }
        Ok(Self { id, tenant, month, proposed_by: by, proposed_at: now, closed: None })
    }

    /// Closes it, after the month that is closed.
    ///
    /// # Errors
    /// [`NotClosed`].
    pub fn close(
        mut self,
        closed: Option<Month>,
        by: Subject,
        now: OffsetDateTime,
    ) -> Result<Self, NotClosed> {
        if now < self.month.end() {
            return Err(NotClosed::NotOver);
        }
        if self.closed.is_some() || closed.is_some_and(|closed| self.month <= closed) {
            return Err(NotClosed::Closed);
        }
        if by == self.proposed_by {
            return Err(NotClosed::SecondPersonNeeded);
        }
        self.closed = Some((by, now));
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use clock::Clock;
    use time::macros::datetime;

    use super::*;

    #[test]
    fn a_month_is_written_in_one_way_and_ends_at_midnight_of_utc() {
        let ends = [
            ("2026-11", datetime!(2026-12-01 0:00 UTC)),
            ("2026-12", datetime!(2027-01-01 0:00 UTC)),
            ("2028-02", datetime!(2028-03-01 0:00 UTC)),
        ];
        for (text, end) in ends {
            let month: Month = text.parse().unwrap();
            assert_eq!((month.to_string(), month.end()), (text.to_owned(), end));
            assert_eq!(Month::of(month.first_day()), month);
        }
        for text in ["", "2026", "2026-1", "2026-13", "2026-00", "2026-11-01", "26-11", "+2026-11", "-001-11"]
        {
            assert_eq!(text.parse::<Month>(), Err(NoMonth), "{text}");
        }
    }

    #[test]
    fn two_persons_close_what_is_over_in_order() {
        let clock = Clock::frozen(datetime!(2026-12-01 0:00 UTC));
        let (now, month): (_, Month) = (clock.now(), "2026-11".parse().unwrap());
        let subject = |name: &str| name.parse::<Subject>().unwrap();
        let propose = |month, closed, now| {
            let (id, tenant) = (PeriodId::mint(&clock), "riverton".parse().unwrap());
            Period::propose(id, tenant, month, closed, subject("fin"), now)
        };
        assert_eq!(propose(month, None, now - time::Duration::nanoseconds(1)), Err(NotClosed::NotOver));
        assert_eq!(propose(month, Some(month), now), Err(NotClosed::Closed));
        assert_eq!(propose("2026-10".parse().unwrap(), Some(month), now), Err(NotClosed::Closed));
        let proposed = propose(month, "2026-09".parse().ok(), now).unwrap();
        assert_eq!(proposed.clone().close(None, subject("fin"), now), Err(NotClosed::SecondPersonNeeded));
        assert_eq!(proposed.clone().close(Some(month), subject("fay"), now), Err(NotClosed::Closed));
        let closed = proposed.close(None, subject("fay"), now).unwrap();
        assert_eq!(closed.closed, Some((subject("fay"), now)));
        assert_eq!(closed.close(None, subject("fox"), now), Err(NotClosed::Closed));
    }
}
