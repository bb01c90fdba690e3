//! Circuits of providers: shared, seen, and overruled.

use proto::verification::v1;
use rpc_error::{Code, reason};
use serde_json::json;

use crate::harness::{SOON, TestApp, assert_refused};

fn state(providers: &[v1::Provider], name: &str) -> v1::CircuitState {
    providers.iter().find(|provider| provider.name == name).expect("the account").state()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_circuit_opens_within_ten_failures_spares_the_provider_and_closes_by_itself() {
    let app = TestApp::start().await;
    app.control("outage", &json!({ "provider": "veritas", "mode": "refuse" })).await;
    for _ in 0..3 {
        let case = app.submitted("Miller").await;
        assert_eq!(
            app.settled(&case.case_id).await.status(),
            v1::CaseStatus::Approved,
            "she notices nothing"
        );
    }
    let staff = app.person("sam", "riverton", "staff");
    let providers = staff.list_providers().await.unwrap();
    assert_eq!(
        providers.iter().map(|p| p.name.as_str()).collect::<Vec<_>>(),
        ["veritas_town", "kompass_town"]
    );
    let veritas = &providers[0];
    assert_ne!(veritas.state(), v1::CircuitState::Closed, "{veritas:?}");
    assert!((5..=10).contains(&veritas.failures), "{veritas:?}");
    assert_eq!(state(&providers, "kompass_town"), v1::CircuitState::Closed);

    let url = app.idp.veritas_url().replace("/veritas", "/control/outage?provider=veritas");
    reqwest::Client::new().delete(url).send().await.unwrap();
    let closed = testkit::eventually(SOON, || async {
        // Somebody has to ask for it to be tried.
        let case = app.submitted("Miller").await;
        app.settled(&case.case_id).await;
        let providers = staff.list_providers().await.unwrap();
        match state(&providers, "veritas_town") {
            v1::CircuitState::Closed => Ok(()),
            _ => Err(providers),
        }
    });
    closed.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_administrator_takes_a_provider_out_and_in_and_it_is_told() {
    let app = TestApp::start().await;
    let admin = app.admin();
    let out = admin.force("veritas_town", v1::ProviderForce::Out).await.unwrap();
    assert_eq!((out.force(), out.state()), (v1::ProviderForce::Out, v1::CircuitState::Closed));
    let case = app.submitted("Miller").await;
    let case = app.settled(&case.case_id).await;
    assert!(case.checks.iter().all(|check| check.attempts[0].provider == "kompass_town"), "{case:?}");
    admin.force("kompass_town", v1::ProviderForce::Out).await.unwrap();
    let case = app.submitted("Miller").await;
    assert_eq!(app.settled(&case.case_id).await.status(), v1::CaseStatus::NeedsReview, "both are out");
    let by_its_circuit = admin.force("veritas_town", v1::ProviderForce::Unspecified).await.unwrap();
    assert_eq!(by_its_circuit.force(), v1::ProviderForce::Unspecified);

    assert_refused(
        app.rita().force("veritas_town", v1::ProviderForce::In).await,
        Code::PermissionDenied,
        reason::PERMISSION_DENIED,
    );
    assert_refused(
        admin.force("nobody", v1::ProviderForce::In).await,
        Code::NotFound,
        reason::ACCOUNT_NOT_FOUND,
    );
    assert_refused(
        app.person("lea", "lakeside", "admin").force("veritas_town", v1::ProviderForce::Out).await,
        Code::NotFound,
        reason::ACCOUNT_NOT_FOUND,
    );
    let key: String = sqlx::query_scalar("select id::text from circuits where account = 'veritas_town'")
        .fetch_one(&mut app.db.admin().await)
        .await
        .unwrap();
    assert_eq!(app.event_names(&key).await, ["provider_forced", "provider_forced"]);
    assert_eq!(app.count("select count(*) from circuit_acts where reason = 'maintenance'").await, 3);
}
