//! The cards there are: each does one thing, always.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::error::Error;

/// Is charged.
pub const APPROVE: &str = "4242424242424242";
/// Is charged; another brand.
pub const APPROVE_TOO: &str = "5555555555554444";
/// Declined: `card_declined`.
pub const DECLINE: &str = "4000000000000002";
/// Declined: `insufficient_funds`.
pub const NO_FUNDS: &str = "4000000000009995";
/// Declined: `card_expired`.
pub const EXPIRED: &str = "4000000000000069";
/// Declined: `card_stolen`.
pub const STOLEN: &str = "4000000000009979";
/// Declined: `processing_error`.
pub const ERROR: &str = "4000000000000119";
/// The payer's bank asks the payer first.
pub const CHALLENGE: &str = "4000000000003220";
/// Authorised, and then not captured: `capture_declined`.
pub const CAPTURE_FAILS: &str = "4000000000000341";
/// Half of what is to be captured is, rounded up.
pub const PARTIAL_CAPTURE: &str = "4100000000000019";
/// Stays `processing` until `POST /control/payments/{id}/resolve`.
pub const NEVER_ANSWERS: &str = "4100000000000027";
/// Charged, but whoever asked for it gets no answer, once, and no webhook tells of it.
pub const TIMEOUT_AFTER_CHARGE: &str = "4100000000000035";
/// Every webhook comes twice.
pub const WEBHOOK_TWICE: &str = "4100000000000043";
/// Every webhook is delivered before the call that caused it is answered.
pub const WEBHOOK_FIRST: &str = "4100000000000050";
/// `payment.authorised` is held back until `payment.captured` was delivered.
pub const WEBHOOK_OUT_OF_ORDER: &str = "4100000000000068";
/// No webhook comes.
pub const NO_WEBHOOK: &str = "4100000000000076";
/// A dispute is opened as soon as it is charged.
pub const DISPUTED: &str = "4000000000000259";
/// Refunds stay `pending` until `POST /control/refunds/{id}/resolve`.
pub const REFUND_PENDING: &str = "4000000000007726";
/// Refunds are taken, and fail afterwards.
pub const REFUND_FAILS: &str = "4000000000005126";

/// What comes before the milliseconds in the number of a card that is slow.
const SLOW: &str = "42000000";

/// Authorised after so long (at most 9,999,999 ms): `processing` until then.
#[must_use]
pub fn slow(after: Duration) -> String {
    let payload = format!("{SLOW}{:07}", after.as_millis().min(9_999_999));
    let last = (10 - luhn(&format!("{payload}0"))) % 10;
    format!("{payload}{last}")
}

/// What a card does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Behaviour {
    Approve,
    Decline(Failure),
    Challenge,
    CaptureFails,
    PartialCapture,
    Slow { millis: u32 },
    NeverAnswers,
    TimeoutAfterCharge,
    WebhookTwice,
    WebhookFirst,
    WebhookOutOfOrder,
    NoWebhook,
    Disputed,
    RefundPending,
    RefundFails,
}

/// Why a payment failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Failure {
    CardDeclined,
    InsufficientFunds,
    CardExpired,
    CardStolen,
    ProcessingError,
    AuthenticationFailed,
    CaptureDeclined,
}

impl Failure {
    pub(crate) fn message(self) -> &'static str {
        match self {
            Self::CardDeclined => "The bank declined the card.",
            Self::InsufficientFunds => "There is not enough money on the card's account.",
            Self::CardExpired => "The card has expired.",
            Self::CardStolen => "The card was reported stolen.",
            Self::ProcessingError => "The bank could not be reached.",
            Self::AuthenticationFailed => "The payer did not approve the payment with the bank.",
            Self::CaptureDeclined => "The bank took back its authorisation.",
        }
    }
}

