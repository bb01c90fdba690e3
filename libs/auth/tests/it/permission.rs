use std::fmt::Write as _;

use auth::permission;
use auth::{Caller, CallerKind, Role, Token};
use proto::Operation;

const CALLERS: [&str; 10] = [
    "citizen",
    "staff",
    "reviewer",
    "finance",
    "admin",
    "svc-bff",
    "svc-document",
    "svc-notification",
    "svc-verification",
    "svc-worker",
];

/// One line per operation, one column per caller; `x` may.
const TABLE: &str = "
                        operation citizen  staff  reviewer  finance  admin  svc-bff  svc-document  svc-notification  svc-verification  svc-worker
                 CaseAttachToCase       .      x         x        x      x        .             .                 .                 x           .
               CaseDetachFromCase       .      x         x        x      x        .             .                 .                 x           .
           CaseDownloadCaseExport       .      x         x        x      x        .             .                 .                 .           .
                   CaseExportCase       .      x         x        x      x        .             .                 .                 .           .
                CaseGetCaseExport       .      x         x        x      x        .             .                 .                 .           .
            CaseListCaseDocuments       .      x         x        x      x        .             .                 .                 x           .
                    CaseListHolds       .      x         x        x      x        .             .                 .                 .           .
                    CasePlaceHold       .      x         x        x      x        .             .                 .                 .           .
                  CaseReleaseHold       .      x         x        x      x        .             .                 .                 .           .
              DocumentAbortUpload       x      x         x        x      x        .             .                 .                 .           .
                DocumentClaimScan       .      .         .        .      .        .             .                 .                 .           x
            DocumentConfirmUpload       x      x         x        x      x        .             .                 .                 .           .
           DocumentCreateDownload       x      x         x        x      x        .             .                 .                 x           .
            DocumentEraseDocument       x      x         x        x      x        .             .                 .                 .           .
              DocumentGetDocument       x      x         x        x      x        .             .                 x                 x           .
           DocumentInitiateUpload       x      x         x        x      x        .             .                 .                 .           .
          DocumentInitiateVersion       x      x         x        x      x        .             .                 .                 .           .
            DocumentListDocuments       x      x         x        x      x        .             .                 .                 .           .
                DocumentListParts       x      x         x        x      x        .             .                 .                 .           .
             DocumentListVersions       x      x         x        x      x        .             .                 .                 .           .
             DocumentOpenDocument       .      .         .        .      .        .             .                 .                 .           x
            DocumentRefreshUpload       x      x         x        x      x        .             .                 .                 .           .
               DocumentReportScan       .      .         .        .      .        .             .                 .                 .           x
                DocumentSignParts       x      x         x        x      x        .             .                 .                 .           .
            DocumentStoreDocument       .      .         .        .      .        .             .                 .                 .           x
          IntegrityClaimIntegrity       .      .         .        .      .        .             .                 .                 .           x
         IntegrityReportIntegrity       .      .         .        .      .        .             .                 .                 .           x
              PreviewClaimPreview       .      .         .        .      .        .             .                 .                 .           x
                PreviewGetPreview       x      x         x        x      x        .             .                 .                 .           .
             PreviewReportPreview       .      .         .        .      .        .             .                 .                 .           x
      QuarantineDecideQuarantined       .      x         x        x      x        .             .                 .                 .           .
    QuarantineDownloadQuarantined       .      x         x        x      x        .             .                 .                 .           .
          QuarantineListDecisions       .      x         x        x      x        .             .                 .                 .           .
        QuarantineListQuarantined       .      x         x        x      x        .             .                 .                 .           .
               SharingCreateGrant       .      x         x        x      x        .             .                 .                 .           .
              SharingListAccesses       x      x         x        x      x        .             .                 .                 .           .
                SharingListGrants       .      x         x        x      x        .             .                 .                 .           .
                SharingListShared       x      .         .        .      .        .             .                 .                 .           .
               SharingRevokeGrant       .      x         x        x      x        .             .                 .                 .           .
        NotificationClaimDelivery       .      .         .        .      .        .             .                 .                 .           x
            NotificationFeedHeads       .      .         .        .      .        x             .                 .                 .           .
           NotificationGetErasure       .      x         x        x      x        .             .                 .                 .           .
             NotificationListFeed       x      x         x        x      x        x             .                 .                 .           .
             NotificationMarkRead       x      x         x        x      x        .             .                 .                 .           .
       NotificationReportDelivery       .      .         .        .      .        .             .                 .                 .           x
       NotificationRequestErasure       .      x         x        x      x        .             .                 .                 .           .
      NotificationUpsertRecipient       .      .         .        .      .        x             .                 .                 .           x
                AuditGetAuditHead       .      x         x        x      x        .             .                 .                 .           .
            AuditListAuditEntries       .      x         x        x      x        .             .                 .                 .           .
            AuditProveAuditEvents       .      x         x        x      x        .             .                 .                 .           .
            AuditVerifyAuditChain       .      x         x        x      x        .             .                 .                 .           .
      DeadLetterDiscardDeadLetter       .      x         x        x      x        .             .                 .                 .           x
          DeadLetterGetDeadLetter       .      x         x        x      x        .             .                 .                 .           x
        DeadLetterListDeadLetters       .      x         x        x      x        .             .                 .                 .           x
     DeadLetterRedriveDeadLetters       .      x         x        x      x        .             .                 .                 .           x
                PolicyCheckPolicy       .      x         x        x      x        .             .                 .                 .           .
                 PolicyDiffPolicy       .      x         x        x      x        .             .                 .                 .           .
                  PolicyGetPolicy       .      x         x        x      x        .             .                 .                 .           .
               PolicyListPolicies       .      x         x        x      x        .             .                 .                 .           .
         PolicyListPolicyVersions       .      x         x        x      x        .             .                 .                 .           .
              PolicyPublishPolicy       .      x         x        x      x        .             .                 .                 .           .
                BillingCancelBill       .      x         x        x      x        .             .                 .                 .           .
                  BillingClaimPdf       .      .         .        .      .        .             .                 .                 .           x
                BillingCreateBill       .      x         x        x      x        .             .                 .                 .           .
                 BillingCreateRun       .      x         x        x      x        .             .                 .                 .           .
                BillingCreditBill       .      x         x        x      x        .             .                 .                 .           .
                   BillingGetBill       x      x         x        x      x        .             .                 x                 .           .
                    BillingGetRun       .      x         x        x      x        .             .                 .                 .           x
                 BillingIssueBill       .      x         x        x      x        .             .                 .                 .           .
             BillingIssueRunLines       .      .         .        .      .        .             .                 .                 .           x
                 BillingListBills       x      x         x        x      x        .             .                 .                 .           .
             BillingListRunFaults       .      x         x        x      x        .             .                 .                 .           .
                  BillingListRuns       .      x         x        x      x        .             .                 .                 .           .
                 BillingReportPdf       .      .         .        .      .        .             .                 .                 .           x
             BillingStageRunLines       .      .         .        .      .        .             .                 .                 .           x
              BillingWriteOffBill       .      .         .        x      x        .             .                 .                 .           .
                LedgerClosePeriod       .      .         .        x      x        .             .                 .                 .           .
           LedgerDecideAdjustment       .      .         .        x      x        .             .                 .                 .           .
              LedgerGetSettlement       .      .         .        x      x        .             .                 .                 .           .
            LedgerListAdjustments       .      x         x        x      x        .             .                 .                 .           .
               LedgerListBalances       .      x         x        x      x        .             .                 .                 .           .
                LedgerListEntries       .      x         x        x      x        .             .                 .                 .           .
                LedgerListPeriods       .      x         x        x      x        .             .                 .                 .           .
            LedgerListSettlements       .      .         .        x      x        .             .                 .                 .           .
          LedgerProposeAdjustment       .      .         .        x      x        .             .                 .                 .           .
               LedgerVerifyLedger       .      x         x        x      x        .             .                 .                 .           .
            PaymentAdvancePayment       .      .         .        .      .        .             .                 .                 .           x
             PaymentCancelPayment       x      x         x        x      x        .             .                 .                 .           .
              PaymentCreateRefund       .      .         .        x      x        .             .                 .                 .           .
                PaymentGetPayment       x      x         x        x      x        .             .                 .                 .           .
           PaymentInitiatePayment       x      .         .        .      .        .             .                 .                 .           .
              PaymentListDisputes       .      x         x        x      x        .             .                 .                 .           .
         PaymentListPaymentEvents       x      x         x        x      x        .             .                 .                 .           .
              PaymentListPayments       x      x         x        x      x        .             .                 .                 .           .
               PaymentListRefunds       x      x         x        x      x        .             .                 .                 .           .
      PaymentListUnknownCallbacks       .      .         .        x      x        .             .                 .                 .           .
           PaymentReceiveCallback       .      .         .        .      .        x             .                 .                 .           .
            ProviderForceProvider       .      .         .        .      x        .             .                 .                 .           .
            ProviderListProviders       .      x         x        x      x        .             .                 .                 .           .
                    ReviewAddNote       .      .         x        .      x        .             .                 .                 .           .
                ReviewClaimReview       .      .         x        .      x        .             .                 .                 .           .
                 ReviewDecideCase       .      .         x        .      x        .             .                 .                 .           .
              ReviewListDecisions       .      .         x        .      x        .             .                 .                 .           .
                  ReviewListNotes       .      .         x        .      x        .             .                 .                 .           .
                ReviewListReviews       .      .         x        .      x        .             .                 .                 .           .
             ReviewReassignReview       .      .         x        .      x        .             .                 .                 .           .
              VerificationGetCase       x      x         x        x      x        .             .                 x                 .           .
      VerificationListCaseEntries       x      x         x        x      x        .             .                 .                 .           .
            VerificationListCases       x      x         x        x      x        .             .                 .                 .           .
      VerificationReceiveCallback       .      .         .        .      .        x             .                 .                 .           .
         VerificationResubmitCase       x      .         .        .      .        .             .                 .                 .           .
           VerificationSubmitCase       x      .         .        .      .        .             .                 .                 .           .
         VerificationWithdrawCase       x      .         .        .      .        .             .                 .                 .           .
