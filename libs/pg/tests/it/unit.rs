#![expect(clippy::disallowed_methods, reason = "shows what `begin` does inside a unit: a savepoint")]

use std::sync::Arc;

use futures::FutureExt;
use pg::Error;
use sqlx::Connection;
use tokio::sync::Notify;

use crate::harness::{database, ids, insert, riverton, seen, stored, tenant};

#[tokio::test]
async fn what_returns_ok_is_stored() {
    let database = database().await;
    let db = database.connect();
    let answer = db.tenant(riverton(), |tx| {
        Box::pin(async move {
            let tenant = tx.tenant().to_string();
            insert(tx, &tenant, 1).await?;
            Ok::<_, Error>("done")
        })
    });
    assert_eq!(answer.await.unwrap(), "done");
    assert_eq!(stored(&database).await, [1]);
}

#[tokio::test]
async fn what_returns_an_error_leaves_nothing() {
    let database = database().await;
    let db = database.connect();
    let result = db.tenant(riverton(), |tx| {
        Box::pin(async move {
            insert(tx, "riverton", 1).await?;
            Err::<(), _>(Error::Fenced)
        })
    });
    assert!(matches!(result.await, Err(Error::Fenced)));
    assert_eq!(stored(&database).await, [0; 0]);
}

#[tokio::test]
async fn a_panic_reaches_the_caller_and_leaves_nothing() {
    let database = database().await;
    let mut settings = database.settings();
    settings.max_connections = 1;
    let db = pg::Db::connect(&settings, "test").unwrap();
    let unit = db.tenant(riverton(), |tx| {
        Box::pin(async move {
            insert(tx, "riverton", 1).await?;
            if tx.tenant().as_str() == "riverton" {
                panic!("on purpose");
            }
            Ok::<_, Error>(())
        })
    });
    let panic = std::panic::AssertUnwindSafe(unit).catch_unwind().await.unwrap_err();
    assert_eq!(panic.downcast_ref::<&str>(), Some(&"on purpose"));
    assert_eq!(seen(&db, riverton()).await, [0; 0]);
    assert_eq!(stored(&database).await, [0; 0]);
}

#[tokio::test]
async fn an_ignored_failure_is_not_taken_for_a_commit() {
    let database = database().await;
    let db = database.connect();
    let result = db.tenant(riverton(), |tx| {
        Box::pin(async move {
            insert(tx, "riverton", 1).await?;
            let again = sqlx::query("insert into nowhere values (1)").execute(&mut **tx).await;
            assert!(again.is_err());
            Ok::<_, Error>(())
        })
    });
    assert!(matches!(result.await, Err(Error::Ignored)));
    assert_eq!(seen(&db, riverton()).await, [0; 0]);
}

/// sqlx rolls everything back when a savepoint cannot be made; what follows is outside of any transaction.
#[tokio::test]
async fn a_transaction_that_ended_inside_is_not_taken_for_a_commit() {
    let database = database().await;
    let db = database.connect();
    let savepoint = db.tenant(riverton(), |tx| {
        Box::pin(async move {
            insert(tx, "riverton", 1).await?;
            assert!(sqlx::query("insert into nowhere values (1)").execute(&mut **tx).await.is_err());
            assert!(Connection::begin(&mut **tx).await.is_err());
            sqlx::query("select 1").execute(&mut **tx).await?;
            Ok::<_, Error>(())
        })
    });
    assert!(matches!(savepoint.await, Err(Error::Ignored)));
    for statement in ["rollback", "rollback; begin"] {
        let ended = db.tenant(riverton(), move |tx| {
            Box::pin(async move {
                insert(tx, "riverton", 1).await?;
                sqlx::raw_sql(statement).execute(&mut **tx).await?;
                Ok::<_, Error>(())
            })
        });
        assert!(matches!(ended.await, Err(Error::Ignored)), "{statement}");
    }
    assert_eq!(seen(&db, riverton()).await, [0; 0]);
}

#[tokio::test]
async fn a_constraint_checked_at_commit_is_a_failed_statement() {
    let database = database().await;
    let db = database.connect();
    let result = db.tenant(riverton(), |tx| {
        Box::pin(async move {
            sqlx::raw_sql("set constraints all deferred").execute(&mut **tx).await?;
            insert(tx, "riverton", 1).await?;
            insert(tx, "riverton", 1).await
        })
    });
    let error = result.await.unwrap_err();
    assert_eq!(error.constraint(), Some("note_pkey"), "{error:?}");
    assert!(!error.is_transient());
    assert_eq!(seen(&db, riverton()).await, [0; 0]);
}

