//! `VerifyAuditChain`.

use evidence::{Fault, Mismatch};
use proto::operations::v1;
use rpc_error::{Code, reason};
use tonic::{Request, Response};

use super::Api;

pub(crate) async fn call(
    api: &Api,
    request: &Request<v1::VerifyAuditChainRequest>,
) -> Result<Response<v1::VerifyAuditChainResponse>, rpc_error::Error> {
    let tenant = &auth::caller(request)?.tenant;
    let after = request.get_ref().after_seq;
    let stretch = if after < 0 { None } else { api.books.verify_stretch(tenant, after).await? };
    let stretch = stretch.ok_or_else(|| {
        let message = "there is no such checkpoint";
        rpc_error::Error::new(Code::InvalidArgument, reason::AUDIT_CHECKPOINT_INVALID, message)
            .violation("after_seq", "must be the `seq` of a checkpoint that a known key has signed, or 0")
    })?;
    Ok(Response::new(v1::VerifyAuditChainResponse {
        verified_seq: stretch.verified,
        sealed_seq: stretch.sealed,
        complete: stretch.complete,
        mismatch: stretch.mismatch.map(told),
    }))
}

fn told(mismatch: Mismatch) -> v1::AuditMismatch {
    let fault = match mismatch.fault {
        Fault::Missing => v1::AuditFault::Missing,
        Fault::Inserted => v1::AuditFault::Inserted,
        Fault::Altered => v1::AuditFault::Altered,
        Fault::Unlinked => v1::AuditFault::Unlinked,
        Fault::Rewritten => v1::AuditFault::Rewritten,
    };
    v1::AuditMismatch { from_seq: mismatch.from, to_seq: mismatch.to, fault: fault.into() }
}
