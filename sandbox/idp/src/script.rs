//! What a test asks to go wrong.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime};

use crate::callback::{Callback, Delivery, Trick, TrickKind};
use crate::error::Error;
use crate::moment::Moment;
use crate::provider::Provider;

/// Faults and rules that can wait at a time.
const MOST: usize = 1_000;

/// What is to go wrong, and what time it is.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Script {
    pub(crate) faults: Vec<Fault>,
    pub(crate) rules: Vec<Rule>,
    pub(crate) outages: BTreeMap<Provider, Outage>,
    pub(crate) flapping: BTreeMap<Provider, Flapping>,
    /// Whoever says of everything that it is clear.
    pub(crate) lying: BTreeSet<Provider>,
    /// What is added to the clock for everything but the signatures of callbacks.
    pub(crate) offset_seconds: i64,
}

/// Calls of the APIs, by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Operation {
    CreateCheck,
    GetCheck,
    ListChecks,
    GetCapabilities,
    CreateVerification,
    GetVerification,
    ListVerifications,
    GetCoverage,
}

impl Operation {
    pub(crate) fn provider(self) -> Provider {
        match self {
            Self::CreateCheck | Self::GetCheck | Self::ListChecks | Self::GetCapabilities => {
                Provider::Veritas
            }
            Self::CreateVerification
            | Self::GetVerification
            | Self::ListVerifications
            | Self::GetCoverage => Provider::Kompass,
        }
    }
}

/// How the next calls are answered otherwise than they should be.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Fault {
    /// Any operation, account and reference, where they are not named.
    #[serde(default)]
    pub(crate) operation: Option<Operation>,
    #[serde(default)]
    pub(crate) account: Option<String>,
    /// Of calls that would make a check.
    #[serde(default)]
    pub(crate) reference: Option<String>,
    #[serde(default = "once")]
    pub(crate) times: u32,
    #[serde(default)]
    pub(crate) when: When,
    /// Waited for in real time.
    #[serde(default)]
    pub(crate) delay_ms: u32,
    #[serde(default)]
    pub(crate) answer: Reply,
    #[serde(default = "unavailable")]
    pub(crate) status: u16,
    #[serde(default)]
    pub(crate) body: Option<String>,
    /// Seconds, of the header of an answer `status`.
    #[serde(default)]
    pub(crate) retry_after: Option<u32>,
}

/// Whether what was asked for is done first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum When {
    #[default]
    Before,
    After,
}

/// What is answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Reply {
    /// As it is.
    #[default]
    Normal,
    /// With `status` and `body`.
    Status,
    /// No JSON, though it says so.
    Garbage,
    /// Nothing.
    Empty,
    /// As it is, but it says that it is plain text.
    WrongType,
    /// 8 MiB.
    Oversize,
    /// None, until the caller goes or hangs are released; then as it is.
    Hang,
    /// The connection ends instead.
    Cut,
    /// The connection ends in the midst of the answer.
    Truncate,
}

fn once() -> u32 {
    1
}

fn unavailable() -> u16 {
    503
}

impl Fault {
    /// How a call is answered that was done, once.
    pub(crate) fn after(answer: Reply, delay_ms: u32) -> Self {
        Self {
            operation: None,
            account: None,
            reference: None,
            times: 1,
            when: When::After,
            delay_ms,
            answer,
            status: unavailable(),
            body: None,
            retry_after: None,
        }
    }
}

/// A provider is not itself.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Outage {
    pub(crate) mode: OutageMode,
    /// Until it is ended, without a time.
    pub(crate) until: Option<Moment>,
    /// How late a slow one answers, in real time.
    pub(crate) delay_ms: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum OutageMode {
    /// 503, and no callbacks.
    Refuse,
    /// No answers and no callbacks, until it is over.
    Hang,
    /// Everything is late.
    Slow,
}

/// Every so many-th call is 503.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Flapping {
    pub(crate) every: u32,
    /// Calls since the last that failed.
    pub(crate) seen: u32,
}

/// How the next callbacks are delivered otherwise than they should be.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Rule {
    pub(crate) mode: Mode,
    /// Any account and reference, where they are not named.
    #[serde(default)]
    pub(crate) account: Option<String>,
    #[serde(default)]
    pub(crate) reference: Option<String>,
    /// So many callbacks.
    #[serde(default = "once")]
    pub(crate) times: u32,
    /// So many first attempts of each: of bad signatures, old timestamps and bodies.
    #[serde(default = "once")]
    pub(crate) attempts: u32,
    /// How late, and how old a timestamp.
    #[serde(default = "ten_minutes")]
    pub(crate) seconds: u32,
}

