//! Table `payments`. Whoever changes a row holds its lock, and that of its bill before.

use ids::{BillId, DocumentId, PaymentId, Subject, Tenant};
use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::domain::{AccountName, CancelledBy, Currency, Failure, Payment, PaymentState as State};

/// Reads payments; `$tail` picks which.
macro_rules! select {
    ($tail:tt, $($argument:expr),+ $(,)?) => {
        sqlx::query_as!(
            Row,
            r#"select id as "id: PaymentId", tenant, bill_id as "bill_id: BillId", payer, account, amount, currency, return_url,
                 next_url, status, failure, cancelled_by, provider_id, charge_id, silent_since, captured, refunded, refunding, disputed, created_at,
                 expires_at, finished_at, receipt_id as "receipt_id: DocumentId"
             from payments
             "# + $tail,
            $($argument),+
        )
    };
}

/// Writes a new payment. `false` where one of the bill is under way.
#[tracing::instrument(name = "db.payments.insert", skip_all)]
pub async fn insert(db: &mut PgConnection, payment: &Payment) -> sqlx::Result<bool> {
    let inserted = sqlx::query!(
        "insert into payments (id, tenant, bill_id, payer, account, amount, currency, return_url, status, created_at, expires_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
         on conflict (tenant, bill_id) where status in ('initiated', 'submitted', 'outcome_unknown') do nothing",
        payment.id.as_uuid(),
        payment.tenant.as_str(),
        payment.bill_id.as_uuid(),
        payment.payer.as_str(),
        payment.account.as_str(),
        payment.amount,
        payment.currency.as_str(),
        payment.return_url,
        payment.state.name(),
        payment.created_at,
        payment.expires_at,
    )
    .execute(db)
    .await?;
    Ok(inserted.rows_affected() == 1)
}

/// Writes how far a payment has come. A contradiction is kept until there is another.
#[tracing::instrument(name = "db.payments.update", skip_all)]
pub async fn update(
    db: &mut PgConnection,
    payment: &Payment,
    contradiction: Option<&'static str>,
) -> sqlx::Result<()> {
    let failure = match payment.state {
        State::Failed(failure) => Some(failure_name(failure)),
        _ => None,
    };
    let cancelled_by = match payment.state {
        State::Cancelled(by) => Some(by),
        _ => payment.cancel,
    };
    let updated = sqlx::query!(
        "update payments set return_url = $3, next_url = $4, status = $5, failure = $6, cancelled_by = $7, provider_id = $8,
             silent_since = $9, captured = $10, refunded = $11, refunding = $12, contradiction = coalesce($13, contradiction),
             finished_at = $14, disputed = $15, receipt_id = $16, charge_id = $17
         where tenant = $1 and id = $2",
        payment.tenant.as_str(),
        payment.id.as_uuid(),
        payment.return_url,
        payment.next_url,
        payment.state.name(),
        failure,
        cancelled_by.map(cancelled_by_name),
        payment.provider_id,
        payment.silent_since,
        payment.captured(),
        payment.refunded,
        payment.refunding,
        contradiction,
        payment.finished_at,
        payment.disputed,
        payment.receipt_id.map(Uuid::from),
        payment.charge_id,
    )
    .execute(db)
    .await?;
    if updated.rows_affected() == 1 { Ok(()) } else { Err(sqlx::Error::RowNotFound) }
}

/// Reads a payment, of this payer where one is given.
#[tracing::instrument(name = "db.payments.find", skip_all)]
pub async fn find(
    db: &mut PgConnection,
    tenant: &Tenant,
    payers: Option<&[Subject]>,
    id: PaymentId,
) -> sqlx::Result<Option<Payment>> {
    let row = select!(
        "where tenant = $1 and id = $2 and ($3::text[] is null or payer = any($3))",
        tenant.as_str(),
        id.as_uuid(),
        payers as Option<&[Subject]>,
    );
    row.fetch_optional(db).await?.map(Row::into_payment).transpose()
}

/// Reads the payment whose charge goes by this name.
#[tracing::instrument(name = "db.payments.of_charge", skip_all)]
pub async fn of_charge(
    db: &mut PgConnection,
    tenant: &Tenant,
    account: &AccountName,
    charge_id: &str,
) -> sqlx::Result<Option<Payment>> {
    let row = select!(
        "where tenant = $1 and account = $2 and charge_id = $3",
        tenant.as_str(),
        account.as_str(),
        charge_id,
    );
    row.fetch_optional(db).await?.map(Row::into_payment).transpose()
}

/// Reads and locks a payment, whose bill is locked.
#[tracing::instrument(name = "db.payments.lock", skip_all)]
pub async fn lock(db: &mut PgConnection, tenant: &Tenant, id: PaymentId) -> sqlx::Result<Option<Payment>> {
    let row = select!("where tenant = $1 and id = $2 for update", tenant.as_str(), id.as_uuid());
    row.fetch_optional(db).await?.map(Row::into_payment).transpose()
}

/// Counts that somebody asks for the provider to be asked at once.
#[tracing::instrument(name = "db.payments.wake", skip_all)]
pub async fn wake(db: &mut PgConnection, tenant: &Tenant, id: PaymentId) -> sqlx::Result<()> {
    sqlx::query!(
        "update payments set wakes = wakes + 1 where tenant = $1 and id = $2",
        tenant.as_str(),
        id.as_uuid(),
    )
    .execute(db)
    .await?;
    Ok(())
}