const TABLE: [(&str, Behaviour); 19] = [
    (APPROVE, Behaviour::Approve),
    (APPROVE_TOO, Behaviour::Approve),
    (DECLINE, Behaviour::Decline(Failure::CardDeclined)),
    (NO_FUNDS, Behaviour::Decline(Failure::InsufficientFunds)),
    (EXPIRED, Behaviour::Decline(Failure::CardExpired)),
    (STOLEN, Behaviour::Decline(Failure::CardStolen)),
    (ERROR, Behaviour::Decline(Failure::ProcessingError)),
    (CHALLENGE, Behaviour::Challenge),
    (CAPTURE_FAILS, Behaviour::CaptureFails),
    (PARTIAL_CAPTURE, Behaviour::PartialCapture),
    (NEVER_ANSWERS, Behaviour::NeverAnswers),
    (TIMEOUT_AFTER_CHARGE, Behaviour::TimeoutAfterCharge),
    (WEBHOOK_TWICE, Behaviour::WebhookTwice),
    (WEBHOOK_FIRST, Behaviour::WebhookFirst),
    (WEBHOOK_OUT_OF_ORDER, Behaviour::WebhookOutOfOrder),
    (NO_WEBHOOK, Behaviour::NoWebhook),
    (DISPUTED, Behaviour::Disputed),
    (REFUND_PENDING, Behaviour::RefundPending),
    (REFUND_FAILS, Behaviour::RefundFails),
];

/// A card that was put in, without its number.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Card {
    pub(crate) brand: String,
    pub(crate) last4: String,
    pub(crate) behaviour: Behaviour,
}

impl Card {
    /// By its number, in which people put spaces and hyphens.
    pub(crate) fn parse(text: &str) -> Result<Self, Error> {
        let number: String = text.chars().filter(|c| !matches!(c, ' ' | '-')).collect();
        let digits = (12..=19).contains(&number.len()) && number.bytes().all(|b| b.is_ascii_digit());
        if !digits || luhn(&number) != 0 {
            return Err(Error::field("card", "must be the number of a card"));
        }
        let known = TABLE.iter().find(|(one, _)| *one == number).map(|(_, behaviour)| *behaviour);
        let behaviour = known.or_else(|| slowness(&number)).ok_or(Error::CardUnknown)?;
        let brand = if number.starts_with('4') { "visa" } else { "mastercard" };
        Ok(Self { brand: brand.to_owned(), last4: number[number.len() - 4..].to_owned(), behaviour })
    }
}

fn slowness(number: &str) -> Option<Behaviour> {
    let millis = number.strip_prefix(SLOW).filter(|rest| rest.len() == 8)?;
    Some(Behaviour::Slow { millis: millis[..7].parse().ok()? })
}

/// The check sum of a card's digits: 0 where the number is well formed.
fn luhn(digits: &str) -> u32 {
    let digits = digits.bytes().rev().map(|b| u32::from(b - b'0'));
    digits
        .enumerate()
        .map(|(at, digit)| if at % 2 == 0 { digit } else { digit * 2 / 10 + digit * 2 % 10 })
        .sum::<u32>()
        % 10
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_card_is_what_its_name_says() {
        for (number, behaviour) in TABLE {
            assert_eq!(Card::parse(number).unwrap().behaviour, behaviour, "{number}");
        }
        let spaced = Card::parse("4242 4242-4242 4242").unwrap();
        assert_eq!((spaced.brand.as_str(), spaced.last4.as_str()), ("visa", "4242"));
        for millis in [0, 1, 250, 9_999_999] {
            let card = Card::parse(&slow(Duration::from_millis(millis.into()))).unwrap();
            assert_eq!(card.behaviour, Behaviour::Slow { millis });
        }
    }

    #[test]
    fn what_is_no_card_is_refused() {
        for wrong in
            ["", "4242", "4242424242424241", "424242424242424a", "४२४२४२४२४२४२४२४२", "42424242424242424242"]
        {
            assert!(matches!(Card::parse(wrong), Err(Error::Field { .. })), "{wrong}");
        }
        assert!(matches!(Card::parse("4111111111111111"), Err(Error::CardUnknown)));
    }
}
