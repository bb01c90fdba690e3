//! What is told by callback, and how its delivery goes.

use serde::{Deserialize, Serialize};
use time::Duration;

use crate::id::{CallbackId, CheckId};
use crate::moment::Moment;
use crate::names::Behaviour;

/// Attempts that are remembered of a callback.
const MOST_ATTEMPTS: usize = 20;
/// How late the callback is of a name that says so.
const LATE: Duration = Duration::hours(1);

/// An outcome that is told.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Callback {
    pub(crate) id: CallbackId,
    /// 1, 2, 3 … in the order in which things happened.
    pub(crate) number: u64,
    pub(crate) account: String,
    pub(crate) check: CheckId,
    pub(crate) reference: String,
    /// What is sent, the same in each attempt.
    pub(crate) body: serde_json::Value,
    pub(crate) url: Option<String>,
    pub(crate) delivery: Delivery,
    /// Sent so often since it was last told to be; decides which wait comes next.
    pub(crate) tries: u32,
    /// Sent so often in all.
    pub(crate) sent: u32,
    /// The last of them.
    pub(crate) attempts: Vec<Attempt>,
    /// Sent again so often after it was delivered.
    pub(crate) again: u32,
    /// The call that made the check is not answered before it was tried.
    pub(crate) before_answer: bool,
    pub(crate) trick: Option<Trick>,
}

/// Where a callback stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub(crate) enum Delivery {
    Waiting {
        at: Moment,
    },
    /// Until it is told to be delivered.
    Held,
    /// Until the account's next callback was delivered.
    BehindNext,
    Delivered,
    /// All tries failed.
    GivenUp,
    /// It is never sent: nobody wants it, or a test wants it lost.
    Dropped,
}

impl Delivery {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Waiting { .. } => "waiting",
            Self::Held => "held",
            Self::BehindNext => "behind_next",
            Self::Delivered => "delivered",
            Self::GivenUp => "given_up",
            Self::Dropped => "dropped",
        }
    }
}

/// A request that told of an outcome.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Attempt {
    pub(crate) at: Moment,
    /// What was answered, if anything was.
    pub(crate) status: Option<u16>,
    /// Why nothing was.
    pub(crate) error: Option<String>,
}

/// What is wrong with the first attempts of a callback.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Trick {
    pub(crate) kind: TrickKind,
    /// Attempts that are still so.
    pub(crate) attempts: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum TrickKind {
    /// By a secret that nobody knows.
    BadSignature,
    NoSignature,
    /// A good signature of so long ago.
    OldTimestamp {
        seconds: u32,
    },
    /// Another outcome than the one that was signed.
    ChangedBody,
    /// No outcome at all, though well signed.
    Garbage,
}

impl Callback {
    /// As the name has it delivered.
    pub(crate) fn by_name(self, name: Behaviour, now: Moment) -> Self {
        match name {
            Behaviour::NoCallback => Self { delivery: Delivery::Dropped, ..self },
            Behaviour::CallbackLate => {
                Self { delivery: Delivery::Waiting { at: Moment(now.0 + LATE) }, ..self }
            }
            Behaviour::CallbackTwice => Self { again: 1, ..self },
            Behaviour::CallbackFirst => Self { before_answer: true, ..self },
            _ => self,
        }
    }

    /// Notes an attempt. `retries` are the waits between tries, in seconds.
    pub(crate) fn tried(mut self, attempt: Attempt, retries: &[u32]) -> Self {
        let now = attempt.at;
        let delivered = attempt.status.is_some_and(|status| (200..300).contains(&status));
        let wait = retries.get(self.tries as usize).copied();
        self.tries += 1;
        self.sent += 1;
        self.trick = self
            .trick
            .filter(|trick| trick.attempts > 1)
            .map(|trick| Trick { attempts: trick.attempts - 1, ..trick });
        self.delivery = match (delivered, wait) {
            (true, _) if self.again > 0 => {
                self.again -= 1;
                Delivery::Waiting { at: now }
            }
            (true, _) => Delivery::Delivered,
            (false, Some(wait)) => Delivery::Waiting { at: Moment(now.0 + Duration::seconds(wait.into())) },
            (false, None) => Delivery::GivenUp,
        };
        if self.attempts.len() == MOST_ATTEMPTS {
            self.attempts.remove(0);
        }
        self.attempts.push(attempt);
        self
    }

    /// It is to be sent now, whatever became of it before.
    pub(crate) fn send_now(self, now: Moment) -> Self {
        Self { delivery: Delivery::Waiting { at: now }, tries: 0, ..self }
    }
}
