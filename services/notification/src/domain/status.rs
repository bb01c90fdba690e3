//! What a feed row says.

use std::str::FromStr;

/// What happened, as feed, events and templates name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FeedStatus {
    /// The bytes of a document are there.
    DocumentUploaded,
    /// A scanner has taken a document.
    DocumentScanning,
    /// No scanner can look into a document: the office decides.
    DocumentQuarantined,
    /// A document is clean and can be read.
    DocumentReady,
    /// A document was refused; the code says why.
    DocumentRejected,
    /// An upload was not confirmed in time.
    DocumentExpired,
    /// A document is gone for good.
    DocumentErased,
    /// A document, or those of a case, were shared with somebody.
    DocumentShared,
    /// A bill is owed.
    BillIssued,
    /// A part of a bill is paid.
    BillPartPaid,
    /// Nothing is owed on a bill any more.
    BillPaid,
    /// A part of a bill was taken back.
    BillCredited,
    /// A bill's day is over, and something is owed.
    BillOverdue,
    /// A bill was taken back.
    BillCancelled,
    /// What was owed on a bill is given up.
    BillWrittenOff,
    /// A bill can be had as a PDF.
    BillPdfReady,
    /// The payer can go on at the provider.
    PaymentSubmitted,
    /// A payment was charged.
    PaymentCompleted,
    /// A payment was not charged; the code says why.
    PaymentFailed,
    /// A payment was not made in time.
    PaymentExpired,
    /// A payment was cancelled.
    PaymentCancelled,
    /// Nobody knows yet what became of a payment.
    PaymentOutcomeUnknown,
    /// A payment's receipt can be had.
    PaymentReceiptReady,
    /// Money is on its way back.
    RefundSubmitted,
    /// Money was given back.
    RefundCompleted,
    /// Money was not given back.
    RefundFailed,
    /// A delivery waits for a worker.
    DeliveryQueued,
    /// A provider has taken a delivery.
    DeliverySent,
    /// A delivery failed for good; the code says how.
    DeliveryFailed,
    /// A delivery was not tried; the code says why.
    DeliverySuppressed,
    /// The recipient has read a notification.
    NotificationRead,
}

impl FeedStatus {
    /// Every status.
    pub const ALL: [Self; 31] = [
        Self::DocumentUploaded,
        Self::DocumentScanning,
        Self::DocumentQuarantined,
        Self::DocumentReady,
        Self::DocumentRejected,
        Self::DocumentExpired,
        Self::DocumentErased,
        Self::DocumentShared,
        Self::BillIssued,
        Self::BillPartPaid,
        Self::BillPaid,
        Self::BillCredited,
        Self::BillOverdue,
        Self::BillCancelled,
        Self::BillWrittenOff,
        Self::BillPdfReady,
        Self::PaymentSubmitted,
        Self::PaymentCompleted,
        Self::PaymentFailed,
        Self::PaymentExpired,
        Self::PaymentCancelled,
        Self::PaymentOutcomeUnknown,
        Self::PaymentReceiptReady,
        Self::RefundSubmitted,
        Self::RefundCompleted,
        Self::RefundFailed,
        Self::DeliveryQueued,
        Self::DeliverySent,
        Self::DeliveryFailed,
        Self::DeliverySuppressed,
        Self::NotificationRead,
    ];

