//! The lifecycle of a case: what stands in the way of a decision, who decides, and what each edge tells the world. No IO.

mod names;

use std::collections::BTreeSet;

use ids::{CaseId, Subject, Tenant};
use time::{Duration, OffsetDateTime};

use super::{Asked, Check, DecisionReason, Outcome, PurposeRules, Verdict};

/// How often something may be handed in for a case.
pub const MOST_ROUNDS: i32 = 10;
/// For how long somebody has a case that they have claimed.
const CLAIM: Duration = Duration::minutes(30);

/// One person's case for one purpose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Case {
    /// Its id.
    pub id: CaseId,
    /// Whose it is.
    pub tenant: Tenant,
    /// Whom it is about.
    pub subject: Subject,
    /// What they are verified for.
    pub purpose: String,
    /// The version of the policy under which it was submitted.
    pub policy_version: i32,
    /// Where it stands.
    pub status: Status,
    /// What stands in the way of a decision.
    pub pending: BTreeSet<Pending>,
    /// 1, and one more for each time that something was handed in again.
    pub round: i32,
    /// What was asked for again.
    pub asked: Vec<Asked>,
    /// When it was submitted.
    pub created_at: OffsetDateTime,
    /// When it last changed.
    pub updated_at: OffsetDateTime,
    /// Since when it has its status.
    pub status_since: OffsetDateTime,
    /// When it is to have left it.
    pub due_at: Option<OffsetDateTime>,
    /// That was over, and was told.
    pub escalated: bool,
    /// Who has it, and until when.
    pub claim: Option<Claim>,
    /// What a first person has decided, where two have to agree.
    pub proposal: Option<Proposal>,
    /// How many decisions there are.
    pub decisions: i32,
}

/// Where a case stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Status {
    /// It is taken; no check has begun.
    Submitted,
    /// Checks are under way.
    Checking,
    /// A person of the office decides.
    NeedsReview,
    /// Something is to be handed in again.
    MoreAsked,
    /// They are who they say.
    Approved,
    /// They are not verified.
    Rejected,
    /// They do not want it any more, or have not answered in time.
    Withdrawn,
}

/// What stands in the way of a decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Pending {
    /// A check is under way.
    Checks,
    /// A check has failed, and a person decides what that means.
    CheckFailed,
    /// A provider could not tell.
    CheckInconclusive,
    /// No provider could be had in time.
    ProvidersUnavailable,
    /// The policy has a person look at every case of the purpose.
    Policy,
    /// Somebody has decided, and a second person has to agree.
    SecondPerson,
    /// Something is to be handed in again.
    MoreAsked,
}

/// Somebody has a case to decide.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// Who.
    pub by: Subject,
    /// Until when.
    pub until: OffsetDateTime,
}

/// What a first person has decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proposal {
    /// Who.
    pub by: Subject,
    /// What: approve or reject.
    pub verdict: Verdict,
    /// Why.
    pub reasons: Vec<DecisionReason>,
}

/// What an edge tells the world.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// It was handed in, or handed in again.
    Submitted,
    /// A person has to decide.
    ReviewNeeded,
    /// They have not, in time.
    ReviewEscalated,
    /// They are who they say.
    Approved,
    /// They are not verified.
    Rejected,
    /// Something is to be handed in again.
    MoreAsked,
    /// It is over without a decision.
    Withdrawn,
}

/// A decision that takes effect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decided {
    /// 1, and one more for each of the case.
    pub number: i32,
    /// What.
    pub verdict: Verdict,
    /// Why.
    pub reasons: Vec<DecisionReason>,
    /// Who; nobody where the policy has.
    pub by: Option<Subject>,
    /// Who agreed.
    pub agreed_by: Option<Subject>,
}

/// What came of an edge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moved {
    /// The case after it.
    pub case: Case,
    /// What to tell the world.
    pub event: Option<Event>,
    /// The decision that was taken with it.
    pub decided: Option<Decided>,
}

/// What somebody decides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judgement {
    /// What.
    pub verdict: Verdict,
    /// Why.
    pub reasons: Vec<DecisionReason>,
    /// What is to be handed in again.
    pub asked: Vec<Asked>,
}

/// Why a case stays as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Stays {
    /// Its status has no such edge.
    #[error("the case is in another status")]
    Status,
    /// Somebody else has it.
    #[error("somebody else has the case")]
    Claimed,
    /// The caller does not have it.
    #[error("the caller has to claim the case first")]
    NotClaimed,
    /// It is about the caller.
    #[error("nobody decides about themselves")]
    Own,
    /// Who has decided cannot agree with themselves.
    #[error("somebody else has to agree")]
    SecondPersonNeeded,
    /// It has as many rounds as it can have.
    #[error("the case has had as many rounds as it can have")]
    Rounds,
}

