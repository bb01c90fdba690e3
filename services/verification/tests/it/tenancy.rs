//! Two walls around a tenant's rows: what statements say, and row-level security.

use crate::harness::TestApp;

#[tokio::test(flavor = "multi_thread")]
async fn the_catalog_has_no_hole() {
    let app = TestApp::start().await;
    let mut connection = app.db.admin().await;
    assert_eq!(pg::catalog::violations(&mut connection).await.unwrap(), [""; 0]);
    let system = pg::catalog::system_policies(&mut connection).await.unwrap();
    let ours =
        ["case", "check", "attempt", "answer", "callback", "decision", "note", "circuit", "subject_eras"];
    let holes: Vec<_> =
        system.iter().filter(|policy| ours.iter().any(|name| policy.starts_with(name))).collect();
    assert!(holes.is_empty(), "{holes:?}");
}
