//! All SQL of the tables `subject_keys` and `erased_subjects`.

use ids::{Subject, Tenant};
use pg::{SystemTx, Tx};
use time::OffsetDateTime;

/// A key as it is stored.
#[derive(Clone, Debug)]
pub(crate) struct Stored {
    pub(crate) subject: Subject,
    pub(crate) generation: i32,
    pub(crate) wrapped: Vec<u8>,
    pub(crate) kek: String,
}

/// A key of any tenant.
#[derive(Clone, Debug)]
pub(crate) struct Anyones {
    pub(crate) tenant: Tenant,
    pub(crate) key: Stored,
}

/// Every key of these subjects.
#[tracing::instrument(name = "db.subject_keys.find", skip_all)]
pub(crate) async fn find(tx: &mut Tx, subjects: &[Subject]) -> Result<Vec<Stored>, pg::Error> {
    let tenant = tx.tenant().clone();
    let rows = sqlx::query_as!(
        Stored,
        r#"select subject as "subject: Subject", generation, wrapped, kek
             from subject_keys
            where tenant = $1 and subject = any ($2)"#,
        &tenant as &Tenant,
        subjects as &[Subject],
    );
    Ok(rows.fetch_all(&mut **tx).await?)
}

/// Which keys these subjects have now.
#[tracing::instrument(name = "db.subject_keys.living", skip_all)]
pub(crate) async fn living(tx: &mut Tx, subjects: &[Subject]) -> Result<Vec<(Subject, i32)>, pg::Error> {
    let tenant = tx.tenant().clone();
    let rows = sqlx::query!(
        r#"select subject as "subject: Subject", generation from subject_keys where tenant = $1 and subject = any ($2)"#,
        &tenant as &Tenant,
        subjects as &[Subject],
    );
    Ok(rows.fetch_all(&mut **tx).await?.into_iter().map(|row| (row.subject, row.generation)).collect())
}

/// The same, and none of them goes before the transaction ends.
#[tracing::instrument(name = "db.subject_keys.lock", skip_all)]
pub(crate) async fn lock(tx: &mut Tx, subjects: &[Subject]) -> Result<Vec<(Subject, i32)>, pg::Error> {
    let tenant = tx.tenant().clone();
    let rows = sqlx::query!(
        r#"select subject as "subject: Subject", generation
             from subject_keys
            where tenant = $1 and subject = any ($2)
            order by subject, generation
              for key share"#,
        &tenant as &Tenant,
        subjects as &[Subject],
    );
    Ok(rows.fetch_all(&mut **tx).await?.into_iter().map(|row| (row.subject, row.generation)).collect())
}

/// Waits until nobody seals by the subject's keys any more, and keeps everybody from it until the transaction ends.
#[tracing::instrument(name = "db.subject_keys.lock_alone", skip_all)]
pub(crate) async fn lock_alone(tx: &mut Tx, subject: &Subject) -> Result<(), pg::Error> {
    let tenant = tx.tenant().clone();
    let lock = sqlx::query!(
        "select generation from subject_keys where tenant = $1 and subject = $2 order by generation for update",
        &tenant as &Tenant,
        subject as &Subject,
    );
    lock.fetch_all(&mut **tx).await?;
    Ok(())
}

/// Keeps others from making or destroying the subject's keys until the transaction ends: a row that is not there yet
/// cannot be locked.
#[tracing::instrument(name = "db.subject_keys.alone", skip_all)]
pub(crate) async fn alone(tx: &mut Tx, subject: &Subject) -> Result<(), pg::Error> {
    let tenant = tx.tenant().clone();
    let lock = sqlx::query_scalar!(
        r#"select pg_advisory_xact_lock(hashtextextended($1 || ' ' || $2, 1701737061))::text as "locked""#,
        tenant.as_str(),
        subject.as_str(),
    );
    lock.fetch_one(&mut **tx).await?;
    Ok(())
}

/// Keeps others from making or destroying the subject's keys until the transaction ends, together with others who do.
#[tracing::instrument(name = "db.subject_keys.beside", skip_all)]
pub(crate) async fn beside(tx: &mut Tx, subject: &Subject) -> Result<(), pg::Error> {
    let tenant = tx.tenant().clone();
    let lock = sqlx::query_scalar!(
        r#"select pg_advisory_xact_lock_shared(hashtextextended($1 || ' ' || $2, 1701737061))::text as "locked""#,
        tenant.as_str(),
        subject.as_str(),
    );
    lock.fetch_one(&mut **tx).await?;
    Ok(())
}

