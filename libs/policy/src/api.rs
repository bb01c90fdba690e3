//! `guildhall.operations.v1.PolicyService`.

mod check;
mod page;
mod publish;
mod read;

use auth::Caller;
use clock::Clock;
use pg::{BoxFuture, Db, Tx};
use proto::operations::v1;
use proto::operations::v1::policy_service_server::{PolicyService, PolicyServiceServer};
use rpc_error::{Code, Error, reason};
use serde_json::Value;
use tonic::{Request, Response, Status};

use crate::diff::Change;
use crate::kinds::{Kind, Kinds, Set};
use crate::store::{self, Stored};

/// Longest body, bytes.
const MAX_BODY: usize = 64 * 1024;

/// The service as a tonic server needs it.
#[derive(Clone, Debug)]
pub struct Api {
    db: Db,
    clock: Clock,
    kinds: Kinds,
}

/// Serves the policies of these kinds in `db`.
#[must_use]
pub fn server(db: &Db, clock: &Clock, kinds: Kinds) -> PolicyServiceServer<Api> {
    PolicyServiceServer::new(Api::new(db, clock, kinds))
}

#[tonic::async_trait]
impl PolicyService for Api {
    async fn list_policies(
        &self,
        request: Request<v1::ListPoliciesRequest>,
    ) -> Result<Response<v1::ListPoliciesResponse>, Status> {
        Ok(read::list(self, &request).await?)
    }

    async fn get_policy(
        &self,
        request: Request<v1::GetPolicyRequest>,
    ) -> Result<Response<v1::GetPolicyResponse>, Status> {
        Ok(read::get(self, &request).await?)
    }

    async fn list_policy_versions(
        &self,
        request: Request<v1::ListPolicyVersionsRequest>,
    ) -> Result<Response<v1::ListPolicyVersionsResponse>, Status> {
        Ok(read::versions(self, &request).await?)
    }

    async fn diff_policy(
        &self,
        request: Request<v1::DiffPolicyRequest>,
    ) -> Result<Response<v1::DiffPolicyResponse>, Status> {
        Ok(read::diff(self, &request).await?)
    }

    async fn check_policy(
        &self,
        request: Request<v1::CheckPolicyRequest>,
    ) -> Result<Response<v1::CheckPolicyResponse>, Status> {
        Ok(check::call(self, &request).await?)
    }

    async fn publish_policy(
        &self,
        request: Request<v1::PublishPolicyRequest>,
    ) -> Result<Response<v1::PublishPolicyResponse>, Status> {
        Ok(publish::call(self, &request).await?)
    }
}

impl Api {
    /// What [`server`] serves.
    #[must_use]
    pub fn new(db: &Db, clock: &Clock, kinds: Kinds) -> Self {
        Self { db: db.clone(), clock: clock.clone(), kinds }
    }

    fn kind(&self, name: &str) -> Result<Kind, Error> {
        self.kinds.get(name).ok_or_else(not_found)
    }

    async fn read<T: Send + 'static>(
        &self,
        caller: &Caller,
        work: impl for<'t> FnOnce(&'t mut Tx) -> BoxFuture<'t, Result<T, Error>> + Send + 'static,
    ) -> Result<T, Error> {
        self.db.tenant(&caller.tenant, work).await
    }
}

/// A version of a kind: `None` for the one in force.
async fn version(tx: &mut Tx, kind: Kind, version: Option<i32>) -> Result<v1::Policy, Error> {
    let tenant = tx.tenant().clone();
    let stored = match version {
        Some(0) => None,
        Some(version) => {
            let found = store::find(tx, tenant.as_str(), kind.name, version).await.map_err(failed)?;
            Some(found.ok_or_else(not_found)?)
        }
        None => store::newest(tx, tenant.as_str(), kind.name).await.map_err(failed)?,
    };
    told(kind, stored)
}

/// A version in the contract's terms; `None` is the built-in one.
fn told(kind: Kind, stored: Option<Stored>) -> Result<v1::Policy, Error> {
    Ok(match stored {
        None => v1::Policy {
            kind: kind.name.to_owned(),
            body_json: (kind.builtin)().map_err(Error::internal)?.to_string(),
            ..v1::Policy::default()
        },
        Some(stored) => v1::Policy {
            kind: kind.name.to_owned(),
            version: stored.version,
            body_json: stored.body.to_string(),
            note: stored.note,
            published_by: stored.published_by,
            published_at: Some(timestamp(stored.published_at)),
        },
    })
}

/// Everything in force in the transaction's tenant, and the version of `kind`.
async fn in_force(tx: &mut Tx, kinds: &Kinds, kind: Kind) -> Result<(Set, i32), Error> {
    let tenant = tx.tenant().clone();
    let stored = store::newest_of_all(tx, tenant.as_str()).await.map_err(failed)?;
    let mut set = Set::default();
    for each in kinds.iter() {
        let body = match stored.get(each.name) {
            Some(stored) => stored.body.clone(),
            None => (each.builtin)().map_err(Error::internal)?,
        };
        set.0.insert(each.name, body);
    }
    Ok((set, stored.get(kind.name).map_or(0, |stored| stored.version)))
}

/// A body that may be checked: a JSON object that is not too long.
fn parse(body: &str) -> Result<Value, Error> {
    let invalid = |rule: String| {
        Error::new(Code::InvalidArgument, reason::POLICY_INVALID, "the policy cannot be read")
            .violation("body_json", rule)
    };
    if body.len() > MAX_BODY {
        return Err(invalid(format!("must be at most {MAX_BODY} bytes")));
    }
    serde_json::from_str(body)
        .ok()
        .filter(Value::is_object)
        .ok_or_else(|| invalid("must be a JSON object".into()))
}

fn changes(changes: Vec<Change>) -> Vec<v1::PolicyChange> {
    let json = |value: Option<Value>| value.map(|value| value.to_string()).unwrap_or_default();
    let told = changes.into_iter().map(|change| v1::PolicyChange {
        pointer: change.pointer,
        before_json: json(change.before),
        after_json: json(change.after),
    });
    told.collect()
}

fn not_found() -> Error {
    Error::new(Code::NotFound, reason::POLICY_NOT_FOUND, "there is no such policy")
}

fn failed(error: sqlx::Error) -> Error {
    pg::Error::from(error).into()
}

fn timestamp(at: time::OffsetDateTime) -> prost_types::Timestamp {
    let nanos = i32::try_from(at.nanosecond()).unwrap_or_default();
    prost_types::Timestamp { seconds: at.unix_timestamp(), nanos }
}
