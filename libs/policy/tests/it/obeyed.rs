//! What a transaction is told.

use pg::Tx;
use policy::{Error, Policy as _, Versioned};
use serde_json::json;

use crate::harness::{Loans, Setup, admin, loans, setup};

async fn current(setup: &Setup, tenant: &str) -> Result<Versioned<Loans>, Error> {
    let tenant = tenant.parse().unwrap();
    setup.db.tenant(&tenant, |tx: &mut Tx| Box::pin(policy::current::<Loans>(tx))).await
}

#[tokio::test]
async fn the_newest_version_of_the_tenant_is_in_force_and_old_ones_can_be_read() {
    let setup = setup().await;
    let builtin = Versioned { version: 0, policy: Loans::builtin() };
    assert_eq!(current(&setup, "riverton").await.unwrap(), builtin);
    setup.publish(&admin("riverton"), "loans", loans(14), 0).await.unwrap();
    setup.publish(&admin("riverton"), "loans", loans(21), 1).await.unwrap();
    let in_force = current(&setup, "riverton").await.unwrap();
    assert_eq!((in_force.version, in_force.policy.days["maps"]), (2, 21));
    assert_eq!(current(&setup, "lakeside").await.unwrap(), builtin);

    let tenant = "riverton".parse().unwrap();
    let read = setup.db.tenant(&tenant, |tx| {
        Box::pin(async move {
            let mut days = Vec::new();
            for version in [0, 1, 3] {
                let found = policy::at::<Loans>(tx, version).await?;
                days.push(found.map(|found| (found.version, found.policy.days["maps"])));
            }
            Ok::<_, Error>(days)
        })
    });
    assert_eq!(read.await.unwrap(), [Some((0, 7)), Some((1, 14)), None]);
}

#[tokio::test]
async fn what_this_build_cannot_read_is_an_error_and_never_the_built_in_policy() {
    let setup = setup().await;
    setup.publish(&admin("riverton"), "loans", loans(14), 0).await.unwrap();
    sqlx::query("update policies set body = $1")
        .bind(json!({"hours": 3}))
        .execute(&mut setup.database.admin().await)
        .await
        .unwrap();
    let error = current(&setup, "riverton").await.unwrap_err();
    assert!(matches!(error, Error::Unreadable { kind: "loans", version: 1, .. }), "{error}");
}

#[tokio::test]
async fn the_table_is_closed_to_other_tenants_and_written_once() {
    let setup = setup().await;
    setup.publish(&admin("riverton"), "loans", loans(14), 0).await.unwrap();
    let mut superuser = setup.database.admin().await;
    assert_eq!(pg::catalog::violations(&mut superuser).await.unwrap(), [""; 0]);
    assert_eq!(
        pg::catalog::system_policies(&mut superuser).await.unwrap(),
        ["idempotency: system for all using (true)"]
    );
    let tenant = "riverton".parse().unwrap();
    for sql in ["delete from policies", "update policies set note = 'x'", "truncate policies"] {
        let refused = setup.db.tenant(&tenant, move |tx| {
            Box::pin(async move { Ok::<_, pg::Error>(sqlx::query(sql).execute(&mut **tx).await.map(drop)?) })
        });
        refused.await.expect_err(sql);
    }
}
