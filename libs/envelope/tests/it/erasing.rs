use std::sync::Arc;
use std::time::Duration;

use clock::Clock;
use envelope::Error;
use futures::future::join_all;
use testkit::eventually;
use tokio::sync::Notify;

use crate::harness::{COLUMN, World, subject};

#[tokio::test]
async fn an_erased_subject_is_unreadable_at_once_on_every_replica_and_gets_no_key() {
    let world = World::new().await;
    let (one, other) = (world.replica(&["a"]).await, world.replica(&["a"]).await);
    let ada = world.seal(&one, "ada", "ada@example.org").await.unwrap();
    let ben = world.seal(&one, "ben", "ben@example.org").await.unwrap();
    for replica in [&one, &other] {
        assert!(world.open(replica, "ada", &ada).await.unwrap().is_some(), "both have it in their caches");
    }
    // Fetched before she is erased, used after.
    let keys = one.keys(&world.db, &world.tenant, &[subject("ada")]).await.unwrap();
    let opened = keys.fetched().open_text(&subject("ada"), COLUMN, &ada).unwrap();
    assert_eq!(opened.as_deref(), Some("ada@example.org"));
    assert!(world.erase("ada").await);
    assert!(!world.erase("ada").await, "once");
    for replica in [&one, &other] {
        assert_eq!(world.open(replica, "ada", &ada).await.unwrap(), None);
        assert!(matches!(world.seal(replica, "ada", "again").await, Err(Error::Erased)));
        assert_eq!(world.open(replica, "ben", &ben).await.unwrap().as_deref(), Some("ben@example.org"));
    }
    let late = world.db.tenant(&world.tenant, move |tx| {
        Box::pin(async move {
            let opened = keys.read(tx).await?.open_text(&subject("ada"), COLUMN, &ada)?;
            let refused = matches!(keys.lock(tx).await, Err(Error::Erased));
            Ok::<_, Error>((opened, refused))
        })
    });
    assert_eq!(late.await.unwrap(), (None, true));
    assert_eq!(world.count("select count(*) from subject_keys where subject = 'ada'").await, 0);
    let erased_at = world
        .db
        .tenant(&world.tenant, |tx| Box::pin(async move { envelope::erased_at(tx, &subject("ada")).await }));
    assert!(erased_at.await.unwrap().is_some());
}

#[tokio::test]
async fn another_tenants_subject_of_the_same_name_stays() {
    let mut world = World::new().await;
    let replica = world.replica(&["a"]).await;
    let sealed = world.seal(&replica, "ada", "ada@example.org").await.unwrap();
    world.tenant = "lakeside".parse().unwrap();
    assert!(matches!(world.open(&replica, "ada", &sealed).await, Ok(None)));
    assert!(world.erase("ada").await);
    world.tenant = "riverton".parse().unwrap();
    assert!(world.open(&replica, "ada", &sealed).await.unwrap().is_some());
}

