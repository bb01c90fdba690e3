//! The permission table: one row per operation. An operation without a row does not compile.

use proto::Operation;

use crate::caller::{Caller, CallerKind, Role};
use crate::error::Error;

/// Which citizens may call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum People {
    /// None.
    None,
    /// All, and the operation reaches only what is the caller's own; the service answers `NOT_FOUND` for the rest.
    Owner,
}

/// Which of the tenant's staff may call, for what is the tenant's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Office {
    /// None.
    None,
    /// All.
    Staff,
    /// Those who answer for money: [`Role::Finance`], or [`Role::Admin`].
    Finance,
    /// Those who decide cases: [`Role::Reviewer`], or [`Role::Admin`].
    Reviewer,
    /// Those who configure: [`Role::Admin`].
    Admin,
}

/// A row of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Citizens, and partners' systems with the role.
    pub people: People,
    /// The tenant's staff.
    pub office: Office,
    /// Client ids of the services allowed, in the tenant they name.
    pub services: &'static [&'static str],
}

impl Rule {
    /// Says whether this caller may.
    #[must_use]
    pub fn allows(&self, caller: &Caller) -> bool {
        match &caller.kind {
            CallerKind::Citizen => self.people == People::Owner,
            CallerKind::Staff => match self.office {
                Office::None => false,
                Office::Staff => true,
                Office::Finance => {
                    caller.roles.iter().any(|role| matches!(role, Role::Finance | Role::Admin))
                }
                Office::Reviewer => {
                    caller.roles.iter().any(|role| matches!(role, Role::Reviewer | Role::Admin))
                }
                Office::Admin => caller.roles.contains(&Role::Admin),
            },
            CallerKind::Service(name) => self.services.contains(&&**name),
        }
    }
}

const CITIZENS: Rule = Rule { people: People::Owner, office: Office::None, services: &[] };
const CITIZENS_AND_STAFF: Rule = Rule { people: People::Owner, office: Office::Staff, services: &[] };
const FINANCE: Rule = Rule { people: People::None, office: Office::Finance, services: &[] };
const REVIEWERS: Rule = Rule { people: People::None, office: Office::Reviewer, services: &[] };
const STAFF: Rule = Rule { people: People::None, office: Office::Staff, services: &[] };

const fn only(services: &'static [&'static str]) -> Rule {
    Rule { people: People::None, office: Office::None, services }
}

