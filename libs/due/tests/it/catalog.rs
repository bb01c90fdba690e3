use crate::harness::setup;

#[tokio::test]
async fn the_table_is_closed_to_other_tenants() {
    let setup = setup().await;
    let mut admin = setup.database.admin().await;
    assert_eq!(pg::catalog::violations(&mut admin).await.unwrap(), [""; 0]);
    assert_eq!(pg::catalog::system_policies(&mut admin).await.unwrap(), ["due: system for all using (true)"]);
}
