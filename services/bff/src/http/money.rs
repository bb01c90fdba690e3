//! Amounts, as JSON.

use proto::common::v1::Money;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// An amount in the smallest unit of its currency: 12.50 euros are 1250 `EUR`.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MoneyView {
    /// How many of the smallest unit.
    pub(crate) minor_units: i64,
    /// ISO 4217 code.
    pub(crate) currency: String,
}

impl From<Money> for MoneyView {
    fn from(money: Money) -> Self {
        Self { minor_units: money.minor_units, currency: money.currency }
    }
}

impl From<MoneyView> for Money {
    fn from(money: MoneyView) -> Self {
        Self { minor_units: money.minor_units, currency: money.currency }
    }
}

/// An amount that every answer has.
pub(crate) fn view(money: Option<Money>) -> MoneyView {
    money.unwrap_or_default().into()
}
