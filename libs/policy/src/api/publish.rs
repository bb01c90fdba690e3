//! `PublishPolicy`.

use auth::{Caller, Role};
use idempotency::{KEEP, Key, Scope};
use pg::Tx;
use proto::Operation;
use proto::operations::v1;
use rpc_error::{Code, Error, reason};
use serde_json::Value;
use time::OffsetDateTime;
use tonic::{Request, Response};

use super::{Api, failed, in_force, not_found, parse, told};
use crate::kinds::Kinds;
use crate::store::{self, Stored};

const MAX_NOTE: usize = 64;

pub(crate) async fn call(
    api: &Api,
    request: &Request<v1::PublishPolicyRequest>,
) -> Result<Response<v1::PublishPolicyResponse>, Error> {
    let caller = auth::caller(request)?;
    if !caller.roles.contains(&Role::Admin) {
        return Err(Error::new(
            Code::PermissionDenied,
            reason::PERMISSION_DENIED,
            "only staff who configure may publish policies",
        ));
    }
    let message = request.get_ref();
    api.kind(&message.kind)?;
    let body = parse(&message.body_json)?;
    let publication = Publication {
        kinds: api.kinds.clone(),
        kind: message.kind.clone(),
        body,
        expected: message.expected_version,
        note: note(&message.note)?,
        by: caller.clone(),
        at: api.clock.now(),
    };
    let scope = Scope {
        tenant: caller.tenant.clone(),
        principal: caller.subject.clone(),
        operation: Operation::PolicyPublishPolicy,
        key: Key::from_metadata(request.metadata())?,
    };
    let outcome = idempotency::run(&api.db, &api.clock, &scope, message, KEEP, move |tx| {
        Box::pin(async move { publication.publish(tx).await })
    });
    Ok(outcome.await?.into_response())
}

/// What somebody wants to be in force.
struct Publication {
    kinds: Kinds,
    kind: String,
    body: Value,
    expected: i32,
    note: String,
    by: Caller,
    at: OffsetDateTime,
}

impl Publication {
    async fn publish(self, tx: &mut Tx) -> Result<v1::PublishPolicyResponse, Error> {
        let kind = self.kinds.get(&self.kind).ok_or_else(not_found)?;
        let tenant = tx.tenant().clone();
        store::lock(tx, tenant.as_str()).await.map_err(failed)?;
        let (set, version) = in_force(tx, &self.kinds, kind).await?;
        if version != self.expected {
            return Err(changed(version));
        }
        let before = set.0.get(kind.name).cloned();
        let body = self.kinds.check(kind, &self.body, set).map_err(|violations| {
            let error = Error::new(
                Code::InvalidArgument,
                reason::POLICY_INVALID,
                format!("the policy breaks {} rules", violations.len()),
            );
            violations.into_iter().fold(error, |error, each| error.violation(each.pointer, each.rule))
        })?;
        if before.as_ref() == Some(&body) {
            let stored = store::newest(tx, tenant.as_str(), kind.name).await.map_err(failed)?;
            return Ok(v1::PublishPolicyResponse { policy: Some(told(kind, stored)?) });
        }
        let stored = Stored {
            version: version + 1,
            body,
            note: self.note,
            published_by: self.by.subject.to_string(),
            published_at: self.at,
        };
        store::insert(tx, tenant.as_str(), kind.name, &stored).await.map_err(failed)?;
        tracing::info!(
            caller = %self.by.subject,
            policy.kind = kind.name,
            policy.version = stored.version,
            note = stored.note,
            "policy published"
        );
        Ok(v1::PublishPolicyResponse { policy: Some(told(kind, Some(stored))?) })
    }
}

/// What people write freely may name somebody; this stays for good.
fn note(text: &str) -> Result<String, Error> {
    let plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte));
    if text.is_empty() || text.len() > MAX_NOTE || !plain {
        return Err(Error::new(
            Code::InvalidArgument,
            reason::POLICY_NOTE_INVALID,
            "whoever publishes a policy says why",
        )
        .violation("note", format!("must be 1 to {MAX_NOTE} of A-Z, a-z, 0-9, '.', '_' and '-'")));
    }
    Ok(text.to_owned())
}

fn changed(version: i32) -> Error {
    Error::new(
        Code::Conflict,
        reason::POLICY_CHANGED,
        "another version is in force than the body was written against",
    )
    .violation("expected_version", format!("is not {version}, the version in force"))
}