impl Case {
    /// A case that is handed in.
    #[must_use]
    pub fn submit(
        id: CaseId,
        (tenant, subject): (Tenant, Subject),
        (purpose, policy_version): (String, i32),
        now: OffsetDateTime,
    ) -> Self {
        Self {
            id,
            tenant,
            subject,
            purpose,
            policy_version,
            status: Status::Submitted,
            pending: [Pending::Checks].into(),
            round: 1,
            asked: Vec::new(),
            created_at: now,
            updated_at: now,
            status_since: now,
            due_at: None,
            escalated: false,
            claim: None,
            proposal: None,
            decisions: 0,
        }
    }

    /// A check has begun.
    #[must_use]
    pub fn check_began(mut self, now: OffsetDateTime) -> Self {
        if self.status == Status::Submitted {
            self.enter(Status::Checking, [Pending::Checks].into(), None, now);
        }
        self
    }

    /// A check is over. Once all of the round are, it is decided by the policy, or comes to a person.
    #[must_use]
    pub fn check_ended(self, checks: &[Check], rules: &PurposeRules, now: OffsetDateTime) -> Moved {
        let outcomes: Option<Vec<_>> = checks.iter().map(Check::outcome).collect();
        let waits = matches!(self.status, Status::Submitted | Status::Checking);
        let Some(outcomes) = outcomes.filter(|_| waits) else { return self.unmoved() };
        let mut doubts: BTreeSet<_> = outcomes.iter().filter_map(|outcome| doubt(*outcome)).collect();
        if doubts.is_empty() && !rules.always_review {
            return self.conclude(Verdict::Approve, Vec::new(), (None, None), now);
        }
        if rules.reject_failed && doubts == [Pending::CheckFailed].into() {
            let reasons: BTreeSet<_> = outcomes.iter().filter_map(|outcome| because(*outcome)).collect();
            return self.conclude(Verdict::Reject, reasons.into_iter().collect(), (None, None), now);
        }
        if rules.always_review {
            doubts.insert(Pending::Policy);
        }
        let mut case = self;
        case.enter(Status::NeedsReview, doubts, Some(now + rules.review_within()), now);
        Moved { case, event: Some(Event::ReviewNeeded), decided: None }
    }

    /// What was asked for is handed in.
    ///
    /// # Errors
    /// When nothing was asked for, or too often.
    pub fn resubmit(mut self, now: OffsetDateTime) -> Result<Moved, Stays> {
        if self.status != Status::MoreAsked {
            return Err(Stays::Status);
        }
        if self.round >= MOST_ROUNDS {
            return Err(Stays::Rounds);
        }
        self.round += 1;
        self.enter(Status::Submitted, [Pending::Checks].into(), None, now);
        Ok(Moved { case: self, event: Some(Event::Submitted), decided: None })
    }

    /// It is taken back.
    ///
    /// # Errors
    /// When it is over.
    pub fn withdraw(mut self, now: OffsetDateTime) -> Result<Moved, Stays> {
        if self.status.is_over() {
            return Err(Stays::Status);
        }
        self.enter(Status::Withdrawn, BTreeSet::new(), None, now);
        Ok(Moved { case: self, event: Some(Event::Withdrawn), decided: None })
    }

    /// Its time in its status is over: who decides is told, once; what was asked for is not waited for any longer.
    #[must_use]
    pub fn due(self, now: OffsetDateTime) -> Moved {
        if self.due_at.is_none_or(|due| now < due) {
            return self.unmoved();
        }
        match self.status {
            Status::NeedsReview if !self.escalated => {
                let case = Self { escalated: true, updated_at: now, ..self };
                Moved { case, event: Some(Event::ReviewEscalated), decided: None }
            }
            Status::MoreAsked => self.clone().withdraw(now).unwrap_or_else(|_| self.unmoved()),
            _ => self.unmoved(),
        }
    }

    /// Who has it now.
    #[must_use]
    pub fn claimed_by(&self, now: OffsetDateTime) -> Option<&Subject> {
        self.claim.as_ref().filter(|claim| now < claim.until).map(|claim| &claim.by)
    }

    /// Gives it to somebody who is to decide.
    ///
    /// # Errors
    /// When nobody is to, somebody else has it, or it is about them.
    pub fn claim(mut self, by: &Subject, now: OffsetDateTime) -> Result<Self, Stays> {
        if self.status != Status::NeedsReview {
            return Err(Stays::Status);
        }
        if self.claimed_by(now).is_some_and(|has| has != by) {
            return Err(Stays::Claimed);
        }
        self.may_decide(by)?;
        self.claim = Some(Claim { by: by.clone(), until: now + CLAIM });
        self.updated_at = now;
        Ok(self)
    }

    /// Whoever has it gives it to somebody else, or to nobody. Where nobody has it anybody may.
    ///
    /// # Errors
    /// As of [`Case::claim`].
    pub fn reassign(
        mut self,
        by: &Subject,
        to: Option<&Subject>,
        now: OffsetDateTime,
    ) -> Result<Self, Stays> {
        if self.status != Status::NeedsReview {
            return Err(Stays::Status);
        }
        if self.claimed_by(now).is_some_and(|has| has != by) {
            return Err(Stays::Claimed);
        }
        self.claim = None;
        self.updated_at = now;
        to.map_or(Ok(self.clone()), |to| self.claim(to, now))
    }

