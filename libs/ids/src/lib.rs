#![doc = include_str!("../README.md")]

mod name;
mod uuid_v7;

pub use name::{Subject, Tenant};
pub use uuid_v7::{
    AccountId, AdjustmentId, AnswerId, BillId, BillRunId, CallbackId, CaseId, CheckId, CircuitId, DecisionId,
    DeliveryId, DisputeId, DocumentId, EntryId, ErasureId, EventId, ExportId, GrantId, HoldId, JobId, NoteId,
    NotificationId, PaymentId, PeriodId, RecipientId, RefundId, SettledAccountId, SettlementId, VersionId,
};

/// Why a text is not the id it should be. Names the rule, never the text: it may be anything a caller sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Not a UUIDv7 in its canonical spelling.
    #[error("must be a UUIDv7, lower case with hyphens")]
    NotUuidV7,
    /// Not a tenant's name.
    #[error("must be 1 to 63 of a-z, 0-9 and '-'")]
    NotTenant,
    /// Not a subject.
    #[error("must be 1 to 255 visible ASCII characters")]
    NotSubject,
    /// Not an office's reference of a person.
    #[error("must be 1 to 64 of A-Z, a-z, 0-9, '.', '_' and '-'")]
    NotPersonRef,
}
