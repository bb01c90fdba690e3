use auth::Caller;
use due::schedule;
use idempotency::{KEEP, Key, Outcome};
use ids::ExportId;
use proto::Operation;
use proto::document::v1;

use super::CASE_EXPORT;
use super::exports::{check_extent, find_export};
use crate::domain::{Act, Export, ExportState};
use crate::{Error, State, db};

/// Has a case exported. Nothing is made before the commit: whoever makes it reads the case anew. The answer tells where the
/// export stands now, a repeated call's too.
pub async fn export_case(
    state: &State,
    caller: &Caller,
    key: Key,
    request: &v1::ExportCaseRequest,
) -> Result<Outcome<Export>, Error> {
    let case_ref = super::case_ref(&request.case_ref)?;
    let grounds = super::grounds(&request.reason)?;
    let (tenant, clock, by) = (caller.tenant.clone(), state.clock.clone(), caller.subject.clone());
    let keep = state.keep_exports;
    let scope = super::scope(caller, Operation::CaseExportCase, key);
    let outcome = idempotency::run(&state.db, &state.clock, &scope, request, KEEP, move |tx| {
        Box::pin(async move {
            check_extent(&db::case_files::extent(tx, &tenant, &case_ref).await?)?;
            let now = clock.now();
            let export = Export {
                id: ExportId::mint(&clock),
                tenant,
                case_ref,
                asked: Act { by, at: now, grounds: Some(grounds) },
                state: ExportState::Pending,
                attempt: 0,
                leased_until: None,
                kept_until: now + keep,
            };
            db::case_exports::insert(tx, &export).await?;
            schedule(tx, CASE_EXPORT, export.id.into(), now).await?;
            let export = v1::CaseExport { export_id: export.id.to_string(), ..Default::default() };
            Ok::<_, Error>(v1::ExportCaseResponse { export: Some(export) })
        })
    });
    let outcome = outcome.await?;
    let id = outcome.value.export.as_ref().map(|export| export.export_id.clone()).unwrap_or_default();
    let export = find_export(state, caller, &id).await?;
    Ok(outcome.map(|_| export))
}
