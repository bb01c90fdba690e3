//! A check: which provider is asked next, what its answers mean, and when somebody else is asked instead. No IO.
//!
//! One provider is asked at a time. The first answer that says yes, no or "cannot tell" ends the check; a provider that has no answer in
//! its time, or cannot do it, is given up for the next one. What a provider says after that is kept and means nothing.

use ids::{CaseId, CheckId};
use providers::AccountName;
use time::{Duration, OffsetDateTime};

/// Tries of one provider that may come to nothing, one after the other, before it is given up.
const MOST_SILENCES: u32 = 2;
/// Between two tries of a provider that has not answered.
const RETRY: Duration = Duration::seconds(2);

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckKind {
    /// Whether the documents are genuine and valid.
    Document,
    /// Whether there is a person of this name, born on this day.
    Identity,
    /// Whether they live there.
    Address,
    /// Whether the face is a living person's, and the one on the documents.
    Liveness,
    /// Whether they are on a list of those with whom no business may be done.
    Watchlist,
}

/// What came of a check, or of one try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Yes.
    Passed,
    /// No.
    Failed(Reason),
    /// The provider could not tell.
    Inconclusive(Reason),
    /// There is no answer.
    Unavailable(Reason),
}

/// Why a check did not pass: what providers say, in one vocabulary.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// The document is not valid any more.
    DocumentExpired,
    /// It cannot be read.
    ImageUnreadable,
    /// It is not genuine.
    DocumentForged,
    /// The provider got other bytes than were handed in, or none.
    FileUnusable,
    /// The name differs.
    NameMismatch,
    /// The day of birth differs.
    BirthDateMismatch,
    /// Nobody of the name is known.
    NoRecord,
    /// They live somewhere else.
    AddressMismatch,
    /// There is no such address.
    AddressUnknown,
    /// It is another face.
    FaceMismatch,
    /// It may not be a living person's.
    SpoofSuspected,
    /// Somebody of the name is on a list.
    WatchlistHit,
    /// Somebody of the name holds, or held, a public office.
    PoliticallyExposed,
    /// What the provider was given is not enough.
    InsufficientData,
    /// The provider says something that its vocabulary does not have.
    UnknownAnswer,
    /// No provider of the tenant does this check for these documents.
    NotCovered,
    /// None has answered in time.
    NoAnswer,
}

/// One check of a case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// Its id.
    pub id: CheckId,
    /// Whose it is.
    pub case_id: CaseId,
    /// In which round of the case.
    pub round: i32,
    /// What is asked.
    pub kind: CheckKind,
    /// When it came to wait.
    pub created_at: OffsetDateTime,
    /// When it ends, whatever has been answered by then.
    pub expires_at: OffsetDateTime,
    /// What came of it, and when.
    pub over: Option<(Outcome, OffsetDateTime)>,
    /// The tries, oldest first.
    pub attempts: Vec<Attempt>,
}

/// One try at one provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// 1, and one more for each of the check.
    pub number: i32,
    /// The account at the provider.
    pub account: AccountName,
    /// What the provider calls it, once it is known there.
    pub provider_id: Option<String>,
    /// When it began.
    pub started_at: OffsetDateTime,
    /// When the provider is given up.
    pub expires_at: OffsetDateTime,
    /// How often in a row it had no answer.
    pub silences: u32,
    /// What came of it, and when.
    pub over: Option<(Outcome, OffsetDateTime)>,
    /// The provider has answered after that, or otherwise than at first.
    pub late_answer: bool,
}

/// A provider that may be asked, in the order in which they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// The account.
    pub account: AccountName,
    /// Whether its circuit lets a call through now.
    pub permitted: bool,
    /// For how long it is waited for.
    pub patience: Duration,
}

/// What is to be done about a check now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Ask the provider of the attempt that is under way. The check has it begun, where it was not.
    Ask(Check, Begun),
    /// It is over: nobody is left, or the time is. The check says how.
    Over(Check),
    /// Nothing: it was over before.
    Nothing,
}

/// What a step has begun.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Begun {
    /// Nothing: the attempt was under way.
    Nothing,
    /// The first attempt.
    First,
    /// An attempt at another provider than this, which was given up.
    Instead(AccountName),
}

