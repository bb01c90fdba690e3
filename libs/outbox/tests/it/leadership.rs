use sqlx::Connection as _;
use testkit::eventually;

use crate::harness::{LONG, World};

/// Who holds the relay's lock: process ids of the server.
async fn holders(world: &World) -> Vec<i32> {
    sqlx::query_scalar(
        "select l.pid from pg_locks l join pg_database d on d.oid = l.database
          where l.locktype = 'advisory' and l.granted and d.datname = current_database() and l.objsubid = 2",
    )
    .fetch_all(&mut world.admin().await)
    .await
    .unwrap()
}

async fn holder(world: &World) -> i32 {
    let one = || async {
        match holders(world).await.as_slice() {
            [pid] => Ok(*pid),
            pids => Err(pids.len()),
        }
    };
    eventually(LONG, one).await.expect("one leader")
}

#[tokio::test]
async fn one_of_several_relays_leads_and_another_follows_it() {
    let world = World::new().await;
    let relays = [world.relay(), world.relay(), world.relay()];
    let mut former = Vec::new();
    for number in 0..3 {
        let other = || async {
            let pid = holder(&world).await;
            if former.contains(&pid) { Err(pid) } else { Ok(pid) }
        };
        let pid = eventually(LONG, other).await.expect("another leader");
        world.append("a", number).await;
        world.drained().await;
        assert_eq!(holders(&world).await, [pid], "no change without need");
        sqlx::query("select pg_terminate_backend($1)")
            .bind(pid)
            .execute(&mut world.admin().await)
            .await
            .unwrap();
        former.push(pid);
    }
    world.append("a", 3).await;
    world.drained().await;
    for relay in relays {
        relay.stop().await;
    }
    assert_eq!(holders(&world).await, Vec::<i32>::new(), "the lock goes with the relay");
    let numbers = crate::harness::by_key(&world.published().await).remove("a");
    assert_eq!(numbers, Some(vec![0, 1, 2, 3]));
}

#[tokio::test]
async fn a_silent_holder_is_put_out() {
    let world = World::new().await;
    // A session of the same role that holds the lock and never says a word again, like a process that is stopped.
    let mut silent = world.db.direct().await.unwrap();
    let locked: bool = sqlx::query_scalar("select pg_try_advisory_lock($1, $2)")
        .bind(0x6768_6c64_i32)
        .bind(1_i32)
        .fetch_one(&mut silent)
        .await
        .unwrap();
    assert!(locked);
    let relay = world.relay();
    world.append("a", 1).await;
    world.drained().await;
    silent.ping().await.expect_err("its session was ended");
    relay.stop().await;
}

#[tokio::test]
async fn a_relay_waits_for_its_database() {
    let world = World::new().await;
    let relay = world.relay();
    world.append("a", 1).await;
    world.drained().await;
    let mut admin = sqlx::PgConnection::connect(&testkit::env().pg_admin_url()).await.unwrap();
    let name = &world.database.name;
    let run = async |statement: String, admin: &mut sqlx::PgConnection| {
        sqlx::raw_sql(sqlx::AssertSqlSafe(statement)).execute(admin).await.unwrap();
    };
    run(format!("alter database {name} allow_connections false"), &mut admin).await;
    // Ended sessions take a moment to go.
    let gone = eventually(LONG, || async {
        let mut admin = sqlx::PgConnection::connect(&testkit::env().pg_admin_url()).await.unwrap();
        let end =
            format!("select count(pg_terminate_backend(pid)) from pg_stat_activity where datname = '{name}'");
        let left: i64 = sqlx::query_scalar(sqlx::AssertSqlSafe(end)).fetch_one(&mut admin).await.unwrap();
        if left == 0 { Ok(()) } else { Err(left) }
    });
    gone.await.unwrap();
    run(format!("alter database {name} allow_connections true"), &mut admin).await;
    world.append("a", 2).await;
    world.drained().await;
    relay.stop().await;
}
