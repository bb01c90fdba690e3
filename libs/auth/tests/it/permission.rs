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
                        operation citizen  staff  finance  svc-bff  svc-document  svc-notification  svc-worker
                 CaseAttachToCase       .      x        x        .             .                 .           .
               CaseDetachFromCase       .      x        x        .             .                 .           .
           CaseDownloadCaseExport       .      x        x        .             .                 .           .
                   CaseExportCase       .      x        x        .             .                 .           .
                CaseGetCaseExport       .      x        x        .             .                 .           .
            CaseListCaseDocuments       .      x        x        .             .                 .           .
                    CaseListHolds       .      x        x        .             .                 .           .
                    CasePlaceHold       .      x        x        .             .                 .           .
                  CaseReleaseHold       .      x        x        .             .                 .           .
              DocumentAbortUpload       x      x        x        .             .                 .           .
                DocumentClaimScan       .      .        .        .             .                 .           x
            DocumentConfirmUpload       x      x        x        .             .                 .           .
           DocumentCreateDownload       x      x        x        .             .                 .           .
            DocumentEraseDocument       x      x        x        .             .                 .           .
              DocumentGetDocument       x      x        x        .             .                 x           .
           DocumentInitiateUpload       x      x        x        .             .                 .           .
          DocumentInitiateVersion       x      x        x        .             .                 .           .
            DocumentListDocuments       x      x        x        .             .                 .           .
                DocumentListParts       x      x        x        .             .                 .           .
             DocumentListVersions       x      x        x        .             .                 .           .
             DocumentOpenDocument       .      .        .        .             .                 .           x
            DocumentRefreshUpload       x      x        x        .             .                 .           .
               DocumentReportScan       .      .        .        .             .                 .           x
                DocumentSignParts       x      x        x        .             .                 .           .
            DocumentStoreDocument       .      .        .        .             .                 .           x
          IntegrityClaimIntegrity       .      .        .        .             .                 .           x
         IntegrityReportIntegrity       .      .        .        .             .                 .           x
              PreviewClaimPreview       .      .        .        .             .                 .           x
                PreviewGetPreview       x      x        x        .             .                 .           .
             PreviewReportPreview       .      .        .        .             .                 .           x
      QuarantineDecideQuarantined       .      x        x        .             .                 .           .
    QuarantineDownloadQuarantined       .      x        x        .             .                 .           .
          QuarantineListDecisions       .      x        x        .             .                 .           .
        QuarantineListQuarantined       .      x        x        .             .                 .           .
               SharingCreateGrant       .      x        x        .             .                 .           .
              SharingListAccesses       x      x        x        .             .                 .           .
                SharingListGrants       .      x        x        .             .                 .           .
                SharingListShared       x      .        .        .             .                 .           .
               SharingRevokeGrant       .      x        x        .             .                 .           .
        NotificationClaimDelivery       .      .        .        .             .                 .           x
            NotificationFeedHeads       .      .        .        x             .                 .           .
           NotificationGetErasure       .      x        x        .             .                 .           .
             NotificationListFeed       x      x        x        x             .                 .           .
             NotificationMarkRead       x      x        x        .             .                 .           .
       NotificationReportDelivery       .      .        .        .             .                 .           x
       NotificationRequestErasure       .      x        x        .             .                 .           .
      NotificationUpsertRecipient       .      .        .        x             .                 .           x
                AuditGetAuditHead       .      x        x        .             .                 .           .
            AuditListAuditEntries       .      x        x        .             .                 .           .
            AuditProveAuditEvents       .      x        x        .             .                 .           .
            AuditVerifyAuditChain       .      x        x        .             .                 .           .
      DeadLetterDiscardDeadLetter       .      x        x        .             .                 .           x
          DeadLetterGetDeadLetter       .      x        x        .             .                 .           x
        DeadLetterListDeadLetters       .      x        x        .             .                 .           x
     DeadLetterRedriveDeadLetters       .      x        x        .             .                 .           x
                PolicyCheckPolicy       .      x        x        .             .                 .           .
                 PolicyDiffPolicy       .      x        x        .             .                 .           .
                  PolicyGetPolicy       .      x        x        .             .                 .           .
               PolicyListPolicies       .      x        x        .             .                 .           .
         PolicyListPolicyVersions       .      x        x        .             .                 .           .
              PolicyPublishPolicy       .      x        x        .             .                 .           .
                BillingCancelBill       .      x        x        .             .                 .           .
                  BillingClaimPdf       .      .        .        .             .                 .           x
                BillingCreateBill       .      x        x        .             .                 .           .
                 BillingCreateRun       .      x        x        .             .                 .           .
                BillingCreditBill       .      x        x        .             .                 .           .
                   BillingGetBill       x      x        x        .             .                 x           .
                    BillingGetRun       .      x        x        .             .                 .           x
                 BillingIssueBill       .      x        x        .             .                 .           .
             BillingIssueRunLines       .      .        .        .             .                 .           x
                 BillingListBills       x      x        x        .             .                 .           .
             BillingListRunFaults       .      x        x        .             .                 .           .
                  BillingListRuns       .      x        x        .             .                 .           .
                 BillingReportPdf       .      .        .        .             .                 .           x
             BillingStageRunLines       .      .        .        .             .                 .           x
              BillingWriteOffBill       .      .        x        .             .                 .           .
                LedgerClosePeriod       .      .        x        .             .                 .           .
           LedgerDecideAdjustment       .      .        x        .             .                 .           .
              LedgerGetSettlement       .      .        x        .             .                 .           .
            LedgerListAdjustments       .      x        x        .             .                 .           .
               LedgerListBalances       .      x        x        .             .                 .           .
                LedgerListEntries       .      x        x        .             .                 .           .
                LedgerListPeriods       .      x        x        .             .                 .           .
            LedgerListSettlements       .      .        x        .             .                 .           .
          LedgerProposeAdjustment       .      .        x        .             .                 .           .
               LedgerVerifyLedger       .      x        x        .             .                 .           .
            PaymentAdvancePayment       .      .        .        .             .                 .           x
             PaymentCancelPayment       x      x        x        .             .                 .           .
              PaymentCreateRefund       .      .        x        .             .                 .           .
                PaymentGetPayment       x      x        x        .             .                 .           .
           PaymentInitiatePayment       x      .        .        .             .                 .           .
              PaymentListDisputes       .      x        x        .             .                 .           .
         PaymentListPaymentEvents       x      x        x        .             .                 .           .
              PaymentListPayments       x      x        x        .             .                 .           .
               PaymentListRefunds       x      x        x        .             .                 .           .
      PaymentListUnknownCallbacks       .      .        x        .             .                 .           .
           PaymentReceiveCallback       .      .        .        x             .                 .           .
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
