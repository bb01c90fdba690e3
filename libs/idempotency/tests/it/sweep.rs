use idempotency::{KEEP, sweep, sweep_until};
use testkit::eventually;
use tokio_util::sync::CancellationToken;

use crate::harness::{NOON, SOON, replayed, scope, setup};

#[tokio::test]
async fn only_expired_answers_are_swept_whoevers_they_are() {
    let setup = setup().await;
    setup.call("old", "one").await.unwrap();
    let mut other = scope("old");
    other.tenant = "lakeside".parse().unwrap();
    setup.call_in(&other, "one").await.unwrap();
    setup.clock.set(NOON + time::Duration::hours(1));
    setup.call("new", "two").await.unwrap();
    assert_eq!(sweep(&setup.db, &setup.clock).await.unwrap(), 0);
    setup.clock.set(NOON + KEEP);
    assert_eq!(sweep(&setup.db, &setup.clock).await.unwrap(), 2);
    assert_eq!(sweep(&setup.db, &setup.clock).await.unwrap(), 0);
    assert_eq!(setup.call("new", "two").await.unwrap(), replayed("two"));
    assert_eq!(setup.effects().await.len(), 3, "effects stay");
}

#[tokio::test]
async fn a_sweep_is_bounded_and_the_sweeper_goes_on_until_nothing_is_left() {
    let setup = setup().await;
    sqlx::query(
        "insert into idempotency (tenant, scope, fingerprint, answer, expires_at)
         select 'riverton', sha256(n::text::bytea), sha256(''), '', $1 from generate_series(1, 2500) n",
    )
    .bind(NOON)
    .execute(&mut setup.database.admin().await)
    .await
    .unwrap();
    assert_eq!(sweep(&setup.db, &setup.clock).await.unwrap(), 1_000);
    let shutdown = CancellationToken::new();
    let sweeper = tokio::spawn(sweep_until(setup.db.clone(), setup.clock.clone(), shutdown.clone()));
    let empty = eventually(SOON, || async {
        match setup.stored().await {
            0 => Ok(()),
            left => Err(left),
        }
    });
    empty.await.unwrap();
    shutdown.cancel();
    tokio::time::timeout(SOON, sweeper).await.unwrap().unwrap();
}
