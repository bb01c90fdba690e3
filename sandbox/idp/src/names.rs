//! The family names that decide what comes of a check. Every other name is clear.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::finding::{Finding, Reason};
use crate::provider::Kind;

/// Clear, as any name that is not in this table.
pub const CLEAR: &str = "Clear";
/// Every check has its usual reason against it.
pub const REFUSED: &str = "Refused";
/// Every check is inconclusive: `insufficient_data`, `E1900`.
pub const INCONCLUSIVE: &str = "Unclear";
/// The provider's source is away: `source_unavailable`, `ERROR` with `E1901`.
pub const SOURCE_UNAVAILABLE: &str = "Sourceless";
/// Words that no documentation has.
pub const UNDOCUMENTED: &str = "Novel";
/// Document checks: `document_expired`, `E1101`.
pub const DOCUMENT_EXPIRED: &str = "Expired";
/// Document checks: `document_forged`, `E1103`.
pub const DOCUMENT_FORGED: &str = "Forged";
/// Document checks, inconclusive: `image_blurred`, `E1102`.
pub const IMAGE_BLURRED: &str = "Blurred";
/// Identity checks: `name_mismatch`, `E1201`.
pub const NAME_MISMATCH: &str = "Misnamed";
/// Identity checks: `birth_date_mismatch`, `E1202`.
pub const BIRTH_DATE_MISMATCH: &str = "Misdated";
/// Identity checks, inconclusive: `no_record`, `E1203`.
pub const NO_RECORD: &str = "Unrecorded";
/// Address checks: `address_mismatch`, `E1301`.
pub const ADDRESS_MISMATCH: &str = "Moved";
/// Address checks, inconclusive: `address_unknown`, `E1302`.
pub const ADDRESS_UNKNOWN: &str = "Nowhere";
/// Liveness checks: `face_mismatch`.
pub const FACE_MISMATCH: &str = "Masked";
/// Liveness checks: `spoof_suspected`.
pub const SPOOF_SUSPECTED: &str = "Spoofed";
/// Watchlist checks: `watchlist_hit`; `MANUAL` with `E1501`.
pub const WATCHLIST_HIT: &str = "Listed";
/// Watchlist checks: `politically_exposed`; `MANUAL` with `E1502`.
pub const POLITICALLY_EXPOSED: &str = "Exposed";
/// The answer to the call that makes the check is no JSON.
pub const GARBAGE: &str = "Garbage";
/// The answer to the call that makes the check ends in its midst.
pub const TRUNCATED: &str = "Truncated";
/// The answer to the call that makes the check is JSON which says that it is text.
pub const WRONG_TYPE: &str = "Mistyped";
/// Clear, and then not: veritas says otherwise when it is asked again, kompass calls back a second time.
pub const CONTRADICTORY: &str = "Contrary";
/// Veritas does not answer the call that makes the check, kompass never comes to an outcome.
pub const NEVER_ANSWERS: &str = "Never";
/// Kompass calls back before it answers.
pub const CALLBACK_FIRST: &str = "Early";
/// Kompass calls back an hour after the outcome is there to be asked for.
pub const CALLBACK_LATE: &str = "Late";
/// Kompass calls back twice, with the same.
pub const CALLBACK_TWICE: &str = "Twice";
/// Kompass does not call back: the outcome has to be asked for.
pub const NO_CALLBACK: &str = "Silent";

const SLOW: &str = "Slow-";
const FAILING: &str = "Failing-";
/// A minute: longer than anybody waits.
const SLOWEST_MILLIS: u32 = 60_000;

/// Clear after so long (at most a minute): veritas answers later, kompass comes to its outcome later.
#[must_use]
pub fn slow(after: Duration) -> String {
    format!("{SLOW}{}", after.as_millis().min(SLOWEST_MILLIS.into()))
}

/// 500 to the first so many calls that would make a check of a reference, which is then clear.
#[must_use]
pub fn failing(times: u32) -> String {
    format!("{FAILING}{times}")
}

/// What a name does. It is all that is kept of a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Behaviour {
    Clear,
    Found(Reason),
    Refused,
    Slow { millis: u32 },
    Failing { times: u32 },
    Garbage,
    Truncated,
    WrongType,
    Contradictory,
    NeverAnswers,
    CallbackFirst,
    CallbackLate,
    CallbackTwice,
    NoCallback,
}