fn ten_minutes() -> u32 {
    600
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Mode {
    Never,
    Twice,
    Late,
    Hold,
    BehindNext,
    BeforeAnswer,
    BadSignature,
    NoSignature,
    OldTimestamp,
    ChangedBody,
    Garbage,
}

impl Script {
    pub(crate) fn offset(&self) -> Duration {
        Duration::seconds(self.offset_seconds)
    }

    pub(crate) fn arm(&mut self, fault: Fault) -> Result<(), Error> {
        if self.faults.len() >= MOST {
            return Err(Error::Full);
        }
        self.faults.push(fault);
        Ok(())
    }

    pub(crate) fn add(&mut self, rule: Rule) -> Result<(), Error> {
        if self.rules.len() >= MOST {
            return Err(Error::Full);
        }
        self.rules.push(rule);
        Ok(())
    }

    /// Where the fault of a call is, if one waits for it.
    pub(crate) fn find_fault(
        &self,
        operation: Operation,
        account: &str,
        reference: Option<&str>,
    ) -> Option<usize> {
        self.faults.iter().position(|fault| {
            fault.operation.is_none_or(|of| of == operation)
                && fault.account.as_deref().is_none_or(|of| account == of)
                && fault.reference.as_deref().is_none_or(|of| reference == Some(of))
        })
    }

    /// Uses a fault up once.
    pub(crate) fn take_fault(&mut self, at: usize) -> Fault {
        let fault = self.faults[at].clone();
        if fault.times <= 1 {
            self.faults.remove(at);
        } else {
            self.faults[at].times -= 1;
        }
        fault
    }

    pub(crate) fn find_rule(&self, callback: &Callback) -> Option<usize> {
        self.rules.iter().position(|rule| {
            rule.account.as_ref().is_none_or(|of| *of == callback.account)
                && rule.reference.as_ref().is_none_or(|of| *of == callback.reference)
        })
    }

    /// Uses a rule up once.
    pub(crate) fn take_rule(&mut self, at: usize) -> Rule {
        let rule = self.rules[at].clone();
        if rule.times <= 1 {
            self.rules.remove(at);
        } else {
            self.rules[at].times -= 1;
        }
        rule
    }

    pub(crate) fn outage(&self, provider: Provider, now: OffsetDateTime) -> Option<Outage> {
        let outage = self.outages.get(&provider).copied();
        outage.filter(|outage| outage.until.is_none_or(|until| until.0 > now))
    }

    /// Whether a provider neither answers nor calls back.
    pub(crate) fn is_away(&self, provider: Provider, now: OffsetDateTime) -> bool {
        self.outage(provider, now).is_some_and(|outage| outage.mode != OutageMode::Slow)
    }
}

impl Rule {
    /// The callback as it is delivered under this rule.
    pub(crate) fn bend(&self, callback: Callback, now: OffsetDateTime) -> Callback {
        let trick = |kind| Some(Trick { kind, attempts: self.attempts });
        match self.mode {
            Mode::Never => Callback { delivery: Delivery::Dropped, ..callback },
            Mode::Twice => Callback { again: 1, ..callback },
            Mode::Late => {
                let at = Moment(now + Duration::seconds(self.seconds.into()));
                Callback { delivery: Delivery::Waiting { at }, ..callback }
            }
            Mode::Hold => Callback { delivery: Delivery::Held, ..callback },
            Mode::BehindNext => Callback { delivery: Delivery::BehindNext, ..callback },
            Mode::BeforeAnswer => Callback { before_answer: true, ..callback },
            Mode::BadSignature => Callback { trick: trick(TrickKind::BadSignature), ..callback },
            Mode::NoSignature => Callback { trick: trick(TrickKind::NoSignature), ..callback },
            Mode::OldTimestamp => {
                Callback { trick: trick(TrickKind::OldTimestamp { seconds: self.seconds }), ..callback }
            }
            Mode::ChangedBody => Callback { trick: trick(TrickKind::ChangedBody), ..callback },
            Mode::Garbage => Callback { trick: trick(TrickKind::Garbage), ..callback },
        }
    }
}
