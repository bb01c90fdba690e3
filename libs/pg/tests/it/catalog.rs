use pg::catalog::{system_policies, violations};
use sqlx::PgConnection;

use crate::harness::database;

async fn after(admin: &mut PgConnection, change: &'static str) -> Vec<String> {
    sqlx::raw_sql("begin").execute(&mut *admin).await.unwrap();
    sqlx::raw_sql(change).execute(&mut *admin).await.unwrap();
    let lines = violations(admin).await.unwrap();
    sqlx::raw_sql("rollback").execute(&mut *admin).await.unwrap();
    lines
}

#[tokio::test]
async fn a_right_table_has_no_violation_and_its_system_policy_is_listed() {
    let database = database().await;
    let mut admin = database.admin().await;
    assert_eq!(violations(&mut admin).await.unwrap(), [""; 0]);
    assert_eq!(system_policies(&mut admin).await.unwrap(), ["note: system for all using (true)"]);
    // Any role can look, for a service's own tests.
    let db = database.connect();
    let seen = db.system(|tx| Box::pin(async move { violations(tx).await }));
    assert_eq!(seen.await.unwrap(), [""; 0]);
}

#[tokio::test]
async fn each_hole_is_found() {
    let database = database().await;
    let mut admin = database.admin().await;
    let holes: [(&str, &[&str]); 18] = [
        (
            "create table bare (id integer)",
            &[
                "table bare: no ENABLE ROW LEVEL SECURITY",
                "table bare: no FORCE ROW LEVEL SECURITY",
                "table bare: no a tenant policy for all to guildhall_app",
                "table bare: no column tenant text not null",
            ],
        ),
        ("alter table note disable row level security", &["table note: no ENABLE ROW LEVEL SECURITY"]),
        ("alter table note no force row level security", &["table note: no FORCE ROW LEVEL SECURITY"]),
        (
            "alter table note rename tenant to town",
            &[
                "table note: no column tenant text not null",
                "table note: policy tenant admits more than the tenant",
            ],
        ),
        ("drop policy tenant on note", &["table note: no a tenant policy for all to guildhall_app"]),
        (
            "create policy more on note to guildhall_app using (true)",
            &["table note: policy more admits more than the tenant"],
        ),
        (
            "create policy more on note for insert with check (true)",
            &["table note: policy more admits more than the tenant"],
        ),
        (
            "alter policy tenant on note with check (true)",
            &["table note: policy tenant admits more than the tenant"],
        ),
        (
            "alter policy tenant on note using (tenant = current_setting('app.tenant', true) or tenant = '')",
            &["table note: policy tenant admits more than the tenant"],
        ),
        (
            "alter policy system on note to guildhall_system, guildhall_app",
            &["table note: policy system admits more than the tenant"],
        ),
        (
            "alter policy tenant on note to public",
            &["table note: no a tenant policy for all to guildhall_app"],
        ),
        ("grant truncate on note to guildhall_app", &["table note: truncate granted to guildhall_app"]),
        ("grant select on note to public", &["table note: select granted to public"]),
        ("create view all_notes as select * from note", &["view all_notes: not security_invoker"]),
        (
            "create materialized view all_notes as select * from note",
            &["view all_notes: materialised, policies do not reach it"],
        ),
        ("alter role test_pg_app bypassrls", &["role test_pg_app: has BYPASSRLS"]),
        (
            "alter role test_pg_system createrole",
            &["role test_pg_system: may create roles or databases, or replicate"],
        ),
        (
            "grant test_pg_owner to test_pg_app",
            &["role test_pg_app: owns tables, or is a member of who does"],
        ),
    ];
    for (change, expected) in holes {
        assert_eq!(after(&mut admin, change).await, expected, "{change}");
    }
    let both = after(&mut admin, "grant guildhall_system to test_pg_app").await;
    assert_eq!(both, ["role test_pg_app: is both app and system"]);
    assert_eq!(violations(&mut admin).await.unwrap(), [""; 0]);
}

#[tokio::test]
async fn partitions_and_other_schemas_are_looked_at() {
    let database = database().await;
    let mut admin = database.admin().await;
    let change =
        "create schema side; create table side.open (tenant text not null) partition by list (tenant);
                  create view invoker with (security_invoker = true) as select 1";
    let expected = [
        "table open: no ENABLE ROW LEVEL SECURITY",
        "table open: no FORCE ROW LEVEL SECURITY",
        "table open: no a tenant policy for all to guildhall_app",
    ];
    assert_eq!(after(&mut admin, change).await, expected);
}
