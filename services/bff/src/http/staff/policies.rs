//! Policies of a service, as JSON.

pub mod diff;
pub mod get;
pub mod list;
pub mod publish;
pub mod versions;

use proto::operations::v1::policy_service_client::PolicyServiceClient;
use proto::operations::v1::{Policy, PolicyChange, PolicyViolation};
use rpc_error::{Code, Error, reason};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use service::channel::Channel;
use utoipa::ToSchema;

use crate::http::notifications::rfc3339;
use crate::services::Services;

/// A service that has policies.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PolicyOwner {
    /// What may be handed in (`upload`), and how long it is kept (`retention`).
    Document,
}

impl PolicyOwner {
    fn parse(name: &str) -> Result<Self, Error> {
        match name {
            "document" => Ok(Self::Document),
            // A service that does not exist has no policies.
            _ => Err(Error::new(Code::NotFound, reason::POLICY_NOT_FOUND, "there is no such policy")),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Document => "document",
        }
    }

    fn client(self, services: &Services) -> PolicyServiceClient<Channel> {
        match self {
            Self::Document => services.document_policies.clone(),
        }
    }
}

/// A version of a policy.
#[derive(Debug, Serialize, ToSchema)]
pub struct PolicyView {
    /// The service that obeys it.
    service: PolicyOwner,
    /// Kind of policy, for example `upload`.
    kind: String,
    /// 0 is built in; published ones count from 1.
    version: i32,
    /// What it says; `null` in lists of versions.
    #[schema(value_type = Option<Object>)]
    body: Option<Value>,
    /// Why it was published; `null` for the built-in one.
    note: Option<String>,
    /// Subject of who published it; `null` for the built-in one.
    published_by: Option<String>,
    /// RFC 3339, UTC; `null` for the built-in one.
    published_at: Option<String>,
    /// What can be done now.
    #[serde(rename = "_links")]
    links: PolicyLinks,
}

/// Links.
#[derive(Debug, Serialize, ToSchema)]
pub struct PolicyLinks {
    /// This version.
    #[serde(rename = "self")]
    own: String,
    /// The published versions.
    versions: String,
    /// `POST` with a body to put it in force, or to try.
    publish: String,
    /// What differs from this version to the one in force.
    diff: String,
}

/// A place where two versions differ.
#[derive(Debug, Serialize, ToSchema)]
pub struct ChangeView {
    /// JSON Pointer (RFC 6901).
    pointer: String,
    /// The value before; absent where there was none.
    #[serde(skip_serializing_if = "Option::is_none")]
    before: Option<Value>,
    /// The value after; absent where there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    after: Option<Value>,
}

/// A rule that a policy breaks.
#[derive(Debug, Serialize, ToSchema)]
pub struct ViolationView {
    /// JSON Pointer (RFC 6901); behind `<kind>:` where another policy would break a rule.
    pointer: String,
    /// The rule.
    rule: String,
}

impl PolicyView {
    fn new(service: PolicyOwner, policy: Policy) -> Self {
        let some = |text: String| Some(text).filter(|text| !text.is_empty());
        let publish = format!("/v1/staff/policies/{}/{}", service.name(), policy.kind);
        Self {
            links: PolicyLinks {
                own: format!("{publish}?version={}", policy.version),
                versions: format!("{publish}/versions"),
                diff: format!("{publish}/diff?from={}", policy.version),
                publish,
            },
            service,
            kind: policy.kind,
            version: policy.version,
            body: serde_json::from_str(&policy.body_json).ok(),
            note: some(policy.note),
            published_by: some(policy.published_by),
            published_at: policy.published_at.and_then(rfc3339),
        }
    }
}

impl From<PolicyChange> for ChangeView {
    fn from(change: PolicyChange) -> Self {
        let value = |json: String| serde_json::from_str(&json).ok();
        Self { pointer: change.pointer, before: value(change.before_json), after: value(change.after_json) }
    }
}

impl From<PolicyViolation> for ViolationView {
    fn from(violation: PolicyViolation) -> Self {
        Self { pointer: violation.pointer, rule: violation.rule }
    }
}

/// A service left out what its contract promises.
fn incomplete() -> Error {
    Error::internal("a service left out what its contract promises")
}
