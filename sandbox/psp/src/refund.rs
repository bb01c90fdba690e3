//! Money given back.

use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::id::RefundId;
use crate::moment::Moment;

/// A refund of a payment.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Refund {
    pub(crate) id: RefundId,
    pub(crate) amount: i64,
    pub(crate) reference: Option<String>,
    pub(crate) state: RefundState,
    pub(crate) created_at: Moment,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum RefundState {
    Pending,
    Succeeded,
    Failed,
}

impl RefundState {
    pub(crate) fn settle(self, succeeds: bool) -> Result<Self, Error> {
        match self {
            Self::Pending if succeeds => Ok(Self::Succeeded),
            Self::Pending => Ok(Self::Failed),
            Self::Succeeded | Self::Failed => Err(Error::State { of: "refund", state: self.name() }),
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
        }
    }
}

impl Refund {
    /// Whether its money is given back, or promised.
    pub(crate) fn is_kept(&self) -> bool {
        self.state != RefundState::Failed
    }
}
