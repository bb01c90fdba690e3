use due::{Next, Tick};
use pg::Error;
use time::Duration;

use crate::harness::{NOON, effect, once, ran, setup, subject, tenant};

#[tokio::test]
async fn a_row_runs_at_its_time_and_not_before() {
    let setup = setup().await;
    let runner = setup.runner().on("expiry", once);
    setup.schedule("riverton", "expiry", 1, NOON + Duration::hours(24)).await;
    assert_eq!(runner.tick().await.unwrap(), Tick::default());
    setup.clock.set(NOON + Duration::hours(24) - Duration::microseconds(1));
    assert_eq!(runner.tick().await.unwrap().taken, 0);
    setup.clock.set(NOON + Duration::hours(24));
    assert_eq!(runner.tick().await.unwrap(), Tick { taken: 1, ran: 1, ..Tick::default() });
    assert_eq!(setup.effects().await, [ran("riverton", 1)]);
    assert_eq!(setup.rows().await, []);
    assert_eq!(runner.tick().await.unwrap(), Tick::default());
}

#[tokio::test]
async fn scheduling_again_moves_the_row_and_cancelling_removes_it() {
    let setup = setup().await;
    let runner = setup.runner().on("expiry", once);
    for at in [NOON, NOON + Duration::hours(2), NOON + Duration::hours(1)] {
        setup.schedule("riverton", "expiry", 1, at).await;
    }
    setup.schedule("riverton", "expiry", 2, NOON).await;
    assert_eq!(setup.rows().await, [(1, NOON + Duration::hours(1), 0), (2, NOON, 0)]);
    setup.cancel("riverton", "expiry", 2).await;
    setup.cancel("riverton", "expiry", 3).await;
    assert_eq!(runner.tick().await.unwrap().taken, 0);
    setup.clock.advance(std::time::Duration::from_secs(3_600));
    assert_eq!(runner.tick().await.unwrap().ran, 1);
    assert_eq!(setup.effects().await, [ran("riverton", 1)]);
}

#[tokio::test]
async fn a_schedule_that_is_rolled_back_never_was() {
    let setup = setup().await;
    let unit = setup.db.tenant(tenant("riverton"), |tx| {
        Box::pin(async move {
            due::schedule(tx, "expiry", subject(1), NOON).await?;
            Err::<(), _>(Error::Fenced)
        })
    });
    unit.await.unwrap_err();
    assert_eq!(setup.rows().await, []);
}

#[tokio::test]
async fn a_handler_may_want_to_run_again() {
    let setup = setup().await;
    let clock = setup.clock.clone();
    let runner = setup.runner().on("remind", move |tx, row| {
        let again = clock.now() + Duration::minutes(5);
        Box::pin(async move {
            effect(tx, row.subject, "ran").await?;
            Ok::<_, Error>(Next::At(again))
        })
    });
    setup.schedule("riverton", "remind", 1, NOON).await;
    for round in 1..4 {
        assert_eq!(runner.tick().await.unwrap().ran, 1, "round {round}");
        assert_eq!(runner.tick().await.unwrap().taken, 0);
        assert_eq!(setup.rows().await, [(1, NOON + Duration::minutes(5) * round, 0)]);
        setup.clock.advance(std::time::Duration::from_secs(300));
    }
}

#[tokio::test]
async fn the_earliest_rows_of_each_kind_come_first_and_fifty_at_once() {
    let setup = setup().await;
    let runner = setup.runner().on("many", once).on("few", once);
    for number in 0..60 {
        let at = NOON - Duration::minutes(i64::try_from(number).unwrap());
        setup.schedule("riverton", "many", number, at).await;
    }
    setup.schedule("riverton", "few", 100, NOON).await;
    setup.schedule("riverton", "unknown", 200, NOON - Duration::days(1)).await;
    let tick = runner.tick().await.unwrap();
    assert_eq!(tick, Tick { taken: 51, ran: 51, more: true, ..Tick::default() });
    let mut left: Vec<_> = setup.rows().await.into_iter().map(|(number, ..)| number).collect();
    left.sort_unstable();
    assert_eq!(left, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 200], "the latest ten, and the kind nobody knows");
    let tick = runner.tick().await.unwrap();
    assert_eq!(tick, Tick { taken: 10, ran: 10, ..Tick::default() });
}

#[tokio::test]
async fn each_tenants_rows_run_in_that_tenant() {
    let setup = setup().await;
    let runner = setup.runner().on("expiry", |tx, row| {
        Box::pin(async move {
            let seen: i64 = sqlx::query_scalar("select count(*) from due")
                .fetch_one(&mut **tx)
                .await
                .map_err(Error::from)?;
            effect(tx, row.subject, &seen.to_string()).await?;
            Ok::<_, Error>(Next::Done)
        })
    });
    setup.schedule("riverton", "expiry", 1, NOON).await;
    setup.schedule("lakeside", "expiry", 1, NOON).await;
    setup.schedule("lakeside", "later", 2, NOON).await;
    assert_eq!(runner.tick().await.unwrap().ran, 2);
    let mut effects = setup.effects().await;
    effects.sort();
    assert_eq!(
        effects,
        [("lakeside".to_owned(), 1, "2".to_owned()), ("riverton".to_owned(), 1, "1".to_owned())]
    );
}
