use crate::harness::setup;

#[tokio::test]
async fn the_table_is_closed_to_other_tenants_and_its_answers_to_the_sweep() {
    let setup = setup().await;
    let mut admin = setup.database.admin().await;
    assert_eq!(pg::catalog::violations(&mut admin).await.unwrap(), [""; 0]);
    assert_eq!(
        pg::catalog::system_policies(&mut admin).await.unwrap(),
        ["idempotency: system for all using (true)"]
    );
    let answers = setup.db.system(|tx| {
        Box::pin(async move {
            sqlx::query("select answer from idempotency").fetch_all(&mut **tx).await?;
            Ok::<_, pg::Error>(())
        })
    });
    assert!(matches!(answers.await, Err(pg::Error::Statement(_))));
}
