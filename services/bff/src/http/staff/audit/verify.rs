//! `GET /v1/staff/audit/{service}/verification`

use axum::Json;
use axum::extract::{Path, State};
use proto::operations::v1::{AuditFault, VerifyAuditChainRequest};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::ChainOwner;
use crate::App;
use crate::http::extract::Query;
use crate::principal::Principal;
use crate::problem::{Problem, Result};
use crate::services::Services;

/// Where to begin.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct From {
    /// Begins behind this checkpoint, `sealed_seq` of the answer before; without it, with the first entry.
    after_seq: Option<i64>,
}

/// How far it came.
#[derive(Debug, Serialize, ToSchema)]
pub struct Verification {
    /// The last entry that is what it was.
    verified_seq: i64,
    /// The last of them that a checkpoint covers: where to go on.
    sealed_seq: i64,
    /// Whether that is the end of the chain.
    complete: bool,
    /// The first entries that are not those that were signed; `null` where all are.
    mismatch: Option<MismatchView>,
}

/// Entries that are not those that were signed.
#[derive(Debug, Serialize, ToSchema)]
pub struct MismatchView {
    /// The first that may be concerned.
    from_seq: i64,
    /// The last that is.
    to_seq: i64,
    /// How they differ: `missing`, `inserted`, `altered`, `unlinked` or `rewritten`.
    fault: &'static str,
}

/// Verifies a stretch of the tenant's audit chain, up to 50,000 entries. For staff; an auditor runs `document audit verify`.
#[utoipa::path(get, path = "/v1/staff/audit/{service}/verification", tag = "staff",
    security(("session" = []), ("bearer" = [])),
    params(("service" = ChainOwner, Path, description = "The service whose chain it is."), From),
    responses((status = 200, body = Verification), (status = 401, body = Problem), (status = 403, body = Problem),
        (status = 404, body = Problem), (status = 422, body = Problem)))]
pub async fn verify(
    State(app): State<App>,
    principal: Principal,
    Path(service): Path<String>,
    Query(from): Query<From>,
) -> Result<Json<Verification>> {
    let mut client = service.parse::<ChainOwner>()?.client(&app.services);
    let message = VerifyAuditChainRequest { after_seq: from.after_seq.unwrap_or_default() };
    let answer = client.verify_audit_chain(Services::forward(&principal, None, message)?).await?.into_inner();
    Ok(Json(Verification {
        verified_seq: answer.verified_seq,
        sealed_seq: answer.sealed_seq,
        complete: answer.complete,
        mismatch: answer.mismatch.map(|mismatch| MismatchView {
            from_seq: mismatch.from_seq,
            to_seq: mismatch.to_seq,
            fault: fault(mismatch.fault()),
        }),
    }))
}

fn fault(fault: AuditFault) -> &'static str {
    match fault {
        AuditFault::Unspecified | AuditFault::Rewritten => "rewritten",
        AuditFault::Missing => "missing",
        AuditFault::Inserted => "inserted",
        AuditFault::Altered => "altered",
        AuditFault::Unlinked => "unlinked",
    }
}
