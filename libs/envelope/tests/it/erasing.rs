use clock::Clock;
use envelope::Error;
use futures::future::join_all;

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
