//! Tables `circuits` and `circuit_acts`.

use ids::{CircuitId, Subject, Tenant};
use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::domain::{AccountName, Circuit, Force, circuit::Open};

/// The circuits of these accounts, by name; those that nothing is known of are closed.
#[tracing::instrument(name = "db.circuits.of", skip_all)]
pub async fn of(
    db: &mut PgConnection,
    tenant: &Tenant,
    accounts: &[AccountName],
) -> sqlx::Result<Vec<(AccountName, Circuit)>> {
    let names: Vec<String> = accounts.iter().map(ToString::to_string).collect();
    let rows = sqlx::query_as!(
        Row,
        r#"select id as "id: CircuitId", account, failures, opened_at, retry_at, probe_until, force from circuits
         where tenant = $1 and account = any($2)"#,
        tenant.as_str(),
        &names,
    )
    .fetch_all(db)
    .await?;
    accounts
        .iter()
        .map(|account| {
            let row = rows.iter().find(|row| row.account == account.as_str());
            let circuit = row.map_or(Ok(Circuit::default()), Row::circuit)?;
            Ok((account.clone(), circuit))
        })
        .collect()
}

/// Reads and locks the circuit of an account, which is made where there was none.
#[tracing::instrument(name = "db.circuits.lock", skip_all)]
pub async fn lock(
    db: &mut PgConnection,
    tenant: &Tenant,
    account: &AccountName,
    id: CircuitId,
) -> sqlx::Result<(CircuitId, Circuit)> {
    sqlx::query!(
        "insert into circuits (id, tenant, account) values ($1, $2, $3) on conflict (tenant, account) do nothing",
        id.as_uuid(),
        tenant.as_str(),
        account.as_str(),
    )
    .execute(&mut *db)
    .await?;
    let row = sqlx::query_as!(
        Row,
        r#"select id as "id: CircuitId", account, failures, opened_at, retry_at, probe_until, force from circuits
         where tenant = $1 and account = $2 for update"#,
        tenant.as_str(),
        account.as_str(),
    )
    .fetch_one(db)
    .await?;
    Ok((row.id, row.circuit()?))
}

/// Writes how a circuit stands, whose row is locked.
#[tracing::instrument(name = "db.circuits.update", skip_all)]
pub async fn update(
    db: &mut PgConnection,
    tenant: &Tenant,
    id: CircuitId,
    circuit: &Circuit,
) -> sqlx::Result<()> {
    sqlx::query!(
        "update circuits set failures = $3, opened_at = $4, retry_at = $5, probe_until = $6, force = $7 where tenant = $1 and id = $2",
        tenant.as_str(),
        id.as_uuid(),
        circuit.failures,
        circuit.open.map(|open| open.since),
        circuit.open.map(|open| open.retry_at),
        circuit.open.and_then(|open| open.probe_until),
        circuit.force.map(force_name),
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Writes who has decided what about a provider, and why.
#[tracing::instrument(name = "db.circuits.insert_act", skip_all)]
pub async fn insert_act(
    db: &mut PgConnection,
    tenant: &Tenant,
    (id, account, force): (Uuid, &AccountName, Option<Force>),
    (by, at, reason): (&Subject, OffsetDateTime, &str),
) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into circuit_acts (id, tenant, account, force, by, at, reason) values ($1, $2, $3, $4, $5, $6, $7)",
        id,
        tenant.as_str(),
        account.as_str(),
        force.map(force_name),
        by.as_str(),
        at,
        reason,
    )
    .execute(db)
    .await?;
    Ok(())
}

struct Row {
    id: CircuitId,
    account: String,
    failures: i32,
    opened_at: Option<OffsetDateTime>,
    retry_at: Option<OffsetDateTime>,
    probe_until: Option<OffsetDateTime>,
    force: Option<String>,
}

impl Row {
    fn circuit(&self) -> sqlx::Result<Circuit> {
        let open = match (self.opened_at, self.retry_at) {
            (Some(since), Some(retry_at)) => Some(Open { since, retry_at, probe_until: self.probe_until }),
            _ => None,
        };
        let force = match self.force.as_deref() {
            None => None,
            Some("out") => Some(Force::Out),
            Some("in") => Some(Force::In),
            Some(_) => {
                return Err(sqlx::Error::Decode(
                    "circuits.force holds a value that the domain refuses".into(),
                ));
            }
        };
        Ok(Circuit { failures: self.failures, open, force })
    }
}

fn force_name(force: Force) -> &'static str {
    match force {
        Force::Out => "out",
        Force::In => "in",
    }
}