    /// Its name, for example `document.ready`; also the key of its templates.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::DocumentUploaded => "document.uploaded",
            Self::DocumentScanning => "document.scanning",
            Self::DocumentQuarantined => "document.quarantined",
            Self::DocumentReady => "document.ready",
            Self::DocumentRejected => "document.rejected",
            Self::DocumentExpired => "document.expired",
            Self::DocumentErased => "document.erased",
            Self::DocumentShared => "document.shared",
            Self::BillIssued => "bill.issued",
            Self::BillPartPaid => "bill.part_paid",
            Self::BillPaid => "bill.paid",
            Self::BillCredited => "bill.credited",
            Self::BillOverdue => "bill.overdue",
            Self::BillCancelled => "bill.cancelled",
            Self::BillWrittenOff => "bill.written_off",
            Self::BillPdfReady => "bill.pdf_ready",
            Self::PaymentSubmitted => "payment.submitted",
            Self::PaymentCompleted => "payment.completed",
            Self::PaymentFailed => "payment.failed",
            Self::PaymentExpired => "payment.expired",
            Self::PaymentCancelled => "payment.cancelled",
            Self::PaymentOutcomeUnknown => "payment.outcome_unknown",
            Self::PaymentReceiptReady => "payment.receipt_ready",
            Self::RefundSubmitted => "refund.submitted",
            Self::RefundCompleted => "refund.completed",
            Self::RefundFailed => "refund.failed",
            Self::DeliveryQueued => "delivery.queued",
            Self::DeliverySent => "delivery.sent",
            Self::DeliveryFailed => "delivery.failed",
            Self::DeliverySuppressed => "delivery.suppressed",
            Self::NotificationRead => "notification.read",
        }
    }

    /// Type of the event that announces a row with this status.
    #[must_use]
    pub fn event_type(self) -> &'static str {
        match self {
            Self::DocumentUploaded
            | Self::DocumentScanning
            | Self::DocumentQuarantined
            | Self::DocumentReady
            | Self::DocumentRejected
            | Self::DocumentExpired
            | Self::DocumentErased
            | Self::DocumentShared
            | Self::BillIssued
            | Self::BillPartPaid
            | Self::BillPaid
            | Self::BillCredited
            | Self::BillOverdue
            | Self::BillCancelled
            | Self::BillWrittenOff
            | Self::BillPdfReady
            | Self::PaymentSubmitted
            | Self::PaymentCompleted
            | Self::PaymentFailed
            | Self::PaymentExpired
            | Self::PaymentCancelled
            | Self::PaymentOutcomeUnknown
            | Self::PaymentReceiptReady
            | Self::RefundSubmitted
            | Self::RefundCompleted
            | Self::RefundFailed
            | Self::DeliverySuppressed => "guildhall.notification.feed_row_added.v1",
            Self::DeliveryQueued => "guildhall.notification.queued.v1",
            Self::DeliverySent => "guildhall.notification.sent.v1",
            Self::DeliveryFailed => "guildhall.notification.failed.v1",
            Self::NotificationRead => "guildhall.notification.read.v1",
        }
    }

    /// Whether the recipient is also told by e-mail: outcomes are, and what takes days; other steps on the way are not.
    #[must_use]
    pub fn is_mailed(self) -> bool {
        matches!(
            self,
            Self::DocumentQuarantined
                | Self::DocumentReady
                | Self::DocumentRejected
                | Self::DocumentExpired
                | Self::DocumentShared
                | Self::BillIssued
                | Self::BillPartPaid
                | Self::BillPaid
                | Self::BillOverdue
                | Self::BillCancelled
                | Self::PaymentFailed
                | Self::PaymentOutcomeUnknown
                | Self::RefundCompleted
                | Self::RefundFailed
        )
    }

    /// Whether its e-mail says which document it is about, which only the owner is told.
    #[must_use]
    pub fn names_document(self) -> bool {
        matches!(
            self,
            Self::DocumentQuarantined | Self::DocumentReady | Self::DocumentRejected | Self::DocumentExpired
        )
    }
}

impl FromStr for FeedStatus {
    type Err = UnknownStatus;

    fn from_str(name: &str) -> Result<Self, UnknownStatus> {
        Self::ALL
            .into_iter()
            .find(|status| status.as_str() == name)
            .ok_or_else(|| UnknownStatus(name.to_owned()))
    }
}

/// A stored status that this version does not know.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown feed status `{0}`")]
pub struct UnknownStatus(String);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_is_found_by_its_own_name_only() {
        for status in FeedStatus::ALL {
            assert_eq!(status.as_str().parse(), Ok(status));
        }
        assert_eq!(FeedStatus::from_str("document.Ready"), Err(UnknownStatus("document.Ready".to_owned())));
    }
}
