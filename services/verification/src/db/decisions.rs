//! Table `decisions`: written once.

use ids::{CaseId, DecisionId, Subject, Tenant};
use sqlx::PgConnection;
use time::OffsetDateTime;

use crate::domain::{Decision, DecisionReason, Verdict};

/// Writes a decision.
#[tracing::instrument(name = "db.decisions.insert", skip_all)]
pub async fn insert(
    db: &mut PgConnection,
    tenant: &Tenant,
    case_id: CaseId,
    decision: &Decision,
) -> sqlx::Result<()> {
    let reasons: Vec<String> = decision.reasons.iter().map(|reason| reason.name().to_owned()).collect();
    sqlx::query!(
        "insert into decisions (id, tenant, case_id, number, verdict, reasons, decided_by, agreed_by, decided_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        decision.id.as_uuid(),
        tenant.as_str(),
        case_id.as_uuid(),
        decision.number,
        decision.verdict.name(),
        &reasons,
        decision.by.as_ref().map(Subject::as_str),
        decision.agreed_by.as_ref().map(Subject::as_str),
        decision.at,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// The decisions of a case, oldest first, at most 100.
#[tracing::instrument(name = "db.decisions.of_case", skip_all)]
pub async fn of_case(db: &mut PgConnection, tenant: &Tenant, case_id: CaseId) -> sqlx::Result<Vec<Decision>> {
    let rows = sqlx::query_as!(
        Row,
        r#"select id as "id: DecisionId", number, verdict, reasons, decided_by, agreed_by, decided_at from decisions
         where tenant = $1 and case_id = $2 order by number limit 100"#,
        tenant.as_str(),
        case_id.as_uuid(),
    );
    rows.fetch_all(db).await?.into_iter().map(Row::into_decision).collect()
}

/// The newest decision of a case.
#[tracing::instrument(name = "db.decisions.newest", skip_all)]
pub async fn newest(
    db: &mut PgConnection,
    tenant: &Tenant,
    case_id: CaseId,
) -> sqlx::Result<Option<Decision>> {
    let row = sqlx::query_as!(
        Row,
        r#"select id as "id: DecisionId", number, verdict, reasons, decided_by, agreed_by, decided_at from decisions
         where tenant = $1 and case_id = $2 order by number desc limit 1"#,
        tenant.as_str(),
        case_id.as_uuid(),
    );
    row.fetch_optional(db).await?.map(Row::into_decision).transpose()
}

struct Row {
    id: DecisionId,
    number: i32,
    verdict: String,
    reasons: Vec<String>,
    decided_by: Option<String>,
    agreed_by: Option<String>,
    decided_at: OffsetDateTime,
}

impl Row {
    fn into_decision(self) -> sqlx::Result<Decision> {
        let subject = |text: Option<String>, column| {
            text.map(|text| text.parse()).transpose().map_err(|_| unreadable(column))
        };
        let reasons =
            self.reasons.iter().map(|name| DecisionReason::named(name).ok_or_else(|| unreadable("reasons")));
        Ok(Decision {
            id: self.id,
            number: self.number,
            verdict: Verdict::named(&self.verdict).ok_or_else(|| unreadable("verdict"))?,
            reasons: reasons.collect::<sqlx::Result<_>>()?,
            by: subject(self.decided_by, "decided_by")?,
            agreed_by: subject(self.agreed_by, "agreed_by")?,
            at: self.decided_at,
        })
    }
}

fn unreadable(column: &'static str) -> sqlx::Error {
    sqlx::Error::Decode(format!("decisions.{column} holds a value that the domain refuses").into())
}