/// What a provider has said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    /// It has it, and will say more.
    Accepted {
        /// What it calls it.
        provider_id: String,
    },
    /// What came of it. Never [`Outcome::Unavailable`].
    Answer {
        /// What it calls it.
        provider_id: String,
        /// What it says.
        outcome: Outcome,
    },
    /// It cannot say just now, though it answers: a source of its own is away.
    SourceAway {
        /// What it calls it.
        provider_id: String,
    },
    /// It does not do this.
    Refused,
    /// Nothing, or nothing that can be understood.
    NoAnswer,
}

impl CheckKind {
    /// Every kind, in their order.
    pub const ALL: [Self; 5] =
        [Self::Document, Self::Identity, Self::Address, Self::Liveness, Self::Watchlist];

    /// Its name in the database and in policies.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Document => "document",
            Self::Identity => "identity",
            Self::Address => "address",
            Self::Liveness => "liveness",
            Self::Watchlist => "watchlist",
        }
    }

    /// The kind of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

impl Reason {
    /// Every reason, in their order.
    pub const ALL: [Self; 17] = [
        Self::DocumentExpired,
        Self::ImageUnreadable,
        Self::DocumentForged,
        Self::FileUnusable,
        Self::NameMismatch,
        Self::BirthDateMismatch,
        Self::NoRecord,
        Self::AddressMismatch,
        Self::AddressUnknown,
        Self::FaceMismatch,
        Self::SpoofSuspected,
        Self::WatchlistHit,
        Self::PoliticallyExposed,
        Self::InsufficientData,
        Self::UnknownAnswer,
        Self::NotCovered,
        Self::NoAnswer,
    ];

    /// Its name in the database.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::DocumentExpired => "document_expired",
            Self::ImageUnreadable => "image_unreadable",
            Self::DocumentForged => "document_forged",
            Self::FileUnusable => "file_unusable",
            Self::NameMismatch => "name_mismatch",
            Self::BirthDateMismatch => "birth_date_mismatch",
            Self::NoRecord => "no_record",
            Self::AddressMismatch => "address_mismatch",
            Self::AddressUnknown => "address_unknown",
            Self::FaceMismatch => "face_mismatch",
            Self::SpoofSuspected => "spoof_suspected",
            Self::WatchlistHit => "watchlist_hit",
            Self::PoliticallyExposed => "politically_exposed",
            Self::InsufficientData => "insufficient_data",
            Self::UnknownAnswer => "unknown_answer",
            Self::NotCovered => "not_covered",
            Self::NoAnswer => "no_answer",
        }
    }

    /// The reason of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.name() == name)
    }
}

impl Outcome {
    /// Its name in the database.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed(_) => "failed",
            Self::Inconclusive(_) => "inconclusive",
            Self::Unavailable(_) => "unavailable",
        }
    }

    /// Why it did not pass.
    #[must_use]
    pub fn reason(self) -> Option<Reason> {
        match self {
            Self::Passed => None,
            Self::Failed(reason) | Self::Inconclusive(reason) | Self::Unavailable(reason) => Some(reason),
        }
    }

    /// The outcome of this name and reason.
    #[must_use]
    pub fn named(name: &str, reason: Option<Reason>) -> Option<Self> {
        match (name, reason) {
            ("passed", None) => Some(Self::Passed),
            ("failed", Some(reason)) => Some(Self::Failed(reason)),
            ("inconclusive", Some(reason)) => Some(Self::Inconclusive(reason)),
            ("unavailable", Some(reason)) => Some(Self::Unavailable(reason)),
            _ => None,
        }
    }
}

impl Attempt {
    /// The key and reference that the provider knows it by: asking twice makes one thing.
    #[must_use]
    pub fn reference(&self, check: CheckId) -> String {
        format!("{check}.{}", self.number)
    }
}

impl Check {
    /// A check that waits, for so long.
    #[must_use]
    pub fn new(
        id: CheckId,
        case_id: CaseId,
        round: i32,
        kind: CheckKind,
        now: OffsetDateTime,
        budget: Duration,
    ) -> Self {
        Self {
            id,
            case_id,
            round,
            kind,
            created_at: now,
            expires_at: now + budget,
            over: None,
            attempts: Vec::new(),
        }
    }

    /// What came of it.
    #[must_use]
    pub fn outcome(&self) -> Option<Outcome> {
        self.over.map(|(outcome, _)| outcome)
    }

    /// The attempt that is under way.
    #[must_use]
    pub fn under_way(&self) -> Option<&Attempt> {
        self.attempts.last().filter(|attempt| attempt.over.is_none())
    }

