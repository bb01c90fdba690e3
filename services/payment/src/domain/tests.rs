//! Names that the database and answers have: what is stored is read by later releases, so none of them may change.

use super::settlement::{LineKind, LineStatus};
use super::*;

#[test]
fn names_of_the_ledger_stay() {
    let accounts = AccountKind::ALL.map(AccountKind::name);
    assert_eq!(
        accounts,
        [
            "receivable",
            "clearing",
            "revenue",
            "tax",
            "refunds",
            "write_offs",
            "fees",
            "bank",
            "suspense",
            "disputed",
            "losses"
        ]
    );
    for kind in AccountKind::ALL {
        assert_eq!(AccountKind::of(kind.name()), Some(kind));
    }
    assert_eq!(AccountKind::of("cash"), None);
    for (kind, name) in [
        (EntryKind::BillIssued, "bill_issued"),
        (EntryKind::BillCancelled, "bill_cancelled"),
        (EntryKind::BillCredited, "bill_credited"),
        (EntryKind::BillWrittenOff, "bill_written_off"),
        (EntryKind::PaymentCaptured, "payment_captured"),
        (EntryKind::RefundCompleted, "refund_completed"),
        (EntryKind::DisputeOpened, "dispute_opened"),
        (EntryKind::DisputeWon, "dispute_won"),
        (EntryKind::DisputeLost, "dispute_lost"),
        (EntryKind::Settlement, "settlement"),
        (EntryKind::Adjustment, "adjustment"),
    ] {
        assert_eq!(kind.name(), name);
    }
}

#[test]
fn names_of_settlements_stay() {
    let kinds = LineKind::ALL.map(LineKind::name);
    assert_eq!(kinds, ["charge", "refund", "fee", "dispute", "dispute_reversal", "other", "net"]);
    let statuses = LineStatus::ALL.map(LineStatus::name);
    assert_eq!(
        statuses,
        ["matched", "amount_differs", "missing_here", "missing_there", "repeated", "net_differs", "found"]
    );
    for kind in LineKind::ALL {
        assert_eq!(LineKind::of(kind.name()), Some(kind));
    }
    for status in LineStatus::ALL {
        assert_eq!(LineStatus::of(status.name()), Some(status));
        let (right, settles) = (
            matches!(status, LineStatus::Matched | LineStatus::Found),
            matches!(status, LineStatus::Matched | LineStatus::AmountDiffers | LineStatus::Found),
        );
        assert_eq!((status.is_right(), status.settles()), (right, settles), "{status:?}");
    }
    assert_eq!((LineKind::of("payout"), LineStatus::of("lost")), (None, None));
}

#[test]
fn names_of_disputes_stay() {
    let states = DisputeState::ALL.map(DisputeState::name);
    assert_eq!(states, ["needs_response", "under_review", "won", "lost"]);
    let reasons = DisputeReason::ALL.map(DisputeReason::name);
    assert_eq!(
        reasons,
        [
            "fraudulent",
            "duplicate",
            "credit_not_processed",
            "product_not_received",
            "product_unacceptable",
            "subscription_cancelled",
            "unrecognised",
            "general",
            "other"
        ]
    );
    assert_eq!(DisputeState::ALL.map(DisputeState::is_over), [false, false, true, true]);
}

#[test]
fn names_of_payments_bills_and_runs_stay() {
    for (state, name, over) in [
        (PaymentState::Initiated, "initiated", false),
        (PaymentState::Submitted, "submitted", false),
        (PaymentState::OutcomeUnknown, "outcome_unknown", false),
        (PaymentState::Completed { captured: 1 }, "completed", true),
        (PaymentState::Failed(Failure::Declined), "failed", true),
        (PaymentState::Cancelled(CancelledBy::Payer), "cancelled", true),
    ] {
        assert_eq!((state.name(), state.is_over()), (name, over));
    }
    let bills = [
        (BillStatus::Draft, "draft"),
        (BillStatus::Issued, "issued"),
        (BillStatus::PartPaid, "part_paid"),
        (BillStatus::Paid, "paid"),
        (BillStatus::Cancelled, "cancelled"),
        (BillStatus::WrittenOff, "written_off"),
    ];
    for (status, name) in bills {
        assert_eq!(status.name(), name);
    }
    let formats = [RunFormat::Csv, RunFormat::JsonLines].map(RunFormat::name);
    assert_eq!(formats, ["csv", "json_lines"]);
    let states =
        [RunState::Checking, RunState::Issuing, RunState::Finished, RunState::Failed(RunFailure::Empty)];
    assert_eq!(states.map(RunState::name), ["checking", "issuing", "finished", "failed"]);
    let failures = [
        RunFailure::Lines,
        RunFailure::Document,
        RunFailure::Columns,
        RunFailure::Encoding,
        RunFailure::Empty,
        RunFailure::TooLarge,
    ];
    assert_eq!(
        failures.map(RunFailure::name),
        ["lines", "document", "columns", "encoding", "empty", "too_large"]
    );
}
