use audit::inspect::Finding;
use consumer::Failure;
use evidence::{Fault, Mismatch};
use sqlx::ConnectOptions as _;

use crate::harness::{tenant, world};

#[tokio::test]
async fn what_has_happened_is_chained_in_the_order_in_which_it_was_applied() {
    let world = world().await;
    let (riverton, lakeside) = (tenant("riverton"), tenant("lakeside"));
    let mut happened = world.happen(&riverton, 3).await;
    world.happen(&lakeside, 2).await;
    happened.extend(world.happen(&riverton, 4).await);
    let (head, rows) = world.trail.books.entries(&riverton, 0, 100).await.unwrap();
    assert_eq!(rows.iter().map(|row| row.seq).collect::<Vec<_>>(), (1..=7).collect::<Vec<_>>());
    assert_eq!(head.unwrap().hash.to_vec(), rows[6].hash);
    assert_eq!(rows.iter().map(|row| row.event_id).collect::<Vec<_>>(), happened);
    assert!(rows.windows(2).all(|pair| pair[0].hash == pair[1].prev));
    let report = world.verify(&riverton).await;
    assert_eq!((report.entries, report.sealed, report.checkpoints), (7, 0, 0));
    assert_eq!(report.findings, []);
    assert_eq!(world.trail.books.tenants().await.unwrap(), [lakeside, riverton]);
}

#[tokio::test]
async fn those_who_append_to_one_chain_at_once_wait_for_each_other() {
    let world = world().await;
    let riverton = tenant("riverton");
    let writers = (0..8).map(|_| async {
        for _ in 0..10 {
            let events: Vec<_> = (0..5).map(|_| world.event(&riverton, "d-1")).collect();
            // What has to wait for too long is tried again, as the consumer does.
            while let Err(waited) = world.append(&riverton, events.clone()).await {
                assert!(matches!(waited, Failure::Retry(_)), "{waited:?}");
            }
        }
    });
    futures::future::join_all(writers).await;
    let report = world.verify(&riverton).await;
    assert_eq!((report.entries, report.findings), (400, vec![]));
}

#[tokio::test]
async fn what_is_rolled_back_leaves_no_entry_and_no_gap() {
    let world = world().await;
    let riverton = tenant("riverton");
    world.happen(&riverton, 2).await;
    let event = world.event(&riverton, "d-1");
    // The second of the two is the first again.
    let refused = world.append(&riverton, vec![event.clone(), event.clone()]).await.unwrap_err();
    assert!(matches!(refused, Failure::Poison { .. }), "{refused:?}");
    world.append(&riverton, vec![event]).await.unwrap();
    let report = world.verify(&riverton).await;
    assert_eq!((report.entries, report.findings), (3, vec![]));
}

#[tokio::test]
async fn nothing_is_parked_where_a_chain_was_cut() {
    let world = world().await;
    let riverton = tenant("riverton");
    world.happen(&riverton, 5).await;
    world.tamper("update audit_heads set seq = 3").await;
    let waits = world.append(&riverton, vec![world.event(&riverton, "d-1")]).await.unwrap_err();
    assert!(matches!(waits, Failure::Retry(_)), "{waits:?}");
    assert_eq!(world.verify(&riverton).await.findings, [Finding::Head]);
}

#[tokio::test]
async fn the_app_role_changes_and_deletes_nothing_and_sees_its_tenants_rows_only() {
    let world = world().await;
    let riverton = tenant("riverton");
    world.happen(&riverton, 2).await;
    world.trail.seal().await.unwrap();
    use settings::ExposeSecret as _;
    let options: sqlx::postgres::PgConnectOptions = world.database.urls.app.expose_secret().parse().unwrap();
    let mut app = options.connect().await.unwrap();
    for table in ["audit_entries", "audit_heads", "audit_checkpoints"] {
        let count = sqlx::AssertSqlSafe(format!("select count(*) from {table}"));
        let seen: i64 = sqlx::query_scalar(count).fetch_one(&mut app).await.unwrap();
        assert_eq!(seen, 0, "{table} without a tenant");
    }
    sqlx::query("select set_config('app.tenant', 'riverton', false)").execute(&mut app).await.unwrap();
    for sql in [
        "update audit_entries set body = ''",
        "delete from audit_entries",
        "truncate audit_entries",
        "update audit_checkpoints set signature = ''",
        "delete from audit_checkpoints",
        "delete from audit_heads",
        "update audit_heads set tenant = 'lakeside'",
    ] {
        let refused = sqlx::query(sql).execute(&mut app).await.expect_err(sql);
        assert_eq!(refused.as_database_error().unwrap().code().unwrap(), "42501", "{sql}");
    }
    let mut connection = world.database.admin().await;
    assert_eq!(pg::catalog::violations(&mut connection).await.unwrap(), [""; 0]);
}

#[tokio::test]
async fn the_first_entry_that_does_not_match_is_named() {
    let world = world().await;
    let riverton = tenant("riverton");
    world.happen(&riverton, 9).await;
    world.trail.seal().await.unwrap();
    for (tamper, finding) in [
        ("update audit_entries set body = 'nothing' where seq = 4", Fault::Altered),
        ("delete from audit_entries where seq = 4", Fault::Missing),
        ("update audit_entries set prev = digest where seq = 4", Fault::Unlinked),
    ] {
        world.tamper("create table kept as table audit_entries").await;
        world.tamper(tamper).await;
        let findings = world.verify(&riverton).await.findings;
        assert_eq!(findings, [Finding::Entries(Mismatch { from: 4, to: 4, fault: finding })], "{tamper}");
        world
            .tamper("delete from audit_entries; insert into audit_entries table kept; drop table kept")
            .await;
    }
    assert_eq!(world.verify(&riverton).await.findings, []);
}
