use std::time::Duration;

use testkit::eventually;
use tokio_util::sync::CancellationToken;

use crate::harness::{NOON, SOON, once, ran, setup};

#[tokio::test]
async fn a_running_runner_is_woken_by_a_schedule_and_stops_when_told() {
    let setup = setup().await;
    let shutdown = CancellationToken::new();
    let runner = tokio::spawn(setup.runner().on("expiry", once).run(shutdown.clone()));
    for number in 1..=3 {
        setup.schedule("riverton", "expiry", number, NOON).await;
        let expected: Vec<_> = (1..=number).map(|number| ran("riverton", number)).collect();
        let effects = eventually(SOON, || async {
            let effects = setup.effects().await;
            if effects == expected { Ok(()) } else { Err(effects) }
        });
        effects.await.unwrap();
    }
    shutdown.cancel();
    tokio::time::timeout(SOON, runner).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_running_runner_finds_by_itself_what_others_scheduled() {
    let setup = setup().await;
    let shutdown = CancellationToken::new();
    let runner = tokio::spawn(setup.runner().on("expiry", once).run(shutdown.clone()));
    // Another process: its commits wake nobody here.
    let other = setup.database.connect();
    let unit = other.tenant(crate::harness::tenant("riverton"), |tx| {
        Box::pin(async move { due::schedule(tx, "expiry", crate::harness::subject(1), NOON).await })
    });
    unit.await.unwrap();
    let effects = eventually(SOON, || async {
        let effects = setup.effects().await;
        if effects == [ran("riverton", 1)] { Ok(()) } else { Err(effects) }
    });
    effects.await.unwrap();
    shutdown.cancel();
    tokio::time::timeout(SOON, runner).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_running_runner_survives_the_loss_of_its_connections() {
    let setup = setup().await;
    let shutdown = CancellationToken::new();
    let runner = tokio::spawn(setup.runner().on("expiry", once).run(shutdown.clone()));
    for number in 1..=3 {
        sqlx::query("select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'test' and datname = current_database()")
            .execute(&mut setup.database.admin().await)
            .await
            .unwrap();
        setup.schedule("riverton", "expiry", number, NOON).await;
    }
    let effects = eventually(SOON + Duration::from_secs(10), || async {
        // A handler whose session was ended has failed, and waits for its next try.
        setup.clock.advance(Duration::from_millis(200));
        let mut effects = setup.effects().await;
        effects.sort();
        if effects == [ran("riverton", 1), ran("riverton", 2), ran("riverton", 3)] {
            Ok(())
        } else {
            Err(effects)
        }
    });
    effects.await.unwrap();
    shutdown.cancel();
    tokio::time::timeout(SOON, runner).await.unwrap().unwrap();
}
