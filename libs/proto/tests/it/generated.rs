//! The committed code is what the generator makes.

use std::collections::BTreeSet;
use std::fs;

use anyhow::Result;
use prost::Message as _;
use proto::Operation;

use crate::generate::{Files, gen_dir, generate};

fn committed() -> Result<Files> {
    let mut files = Files::new();
    for entry in fs::read_dir(gen_dir())? {
        let entry = entry?;
        files.insert(entry.file_name().to_string_lossy().into_owned(), fs::read(entry.path())?);
    }
    Ok(files)
}

#[test]
fn committed_code_is_what_the_generator_makes() -> Result<()> {
    let wanted = generate()?;
    if std::env::var_os("UPDATE").is_some() {
        for name in committed()?.keys().filter(|name| !wanted.contains_key(*name)) {
            fs::remove_file(gen_dir().join(name))?;
        }
        for (name, contents) in &wanted {
            fs::write(gen_dir().join(name), contents)?;
        }
    }
    let found = committed()?;
    let names: BTreeSet<_> = wanted.keys().chain(found.keys()).collect();
    let stale: Vec<_> = names.into_iter().filter(|name| wanted.get(*name) != found.get(*name)).collect();
    assert!(stale.is_empty(), "out of date: {stale:?}; run `UPDATE=1 cargo test -p proto`");
    Ok(())
}

#[test]
fn the_descriptor_set_has_every_operation_and_resolves_by_itself() -> Result<()> {
    let set = prost_types::FileDescriptorSet::decode(proto::FILE_DESCRIPTOR_SET)?;
    let files: BTreeSet<_> = set.file.iter().map(|file| file.name().to_owned()).collect();
    for file in &set.file {
        for import in &file.dependency {
            assert!(files.contains(import), "{import} is missing");
        }
    }
    let mut paths = BTreeSet::new();
    for file in &set.file {
        for service in &file.service {
            for method in &service.method {
                paths.insert(format!("/{}.{}/{}", file.package(), service.name(), method.name()));
            }
        }
    }
    assert_eq!(paths, Operation::ALL.iter().map(|operation| operation.path().to_owned()).collect());
    Ok(())
}

#[test]
fn an_operation_is_found_by_its_path_only() {
    for operation in Operation::ALL.iter().copied() {
        assert_eq!(Operation::from_path(operation.path()), Some(operation));
        assert_eq!(operation.path(), format!("/{}/{}", operation.service(), operation.method()));
    }
    for other in
        ["", "/", "/grpc.health.v1.Health/Check", "guildhall.document.v1.DocumentService/GetDocument"]
    {
        assert_eq!(Operation::from_path(other), None);
    }
}

#[test]
fn calls_that_make_an_effect_for_people_need_a_key() {
    let needing: Vec<_> = Operation::ALL.iter().filter(|operation| operation.needs_key()).collect();
    assert_eq!(
        needing,
        [
            &Operation::CaseExportCase,
            &Operation::CasePlaceHold,
            &Operation::CaseReleaseHold,
            &Operation::DocumentAbortUpload,
            &Operation::DocumentConfirmUpload,
            &Operation::DocumentEraseDocument,
            &Operation::DocumentInitiateUpload,
            &Operation::DocumentInitiateVersion,
            &Operation::DocumentRefreshUpload,
            &Operation::QuarantineDecideQuarantined,
            &Operation::SharingCreateGrant,
            &Operation::SharingRevokeGrant,
            &Operation::NotificationMarkRead,
            &Operation::NotificationRequestErasure,
            &Operation::DeadLetterDiscardDeadLetter,
            &Operation::DeadLetterRedriveDeadLetters,
            &Operation::PolicyPublishPolicy,
            &Operation::BillingCancelBill,
            &Operation::BillingCreateBill,
            &Operation::BillingCreateRun,
            &Operation::BillingCreditBill,
            &Operation::BillingIssueBill,
            &Operation::BillingWriteOffBill,
            &Operation::LedgerClosePeriod,
            &Operation::LedgerDecideAdjustment,
            &Operation::LedgerProposeAdjustment,
            &Operation::PaymentCancelPayment,
            &Operation::PaymentCreateRefund,
            &Operation::PaymentInitiatePayment,
            &Operation::ProviderForceProvider,
            &Operation::ReviewAddNote,
            &Operation::ReviewClaimReview,
            &Operation::ReviewDecideCase,
            &Operation::ReviewReassignReview,
            &Operation::VerificationResubmitCase,
            &Operation::VerificationSubmitCase,
            &Operation::VerificationWithdrawCase,
        ]
    );
}
