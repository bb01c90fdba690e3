//! What a look costs must not grow with what is stored for later.

use serde_json::Value;
use time::Duration;

use crate::harness::{NOON, Setup, setup};

/// The statement that takes rows, as the library sends it.
fn take() -> String {
    let folder = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.sqlx")).unwrap();
    let described =
        folder.map(|file| serde_json::from_slice::<Value>(&std::fs::read(file.unwrap().path()).unwrap()));
    let queries = described.map(|query| query.unwrap()["query"].as_str().unwrap().to_owned());
    let mut takes = queries.filter(|query| query.contains("for update skip locked"));
    takes.next().unwrap()
}

impl Setup {
    async fn store(&self, rows: i64, at: time::OffsetDateTime) {
        let insert = "insert into due (tenant, kind, subject, due_at, at)
                      select 'riverton', 'expiry', gen_random_uuid(), $2, $2 from generate_series(1, $1)";
        let mut admin = self.database.admin().await;
        sqlx::query(insert).bind(rows).bind(at).execute(&mut admin).await.unwrap();
        sqlx::query("analyze due").execute(&mut admin).await.unwrap();
    }

    /// Pages that taking fifty rows of those that are due touches.
    async fn pages(&self) -> u64 {
        let explain = format!("explain (analyze, buffers, format json) {}", take());
        let plan: Value = sqlx::query_scalar(sqlx::AssertSqlSafe(explain))
            .bind(["expiry".to_owned()].as_slice())
            .bind(NOON)
            .bind(50_i64)
            .bind(NOON + Duration::minutes(5))
            .fetch_one(&mut self.database.admin().await)
            .await
            .unwrap();
        let plan = &plan[0]["Plan"];
        assert!(plan.to_string().contains("due_kind_at"), "{plan}");
        ["Shared Hit Blocks", "Shared Read Blocks"].iter().map(|blocks| plan[blocks].as_u64().unwrap()).sum()
    }
}

#[tokio::test]
async fn taking_rows_costs_the_same_with_a_hundred_times_as_many_stored_for_later() {
    let setup = setup().await;
    setup.store(1_000, NOON + Duration::days(30)).await;
    setup.store(50, NOON).await;
    let few = setup.pages().await;
    setup.store(99_000, NOON + Duration::days(30)).await;
    setup.store(50, NOON).await;
    let many = setup.pages().await;
    // A deeper index costs a page per row that is moved in it.
    assert!(many <= few * 2, "{few} pages with 1,000 rows for later, {many} with 100,000");
}
