//! Two kinds of policy, of which one names what the other has, and the people who publish them.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use auth::{Caller, CallerKind, Role, Token};
use clock::Clock;
use pg::Db;
use policy::{Api, Kinds, Policy, Set, Violation};
use proto::operations::v1;
use proto::operations::v1::policy_service_server::PolicyService as _;
use rpc_error::Error;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use testkit::TestDb;
use time::OffsetDateTime;
use time::macros::datetime;
use tonic::{Request, Response};

pub(crate) const NOON: OffsetDateTime = datetime!(2030-01-01 12:00 UTC);

/// How long things are lent, by shelf.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Loans {
    pub(crate) days: BTreeMap<String, u32>,
}

/// Which shelves there are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Shelves {
    pub(crate) names: Vec<String>,
}

impl Policy for Loans {
    const KIND: &'static str = "loans";

    fn builtin() -> Self {
        Self { days: [("maps".to_owned(), 7)].into() }
    }

    fn check(&self) -> Vec<Violation> {
        let long = self.days.iter().filter(|(_, days)| **days > 365);
        long.map(|(name, _)| Violation::at(&["days", name], "must be at most 365")).collect()
    }

    fn check_beside(&self, others: &Set) -> Vec<Violation> {
        let names = others.get::<Shelves>().map(|shelves| shelves.names).unwrap_or_default();
        let unknown = self.days.keys().filter(|name| !names.contains(name));
        unknown.map(|name| Violation::at(&["days", name], "must be a shelf")).collect()
    }
}

impl Policy for Shelves {
    const KIND: &'static str = "shelves";

    fn builtin() -> Self {
        Self { names: vec!["maps".into(), "books".into()] }
    }

    fn check(&self) -> Vec<Violation> {
        Vec::new()
    }
}

pub(crate) struct Setup {
    pub(crate) database: TestDb,
    pub(crate) db: Db,
    pub(crate) api: Api,
}

pub(crate) async fn setup() -> Setup {
    let database = testkit::database("policy", &[&idempotency::MIGRATOR, &policy::MIGRATOR]).await;
    let db = database.connect();
    let kinds = Kinds::new().with::<Loans>().with::<Shelves>();
    let api = Api::new(&db, &Clock::frozen(NOON), kinds);
    Setup { database, db, api }
}

/// Somebody who configures.
pub(crate) fn admin(tenant: &str) -> Caller {
    staff(tenant, Role::Admin)
}

pub(crate) fn staff(tenant: &str, role: Role) -> Caller {
    Caller {
        subject: "max".parse().unwrap(),
        tenant: tenant.parse().unwrap(),
        roles: vec![role],
        client_id: "portal".into(),
        calls_itself: false,
        kind: CallerKind::Staff,
        person: None,
        on_behalf_of: None,
        token: Token::parse("t").unwrap(),
    }
}

/// A call as the layer in front of the service hands it on, with a key nobody else uses.
pub(crate) fn request<T>(caller: &Caller, message: T) -> Request<T> {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    keyed(caller, &format!("key-{}", NEXT.fetch_add(1, Ordering::SeqCst)), message)
}

pub(crate) fn keyed<T>(caller: &Caller, key: &str, message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.metadata_mut().insert(idempotency::METADATA, key.parse().unwrap());
    request.extensions_mut().insert(caller.clone());
    request
}

impl Setup {
    pub(crate) async fn publish(
        &self,
        caller: &Caller,
        kind: &str,
        body: Value,
        expected_version: i32,
    ) -> Result<v1::Policy, Error> {
        self.send(request(caller, publication(kind, &body, expected_version)))
            .await
            .map(|response| response.into_inner().policy.unwrap())
    }

    pub(crate) async fn send(
        &self,
        request: Request<v1::PublishPolicyRequest>,
    ) -> Result<Response<v1::PublishPolicyResponse>, Error> {
        self.api.publish_policy(request).await.map_err(Error::from_status)
    }

    pub(crate) async fn check(&self, kind: &str, body: &str) -> Result<v1::CheckPolicyResponse, Error> {
        let message = v1::CheckPolicyRequest { kind: kind.into(), body_json: body.into() };
        let answer = self.api.check_policy(request(&admin("riverton"), message)).await;
        Ok(answer.map_err(Error::from_status)?.into_inner())
    }

    pub(crate) async fn get(
        &self,
        tenant: &str,
        kind: &str,
        version: Option<i32>,
    ) -> Result<v1::Policy, Error> {
        let message = v1::GetPolicyRequest { kind: kind.into(), version };
        let answer = self.api.get_policy(request(&staff(tenant, Role::Staff), message)).await;
        Ok(answer.map_err(Error::from_status)?.into_inner().policy.unwrap())
    }
}

pub(crate) fn publication(kind: &str, body: &Value, expected_version: i32) -> v1::PublishPolicyRequest {
    let note = "OPS-17".to_owned();
    v1::PublishPolicyRequest { kind: kind.into(), body_json: body.to_string(), expected_version, note }
}

pub(crate) fn loans(maps: u32) -> Value {
    json!({"days": {"maps": maps}})
}
