use crate::harness::World;

#[tokio::test]
async fn the_tables_are_closed_to_other_tenants() {
    let world = World::new().await;
    let mut admin = world.database.admin().await;
    assert_eq!(pg::catalog::violations(&mut admin).await.unwrap(), [""; 0]);
    let policies = pg::catalog::system_policies(&mut admin).await.unwrap();
    assert_eq!(policies, ["subject_keys: system for all using (true)"]);
}
