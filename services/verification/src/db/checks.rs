//! Tables `checks` and `attempts`. Whoever changes a row holds the lock of its case.

use std::collections::BTreeMap;

use ids::{CaseId, CheckId, Tenant};
use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::domain::{AccountName, Attempt, Check, CheckKind, Outcome, Reason};

/// Writes the checks of a round.
#[tracing::instrument(name = "db.checks.insert", skip_all)]
pub async fn insert(db: &mut PgConnection, tenant: &Tenant, checks: &[Check]) -> sqlx::Result<()> {
    for check in checks {
        sqlx::query!(
            "insert into checks (id, tenant, case_id, round, kind, created_at, expires_at) values ($1, $2, $3, $4, $5, $6, $7)",
            check.id.as_uuid(),
            tenant.as_str(),
            check.case_id.as_uuid(),
            check.round,
            check.kind.name(),
            check.created_at,
            check.expires_at,
        )
        .execute(&mut *db)
        .await?;
    }
    Ok(())
}

/// Writes what came of a check, and its attempts as they stand.
#[tracing::instrument(name = "db.checks.save", skip_all)]
pub async fn save(db: &mut PgConnection, tenant: &Tenant, check: &Check) -> sqlx::Result<()> {
    let outcome = check.outcome();
    sqlx::query!(
        "update checks set outcome = $3, reason = $4, finished_at = $5 where tenant = $1 and id = $2",
        tenant.as_str(),
        check.id.as_uuid(),
        outcome.map(Outcome::name),
        outcome.and_then(Outcome::reason).map(Reason::name),
        check.over.map(|(_, at)| at),
    )
    .execute(&mut *db)
    .await?;
    for attempt in &check.attempts {
        let outcome = attempt.over.map(|(outcome, _)| outcome);
        sqlx::query!(
            "insert into attempts (tenant, check_id, number, account, provider_id, started_at, expires_at, silences, outcome, reason,
                 ended_at, late_answer)
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
             on conflict (tenant, check_id, number) do update set provider_id = excluded.provider_id, silences = excluded.silences,
                 outcome = excluded.outcome, reason = excluded.reason, ended_at = excluded.ended_at, late_answer = excluded.late_answer",
            tenant.as_str(),
            check.id.as_uuid(),
            attempt.number,
            attempt.account.as_str(),
            attempt.provider_id,
            attempt.started_at,
            attempt.expires_at,
            i32::try_from(attempt.silences).unwrap_or(i32::MAX),
            outcome.map(Outcome::name),
            outcome.and_then(Outcome::reason).map(Reason::name),
            attempt.over.map(|(_, at)| at),
            attempt.late_answer,
        )
        .execute(&mut *db)
        .await?;
    }
    Ok(())
}

/// Which case a check is of, and in which of its rounds.
#[tracing::instrument(name = "db.checks.case_of", skip_all)]
pub async fn case_of(
    db: &mut PgConnection,
    tenant: &Tenant,
    id: CheckId,
) -> sqlx::Result<Option<(CaseId, i32)>> {
    let row = sqlx::query!(
        r#"select case_id as "case_id: CaseId", round from checks where tenant = $1 and id = $2"#,
        tenant.as_str(),
        id.as_uuid(),
    );
    Ok(row.fetch_optional(db).await?.map(|row| (row.case_id, row.round)))
}

/// The checks of a round, in their order, with their attempts.
#[tracing::instrument(name = "db.checks.of_round", skip_all)]
pub async fn of_round(
    db: &mut PgConnection,
    tenant: &Tenant,
    case_id: CaseId,
    round: i32,
) -> sqlx::Result<Vec<Check>> {
    let rows = sqlx::query!(
        r#"select id as "id: CheckId", kind, created_at, expires_at, outcome, reason, finished_at from checks
         where tenant = $1 and case_id = $2 and round = $3"#,
        tenant.as_str(),
        case_id.as_uuid(),
        round,
    )
    .fetch_all(&mut *db)
    .await?;
    let ids: Vec<Uuid> = rows.iter().map(|row| row.id.as_uuid()).collect();
    let mut attempts = attempts_of(db, tenant, &ids).await?;
    let mut checks = Vec::new();
    for row in rows {
        checks.push(Check {
            id: row.id,
            case_id,
            round,
            kind: CheckKind::named(&row.kind).ok_or_else(|| unreadable("checks.kind"))?,
            created_at: row.created_at,
            expires_at: row.expires_at,
            over: over(row.outcome.as_deref(), row.reason.as_deref(), row.finished_at)?,
            attempts: attempts.remove(&row.id.as_uuid()).unwrap_or_default(),
        });
    }
    checks.sort_by_key(|check| check.kind);
    Ok(checks)
}

async fn attempts_of(
    db: &mut PgConnection,
    tenant: &Tenant,
    checks: &[Uuid],
) -> sqlx::Result<BTreeMap<Uuid, Vec<Attempt>>> {
    let rows = sqlx::query!(
        "select check_id, number, account, provider_id, started_at, expires_at, silences, outcome, reason, ended_at, late_answer
         from attempts where tenant = $1 and check_id = any($2) order by check_id, number",
        tenant.as_str(),
        checks,
    )
    .fetch_all(db)
    .await?;
    let mut all: BTreeMap<Uuid, Vec<Attempt>> = BTreeMap::new();
    for row in rows {
        let account: AccountName = row.account.parse().map_err(|_| unreadable("attempts.account"))?;
        all.entry(row.check_id).or_default().push(Attempt {
            number: row.number,
            account,
            provider_id: row.provider_id,
            started_at: row.started_at,
            expires_at: row.expires_at,
            silences: u32::try_from(row.silences).unwrap_or(0),
            over: over(row.outcome.as_deref(), row.reason.as_deref(), row.ended_at)?,
            late_answer: row.late_answer,
        });
    }
    Ok(all)
}

/// The attempt that a provider knows by this name.
#[tracing::instrument(name = "db.checks.attempt_of", skip_all)]
pub async fn attempt_of(
    db: &mut PgConnection,
    tenant: &Tenant,
    account: &AccountName,
    provider_id: &str,
) -> sqlx::Result<Option<(CheckId, i32)>> {
    let row = sqlx::query!(
        r#"select check_id as "check_id: CheckId", number from attempts
         where tenant = $1 and account = $2 and provider_id = $3 limit 1"#,
        tenant.as_str(),
        account.as_str(),
        provider_id,
    );
    Ok(row.fetch_optional(db).await?.map(|row| (row.check_id, row.number)))
}

fn over(
    outcome: Option<&str>,
    reason: Option<&str>,
    at: Option<OffsetDateTime>,
) -> sqlx::Result<Option<(Outcome, OffsetDateTime)>> {
    let (Some(outcome), Some(at)) = (outcome, at) else { return Ok(None) };
    let reason = reason.map(|name| Reason::named(name).ok_or_else(|| unreadable("reason"))).transpose()?;
    let outcome = Outcome::named(outcome, reason).ok_or_else(|| unreadable("outcome"))?;
    Ok(Some((outcome, at)))
}

fn unreadable(column: &'static str) -> sqlx::Error {
    sqlx::Error::Decode(format!("{column} holds a value that the domain refuses").into())
}
