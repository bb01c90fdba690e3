//! What a test asks to go wrong.

use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime};

use crate::error::Error;
use crate::event::{Delivery, Event, Trick, TrickKind};
use crate::moment::Moment;

/// Faults and rules that can wait at a time.
const MOST: usize = 1_000;

/// What is to go wrong, and what time it is.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Script {
    pub(crate) faults: Vec<Fault>,
    pub(crate) rules: Vec<Rule>,
    pub(crate) outage: Option<Outage>,
    /// What is added to the clock for everything but the signatures of webhooks.
    pub(crate) offset_seconds: i64,
}

/// Calls of the API, by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Operation {
    CreatePayment,
    GetPayment,
    ListPayments,
    CapturePayment,
    CancelPayment,
    CreateRefund,
    ListRefunds,
    GetRefund,
    ListDisputes,
    GetDispute,
    SubmitEvidence,
    ListEvents,
    GetBooks,
    ListSettlements,
    GetSettlement,
    ShowCheckout,
    SubmitCheckout,
}

/// How the next calls of an operation are answered otherwise than they should be.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Fault {
    /// Any, where it is not named.
    #[serde(default)]
    pub(crate) operation: Option<Operation>,
    #[serde(default)]
    pub(crate) account: Option<String>,
    #[serde(default = "once")]
    pub(crate) times: u32,
    #[serde(default)]
    pub(crate) when: When,
    /// Waited for in real time.
    #[serde(default)]
    pub(crate) delay_ms: u32,
    /// A card that the payer puts in before the call that made the payment is answered.
    #[serde(default)]
    pub(crate) pay: Option<String>,
    #[serde(default)]
    pub(crate) answer: Answer,
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

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Answer {
    /// As it is.
    #[default]
    Normal,
    /// With `status` and `body`.
    Status,
    /// 200 and no JSON.
    Garbage,
    /// 200 and nothing.
    Empty,
    /// 200 and 8 MiB.
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

/// The provider is away.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Outage {
    pub(crate) until: Moment,
    /// Connections end, where it is not 503.
    pub(crate) cut: bool,
}

/// How the next events are delivered otherwise than they should be.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Rule {
    pub(crate) mode: Mode,
    /// Any account, type and payment, where they are not named.
    #[serde(default)]
    pub(crate) account: Option<String>,
    #[serde(default)]
    pub(crate) r#type: Option<String>,
    #[serde(default)]
    pub(crate) payment: Option<String>,
    /// So many events.
    #[serde(default = "once")]
    pub(crate) events: u32,
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
    pub(crate) fn find_fault(&self, operation: Operation, account: Option<&str>) -> Option<usize> {
        self.faults.iter().position(|fault| {
            fault.operation.is_none_or(|of| of == operation)
                && fault.account.as_deref().is_none_or(|of| account == Some(of))
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

    pub(crate) fn find_rule(&self, event: &Event) -> Option<usize> {
        self.rules.iter().position(|rule| {
            rule.account.as_ref().is_none_or(|of| *of == event.account)
                && rule.r#type.as_ref().is_none_or(|of| *of == event.kind)
                && rule.payment.as_ref().is_none_or(|of| *of == event.payment.to_string())
        })
    }

    /// Uses a rule up once.
    pub(crate) fn take_rule(&mut self, at: usize) -> Rule {
        let rule = self.rules[at].clone();
        if rule.events <= 1 {
            self.rules.remove(at);
        } else {
            self.rules[at].events -= 1;
        }
        rule
    }

    pub(crate) fn outage(&self, now: OffsetDateTime) -> Option<Outage> {
        self.outage.filter(|outage| outage.until.0 > now)
    }
}

impl Rule {
    /// The event as it is delivered under this rule.
    pub(crate) fn bend(&self, event: Event, now: OffsetDateTime) -> Event {
        let trick = |kind| Some(Trick { kind, attempts: self.attempts });
        match self.mode {
            Mode::Never => Event { delivery: Delivery::Dropped, ..event },
            Mode::Twice => Event { again: 1, ..event },
            Mode::Late => {
                let at = Moment(now + Duration::seconds(self.seconds.into()));
                Event { delivery: Delivery::Waiting { at }, ..event }
            }
            Mode::Hold => Event { delivery: Delivery::Held, ..event },
            Mode::BehindNext => Event { delivery: Delivery::BehindNext, ..event },
            Mode::BeforeAnswer => Event { before_answer: true, ..event },
            Mode::BadSignature => Event { trick: trick(TrickKind::BadSignature), ..event },
            Mode::NoSignature => Event { trick: trick(TrickKind::NoSignature), ..event },
            Mode::OldTimestamp => {
                Event { trick: trick(TrickKind::OldTimestamp { seconds: self.seconds }), ..event }
            }
            Mode::ChangedBody => Event { trick: trick(TrickKind::ChangedBody), ..event },
            Mode::Garbage => Event { trick: trick(TrickKind::Garbage), ..event },
        }
    }
}
