//! Tables `deliveries` and `delivery_jobs`.

use ids::{DeliveryId, JobId, NotificationId, RecipientId, Subject, Tenant};
use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::domain::delivery::Delivery;
use crate::domain::job::{Job, Outcome};

/// A job with its delivery, what it tells, and whom.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// The job's id.
    pub job_id: JobId,
    /// Where the job stands.
    pub job: Job,
    /// Its number among the delivery's attempts, from 1.
    pub attempt: u16,
    /// When the job was made.
    pub created_at: OffsetDateTime,
    /// The delivery's id.
    pub delivery_id: DeliveryId,
    /// Where the delivery stands.
    pub delivery: Delivery,
    /// The notification it delivers.
    pub notification_id: NotificationId,
    /// What happened.
    pub status: String,
    /// Machine code that refines the status.
    pub code: String,
    /// Version of the notification's templates.
    pub template_version: i16,
    /// What the notification is about.
    pub category: String,
    /// Kind of the thing it is about.
    pub subject_type: String,
    /// Id of the thing it is about.
    pub subject_id: Uuid,
    /// Who is told.
    pub recipient_id: RecipientId,
    /// The same as the identity provider says it.
    pub owner: Subject,
    /// Where to, sealed for the owner; `None` where the address was taken away.
    pub email: Option<Vec<u8>>,
    /// Language of the recipient.
    pub locale: Option<String>,
}

/// Stores a delivery by e-mail.
#[tracing::instrument(name = "db.deliveries.insert", skip_all)]
pub async fn insert(
    connection: &mut PgConnection,
    tenant: &Tenant,
    id: DeliveryId,
    notification: NotificationId,
    state: Delivery,
    now: OffsetDateTime,
) -> Result<(), pg::Error> {
    sqlx::query!(
        "insert into deliveries (id, tenant, notification_id, channel, state, created_at, updated_at)
         values ($1, $2, $3, 'email', $4, $5, $5)",
        id as DeliveryId,
        tenant as &Tenant,
        notification as NotificationId,
        state.as_str(),
        now,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Moves a delivery on.
#[tracing::instrument(name = "db.deliveries.set_state", skip_all)]
pub async fn set_state(
    connection: &mut PgConnection,
    tenant: &Tenant,
    id: DeliveryId,
    state: Delivery,
    now: OffsetDateTime,
) -> Result<(), pg::Error> {
    sqlx::query!(
        "update deliveries set state = $3, updated_at = $4 where tenant = $1 and id = $2",
        tenant as &Tenant,
        id as DeliveryId,
        state.as_str(),
        now,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Stores a job: attempt number `attempt`, from 1, at a delivery.
#[tracing::instrument(name = "db.delivery_jobs.insert", skip_all)]
pub async fn insert_job(
    connection: &mut PgConnection,
    tenant: &Tenant,
    id: JobId,
    delivery: DeliveryId,
    attempt: u16,
    now: OffsetDateTime,
) -> Result<(), pg::Error> {
    sqlx::query!(
        "insert into delivery_jobs (id, tenant, delivery_id, attempt, created_at) values ($1, $2, $3, $4, $5)",
        id as JobId,
        tenant as &Tenant,
        delivery as DeliveryId,
        i16::try_from(attempt).unwrap_or(i16::MAX),
        now,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Locks a job and its delivery.
#[tracing::instrument(name = "db.delivery_jobs.lock", skip_all)]
pub async fn lock_attempt(
    connection: &mut PgConnection,
    tenant: &Tenant,
    job: JobId,
) -> Result<Option<Attempt>, pg::Error> {
    let row = sqlx::query!(
        r#"select j.id as "job_id: JobId", j.attempt, j.leased_until, j.outcome, j.created_at,
               d.id as "delivery_id: DeliveryId", d.state,
               n.id as "notification_id: NotificationId", n.status, n.code, n.template_version, n.category,
               n.subject_type, n.subject_id,
               r.id as "recipient_id: RecipientId", r.subject as "owner: Subject", r.email, r.locale
           from delivery_jobs j
               join deliveries d on d.id = j.delivery_id and d.tenant = j.tenant
               join notifications n on n.id = d.notification_id and n.tenant = j.tenant
               join recipients r on r.id = n.recipient_id and r.tenant = j.tenant
           where j.tenant = $1 and j.id = $2
           for no key update of j, d"#,
        tenant as &Tenant,
        job as JobId,
    )
    .fetch_optional(connection)
    .await?;
    let Some(row) = row else { return Ok(None) };
    Ok(Some(Attempt {
        job_id: row.job_id,
        job: match (row.outcome.as_deref(), row.leased_until) {
            (Some(name), _) => Job::Reported(known(Outcome::from_name(name), "outcome")?),
            (None, Some(until)) => Job::Leased { until },
            (None, None) => Job::Waiting,
        },
        attempt: u16::try_from(row.attempt).unwrap_or(u16::MAX),
        created_at: row.created_at,
        delivery_id: row.delivery_id,
        delivery: known(Delivery::from_name(&row.state), "state")?,
        notification_id: row.notification_id,
        status: row.status,
        code: row.code,
        template_version: row.template_version,
        category: row.category,
        subject_type: row.subject_type,
        subject_id: row.subject_id,
        recipient_id: row.recipient_id,
        owner: row.owner,
        email: row.email,
        locale: row.locale,
    }))
}

/// The table's checks allow only names that this version knows; a newer version may have written another.
fn known<T>(value: Option<T>, column: &str) -> Result<T, pg::Error> {
    let unknown = || format!("column `{column}` has a value that this version does not know").into();
    value.ok_or_else(|| pg::Error::from(sqlx::Error::Decode(unknown())))
}

/// Notes until when a job belongs to whoever claimed it.
#[tracing::instrument(name = "db.delivery_jobs.lease", skip_all)]
pub async fn lease_job(
    connection: &mut PgConnection,
    tenant: &Tenant,
    id: JobId,
    until: OffsetDateTime,
) -> Result<(), pg::Error> {
    sqlx::query!(
        "update delivery_jobs set leased_until = $3 where tenant = $1 and id = $2",
        tenant as &Tenant,
        id as JobId,
        until,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Notes how a job went.
#[tracing::instrument(name = "db.delivery_jobs.report", skip_all)]
pub async fn report_job(
    connection: &mut PgConnection,
    tenant: &Tenant,
    id: JobId,
    outcome: Outcome,
    provider_code: &str,
    now: OffsetDateTime,
) -> Result<(), pg::Error> {
    sqlx::query!(
        "update delivery_jobs set outcome = $3, provider_code = $4, reported_at = $5 where tenant = $1 and id = $2",
        tenant as &Tenant,
        id as JobId,
        outcome.as_str(),
        provider_code,
        now,
    )
    .execute(connection)
    .await?;
    Ok(())
}
