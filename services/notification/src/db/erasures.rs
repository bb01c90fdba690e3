//! Tables `erasures` and `erasure_reports`.

use ids::{ErasureId, Subject, Tenant};
use sqlx::PgConnection;
use time::OffsetDateTime;

/// The erasure of a subject.
#[derive(Clone, Debug)]
pub struct Erasure {
    /// Its id.
    pub id: ErasureId,
    /// Who is erased.
    pub subject: Subject,
    /// When it was requested.
    pub requested_at: OffsetDateTime,
    /// When the last service had reported.
    pub finished_at: Option<OffsetDateTime>,
}

/// What a service has done about an erasure.
#[derive(Clone, Debug)]
pub struct Report {
    /// Name of the service.
    pub service: String,
    /// When it reported last.
    pub reported_at: Option<OffsetDateTime>,
    /// How many things it has erased.
    pub erased: i64,
    /// How many it must keep.
    pub kept: i64,
    /// Why, sorted.
    pub kept_reasons: Vec<String>,
}

/// Stores an erasure, unless the subject has one; says whether it did.
#[tracing::instrument(name = "db.erasures.insert", skip_all)]
pub async fn insert(
    connection: &mut PgConnection,
    tenant: &Tenant,
    erasure: &Erasure,
    requested_by: &Subject,
) -> Result<bool, pg::Error> {
    let result = sqlx::query!(
        "insert into erasures (id, tenant, subject, requested_by, requested_at) values ($1, $2, $3, $4, $5)
         on conflict (tenant, subject) do nothing",
        erasure.id as ErasureId,
        tenant as &Tenant,
        &erasure.subject as &Subject,
        requested_by as &Subject,
        erasure.requested_at,
    )
    .execute(connection)
    .await?;
    Ok(result.rows_affected() == 1)
}

/// The erasure of a subject.
#[tracing::instrument(name = "db.erasures.find", skip_all)]
pub async fn find_by_subject(
    connection: &mut PgConnection,
    tenant: &Tenant,
    subject: &Subject,
) -> Result<Option<Erasure>, pg::Error> {
    Ok(sqlx::query_as!(
        Erasure,
        r#"select id as "id: ErasureId", subject as "subject: Subject", requested_at, finished_at
             from erasures
            where tenant = $1 and subject = $2"#,
        tenant as &Tenant,
        subject as &Subject,
    )
    .fetch_optional(connection)
    .await?)
}

/// An erasure, which nobody else changes until the transaction ends.
#[tracing::instrument(name = "db.erasures.lock", skip_all)]
pub async fn lock(
    connection: &mut PgConnection,
    tenant: &Tenant,
    id: ErasureId,
) -> Result<Option<Erasure>, pg::Error> {
    Ok(sqlx::query_as!(
        Erasure,
        r#"select id as "id: ErasureId", subject as "subject: Subject", requested_at, finished_at
             from erasures
            where tenant = $1 and id = $2
              for no key update"#,
        tenant as &Tenant,
        id as ErasureId,
    )
    .fetch_optional(connection)
    .await?)
}

/// Notes when the last service had reported.
#[tracing::instrument(name = "db.erasures.finish", skip_all)]
pub async fn finish(
    connection: &mut PgConnection,
    tenant: &Tenant,
    id: ErasureId,
    now: OffsetDateTime,
) -> Result<(), pg::Error> {
    sqlx::query!(
        "update erasures set finished_at = $3 where tenant = $1 and id = $2",
        tenant as &Tenant,
        id as ErasureId,
        now,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Notes which services have to report.
#[tracing::instrument(name = "db.erasure_reports.insert", skip_all)]
pub async fn await_reports(
    connection: &mut PgConnection,
    tenant: &Tenant,
    id: ErasureId,
    services: &[&str],
) -> Result<(), pg::Error> {
    let services: Vec<String> = services.iter().map(|&service| service.to_owned()).collect();
    sqlx::query!(
        "insert into erasure_reports (tenant, erasure_id, service)
         select $1, $2, service from unnest($3::text[]) as wanted (service)",
        tenant as &Tenant,
        id as ErasureId,
        &services,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Stores a service's report in the place of the one before.
#[tracing::instrument(name = "db.erasure_reports.update", skip_all)]
pub async fn report(
    connection: &mut PgConnection,
    tenant: &Tenant,
    id: ErasureId,
    report: &Report,
) -> Result<(), pg::Error> {
    sqlx::query!(
        "update erasure_reports set reported_at = $4, erased = $5, kept = $6, kept_reasons = $7
          where tenant = $1 and erasure_id = $2 and service = $3",
        tenant as &Tenant,
        id as ErasureId,
        report.service,
        report.reported_at,
        report.erased,
        report.kept,
        &report.kept_reasons,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// What the services have reported, in the order of their names.
#[tracing::instrument(name = "db.erasure_reports.list", skip_all)]
pub async fn reports(
    connection: &mut PgConnection,
    tenant: &Tenant,
    id: ErasureId,
) -> Result<Vec<Report>, pg::Error> {
    Ok(sqlx::query_as!(
        Report,
        "select service, reported_at, erased, kept, kept_reasons
           from erasure_reports
          where tenant = $1 and erasure_id = $2
          order by service",
        tenant as &Tenant,
        id as ErasureId,
    )
    .fetch_all(connection)
    .await?)
}
