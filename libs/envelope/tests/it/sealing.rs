use envelope::Error;
use futures::future::join_all;

use crate::harness::{COLUMN, World, subject};

#[tokio::test]
async fn what_one_replica_seals_another_opens_for_its_subject_alone() {
    let world = World::new().await;
    let (one, other) = (world.replica(&["a"]).await, world.replica(&["a"]).await);
    let sealed = world.seal(&one, "ada", "ada@example.org").await.unwrap();
    assert!(!String::from_utf8_lossy(&sealed).contains("example"));
    assert_eq!(world.open(&other, "ada", &sealed).await.unwrap().as_deref(), Some("ada@example.org"));
    world.seal(&one, "ben", "ben@example.org").await.unwrap();
    assert!(matches!(world.open(&other, "ben", &sealed).await, Err(Error::Altered)));
    assert_eq!(world.open(&other, "cleo", &sealed).await.unwrap(), None, "she has no key");
    let stored = world.count("select count(*) from subject_keys where kek = 'a' and generation = 1").await;
    assert_eq!(stored, 2, "a key per subject");
}

#[tokio::test]
async fn sixteen_first_uses_at_once_make_one_key() {
    let world = World::new().await;
    let replicas = join_all((0..16).map(|_| world.replica(&["a"]))).await;
    let sealed = join_all(replicas.iter().map(|replica| world.seal(replica, "ada", "x"))).await;
    assert_eq!(world.count("select count(*) from subject_keys").await, 1);
    for sealed in sealed {
        let opened = world.open(&replicas[0], "ada", &sealed.unwrap()).await.unwrap();
        assert_eq!(opened.as_deref(), Some("x"));
    }
}

#[tokio::test]
async fn keys_serve_the_subjects_and_the_tenant_that_they_were_fetched_for() {
    let world = World::new().await;
    let replica = world.replica(&["a"]).await;
    let keys = replica.keys_to_seal(&world.db, &world.tenant, &[subject("ada")]).await.unwrap();
    let (elsewhere, of_ada) = ("lakeside".parse().unwrap(), keys.clone());
    let refused =
        world.db.tenant(&elsewhere, move |tx| Box::pin(async move { of_ada.lock(tx).await.map(drop) }));
    assert!(matches!(refused.await, Err(Error::NotFetched)));
    let refused = world.db.tenant(&world.tenant, move |tx| {
        Box::pin(async move { keys.lock(tx).await?.seal(&subject("ben"), COLUMN, b"x") })
    });
    assert!(matches!(refused.await, Err(Error::NotFetched)));
}