    /// Somebody decides: what they have claimed, or, once it was decided, anew.
    ///
    /// # Errors
    /// [`Stays`].
    pub fn decide(
        mut self,
        by: &Subject,
        judgement: Judgement,
        rules: &PurposeRules,
        now: OffsetDateTime,
    ) -> Result<Moved, Stays> {
        if *by == self.subject {
            return Err(Stays::Own);
        }
        let anew = matches!(self.status, Status::Approved | Status::Rejected);
        if !anew && self.status != Status::NeedsReview {
            return Err(Stays::Status);
        }
        if !anew && self.claimed_by(now) != Some(by) {
            return Err(Stays::NotClaimed);
        }
        let Judgement { verdict, reasons, asked } = judgement;
        if verdict == Verdict::AskAgain {
            if anew {
                return Err(Stays::Status);
            }
            let due = now + rules.answer_within();
            self.enter(Status::MoreAsked, [Pending::MoreAsked].into(), Some(due), now);
            self.asked = asked;
            self.decisions += 1;
            let decided =
                Decided { number: self.decisions, verdict, reasons, by: Some(by.clone()), agreed_by: None };
            return Ok(Moved { case: self, event: Some(Event::MoreAsked), decided: Some(decided) });
        }
        if !rules.four_eyes {
            return Ok(self.conclude(verdict, reasons, (Some(by.clone()), None), now));
        }
        match self.proposal.take() {
            Some(first) if first.by == *by => Err(Stays::SecondPersonNeeded),
            Some(first) if first.verdict == verdict => {
                let reasons: BTreeSet<_> = first.reasons.into_iter().chain(reasons).collect();
                let reasons = reasons.into_iter().collect();
                Ok(self.conclude(verdict, reasons, (Some(first.by), Some(by.clone())), now))
            }
            // One that differs takes the place of the first.
            _ => {
                self.proposal = Some(Proposal { by: by.clone(), verdict, reasons });
                self.pending.insert(Pending::SecondPerson);
                self.claim = None;
                self.updated_at = now;
                Ok(self.unmoved())
            }
        }
    }

    fn may_decide(&self, by: &Subject) -> Result<(), Stays> {
        if *by == self.subject {
            return Err(Stays::Own);
        }
        let first = self.proposal.as_ref().is_some_and(|proposal| proposal.by == *by);
        if first { Err(Stays::SecondPersonNeeded) } else { Ok(()) }
    }

    fn conclude(
        mut self,
        verdict: Verdict,
        reasons: Vec<DecisionReason>,
        (by, agreed_by): (Option<Subject>, Option<Subject>),
        now: OffsetDateTime,
    ) -> Moved {
        let (status, event) = match verdict {
            Verdict::Approve => (Status::Approved, Event::Approved),
            Verdict::Reject | Verdict::AskAgain => (Status::Rejected, Event::Rejected),
        };
        self.enter(status, BTreeSet::new(), None, now);
        self.decisions += 1;
        let decided = Decided { number: self.decisions, verdict, reasons, by, agreed_by };
        Moved { case: self, event: Some(event), decided: Some(decided) }
    }

    fn enter(
        &mut self,
        status: Status,
        pending: BTreeSet<Pending>,
        due_at: Option<OffsetDateTime>,
        now: OffsetDateTime,
    ) {
        self.status = status;
        self.pending = pending;
        self.due_at = due_at;
        self.status_since = now;
        self.updated_at = now;
        self.escalated = false;
        self.claim = None;
        self.proposal = None;
        self.asked = Vec::new();
    }

    fn unmoved(self) -> Moved {
        Moved { case: self, event: None, decided: None }
    }
}

/// What an outcome leaves for a person.
fn doubt(outcome: Outcome) -> Option<Pending> {
    match outcome {
        Outcome::Passed => None,
        Outcome::Failed(_) => Some(Pending::CheckFailed),
        Outcome::Inconclusive(_) => Some(Pending::CheckInconclusive),
        Outcome::Unavailable(_) => Some(Pending::ProvidersUnavailable),
    }
}

/// What somebody who is rejected without a person is told.
fn because(outcome: Outcome) -> Option<DecisionReason> {
    use super::Reason;
    let Outcome::Failed(reason) = outcome else { return None };
    Some(match reason {
        Reason::DocumentForged => DecisionReason::DocumentNotGenuine,
        Reason::NameMismatch | Reason::BirthDateMismatch => DecisionReason::DetailsDiffer,
        Reason::AddressMismatch | Reason::AddressUnknown => DecisionReason::AddressNotConfirmed,
        Reason::FaceMismatch | Reason::SpoofSuspected => DecisionReason::FaceDiffers,
        Reason::WatchlistHit | Reason::PoliticallyExposed => DecisionReason::Legal,
        Reason::DocumentExpired
        | Reason::ImageUnreadable
        | Reason::FileUnusable
        | Reason::NoRecord
        | Reason::InsufficientData
        | Reason::UnknownAnswer
        | Reason::NotCovered
        | Reason::NoAnswer => DecisionReason::DocumentsInsufficient,
    })
}

#[cfg(test)]
mod tests;
