use pg::{Bootstrap, Error};
use secrecy::SecretString;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, PgConnection};

use crate::harness::database;

fn admin_url() -> SecretString {
    testkit::env().pg_admin_url().into()
}

fn plan(service: &str) -> Bootstrap {
    Bootstrap {
        service: service.to_owned(),
        database: service.to_owned(),
        owner_password: "owner's '\"\\$$ %s".into(),
        app_password: "app".into(),
        system_password: "system".into(),
    }
}

async fn connect(url: &SecretString) -> Result<PgConnection, sqlx::Error> {
    use secrecy::ExposeSecret;
    url.expose_secret().parse::<sqlx::postgres::PgConnectOptions>()?.connect().await
}

async fn run(connection: &mut PgConnection, sql: String) {
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(connection).await.unwrap();
}

async fn remove(service: &str) {
    let mut admin = connect(&admin_url()).await.unwrap();
    run(&mut admin, format!("drop database if exists {service} with (force)")).await;
    for role in ["app", "system", "owner"] {
        run(&mut admin, format!("drop role if exists {service}_{role}")).await;
    }
}

#[tokio::test]
async fn many_at_once_and_again_make_one_service() {
    remove("boot_many").await;
    let plan = plan("boot_many");
    let admin = admin_url();
    let at_once = futures::future::join_all((0..6).map(|_| pg::bootstrap(&admin, &plan))).await;
    for result in at_once {
        result.unwrap();
    }
    let urls = plan.urls(&admin_url()).unwrap();
    for (url, user) in [(&urls.owner, "owner"), (&urls.app, "app"), (&urls.system, "system")] {
        let mut connection = connect(url).await.unwrap();
        let who: String =
            sqlx::query_scalar("select current_user::text").fetch_one(&mut connection).await.unwrap();
        assert_eq!(who, format!("boot_many_{user}"));
    }
    let mut owner = connect(&urls.owner).await.unwrap();
    assert_eq!(pg::catalog::violations(&mut owner).await.unwrap(), [""; 0]);
    run(&mut owner, "create table mine (tenant text not null)".into()).await;
    let found = pg::catalog::violations(&mut owner).await.unwrap();
    assert!(found.iter().all(|line| line.starts_with("table mine: no ")), "{found:?}");

    let mut app = connect(&urls.app).await.unwrap();
    for refused in
        ["create table theirs (id integer)", "create schema theirs", "create temporary table t (id integer)"]
    {
        let error = sqlx::raw_sql(refused).execute(&mut app).await.unwrap_err();
        assert_eq!(
            error.as_database_error().and_then(sqlx::error::DatabaseError::code).as_deref(),
            Some("42501"),
            "{refused}"
        );
    }

    // A changed password takes effect.
    let mut changed = plan.clone();
    changed.app_password = "changed".into();
    pg::bootstrap(&admin_url(), &changed).await.unwrap();
    connect(&changed.urls(&admin_url()).unwrap().app).await.unwrap();
    app.close().await.unwrap();
    owner.close().await.unwrap();
    remove("boot_many").await;
}

#[tokio::test]
async fn one_services_roles_cannot_connect_to_anothers_database() {
    remove("boot_alone").await;
    let (plan, other) = (plan("boot_alone"), database().await);
    pg::bootstrap(&admin_url(), &plan).await.unwrap();
    let mut into_other = plan.clone();
    into_other.database.clone_from(&other.name);
    let urls = into_other.urls(&admin_url()).unwrap();
    for url in [urls.app, urls.system, urls.owner] {
        let error = connect(&url).await.unwrap_err();
        assert_eq!(
            error.as_database_error().and_then(sqlx::error::DatabaseError::code).as_deref(),
            Some("42501"),
            "{error}"
        );
    }
    remove("boot_alone").await;
}

/// RDS gives no superuser.
#[tokio::test]
async fn an_administrator_who_may_create_roles_and_databases_is_enough() {
    remove("boot_managed").await;
    let mut admin = connect(&admin_url()).await.unwrap();
    // The groups are there from before, made by the superuser.
    pg::bootstrap(&admin_url(), &plan("boot_managed")).await.unwrap();
    remove("boot_managed").await;
    run(&mut admin, "drop role if exists boot_managed_master".into()).await;
    run(&mut admin, "create role boot_managed_master login createrole createdb password 'master'".into())
        .await;
    let master = Bootstrap { app_password: "master".into(), ..plan("boot_managed") };
    let url = {
        use secrecy::ExposeSecret;
        let mut url = url::Url::parse(admin_url().expose_secret()).unwrap();
        url.set_username("boot_managed_master").unwrap();
        url.set_password(Some("master")).unwrap();
        SecretString::from(String::from(url))
    };
    for _ in 0..2 {
        pg::bootstrap(&url, &master).await.unwrap();
    }
    let mut owner = connect(&master.urls(&url).unwrap().owner).await.unwrap();
    run(&mut owner, "create table mine (id integer)".into()).await;
    owner.close().await.unwrap();
    remove("boot_managed").await;
    run(&mut admin, "drop role boot_managed_master".into()).await;
}

#[tokio::test]
async fn names_that_need_quoting_are_refused() {
    for name in ["", "Document", "1st", "a-b", "a b", "a\"b", "_a", &"a".repeat(49)] {
        let error = pg::bootstrap(&admin_url(), &plan(name)).await.unwrap_err();
        assert!(matches!(error, Error::Invalid(_)), "{name:?}: {error:?}");
    }
}