#[tokio::test]
async fn begin_inside_a_unit_is_a_savepoint_also_on_a_reused_connection() {
    let database = database().await;
    let mut settings = database.settings();
    settings.max_connections = 1;
    let db = pg::Db::connect(&settings, "test").unwrap();
    for round in [10, 20, 30] {
        let unit = db.tenant(riverton(), move |tx| {
            Box::pin(async move {
                insert(tx, "riverton", round).await?;
                let mut inner = Connection::begin(&mut **tx).await?;
                insert(&mut inner, "riverton", round + 1).await?;
                inner.rollback().await?;
                let mut inner = Connection::begin(&mut **tx).await?;
                insert(&mut inner, "riverton", round + 2).await?;
                inner.commit().await?;
                let dropped = Connection::begin(&mut **tx).await?;
                drop(dropped);
                if round == 20 { Err(Error::Fenced) } else { Ok(()) }
            })
        });
        let result = unit.await;
        assert_eq!(result.is_ok(), round != 20, "{result:?}");
    }
    assert_eq!(stored(&database).await, [10, 12, 30, 32]);
}

#[tokio::test]
async fn a_tenant_neither_sees_nor_writes_anothers_rows() {
    let database = database().await;
    let db = database.connect();
    for (name, id) in [("riverton", 1), ("lakeside", 2)] {
        let unit = db.tenant(tenant(name), move |tx| Box::pin(async move { insert(tx, name, id).await }));
        unit.await.unwrap();
    }
    assert_eq!(seen(&db, riverton()).await, [1]);
    assert_eq!(seen(&db, tenant("lakeside")).await, [2]);
    assert_eq!(seen(&db, tenant("nobody")).await, [0; 0]);

    let forged = db.tenant(riverton(), |tx| Box::pin(async move { insert(tx, "lakeside", 3).await }));
    assert!(matches!(forged.await, Err(Error::Statement(_))));
    let stolen = db.tenant(riverton(), |tx| {
        Box::pin(async move {
            let update = sqlx::query("update note set id = id + 100").execute(&mut **tx).await?;
            Ok::<_, Error>(update.rows_affected())
        })
    });
    assert_eq!(stolen.await.unwrap(), 1);
    assert_eq!(stored(&database).await, [2, 101]);
}

#[tokio::test]
async fn the_system_role_passes_only_its_policies() {
    let database = database().await;
    let db = database.connect();
    db.tenant(riverton(), |tx| Box::pin(async move { insert(tx, "riverton", 1).await })).await.unwrap();
    let seen = db.system(|tx| Box::pin(async move { ids(tx).await })).await.unwrap();
    assert_eq!(seen, [1]);
    let written = db.system(|tx| Box::pin(async move { insert(tx, "riverton", 2).await })).await;
    assert!(matches!(written, Err(Error::Statement(_))));
}

#[tokio::test]
async fn a_tenant_does_not_stay_on_the_connection() {
    let database = database().await;
    let mut settings = database.settings();
    settings.max_connections = 1;
    let db = pg::Db::connect(&settings, "test").unwrap();
    db.tenant(riverton(), |tx| Box::pin(async move { insert(tx, "riverton", 1).await })).await.unwrap();
    // `ping` opens a transaction of the app role without a tenant; the same session serves it.
    db.ping().await.unwrap();
    let left = db.tenant(tenant("lakeside"), |tx| {
        Box::pin(async move {
            sqlx::raw_sql("select set_config('app.tenant', '', true)").execute(&mut **tx).await?;
            ids(tx).await
        })
    });
    assert_eq!(left.await.unwrap(), [0; 0]);
}

#[tokio::test]
async fn hints_fire_after_the_commit_and_only_then() {
    let database = database().await;
    let db = database.connect();
    let hint = Arc::new(Notify::new());
    let ours = hint.clone();
    let failed = db.tenant(riverton(), move |tx| {
        Box::pin(async move {
            tx.on_commit(ours);
            tx.wake_on_commit("named");
            Err::<(), _>(Error::Fenced)
        })
    });
    assert!(failed.await.is_err());
    assert!(hint.notified().now_or_never().is_none());
    assert!(db.waker("named").notified().now_or_never().is_none());

    let ours = hint.clone();
    let unit = db.tenant(riverton(), move |tx| {
        Box::pin(async move {
            tx.on_commit(ours.clone());
            tx.on_commit(ours);
            tx.wake_on_commit("named");
            Ok::<_, Error>(())
        })
    });
    unit.await.unwrap();
    assert!(hint.notified().now_or_never().is_some());
    assert!(hint.notified().now_or_never().is_none(), "one wake-up per commit");
    assert!(db.waker("named").notified().now_or_never().is_some());
    assert!(db.waker("other").notified().now_or_never().is_none());
}

#[tokio::test]
async fn notes_live_as_long_as_the_transaction() {
    #[derive(Default)]
    struct Count(u32);
    let database = database().await;
    let db = database.connect();
    for _ in 0..2 {
        let unit = db.tenant(riverton(), |tx| {
            Box::pin(async move {
                tx.note::<Count>().0 += 1;
                tx.note::<Count>().0 += 1;
                Ok::<_, Error>((tx.note::<Count>().0, *tx.note::<u64>()))
            })
        });
        assert_eq!(unit.await.unwrap(), (2, 0));
    }
}
