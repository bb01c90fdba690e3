//! Identity providers: what a check asks, put to the provider of an account, and what came of it in one vocabulary.
//!
//! Every call has a deadline, follows no redirect and reads a bounded answer (`libs/providers`). What is not understood counts as no answer;
//! what is understood and not known (a new code) is inconclusive, so that a person looks at it. Keys at the provider are made of our ids:
//! a call that is made twice makes one thing.

mod accounts;
mod kompass;
mod veritas;

pub use accounts::{Account, Accounts, Settings};

use providers::file::{Error as AccountsError, Problem};
use providers::signature;
use url::Url;

use crate::domain::{Applicant, CaseDocument, CheckKind, Seen};

pub use self::kompass::Kompass;
pub use self::veritas::Veritas;

/// Re-exported for settings.
pub type FileError = AccountsError;
/// Re-exported for settings.
pub type FileProblem = Problem;

/// Puts questions to the provider of one account.
#[derive(Clone, Debug)]
pub enum Provider {
    /// Answers at once.
    Veritas(Veritas),
    /// Answers later, and calls.
    Kompass(Kompass),
}

/// What is asked.
#[derive(Clone, Debug)]
pub struct Question {
    /// Key and reference of what is made at the provider.
    pub reference: String,
    /// What the provider calls it, once it is known there: then it is only looked at.
    pub provider_id: Option<String>,
    /// What is asked.
    pub kind: CheckKind,
    /// About whom.
    pub applicant: Applicant,
    /// What they have handed in, and where it can be fetched.
    pub documents: Vec<(CaseDocument, Url)>,
}

/// What a provider has said, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// What it means.
    pub seen: Seen,
    /// The answer as it came; nothing where there was none.
    pub raw: Option<Vec<u8>>,
}

/// A callback that its provider has signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heard {
    /// What the provider calls it: the same when it is sent again.
    pub event: String,
    /// What the provider calls the thing it is about.
    pub provider_id: String,
}

/// Why a callback is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotHeard {
    /// It is not signed as it should be.
    #[error("the signature is not accepted")]
    Signature(#[from] signature::Invalid),
    /// It is not what the provider sends.
    #[error("the body is not a callback")]
    Body,
}

impl Said {
    /// Nothing, or nothing that can be understood.
    #[must_use]
    pub fn nothing() -> Self {
        Self { seen: Seen::NoAnswer, raw: None }
    }
}

impl Provider {
    /// Whose protocol it speaks.
    #[must_use]
    pub fn protocol(&self) -> &'static str {
        match self {
            Self::Veritas(_) => "veritas",
            Self::Kompass(_) => "kompass",
        }
    }

    /// Has a check made, or asks how it stands.
    pub async fn ask(&self, question: &Question) -> Said {
        match self {
            Self::Veritas(veritas) => veritas.ask(question).await,
            Self::Kompass(kompass) => kompass.ask(question).await,
        }
    }
}

/// What a text says in JSON, if it is of this shape.
fn parsed<T: serde::de::DeserializeOwned>(body: &[u8]) -> Option<T> {
    serde_json::from_slice(body).ok()
}