/// The row of an operation.
#[must_use]
pub fn rule(operation: Operation) -> Rule {
    match operation {
        // Evidence is handed in by the citizen alone: staff could otherwise make up what they then review. What staff hand in are lists
        // of their own work; the purpose says which, and each goes on with their own uploads.
        Operation::DocumentInitiateUpload
        | Operation::DocumentInitiateVersion
        | Operation::DocumentRefreshUpload
        | Operation::DocumentSignParts
        | Operation::DocumentListParts
        | Operation::DocumentAbortUpload
        | Operation::DocumentConfirmUpload => CITIZENS_AND_STAFF,
        // Notification reads the owner's state when it renders.
        // Verification looks at what it is handed, and hands it on to those whom it asks.
        Operation::DocumentGetDocument => {
            Rule { services: &["svc-notification", "svc-verification"], ..CITIZENS_AND_STAFF }
        }
        Operation::DocumentCreateDownload => Rule { services: &["svc-verification"], ..CITIZENS_AND_STAFF },
        Operation::DocumentListDocuments | Operation::DocumentListVersions => CITIZENS_AND_STAFF,
        // Who sees a preview sees the document.
        Operation::PreviewGetPreview => CITIZENS_AND_STAFF,
        // Owners take back what need not be kept; staff what the office may let go.
        Operation::DocumentEraseDocument => CITIZENS_AND_STAFF,
        // Citizens are not told of cases and holds.
        Operation::CaseAttachToCase | Operation::CaseDetachFromCase | Operation::CaseListCaseDocuments => {
            Rule { people: People::None, office: Office::Staff, services: &["svc-verification"] }
        }
        Operation::CasePlaceHold | Operation::CaseReleaseHold | Operation::CaseListHolds => STAFF,
        // A copy of everything of a case leaves the house: the office answers for who gets it.
        Operation::CaseExportCase | Operation::CaseGetCaseExport | Operation::CaseDownloadCaseExport => STAFF,
        // What no scanner could look into is looked at by the office.
        Operation::QuarantineListQuarantined
        | Operation::QuarantineDownloadQuarantined
        | Operation::QuarantineDecideQuarantined
        | Operation::QuarantineListDecisions => STAFF,
        Operation::SharingCreateGrant | Operation::SharingRevokeGrant | Operation::SharingListGrants => STAFF,
        // Staff read what is the tenant's without a grant.
        Operation::SharingListShared => CITIZENS,
        Operation::SharingListAccesses => CITIZENS_AND_STAFF,
        Operation::DocumentClaimScan
        | Operation::DocumentReportScan
        | Operation::DocumentOpenDocument
        | Operation::DocumentStoreDocument
        | Operation::BillingClaimPdf
        | Operation::BillingReportPdf
        | Operation::BillingStageRunLines
        | Operation::BillingIssueRunLines => only(&["svc-worker"]),
        Operation::PreviewClaimPreview
        | Operation::PreviewReportPreview
        | Operation::IntegrityClaimIntegrity
        | Operation::IntegrityReportIntegrity => only(&["svc-worker"]),
        // Bills are the office's to write, and the payer's to pay.
        Operation::BillingCreateBill
        | Operation::BillingIssueBill
        | Operation::BillingCancelBill
        | Operation::BillingCreditBill
        | Operation::BillingCreateRun
        | Operation::BillingListRuns
        | Operation::BillingListRunFaults => STAFF,
        Operation::BillingGetRun => {
            Rule { people: People::None, office: Office::Staff, services: &["svc-worker"] }
        }
        Operation::BillingGetBill => Rule { services: &["svc-notification"], ..CITIZENS_AND_STAFF },
        Operation::BillingListBills => CITIZENS_AND_STAFF,
        Operation::PaymentInitiatePayment => CITIZENS,
        Operation::PaymentGetPayment
        | Operation::PaymentListPayments
        | Operation::PaymentCancelPayment
        | Operation::PaymentListRefunds
        | Operation::PaymentListPaymentEvents => CITIZENS_AND_STAFF,
        // Who gives money back, gives it up or corrects the books answers for it, and looks into money that nobody knows.
        Operation::PaymentCreateRefund
        | Operation::PaymentListUnknownCallbacks
        | Operation::BillingWriteOffBill
        | Operation::LedgerProposeAdjustment
        | Operation::LedgerDecideAdjustment
        | Operation::LedgerClosePeriod
        | Operation::LedgerListSettlements
        | Operation::LedgerGetSettlement => FINANCE,
        // Who contests what is the office's to answer.
        Operation::PaymentListDisputes => STAFF,
        Operation::LedgerListBalances
        | Operation::LedgerListPeriods
        | Operation::LedgerListEntries
        | Operation::LedgerListAdjustments
        | Operation::LedgerVerifyLedger => STAFF,
        // Workflows wait; whose turn it is they are told by the owner.
        Operation::PaymentAdvancePayment => only(&["svc-worker"]),
        Operation::PaymentReceiveCallback => only(&["svc-bff"]),
        // A person verifies themselves; what is told of it reads how it stands.
        Operation::VerificationSubmitCase
        | Operation::VerificationResubmitCase
        | Operation::VerificationWithdrawCase => CITIZENS,
        Operation::VerificationGetCase => Rule { services: &["svc-notification"], ..CITIZENS_AND_STAFF },
        Operation::VerificationListCases | Operation::VerificationListCaseEntries => CITIZENS_AND_STAFF,
        Operation::VerificationReceiveCallback => only(&["svc-bff"]),
        Operation::ReviewListReviews
        | Operation::ReviewClaimReview
        | Operation::ReviewReassignReview
        | Operation::ReviewDecideCase
        | Operation::ReviewListDecisions
        | Operation::ReviewAddNote
        | Operation::ReviewListNotes => REVIEWERS,
        Operation::ProviderListProviders => STAFF,
        // Whoever takes a provider out answers for what that does to everybody's cases.
        Operation::ProviderForceProvider => {
            Rule { people: People::None, office: Office::Admin, services: &[] }
        }
        // At sign-in, and from a list of people whom an office bills.
        Operation::NotificationUpsertRecipient => only(&["svc-bff", "svc-worker"]),
        Operation::NotificationFeedHeads => only(&["svc-bff"]),
        // Everybody has a feed of their own; the live channel reads those of the people connected.
        Operation::NotificationListFeed => Rule { services: &["svc-bff"], ..CITIZENS_AND_STAFF },
        Operation::NotificationMarkRead => CITIZENS_AND_STAFF,
        // Erasure has no way back: staff ask for it in the person's name.
        Operation::NotificationRequestErasure | Operation::NotificationGetErasure => STAFF,
        Operation::NotificationClaimDelivery | Operation::NotificationReportDelivery => only(&["svc-worker"]),
        // Staff for their tenant's; the worker's command line for operators of the platform.
        Operation::DeadLetterListDeadLetters
        | Operation::DeadLetterGetDeadLetter
        | Operation::DeadLetterRedriveDeadLetters
        | Operation::DeadLetterDiscardDeadLetter => {
            Rule { people: People::None, office: Office::Staff, services: &["svc-worker"] }
        }
        // What a tenant allows is its staff's to say.
        Operation::PolicyListPolicies
        | Operation::PolicyGetPolicy
        | Operation::PolicyListPolicyVersions
        | Operation::PolicyDiffPolicy
        | Operation::PolicyCheckPolicy
        | Operation::PolicyPublishPolicy => STAFF,
        // What has happened in a tenant, and whether it is still what was signed.
        Operation::AuditGetAuditHead
        | Operation::AuditListAuditEntries
        | Operation::AuditProveAuditEvents
        | Operation::AuditVerifyAuditChain => STAFF,
    }
}

/// Applies the row of an operation.
///
/// # Errors
/// `PERMISSION_DENIED`.
pub fn check(operation: Operation, caller: &Caller) -> Result<(), Error> {
    if rule(operation).allows(caller) { Ok(()) } else { Err(Error::PermissionDenied) }
}

/// Whether an operation finds the tenant itself, by what it is called with: a service that calls it names none, and its handler has
/// no [`Caller`].
#[must_use]
pub fn finds_tenant(operation: Operation) -> bool {
    matches!(operation, Operation::PaymentReceiveCallback | Operation::VerificationReceiveCallback)
}

/// Applies the row of an operation that finds the tenant itself to a service, by its name.
///
/// # Errors
/// `PERMISSION_DENIED`.
pub fn check_service(operation: Operation, service: Option<&str>) -> Result<(), Error> {
    let allowed = service.is_some_and(|service| rule(operation).services.contains(&service));
    if allowed { Ok(()) } else { Err(Error::PermissionDenied) }
}
