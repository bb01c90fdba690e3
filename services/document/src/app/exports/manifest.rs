//! What an archive says of a case.

use std::collections::BTreeMap;

use audit::{Bounds, Trail};
use evidence::Manifest;
use ids::Tenant;
use pg::Tx;
use time::OffsetDateTime;
use uuid::Uuid;

use super::check_extent;
use crate::domain::Export;
use crate::{Error, db};

/// What is proven at most, and over how many entries of the chain.
const PROVEN: Bounds = Bounds { events: 20_000, entries: 200_000 };

/// Everything that is known of a case now, while its documents are locked: what is erased later finds the export.
pub(super) async fn read(
    tx: &mut Tx,
    trail: &Trail,
    export: &Export,
    now: OffsetDateTime,
) -> Result<Manifest, Error> {
    let (tenant, case_ref, books) = (&export.tenant, &export.case_ref, &trail.books);
    db::case_files::share(tx, tenant, case_ref).await?;
    check_extent(&db::case_files::extent(tx, tenant, case_ref).await?)?;
    let found = db::case_files::snapshot(tx, tenant, case_ref).await?;
    let mut subjects: Vec<String> = found.documents.iter().map(|document| document.id.clone()).collect();
    subjects.push(case_ref.to_string());
    let proven = audit::prove_subjects(tx, &books.service, &books.keys, &subjects, PROVEN).await?;
    let proven =
        proven.ok_or(Error::CaseTooLarge("20,000 events, and their proofs 200,000 entries of the chain"))?;

    let mut documents = found.documents;
    let places: BTreeMap<_, _> =
        documents.iter().enumerate().map(|(place, document)| (document.id.clone(), place)).collect();
    for (document, mut version) in found.versions {
        version.file = version.path(&document).filter(|_| version.status == "ready");
        if let Some(document) = places.get(&document).and_then(|place| documents.get_mut(*place)) {
            document.versions.push(version);
        }
    }
    for (document, access) in found.accesses {
        if let Some(document) = places.get(&document).and_then(|place| documents.get_mut(*place)) {
            document.accesses.push(access);
        }
    }
    let manifest = Manifest {
        format: 1,
        service: books.service.clone(),
        tenant: tenant.to_string(),
        case_ref: case_ref.to_string(),
        exported_at: now,
        exported_by: export.by().to_string(),
        export_id: export.id.to_string(),
        reason: export.asked.grounds.as_ref().map(|grounds| grounds.as_str().to_owned()).unwrap_or_default(),
        documents,
        holds: found.holds,
        proofs: proven.proofs,
    };
    note_versions(tx, tenant, export, &manifest).await?;
    Ok(manifest)
}

async fn note_versions(
    tx: &mut Tx,
    tenant: &Tenant,
    export: &Export,
    manifest: &Manifest,
) -> Result<(), Error> {
    let (mut documents, mut versions, mut readable) = (Vec::new(), Vec::new(), Vec::new());
    for document in &manifest.documents {
        let id: Uuid = document.id.parse().map_err(|_| Error::DocumentNotFound)?;
        for version in &document.versions {
            documents.push(id);
            versions.push(version.version);
            readable.push(version.file.is_some());
        }
    }
    let rows = (&documents[..], &versions[..], &readable[..]);
    Ok(db::case_exports::replace_versions(tx, tenant, export.id, rows).await?)
}
