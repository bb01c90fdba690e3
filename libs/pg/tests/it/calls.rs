use pg::{Call, Error};
use sqlx::Row;

use crate::harness::{database, insert, riverton, stored, tenant};

#[tokio::test]
async fn an_opening_call_is_of_the_tenant_and_of_the_transaction() {
    let database = database().await;
    let db = database.connect();
    let count = |tenant: &'static ids::Tenant| {
        let db = db.clone();
        async move {
            let opened = db.tenant_opening(tenant, Call::new("note_count"), |tx, row| {
                Box::pin(async move {
                    let (notes, transaction): (i64, String) =
                        (row.try_get("notes")?, row.try_get("transaction")?);
                    let now = sqlx::query_scalar::<_, String>("select pg_current_xact_id()::text");
                    assert_eq!(now.fetch_one(&mut **tx).await?, transaction);
                    let tenant = tx.tenant().clone();
                    insert(tx, tenant.as_str(), 1).await?;
                    Ok::<_, Error>(notes)
                })
            });
            opened.await.unwrap()
        }
    };
    assert_eq!(count(riverton()).await, 0);
    assert_eq!(count(tenant("lakeside")).await, 0);
    let other = db.tenant_opening(riverton(), Call::new("note_count"), |_, row| {
        Box::pin(async move { Ok::<i64, Error>(row.try_get("notes")?) })
    });
    assert_eq!(other.await.unwrap(), 1);
}

#[tokio::test]
async fn an_opening_call_that_fails_ends_the_unit_before_its_work() {
    let database = database().await;
    let db = database.connect();
    let work = db.tenant_opening(riverton(), Call::new("no_such_function"), |tx, _| {
        Box::pin(async move { insert(tx, "riverton", 1).await })
    });
    assert!(matches!(work.await, Err(Error::Statement(_))));
    assert_eq!(stored(&database).await, [0; 0]);
}
