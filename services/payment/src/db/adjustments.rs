//! Table `adjustments`.

use ids::{AdjustmentId, Tenant};
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use sqlx::types::Json;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::domain::{Account, AccountKind, Adjustment, Decision, Posting};

/// A posting as it is kept.
#[derive(Debug, Serialize, Deserialize)]
struct Kept {
    kind: String,
    owner: String,
    currency: String,
    amount: i64,
}

/// Reads adjustments; `$tail` picks which.
macro_rules! select {
    ($tail:tt, $($argument:expr),+ $(,)?) => {
        sqlx::query_as!(
            Row,
            r#"select id as "id: AdjustmentId", tenant, postings as "postings: Json<Vec<Kept>>", reason, proposed_by, proposed_at,
                 approved, decided_by, decided_at
             from adjustments
             "# + $tail,
            $($argument),+
        )
    };
}

/// Writes a new adjustment, which is not decided.
#[tracing::instrument(name = "db.adjustments.insert", skip_all)]
pub async fn insert(db: &mut PgConnection, adjustment: &Adjustment) -> sqlx::Result<()> {
    let kept = adjustment.postings.iter().map(|Posting { account, amount }| Kept {
        kind: account.kind.name().to_owned(),
        owner: account.owner.clone(),
        currency: account.currency.to_string(),
        amount: *amount,
    });
    sqlx::query!(
        "insert into adjustments (id, tenant, postings, reason, proposed_by, proposed_at) values ($1, $2, $3, $4, $5, $6)",
        adjustment.id.as_uuid(),
        adjustment.tenant.as_str(),
        Json(kept.collect::<Vec<_>>()) as _,
        adjustment.reason.as_str(),
        adjustment.proposed_by.as_str(),
        adjustment.proposed_at,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Writes what was decided.
#[tracing::instrument(name = "db.adjustments.decide", skip_all)]
pub async fn decide(
    db: &mut PgConnection,
    tenant: &Tenant,
    id: AdjustmentId,
    decision: &Decision,
) -> sqlx::Result<()> {
    sqlx::query!(
        "update adjustments set approved = $3, decided_by = $4, decided_at = $5 where tenant = $1 and id = $2",
        tenant.as_str(),
        id.as_uuid(),
        decision.approved,
        decision.by.as_str(),
        decision.at,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Reads an adjustment.
#[tracing::instrument(name = "db.adjustments.find", skip_all)]
pub async fn find(
    db: &mut PgConnection,
    tenant: &Tenant,
    id: AdjustmentId,
) -> sqlx::Result<Option<Adjustment>> {
    let row = select!("where tenant = $1 and id = $2", tenant.as_str(), id.as_uuid());
    row.fetch_optional(db).await?.map(Row::into_adjustment).transpose()
}

/// Reads and locks an adjustment.
#[tracing::instrument(name = "db.adjustments.lock", skip_all)]
pub async fn lock(
    db: &mut PgConnection,
    tenant: &Tenant,
    id: AdjustmentId,
) -> sqlx::Result<Option<Adjustment>> {
    let row = select!("where tenant = $1 and id = $2 for update", tenant.as_str(), id.as_uuid());
    row.fetch_optional(db).await?.map(Row::into_adjustment).transpose()
}

/// Reads up to `limit` adjustments, newest first, beginning after `before`.
#[tracing::instrument(name = "db.adjustments.list", skip_all)]
pub async fn list(
    db: &mut PgConnection,
    tenant: &Tenant,
    before: Option<Uuid>,
    limit: i64,
) -> sqlx::Result<Vec<Adjustment>> {
    let rows = select!(
        "where tenant = $1 and id < $2 order by id desc limit $3",
        tenant.as_str(),
        before.unwrap_or(Uuid::max()),
        limit,
    );
    rows.fetch_all(db).await?.into_iter().map(Row::into_adjustment).collect()
}

struct Row {
    id: AdjustmentId,
    tenant: String,
    postings: Json<Vec<Kept>>,
    reason: String,
    proposed_by: String,
    proposed_at: OffsetDateTime,
    approved: Option<bool>,
    decided_by: Option<String>,
    decided_at: Option<OffsetDateTime>,
}

impl Row {
    fn into_adjustment(self) -> sqlx::Result<Adjustment> {
        let decision = match (self.approved, self.decided_by, self.decided_at) {
            (Some(approved), Some(by), Some(at)) => {
                Some(Decision { approved, by: by.parse().map_err(|_| unreadable("decided_by"))?, at })
            }
            _ => None,
        };
        let posting = |Kept { kind, owner, currency, amount }| {
            let kind = AccountKind::of(&kind).ok_or_else(|| unreadable("postings"))?;
            let currency = currency.parse().map_err(|_| unreadable("postings"))?;
            Ok(Posting { account: Account { kind, owner, currency }, amount })
        };
        Ok(Adjustment {
            id: self.id,
            tenant: self.tenant.parse().map_err(|_| unreadable("tenant"))?,
            postings: self.postings.0.into_iter().map(posting).collect::<sqlx::Result<_>>()?,
            // The error is not kept: it may quote what a person wrote.
            reason: self.reason.parse().map_err(|_| unreadable("reason"))?,
            proposed_by: self.proposed_by.parse().map_err(|_| unreadable("proposed_by"))?,
            proposed_at: self.proposed_at,
            decision,
        })
    }
}

fn unreadable(column: &'static str) -> sqlx::Error {
    sqlx::Error::Decode(format!("adjustments.{column} holds a value that the domain refuses").into())
}
