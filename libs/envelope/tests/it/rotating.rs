use envelope::{Error, Rewrapped};

use crate::harness::World;

#[tokio::test]
async fn a_new_key_wraps_what_is_stored_and_the_old_one_can_go() {
    let world = World::new().await;
    let before = world.replica(&["a"]).await;
    let ada = world.seal(&before, "ada", "ada@example.org").await.unwrap();
    for number in 0..120 {
        world.seal(&before, &format!("subject-{number}"), "x").await.unwrap();
    }
    let between = world.replica(&["a", "b"]).await;
    assert_eq!(world.open(&between, "ada", &ada).await.unwrap().as_deref(), Some("ada@example.org"));
    let ben = world.seal(&between, "ben", "ben@example.org").await.unwrap();
    assert_eq!(between.rewrap(&world.db).await.unwrap(), Rewrapped { done: 121, refused: 0 });
    assert_eq!(between.rewrap(&world.db).await.unwrap(), Rewrapped::default());
    assert_eq!(world.count("select count(*) from subject_keys where kek = 'b'").await, 122);
    let after = world.replica(&["b"]).await;
    assert_eq!(world.open(&after, "ada", &ada).await.unwrap().as_deref(), Some("ada@example.org"));
    assert_eq!(world.open(&after, "ben", &ben).await.unwrap().as_deref(), Some("ben@example.org"));
}

#[tokio::test]
async fn a_key_that_is_refused_does_not_stop_the_others() {
    let world = World::new().await;
    let lost = world.replica(&["x"]).await;
    let ada = world.seal(&lost, "ada", "ada@example.org").await.unwrap();
    let known = world.replica(&["a"]).await;
    world.seal(&known, "ben", "ben@example.org").await.unwrap();
    let now = world.replica(&["a", "b"]).await;
    assert_eq!(now.rewrap(&world.db).await.unwrap(), Rewrapped { done: 1, refused: 1 });
    assert!(matches!(world.open(&now, "ada", &ada).await, Err(Error::Kms(_))));
}
