//! Ids on their way to PostgreSQL and back.

use clock::Clock;
use ids::{DocumentId, Subject, Tenant};
use sqlx::{Connection as _, PgConnection, Row as _};

async fn connect() -> PgConnection {
    PgConnection::connect(&testkit::env().pg_admin_url()).await.expect("PostgreSQL answers")
}

#[tokio::test]
async fn ids_read_back_as_they_were_written_alone_and_in_arrays() -> Result<(), sqlx::Error> {
    let clock = Clock::system();
    let (first, second) = (DocumentId::mint(&clock), DocumentId::mint(&clock));
    let tenant: Tenant = "riverton".parse().unwrap();
    let subject: Subject = "auth0|5f7c8ec7".parse().unwrap();
    let row = sqlx::query(
        "select $1::uuid as id, $2::uuid[] as ids, $3::text as tenant, $4::text as subject, $1::uuid::text as spelling,
                array[$3]::text[] as tenants",
    )
    .bind(first)
    .bind(vec![first, second])
    .bind(&tenant)
    .bind(&subject)
    .fetch_one(&mut connect().await)
    .await?;
    assert_eq!(row.try_get::<DocumentId, _>("id")?, first);
    assert_eq!(row.try_get::<Vec<DocumentId>, _>("ids")?, [first, second]);
    assert_eq!(row.try_get::<Tenant, _>("tenant")?, tenant);
    assert_eq!(row.try_get::<Vec<Tenant>, _>("tenants")?, [tenant]);
    assert_eq!(row.try_get::<Subject, _>("subject")?, subject);
    assert_eq!(row.try_get::<String, _>("spelling")?, first.to_string());
    Ok(())
}

#[tokio::test]
async fn text_that_is_no_tenant_or_subject_is_refused_when_read() -> Result<(), sqlx::Error> {
    let row =
        sqlx::query("select 'River Ton' as tenant, '' as subject").fetch_one(&mut connect().await).await?;
    assert!(row.try_get::<Tenant, _>("tenant").is_err());
    assert!(row.try_get::<Subject, _>("subject").is_err());
    Ok(())
}