#[tokio::test]
async fn an_erasure_that_is_rolled_back_erases_nothing() {
    let world = World::new().await;
    let replica = world.replica(&["a"]).await;
    let sealed = world.seal(&replica, "ada", "ada@example.org").await.unwrap();
    let rolled_back = world.db.tenant(&world.tenant, |tx| {
        Box::pin(async move {
            envelope::erase(tx, &Clock::system(), &subject("ada")).await?;
            Err::<(), _>(Error::Cipher)
        })
    });
    rolled_back.await.unwrap_err();
    assert!(world.open(&replica, "ada", &sealed).await.unwrap().is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_seals_while_a_subject_is_erased_leaves_nothing_to_read() {
    let world = World::new().await;
    let replica = world.replica(&["a"]).await;
    for round in 0..20 {
        let name = format!("subject-{round}");
        let seals = join_all((0..8).map(|_| world.seal(&replica, &name, "x")));
        let (sealed, _) = tokio::join!(seals, world.erase(&name));
        for sealed in sealed {
            match sealed {
                Ok(sealed) => assert_eq!(world.open(&replica, &name, &sealed).await.unwrap(), None),
                Err(error) => assert!(matches!(error, Error::Erased), "{error}"),
            }
        }
    }
    assert_eq!(world.count("select count(*) from subject_keys").await, 0);
    assert_eq!(world.count("select count(*) from erased_subjects").await, 20);
}

#[tokio::test]
async fn a_buried_subject_seals_nothing_and_is_readable_until_its_keys_are_destroyed() {
    let world = World::new().await;
    let (one, other) = (world.replica(&["a"]).await, world.replica(&["a"]).await);
    let ada = world.seal(&one, "ada", "ada@example.org").await.unwrap();
    // Fetched before she is buried, used after.
    let fetched = one.keys_to_seal(&world.db, &world.tenant, &[subject("ada")]).await.unwrap();
    assert!(world.bury("ada").await);
    assert!(!world.bury("ada").await, "once");
    for replica in [&one, &other] {
        assert_eq!(world.open(replica, "ada", &ada).await.unwrap().as_deref(), Some("ada@example.org"));
        assert!(matches!(world.seal(replica, "ada", "again").await, Err(Error::Erased)));
    }
    let late =
        world.db.tenant(&world.tenant, move |tx| Box::pin(async move { fetched.lock(tx).await.map(|_| ()) }));
    assert!(matches!(late.await, Err(Error::Erased)));
    let found = world.db.tenant(&world.tenant, |tx| {
        Box::pin(async move { envelope::Wrapped::find(tx, vec![subject("ada")]).await })
    });
    let keys = one.unwrap(found.await.unwrap()).await.unwrap();
    let opened = keys.fetched().open_text(&subject("ada"), COLUMN, &ada).unwrap();
    assert_eq!(opened.as_deref(), Some("ada@example.org"), "found in a transaction of the caller's");

    let destroy = world
        .db
        .tenant(&world.tenant, |tx| Box::pin(async move { envelope::destroy(tx, &subject("ada")).await }));
    destroy.await.unwrap();
    assert_eq!(world.open(&one, "ada", &ada).await.unwrap(), None);
    assert!(matches!(world.seal(&one, "ada", "again").await, Err(Error::Erased)));
    assert!(!world.erase("ada").await, "a buried subject is not erased for the first time");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_burial_waits_for_whoever_keeps_something_of_the_subject_and_nobody_does_after_it() {
    let world = World::new().await;
    let (kept, go_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (keeps, waits) = (kept.clone(), go_on.clone());
    let keeping = world.db.tenant(&world.tenant, move |tx| {
        Box::pin(async move {
            envelope::stay(tx, &subject("ada")).await?;
            keeps.notify_one();
            waits.notified().await;
            Ok::<_, Error>(())
        })
    });
    let meanwhile = async {
        kept.notified().await;
        let other = world
            .db
            .tenant(&world.tenant, |tx| Box::pin(async move { envelope::stay(tx, &subject("ada")).await }));
        other.await.expect("together");
        let (buried, ()) = tokio::join!(world.bury("ada"), async {
            eventually(Duration::from_secs(20), || async {
                let waiting = "select count(*) from pg_locks where locktype = 'advisory' and not granted
                    and database = (select oid from pg_database where datname = current_database())";
                if world.count(waiting).await == 1 { Ok(()) } else { Err("it does not wait") }
            })
            .await
            .unwrap();
            go_on.notify_one();
        });
        assert!(buried);
    };
    let (keeping, ()) = tokio::join!(keeping, meanwhile);
    keeping.unwrap();
    let late = world
        .db
        .tenant(&world.tenant, |tx| Box::pin(async move { envelope::stay(tx, &subject("ada")).await }));
    assert!(matches!(late.await, Err(Error::Erased)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_burial_waits_for_whoever_seals_and_nobody_seals_after_it() {
    let world = World::new().await;
    let replica = world.replica(&["a"]).await;
    for round in 0..20 {
        let name = format!("subject-{round}");
        world.seal(&replica, &name, "x").await.unwrap();
        let seals = join_all((0..8).map(|_| world.seal(&replica, &name, "x")));
        let (sealed, _) = tokio::join!(seals, world.bury(&name));
        for sealed in sealed {
            match sealed {
                Ok(sealed) => {
                    assert_eq!(world.open(&replica, &name, &sealed).await.unwrap().as_deref(), Some("x"));
                }
                Err(error) => assert!(matches!(error, Error::Erased), "{error}"),
            }
        }
        assert!(matches!(world.seal(&replica, &name, "y").await, Err(Error::Erased)));
    }
}