";

fn caller(name: &str) -> Caller {
    let kind = match name {
        "citizen" => CallerKind::Citizen,
        "staff" | "reviewer" | "finance" | "admin" => CallerKind::Staff,
        service => CallerKind::Service(service.to_owned()),
    };
    Caller {
        subject: "ada".parse().unwrap(),
        tenant: "riverton".parse().unwrap(),
        roles: match name {
            "reviewer" => vec![Role::Reviewer],
            "finance" => vec![Role::Finance],
            "admin" => vec![Role::Admin],
            _ => Vec::new(),
        },
        client_id: "portal".into(),
        calls_itself: false,
        kind,
        person: None,
        on_behalf_of: None,
        token: Token::parse("t").unwrap(),
    }
}

#[test]
fn the_table_allows_exactly_this() {
    let mut table = format!("\n{:>33} {}\n", "operation", CALLERS.join("  "));
    for operation in Operation::ALL {
        write!(table, "{:>33}", format!("{operation:?}")).unwrap();
        for (column, name) in CALLERS.into_iter().enumerate() {
            let mark = if permission::check(*operation, &caller(name)).is_ok() { "x" } else { "." };
            let width = name.len() + if column == 0 { 1 } else { 2 };
            write!(table, "{mark:>width$}").unwrap();
        }
        table.push('\n');
    }
    assert_eq!(table, TABLE, "{table}");
}

#[test]
fn a_service_nobody_knows_may_nothing() {
    for operation in Operation::ALL {
        for name in ["svc-", "svc-x", "svc-worker2", "SVC-WORKER", ""] {
            let mut stranger = caller("citizen");
            stranger.kind = CallerKind::Service(name.into());
            permission::check(*operation, &stranger).unwrap_err();
        }
    }
}

#[test]
fn an_operation_that_makes_an_effect_by_key_is_for_people_and_their_tools() {
    // Keys are scoped by principal; services repeat by job, not by key. The worker's command line is an operator's.
    let by_tool = [Operation::DeadLetterDiscardDeadLetter, Operation::DeadLetterRedriveDeadLetters];
    for operation in Operation::ALL.iter().filter(|operation| operation.needs_key()) {
        let services = permission::rule(*operation).services;
        let allowed: &[&str] = if by_tool.contains(operation) { &["svc-worker"] } else { &[] };
        assert_eq!(services, allowed, "{operation:?}");
    }
}