const TABLE: [(&str, Behaviour); 26] = [
    (CLEAR, Behaviour::Clear),
    (REFUSED, Behaviour::Refused),
    (INCONCLUSIVE, Behaviour::Found(Reason::InsufficientData)),
    (SOURCE_UNAVAILABLE, Behaviour::Found(Reason::SourceUnavailable)),
    (UNDOCUMENTED, Behaviour::Found(Reason::Undocumented)),
    (DOCUMENT_EXPIRED, Behaviour::Found(Reason::DocumentExpired)),
    (DOCUMENT_FORGED, Behaviour::Found(Reason::DocumentForged)),
    (IMAGE_BLURRED, Behaviour::Found(Reason::ImageBlurred)),
    (NAME_MISMATCH, Behaviour::Found(Reason::NameMismatch)),
    (BIRTH_DATE_MISMATCH, Behaviour::Found(Reason::BirthDateMismatch)),
    (NO_RECORD, Behaviour::Found(Reason::NoRecord)),
    (ADDRESS_MISMATCH, Behaviour::Found(Reason::AddressMismatch)),
    (ADDRESS_UNKNOWN, Behaviour::Found(Reason::AddressUnknown)),
    (FACE_MISMATCH, Behaviour::Found(Reason::FaceMismatch)),
    (SPOOF_SUSPECTED, Behaviour::Found(Reason::SpoofSuspected)),
    (WATCHLIST_HIT, Behaviour::Found(Reason::WatchlistHit)),
    (POLITICALLY_EXPOSED, Behaviour::Found(Reason::PoliticallyExposed)),
    (GARBAGE, Behaviour::Garbage),
    (TRUNCATED, Behaviour::Truncated),
    (WRONG_TYPE, Behaviour::WrongType),
    (CONTRADICTORY, Behaviour::Contradictory),
    (NEVER_ANSWERS, Behaviour::NeverAnswers),
    (CALLBACK_FIRST, Behaviour::CallbackFirst),
    (CALLBACK_LATE, Behaviour::CallbackLate),
    (CALLBACK_TWICE, Behaviour::CallbackTwice),
    (NO_CALLBACK, Behaviour::NoCallback),
];

impl Behaviour {
    /// By a family name; capitals do not matter, nor blanks around it.
    pub(crate) fn of(family_name: &str) -> Self {
        let name = family_name.trim();
        let known = TABLE.iter().find(|(one, _)| one.eq_ignore_ascii_case(name)).map(|(_, does)| *does);
        known.or_else(|| counted(name)).unwrap_or(Self::Clear)
    }

    /// What comes of a check of this kind.
    pub(crate) fn finding(self, kind: Kind) -> Finding {
        match self {
            Self::Refused => Finding::Found(Reason::usual(kind)),
            Self::Found(reason) if reason.kind().is_none_or(|of| of == kind) => Finding::Found(reason),
            _ => Finding::Clear,
        }
    }
}

fn counted(name: &str) -> Option<Behaviour> {
    let after = |prefix: &str| {
        let (head, number) = name.split_at_checked(prefix.len())?;
        if head.eq_ignore_ascii_case(prefix) { number.parse::<u32>().ok() } else { None }
    };
    let slow = after(SLOW).map(|millis| Behaviour::Slow { millis: millis.min(SLOWEST_MILLIS) });
    slow.or_else(|| after(FAILING).map(|times| Behaviour::Failing { times }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_does_what_the_table_says_whatever_its_capitals() {
        for (name, behaviour) in TABLE {
            assert_eq!(Behaviour::of(name), behaviour, "{name}");
            assert_eq!(Behaviour::of(&format!(" {} ", name.to_uppercase())), behaviour, "{name}");
        }
        assert_eq!(Behaviour::of(&slow(Duration::from_millis(250))), Behaviour::Slow { millis: 250 });
        assert_eq!(Behaviour::of(&slow(Duration::MAX)), Behaviour::Slow { millis: 60_000 });
        assert_eq!(Behaviour::of(&failing(3)), Behaviour::Failing { times: 3 });
    }

    #[test]
    fn every_other_name_is_clear() {
        for name in
            ["", "Müller", "Slow-", "Slow-soon", "Failing", "Failing--1", "Slö", "Clearly", "Re fused"]
        {
            assert_eq!(Behaviour::of(name), Behaviour::Clear, "{name}");
        }
    }

    #[test]
    fn a_reason_counts_in_the_checks_that_it_is_about() {
        let expired = Behaviour::Found(Reason::DocumentExpired);
        assert_eq!(expired.finding(Kind::Document), Finding::Found(Reason::DocumentExpired));
        assert_eq!(expired.finding(Kind::Identity), Finding::Clear);
        let unclear = Behaviour::Found(Reason::InsufficientData);
        for kind in [Kind::Document, Kind::Identity, Kind::Address, Kind::Liveness, Kind::Watchlist] {
            assert_eq!(unclear.finding(kind), Finding::Found(Reason::InsufficientData));
            assert_ne!(Behaviour::Refused.finding(kind), Finding::Clear);
        }
    }
}