    /// What to do now. `candidates` are those that do this check for what the case has, in order.
    #[must_use]
    pub fn step(mut self, candidates: &[Candidate], now: OffsetDateTime) -> Step {
        if self.over.is_some() {
            return Step::Nothing;
        }
        if now >= self.expires_at {
            return self.end(Outcome::Unavailable(Reason::NoAnswer), now);
        }
        if self.under_way().is_some_and(|attempt| now < attempt.expires_at) {
            return Step::Ask(self, Begun::Nothing);
        }
        let given_up = self.give_up(now);
        let tried = |account: &AccountName| self.attempts.iter().any(|attempt| attempt.account == *account);
        let next = candidates.iter().find(|candidate| candidate.permitted && !tried(&candidate.account));
        let Some(next) = next else {
            let reason = if candidates.is_empty() { Reason::NotCovered } else { Reason::NoAnswer };
            return self.end(Outcome::Unavailable(reason), now);
        };
        let number = i32::try_from(self.attempts.len()).unwrap_or(i32::MAX - 1) + 1;
        self.attempts.push(Attempt {
            number,
            account: next.account.clone(),
            provider_id: None,
            started_at: now,
            expires_at: (now + next.patience).min(self.expires_at),
            silences: 0,
            over: None,
            late_answer: false,
        });
        Step::Ask(self, given_up.map_or(Begun::First, Begun::Instead))
    }

    /// Takes what the provider of an attempt has said. `true` where that changed how the check stands.
    #[must_use]
    pub fn apply(mut self, number: i32, seen: &Seen, now: OffsetDateTime) -> (Self, bool) {
        let over = self.over.is_some();
        let Some(attempt) = self.attempts.iter_mut().find(|attempt| attempt.number == number) else {
            return (self, false);
        };
        match seen {
            Seen::Accepted { provider_id } => {
                let new = attempt.provider_id.is_none();
                attempt.provider_id.get_or_insert_with(|| provider_id.clone());
                attempt.silences = 0;
                (self, new)
            }
            Seen::Answer { provider_id, outcome } => {
                attempt.provider_id.get_or_insert_with(|| provider_id.clone());
                if over || attempt.over.is_some() {
                    let same = attempt.over.is_some_and(|(known, _)| known == *outcome);
                    let new = !same && !attempt.late_answer;
                    attempt.late_answer |= !same;
                    return (self, new);
                }
                attempt.over = Some((*outcome, now));
                self.over = Some((*outcome, now));
                (self, true)
            }
            Seen::SourceAway { provider_id } => {
                attempt.provider_id.get_or_insert_with(|| provider_id.clone());
                (self.attempt_failed(number, Reason::NoAnswer, now), true)
            }
            Seen::Refused => (self.attempt_failed(number, Reason::NotCovered, now), true),
            Seen::NoAnswer => {
                attempt.silences += 1;
                let gone = attempt.silences >= MOST_SILENCES;
                (if gone { self.attempt_failed(number, Reason::NoAnswer, now) } else { self }, true)
            }
        }
    }

    /// When to look again, unless the provider calls before; `None` once it is over.
    #[must_use]
    pub fn look_at(&self, now: OffsetDateTime) -> Option<OffsetDateTime> {
        if self.over.is_some() {
            return None;
        }
        let Some(attempt) = self.under_way() else { return Some(now) };
        let quarter: Duration = (now - attempt.started_at) / 4_i32;
        let wait = match attempt.provider_id {
            None => RETRY,
            Some(_) => quarter.clamp(Duration::seconds(1), Duration::minutes(5)),
        };
        Some((now + wait).min(attempt.expires_at))
    }

    fn attempt_failed(mut self, number: i32, reason: Reason, now: OffsetDateTime) -> Self {
        if let Some(attempt) = self.attempts.iter_mut().find(|attempt| attempt.number == number)
            && attempt.over.is_none()
        {
            attempt.over = Some((Outcome::Unavailable(reason), now));
        }
        self
    }

    /// Gives up the attempt under way, if there is one. Says whose the last one was.
    fn give_up(&mut self, now: OffsetDateTime) -> Option<AccountName> {
        let last = self.attempts.last_mut()?;
        last.over.get_or_insert((Outcome::Unavailable(Reason::NoAnswer), now));
        Some(last.account.clone())
    }

    fn end(mut self, outcome: Outcome, now: OffsetDateTime) -> Step {
        self.give_up(now);
        self.over = Some((outcome, now));
        Step::Over(self)
    }
}

#[cfg(test)]
mod tests;