/// How often somebody has asked for that.
#[tracing::instrument(name = "db.payments.wakes", skip_all)]
pub async fn wakes(db: &mut PgConnection, tenant: &Tenant, id: PaymentId) -> sqlx::Result<Option<i64>> {
    sqlx::query_scalar!(
        "select wakes from payments where tenant = $1 and id = $2",
        tenant.as_str(),
        id.as_uuid()
    )
    .fetch_optional(db)
    .await
}

/// Which payments to list; what is given narrows the list.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Of one of these payers.
    pub payers: Option<Vec<Subject>>,
    /// Of this bill.
    pub bill_id: Option<BillId>,
}

/// Reads up to `limit` payments, newest first, beginning after `before`.
#[tracing::instrument(name = "db.payments.list", skip_all)]
pub async fn list(
    db: &mut PgConnection,
    tenant: &Tenant,
    filter: &Filter,
    before: Option<Uuid>,
    limit: i64,
) -> sqlx::Result<Vec<Payment>> {
    let rows = select!(
        "where tenant = $1 and id < $2 and ($3::text[] is null or payer = any($3)) and ($4::uuid is null or bill_id = $4)
         order by id desc limit $5",
        tenant.as_str(),
        before.unwrap_or(Uuid::max()),
        filter.payers.as_deref() as Option<&[Subject]>,
        filter.bill_id.map(Uuid::from),
        limit,
    );
    rows.fetch_all(db).await?.into_iter().map(Row::into_payment).collect()
}

/// Forgets what staff and the provider have written about a payer's refunds and payments.
#[tracing::instrument(name = "db.payments.forget", skip_all)]
pub async fn forget(db: &mut PgConnection, tenant: &Tenant, payer: &Subject) -> sqlx::Result<()> {
    sqlx::query!(
        "update refunds set reason = null
         where tenant = $1 and reason is not null
             and payment_id in (select id from payments where tenant = $1 and payer = $2)",
        tenant.as_str(),
        payer.as_str(),
    )
    .execute(&mut *db)
    .await?;
    sqlx::query!(
        "update callbacks set body = null
         where tenant = $1 and body is not null
             and payment_id in (select id from payments where tenant = $1 and payer = $2)",
        tenant.as_str(),
        payer.as_str(),
    )
    .execute(db)
    .await?;
    Ok(())
}

struct Row {
    id: PaymentId,
    tenant: String,
    bill_id: BillId,
    payer: String,
    account: String,
    amount: i64,
    currency: String,
    return_url: Option<String>,
    next_url: Option<String>,
    status: String,
    failure: Option<String>,
    cancelled_by: Option<String>,
    provider_id: Option<String>,
    charge_id: Option<String>,
    silent_since: Option<OffsetDateTime>,
    captured: i64,
    refunded: i64,
    refunding: i64,
    disputed: i64,
    created_at: OffsetDateTime,
    expires_at: OffsetDateTime,
    finished_at: Option<OffsetDateTime>,
    receipt_id: Option<DocumentId>,
}

impl Row {
    fn into_payment(self) -> sqlx::Result<Payment> {
        let cancel = match self.cancelled_by.as_deref() {
            None => None,
            Some("payer") => Some(CancelledBy::Payer),
            Some("staff") => Some(CancelledBy::Staff),
            Some(_) => return Err(unreadable("cancelled_by")),
        };
        let state = match &*self.status {
            "initiated" => State::Initiated,
            "submitted" => State::Submitted,
            "outcome_unknown" => State::OutcomeUnknown,
            "completed" => State::Completed { captured: self.captured },
            "failed" => State::Failed(failure(self.failure.as_deref())?),
            "cancelled" => State::Cancelled(cancel.ok_or_else(|| unreadable("cancelled_by"))?),
            _ => return Err(unreadable("status")),
        };
        let account: AccountName = self.account.parse().map_err(|_| unreadable("account"))?;
        let currency: Currency = self.currency.parse().map_err(|_| unreadable("currency"))?;
        Ok(Payment {
            id: self.id,
            tenant: self.tenant.parse().map_err(|_| unreadable("tenant"))?,
            bill_id: self.bill_id,
            payer: self.payer.parse().map_err(|_| unreadable("payer"))?,
            account,
            amount: self.amount,
            currency,
            return_url: self.return_url,
            state,
            provider_id: self.provider_id,
            charge_id: self.charge_id,
            next_url: self.next_url,
            cancel,
            silent_since: self.silent_since,
            refunded: self.refunded,
            refunding: self.refunding,
            disputed: self.disputed,
            created_at: self.created_at,
            expires_at: self.expires_at,
            finished_at: self.finished_at,
            receipt_id: self.receipt_id,
        })
    }
}

fn failure(name: Option<&str>) -> sqlx::Result<Failure> {
    match name {
        Some("declined") => Ok(Failure::Declined),
        Some("expired") => Ok(Failure::Expired),
        Some("provider_error") => Ok(Failure::ProviderError),
        _ => Err(unreadable("failure")),
    }
}

fn failure_name(failure: Failure) -> &'static str {
    match failure {
        Failure::Declined => "declined",
        Failure::Expired => "expired",
        Failure::ProviderError => "provider_error",
    }
}

fn cancelled_by_name(by: CancelledBy) -> &'static str {
    match by {
        CancelledBy::Payer => "payer",
        CancelledBy::Staff => "staff",
    }
}

fn unreadable(column: &'static str) -> sqlx::Error {
    sqlx::Error::Decode(format!("payments.{column} holds a value that the domain refuses").into())
}
