use pg::{Call, Error};
use sqlx::Row;

use crate::harness::{database, insert, riverton, seen, stored, tenant};

fn add(id: i64) -> Call {
    Call::new("note_add").int(id)
}

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

#[tokio::test]
async fn a_call_at_commit_is_stored_with_the_unit() {
    let database = database().await;
    let db = database.connect();
    let work = db.tenant(riverton(), |tx| {
        Box::pin(async move {
            tx.at_commit(add(2));
            tx.at_commit(add(3));
            insert(tx, "riverton", 1).await
        })
    });
    work.await.unwrap();
    assert_eq!(seen(&db, riverton()).await, [1, 2, 3]);
}

#[tokio::test]
async fn a_call_at_commit_is_not_made_when_the_unit_fails() {
    let database = database().await;
    let db = database.connect();
    let work = db.tenant(riverton(), |tx| {
        Box::pin(async move {
            tx.at_commit(add(2));
            Err::<(), _>(Error::Fenced)
        })
    });
    assert!(matches!(work.await, Err(Error::Fenced)));
    assert_eq!(stored(&database).await, [0; 0]);
}

#[tokio::test]
async fn a_call_at_commit_that_fails_undoes_the_unit_and_spoils_no_connection() {
    let database = database().await;
    let mut settings = database.settings();
    settings.max_connections = 1;
    let db = pg::Db::connect(&settings, "test").unwrap();
    let work = db.tenant(riverton(), |tx| {
        Box::pin(async move {
            insert(tx, "riverton", 1).await?;
            tx.at_commit(add(2));
            tx.at_commit(add(2));
            Ok::<_, Error>(())
        })
    });
    let error = work.await.unwrap_err();
    assert_eq!(error.constraint(), Some("note_pkey"), "{error:?}");
    assert_eq!(seen(&db, riverton()).await, [0; 0]);
}

#[tokio::test]
async fn nothing_is_called_in_another_transaction_than_the_units() {
    let database = database().await;
    let db = database.connect();
    let work = db.tenant(riverton(), |tx| {
        Box::pin(async move {
            tx.at_commit(add(2));
            let commit = "commit; select set_config('app.tenant', 'riverton', false)";
            sqlx::raw_sql(commit).execute(&mut **tx).await?;
            Ok::<_, Error>(())
        })
    });
    assert!(matches!(work.await, Err(Error::Ignored)));
    assert_eq!(stored(&database).await, [0; 0]);
}
