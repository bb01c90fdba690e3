use std::time::{Duration, Instant};

use pg::{Db, Error};
use sqlx::Row;

use crate::harness::{database, insert, riverton, seen, stored};

/// Ends every session of this name; says how many.
async fn kill(database: &testkit::TestDb, name: &str) -> i64 {
    sqlx::query_scalar(
        "select count(pg_terminate_backend(pid, 5000)) from pg_stat_activity where application_name = $1",
    )
    .bind(name)
    .fetch_one(&mut database.admin().await)
    .await
    .unwrap()
}

#[tokio::test]
async fn sessions_ended_while_idle_are_not_noticed() {
    let database = database().await;
    let db = Db::connect(&database.settings(), "idle").unwrap();
    for round in 0..3 {
        let units = (0..8).map(|_| seen(&db, riverton()));
        futures::future::join_all(units).await;
        let killed = kill(&database, "idle").await;
        assert!(killed > 1, "round {round}: {killed} idle sessions");
        assert_eq!(seen(&db, riverton()).await, [0; 0]);
    }
}

#[tokio::test]
async fn a_session_ended_in_the_middle_stores_nothing_and_is_replaced() {
    let database = database().await;
    let mut settings = database.settings();
    settings.max_connections = 1;
    let db = Db::connect(&settings, "middle").unwrap();
    let mut admin = database.admin().await;
    let unit = db.tenant(riverton(), move |tx| {
        Box::pin(async move {
            insert(tx, "riverton", 1).await?;
            let pid: i32 = sqlx::query_scalar("select pg_backend_pid()").fetch_one(&mut **tx).await?;
            let kill = sqlx::query("select pg_terminate_backend($1, 5000)").bind(pid);
            kill.execute(&mut admin).await?;
            insert(tx, "riverton", 2).await
        })
    });
    let error = unit.await.unwrap_err();
    assert!(matches!(error, Error::Unreachable(_)), "{error:?}");
    assert!(error.is_transient());
    assert_eq!(seen(&db, riverton()).await, [0; 0]);
    assert_eq!(stored(&database).await, [0; 0]);
}

#[tokio::test]
async fn a_full_pool_is_busy_after_three_seconds_not_ten() {
    let database = database().await;
    let mut settings = database.settings();
    settings.max_connections = 1;
    let db = Db::connect(&settings, "busy").unwrap();
    let (hold, held) = (tokio::sync::oneshot::channel::<()>(), tokio::sync::oneshot::channel::<()>());
    let holder = tokio::spawn({
        let db = db.clone();
        async move {
            let unit = db.tenant(riverton(), move |_| {
                Box::pin(async move {
                    let _ = held.0.send(());
                    let _ = hold.1.await;
                    Ok::<_, Error>(())
                })
            });
            unit.await
        }
    });
    held.1.await.unwrap();
    let started = Instant::now();
    let error = db.tenant(riverton(), |_| Box::pin(async { Ok::<_, Error>(()) })).await.unwrap_err();
    assert!(matches!(error, Error::Busy(_)), "{error:?}");
    assert!((Duration::from_secs(2)..Duration::from_secs(6)).contains(&started.elapsed()));
    hold.0.send(()).unwrap();
    holder.await.unwrap().unwrap();
    seen(&db, riverton()).await;
}

#[tokio::test]
async fn a_unit_whose_caller_left_in_the_queue_does_not_begin() {
    let database = database().await;
    let mut settings = database.settings();
    settings.max_connections = 1;
    let db = Db::connect(&settings, "left").unwrap();
    let behind = db.clone();
    let queued = db.tenant(riverton(), |tx| {
        Box::pin(async move {
            // This unit holds the only connection; the one below queues behind it and is left.
            let behind =
                behind.tenant(riverton(), |tx| Box::pin(async move { insert(tx, "riverton", 7).await }));
            let _ = tokio::time::timeout(Duration::from_millis(20), behind).await;
            insert(tx, "riverton", 1).await
        })
    });
    queued.await.unwrap();
    assert_eq!(seen(&db, riverton()).await, [1]);
}

#[tokio::test]
async fn sessions_have_time_limits_and_a_name() {
    let database = database().await;
    let mut settings = database.settings();
    for pooler in [false, true] {
        settings.pooler = pooler;
        let db = Db::connect(&settings, "limits").unwrap();
        let unit = db.tenant(riverton(), |tx| {
            Box::pin(async move {
                let row = sqlx::query(
                    "select current_setting('statement_timeout'), current_setting('lock_timeout'),
                            current_setting('idle_in_transaction_session_timeout'), current_setting('application_name')",
                );
                let row = row.fetch_one(&mut **tx).await?;
                Ok::<_, Error>([0, 1, 2, 3].map(|column| row.get::<String, _>(column)))
            })
        });
        assert_eq!(unit.await.unwrap(), ["5s", "3s", "15s", "limits"], "pooler {pooler}");
    }
}

#[tokio::test]
async fn a_lock_that_is_not_given_in_time_can_be_tried_again() {
    let database = database().await;
    let db = database.connect();
    db.tenant(riverton(), |tx| Box::pin(async move { insert(tx, "riverton", 1).await })).await.unwrap();
    let mut admin = database.admin().await;
    sqlx::raw_sql("begin; select * from note for update").execute(&mut admin).await.unwrap();
    let unit = db.tenant(riverton(), |tx| {
        Box::pin(async move {
            sqlx::raw_sql("set local lock_timeout = '10ms'").execute(&mut **tx).await?;
            sqlx::query("update note set id = 2").execute(&mut **tx).await?;
            Ok::<_, Error>(())
        })
    });
    let error = unit.await.unwrap_err();
    assert!(matches!(error, Error::Undone(_)), "{error:?}");
    let wire = rpc_error::Error::from(error);
    assert_eq!(
        (wire.reason(), wire.http_status(), wire.retry_after_seconds()),
        ("UNAVAILABLE", 503, Some(1))
    );
    sqlx::raw_sql("rollback").execute(&mut admin).await.unwrap();
}

#[tokio::test]
async fn close_waits_for_units_under_way_and_refuses_new_ones() {
    let database = database().await;
    let db = database.connect();
    let (go, wait) = tokio::sync::oneshot::channel::<()>();
    let (begun, started) = tokio::sync::oneshot::channel::<()>();
    let unit = tokio::spawn({
        let db = db.clone();
        async move {
            let unit = db.tenant(riverton(), |tx| {
                Box::pin(async move {
                    let _ = begun.send(());
                    let _ = wait.await;
                    insert(tx, "riverton", 1).await
                })
            });
            unit.await
        }
    });
    started.await.unwrap();
    let closing = tokio::spawn({
        let db = db.clone();
        async move { db.close().await }
    });
    let refused = testkit::eventually(crate::harness::SOON, || async {
        match db.system(|_| Box::pin(async { Ok::<_, Error>(()) })).await {
            Err(Error::Closed) => Ok(()),
            other => Err(other),
        }
    });
    refused.await.unwrap();
    assert!(!closing.is_finished());
    go.send(()).unwrap();
    unit.await.unwrap().unwrap();
    closing.await.unwrap();
    assert_eq!(stored(&database).await, [1]);
}
