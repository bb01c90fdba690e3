use auth::{Caller, CallerKind, Error, Invalid};
use serde_json::{Value, json};

use crate::issuer::{Issuer, SigningKey};

async fn caller(claims: Value, x_tenant: Option<&str>) -> Result<Caller, Error> {
    let key = SigningKey::ec("e");
    let issuer = Issuer::start(&[&key]).await;
    let identity = issuer.verifier().verify(&issuer.token(&key, "ES256", claims)).await.unwrap();
    identity.into_caller(x_tenant)
}

#[tokio::test]
async fn people_act_in_the_tenant_of_their_token_whatever_they_send() {
    for x_tenant in [None, Some("lakeside"), Some("not a tenant")] {
        let citizen = caller(json!({}), x_tenant).await.unwrap();
        assert_eq!(citizen.tenant.as_str(), "riverton");
        assert!(citizen.is_citizen() && !citizen.is_staff() && citizen.service().is_none());
    }
    let error = caller(json!({"tenant": null}), Some("lakeside")).await.unwrap_err();
    assert!(matches!(error, Error::TokenInvalid(Invalid::Claim("tenant"))));
}

#[tokio::test]
async fn any_role_of_the_staff_makes_staff_also_beside_citizen() {
    for role in ["staff", "reviewer", "finance", "admin"] {
        let caller = caller(json!({"roles": ["citizen", role]}), None).await.unwrap();
        assert!(caller.is_staff(), "{role}");
        assert_eq!(caller.roles.len(), 2);
    }
    for roles in [json!([]), json!(["service"]), json!(["offline_access"])] {
        let error = caller(json!({"roles": roles}), None).await.unwrap_err();
        assert!(matches!(error, Error::PermissionDenied), "{error:?}");
    }
}

#[tokio::test]
async fn a_service_is_a_svc_client_with_the_role_and_names_its_tenant() {
    let service = json!({"azp": "svc-worker", "roles": ["service"], "tenant": "riverton", "sub": "service-account-svc-worker"});
    let called = caller(service.clone(), Some("lakeside")).await.unwrap();
    assert_eq!(called.kind, CallerKind::Service("svc-worker".into()));
    assert_eq!(called.tenant.as_str(), "lakeside");
    for x_tenant in [None, Some(""), Some("Lake Side")] {
        assert!(matches!(caller(service.clone(), x_tenant).await, Err(Error::TenantMissing)), "{x_tenant:?}");
    }
    // Neither half makes one: the role can be given to a person, the name to anybody's client.
    let half = caller(json!({"azp": "svc-worker", "roles": ["citizen"]}), Some("lakeside")).await.unwrap();
    assert_eq!((half.service(), half.tenant.as_str()), (None, "riverton"));
    let half =
        caller(json!({"azp": "portal", "roles": ["service", "citizen"]}), Some("lakeside")).await.unwrap();
    assert_eq!((half.service(), half.tenant.as_str()), (None, "riverton"));
}
