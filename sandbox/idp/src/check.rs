//! A check: what is kept of it, which is nothing about a person but what the name does.

use serde::{Deserialize, Serialize};
use time::Duration;

use crate::finding::{Finding, Reason};
use crate::id::CheckId;
use crate::moment::Moment;
use crate::names::Behaviour;
use crate::provider::{Kind, Provider};

/// Answers of a check: the first, and those that contradict it.
pub(crate) const MOST_ANSWERS: usize = 10;

/// A check of either provider.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Check {
    pub(crate) id: CheckId,
    pub(crate) account: String,
    pub(crate) provider: Provider,
    pub(crate) kind: Kind,
    /// What the caller calls it.
    pub(crate) reference: String,
    /// What it is made once by: the `Idempotency-Key` at veritas, the reference at kompass.
    pub(crate) key: String,
    /// Of what was asked for under the key.
    pub(crate) fingerprint: String,
    pub(crate) behaviour: Behaviour,
    /// What is wrong with its files, where they were fetched.
    pub(crate) files: Option<Reason>,
    pub(crate) callback_url: Option<String>,
    pub(crate) created_at: Moment,
    /// When kompass comes to an outcome; never, without a time.
    pub(crate) due: Option<Moment>,
    /// The latest last; none while it is pending.
    pub(crate) answers: Vec<Answer>,
    /// Calls that asked for it to be made: more than one when it was asked for again under its key.
    pub(crate) asked: u32,
}

/// What a provider said.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Answer {
    pub(crate) finding: Finding,
    pub(crate) at: Moment,
}

/// What somebody asks to be checked.
#[derive(Debug)]
pub(crate) struct Wanted {
    pub(crate) account: String,
    pub(crate) provider: Provider,
    pub(crate) kind: Kind,
    pub(crate) reference: String,
    pub(crate) key: String,
    pub(crate) fingerprint: String,
    pub(crate) behaviour: Behaviour,
    pub(crate) files: Option<Reason>,
    pub(crate) callback_url: Option<String>,
    /// How long the account's outcomes take.
    pub(crate) delay_ms: u32,
}

impl Check {
    pub(crate) fn new(wanted: Wanted, now: Moment) -> Self {
        let millis = match (wanted.provider, wanted.behaviour) {
            (Provider::Veritas, _) => Some(0),
            (Provider::Kompass, Behaviour::NeverAnswers) => None,
            (Provider::Kompass, Behaviour::Slow { millis }) => Some(millis),
            // What comes before the answer is there before it.
            (Provider::Kompass, Behaviour::CallbackFirst) => Some(0),
            (Provider::Kompass, _) => Some(wanted.delay_ms),
        };
        Self {
            id: CheckId::mint(now.0),
            account: wanted.account,
            provider: wanted.provider,
            kind: wanted.kind,
            reference: wanted.reference,
            key: wanted.key,
            fingerprint: wanted.fingerprint,
            behaviour: wanted.behaviour,
            files: wanted.files,
            callback_url: wanted.callback_url,
            created_at: now,
            due: millis.map(|millis| Moment(now.0 + Duration::milliseconds(millis.into()))),
            answers: Vec::new(),
            asked: 1,
        }
    }

    /// When something becomes of it by itself.
    pub(crate) fn deadline(&self) -> Option<Moment> {
        self.due.filter(|_| self.answers.is_empty())
    }

    /// What its provider comes to, one after the other, by the name alone or by its files.
    pub(crate) fn findings(&self) -> Vec<Finding> {
        let first = self.files.map_or_else(|| self.behaviour.finding(self.kind), Finding::Found);
        let second = Finding::Found(Reason::usual(self.kind));
        match self.behaviour {
            Behaviour::Contradictory if first != second => vec![first, second],
            _ => vec![first],
        }
    }
}