/// Stores a key, unless there is one of its generation.
#[tracing::instrument(name = "db.subject_keys.insert", skip_all)]
pub(crate) async fn insert(tx: &mut Tx, key: &Stored, now: OffsetDateTime) -> Result<(), pg::Error> {
    let tenant = tx.tenant().clone();
    let insert = sqlx::query!(
        "insert into subject_keys (tenant, subject, generation, wrapped, kek, created_at)
         values ($1, $2, $3, $4, $5, $6)
         on conflict (tenant, subject, generation) do nothing",
        &tenant as &Tenant,
        &key.subject as &Subject,
        key.generation,
        key.wrapped,
        key.kek,
        now,
    );
    insert.execute(&mut **tx).await?;
    Ok(())
}

/// Deletes every key of a subject.
#[tracing::instrument(name = "db.subject_keys.delete", skip_all)]
pub(crate) async fn delete(tx: &mut Tx, subject: &Subject) -> Result<(), pg::Error> {
    let tenant = tx.tenant().clone();
    let delete = sqlx::query!(
        "delete from subject_keys where tenant = $1 and subject = $2",
        &tenant as &Tenant,
        subject as &Subject,
    );
    delete.execute(&mut **tx).await?;
    Ok(())
}

/// Leaves a tombstone; `false` when there is one.
#[tracing::instrument(name = "db.erased_subjects.insert", skip_all)]
pub(crate) async fn bury(tx: &mut Tx, subject: &Subject, now: OffsetDateTime) -> Result<bool, pg::Error> {
    let tenant = tx.tenant().clone();
    let insert = sqlx::query!(
        "insert into erased_subjects (tenant, subject, erased_at) values ($1, $2, $3)
         on conflict (tenant, subject) do nothing",
        &tenant as &Tenant,
        subject as &Subject,
        now,
    );
    Ok(insert.execute(&mut **tx).await?.rows_affected() == 1)
}

/// Which of these subjects have a tombstone, and since when.
#[tracing::instrument(name = "db.erased_subjects.find", skip_all)]
pub(crate) async fn buried(
    tx: &mut Tx,
    subjects: &[Subject],
) -> Result<Vec<(Subject, OffsetDateTime)>, pg::Error> {
    let tenant = tx.tenant().clone();
    let rows = sqlx::query!(
        r#"select subject as "subject: Subject", erased_at from erased_subjects where tenant = $1 and subject = any ($2)"#,
        &tenant as &Tenant,
        subjects as &[Subject],
    );
    Ok(rows.fetch_all(&mut **tx).await?.into_iter().map(|row| (row.subject, row.erased_at)).collect())
}

/// Keys that another key than `kek` has wrapped, behind `after` in the order of tenant, subject and generation.
#[tracing::instrument(name = "db.subject_keys.stale", skip_all)]
pub(crate) async fn stale(
    tx: &mut SystemTx,
    kek: &str,
    after: Option<&Anyones>,
    limit: i64,
) -> Result<Vec<Anyones>, pg::Error> {
    let rows = sqlx::query!(
        r#"select tenant as "tenant: Tenant", subject as "subject: Subject", generation, wrapped, kek
             from subject_keys
            where kek <> $1 and ($2::text is null or (tenant, subject, generation) > ($2, $3, $4))
            order by tenant, subject, generation
            limit $5"#,
        kek,
        after.map(|last| last.tenant.as_str()),
        after.map(|last| last.key.subject.as_str()),
        after.map(|last| last.key.generation),
        limit,
    );
    let rows = rows.fetch_all(&mut **tx).await?.into_iter().map(|row| Anyones {
        tenant: row.tenant,
        key: Stored { subject: row.subject, generation: row.generation, wrapped: row.wrapped, kek: row.kek },
    });
    Ok(rows.collect())
}

/// Stores a key as another key has wrapped it, unless it went or was wrapped anew meanwhile.
#[tracing::instrument(name = "db.subject_keys.rewrap", skip_all)]
pub(crate) async fn rewrap(
    tx: &mut SystemTx,
    old: &Anyones,
    wrapped: &[u8],
    kek: &str,
) -> Result<bool, pg::Error> {
    let update = sqlx::query!(
        "update subject_keys set wrapped = $5, kek = $6
          where tenant = $1 and subject = $2 and generation = $3 and wrapped = $4",
        &old.tenant as &Tenant,
        &old.key.subject as &Subject,
        old.key.generation,
        old.key.wrapped,
        wrapped,
        kek,
    );
    Ok(update.execute(&mut **tx).await?.rows_affected() == 1)
}
