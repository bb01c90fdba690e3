//! The rules. No IO, no async.

pub mod applicant;
pub mod case;
pub mod check;
pub mod circuit;
pub mod decision;
mod documents;
mod policy;

pub use ::paging::PageToken;
pub use ::providers::AccountName;

pub use applicant::{Address, Applicant};
pub use case::{
    Case, Claim, Decided, Event as CaseEvent, Judgement, Moved, Pending, Proposal, Status, Stays,
};
pub use check::{Attempt, Begun, Candidate, Check, CheckKind, Outcome, Reason, Seen, Step};
pub use circuit::{Circuit, Force, State as CircuitState};
pub use decision::{AskReason, Asked, Decision, DecisionReason, Verdict, check_judgement};
pub use documents::{CaseDocument, Country, DocumentKind, NoCountry, check_documents};
pub use policy::{PurposeRules, VerificationPolicy};

/// A field that breaks a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broken {
    /// Which.
    pub field: String,
    /// What must hold.
    pub rule: String,
}

impl Broken {
    /// A field and its rule.
    pub fn new(field: impl Into<String>, rule: impl Into<String>) -> Self {
        Self { field: field.into(), rule: rule.into() }
    }
}
