//! Table `settlement_lines`, and what they are compared with.

use std::collections::{BTreeMap, BTreeSet};

use ids::{PaymentId, SettlementId, Tenant};
use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::domain::AccountName;
use crate::domain::settlement::{Line, LineKind, LineStatus, Movement, Ours, Report, Settlement, Stray};

/// Reads what is known here of what a report may tell: of the payments that it names, and of what happened before the end of its day.
/// What happened a day before it began was looked for by the report before it.
#[tracing::instrument(name = "db.settlement_lines.ours", skip_all)]
pub async fn ours(
    db: &mut PgConnection,
    tenant: &Tenant,
    account: &AccountName,
    report: &Report,
    (from, until): (OffsetDateTime, OffsetDateTime),
) -> sqlx::Result<Ours> {
    let strays = strays(&mut *db, tenant, account).await?;
    let named = report.lines().iter().filter_map(|line| line.reference.parse::<PaymentId>().ok());
    let named: BTreeSet<PaymentId> = named.chain(strays.iter().map(|stray| stray.payment)).collect();
    let named: Vec<Uuid> = named.into_iter().map(Uuid::from).collect();
    let nameless = report.lines().iter().filter(|line| line.reference.is_empty());
    let charges: BTreeSet<&str> = nameless.map(|line| &*line.payment).collect();
    let charges: Vec<&str> = charges.into_iter().collect();
    let payments = sqlx::query!(
        r#"select id as "id: PaymentId", coalesce(charge_id, provider_id) as name
         from payments where tenant = $1 and account = $2 and (id = any($3) or charge_id = any($4))"#,
        tenant.as_str(),
        account.as_str(),
        &named,
        &charges as &[&str],
    );
    let payments = payments.fetch_all(&mut *db).await?.into_iter().map(|row| (row.id, row.name));
    let payments: BTreeMap<PaymentId, Option<String>> = payments.collect();
    let named: Vec<Uuid> = payments.keys().copied().map(Uuid::from).collect();
    let counted: Vec<&str> =
        report.lines().iter().map(|line| &*line.id).filter(|id| !id.is_empty()).collect();
    let counted = sqlx::query_scalar!(
        r#"select provider_line as "line!" from settlement_lines
         where tenant = $1 and account = $2 and provider_line = any($3) and status not in ('repeated', 'found')"#,
        tenant.as_str(),
        account.as_str(),
        &counted as &[&str],
    );
    let counted = counted.fetch_all(&mut *db).await?.into_iter().collect();
    let movements = movements(db, tenant, account, &named, (from, until)).await?;
    Ok(Ours { payments, movements, counted, strays })
}

async fn movements(
    db: &mut PgConnection,
    tenant: &Tenant,
    account: &AccountName,
    named: &[Uuid],
    (from, until): (OffsetDateTime, OffsetDateTime),
) -> sqlx::Result<Vec<Movement>> {
    let rows = sqlx::query!(
        r#"with movements as (
             select 'charge' as kind, p.id as subject, p.id as payment, coalesce(p.charge_id, p.provider_id) as object, p.currency,
                 p.captured as amount,
                 p.finished_at as at
             from payments p
             where p.tenant = $1 and p.account = $2 and p.status = 'completed'
                 and (p.id = any($3) or (p.finished_at >= $4 and p.finished_at < $5))
             union all
             select 'refund', r.id, p.id, r.provider_id, p.currency, -r.amount, r.finished_at
             from refunds r join payments p on p.tenant = $1 and p.id = r.payment_id and p.account = $2
             where r.tenant = $1 and r.status = 'completed'
                 and (r.payment_id = any($3) or (r.finished_at >= $4 and r.finished_at < $5))
             union all
             select 'dispute', d.id, p.id, d.provider_id, p.currency, -d.amount, d.created_at
             from disputes d join payments p on p.tenant = $1 and p.id = d.payment_id and p.account = $2
             where d.tenant = $1 and (d.payment_id = any($3) or (d.created_at >= $4 and d.created_at < $5))
             union all
             select 'dispute_reversal', d.id, p.id, d.provider_id, p.currency, d.amount, d.finished_at
             from disputes d join payments p on p.tenant = $1 and p.id = d.payment_id and p.account = $2
             where d.tenant = $1 and d.status = 'won'
                 and (d.payment_id = any($3) or (d.finished_at >= $4 and d.finished_at < $5))
         )
         select kind as "kind!", subject as "subject!", payment as "payment!: PaymentId", coalesce(object, '') as "object!",
             currency as "currency!", amount as "amount!",
             exists (
                 select from settlement_lines l
                 where l.tenant = $1 and l.subject_id = m.subject and l.kind = m.kind
                     and l.status in ('matched', 'amount_differs', 'found')) as "settled!",
             at >= $4 and at < $5 and not exists (
                 select from settlement_lines l
                 where l.tenant = $1 and l.subject_id = m.subject and l.kind = m.kind
                     and l.status in ('matched', 'amount_differs', 'found', 'missing_there')) as "expected!"
         from movements m order by at, subject"#,
        tenant.as_str(),
        account.as_str(),
        named,
        from,
        until,
    );
    let rows = rows.fetch_all(db).await?.into_iter();
    rows.map(|row| {
        Ok(Movement {
            kind: LineKind::of(&row.kind).ok_or_else(|| unreadable("kind"))?,
            subject: row.subject,
            payment: row.payment,
            object: row.object,
            currency: row.currency.parse().map_err(|_| unreadable("currency"))?,
            amount: row.amount,
            settled: row.settled,
            expected: row.expected,
        })
    })
    .collect()
}

async fn strays(db: &mut PgConnection, tenant: &Tenant, account: &AccountName) -> sqlx::Result<Vec<Stray>> {
    let rows = sqlx::query!(
        r#"select kind, coalesce(provider_object, '') as "object!", payment_id as "payment!: PaymentId", currency,
             coalesce(reported, 0) as "amount!"
         from settlement_lines s
         where tenant = $1 and account = $2 and status = 'missing_here' and payment_id is not null
             and not exists (
                 select from settlement_lines f
                 where f.tenant = $1 and f.account = $2 and f.status = 'found' and f.payment_id = s.payment_id
                     and f.kind = s.kind and f.provider_object = s.provider_object)
         order by settlement_id, number"#,
        tenant.as_str(),
        account.as_str(),
    );
    let rows = rows.fetch_all(db).await?.into_iter();
    rows.map(|row| {
        Ok(Stray {
            kind: LineKind::of(&row.kind).ok_or_else(|| unreadable("kind"))?,
            object: row.object,
            payment: row.payment,
            currency: row.currency.parse().map_err(|_| unreadable("currency"))?,
            amount: row.amount,
        })
    })
    .collect()
}

/// Writes the lines of a settlement, in their order.
#[tracing::instrument(name = "db.settlement_lines.insert", skip_all)]
pub async fn insert(db: &mut PgConnection, settlement: &Settlement, lines: &[Line]) -> sqlx::Result<()> {
    fn column<'l, T>(lines: &'l [Line], of: impl Fn(&'l Line) -> T) -> Vec<T> {
        lines.iter().map(of).collect()
    }
    sqlx::query!(
        "insert into settlement_lines (tenant, settlement_id, account, number, kind, status, report_line, provider_line,
             provider_object, reference, currency, reported, expected, payment_id, subject_id)
         select $1, $2, $3, new.number, new.kind, new.status, new.report_line, new.provider_line, new.provider_object,
             new.reference, new.currency, new.reported, new.expected, new.payment_id, new.subject_id
         from unnest($4::text[], $5::text[], $6::integer[], $7::text[], $8::text[], $9::text[], $10::text[], $11::bigint[],
             $12::bigint[], $13::uuid[], $14::uuid[]) with ordinality as new (kind, status, report_line, provider_line,
             provider_object, reference, currency, reported, expected, payment_id, subject_id, number)",
        settlement.tenant.as_str(),
        settlement.id.as_uuid(),
        settlement.account.as_str(),
        &column(lines, |line| line.kind.name()) as &[&str],
        &column(lines, |line| line.status.name()) as &[&str],
        &column(lines, |line| line.report_line) as &[Option<i32>],
        &column(lines, |line| line.provider_line.as_deref()) as &[Option<&str>],
        &column(lines, |line| line.provider_object.as_deref()) as &[Option<&str>],
        &column(lines, |line| line.reference.as_deref()) as &[Option<&str>],
        &column(lines, |line| line.currency.as_str()) as &[&str],
        &column(lines, |line| line.reported) as &[Option<i64>],
        &column(lines, |line| line.expected) as &[Option<i64>],
        &column(lines, |line| line.payment.map(Uuid::from)) as &[Option<Uuid>],
        &column(lines, |line| line.subject) as &[Option<Uuid>],
    )
    .execute(db)
    .await?;
    Ok(())
}

/// A line as it was stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// Its number.
    pub number: i32,
    /// The line.
    pub line: Line,
    /// The settlement that has explained it since.
    pub explained_by: Option<SettlementId>,
}

/// Reads up to `limit` lines of a settlement, beginning after number `after`.
#[tracing::instrument(name = "db.settlement_lines.list", skip_all)]
pub async fn list(
    db: &mut PgConnection,
    tenant: &Tenant,
    id: SettlementId,
    after: i32,
    limit: i64,
) -> sqlx::Result<Vec<Stored>> {
    let rows = sqlx::query!(
        r#"select l.number, l.kind, l.status, l.report_line, l.provider_line, l.provider_object, l.reference, l.currency, l.reported,
             l.expected, l.payment_id as "payment_id: PaymentId", l.subject_id,
             (select e.settlement_id from settlement_lines e
              where e.tenant = $1 and e.kind = l.kind and e.settlement_id <> l.settlement_id
                  and ((l.status = 'missing_there' and e.subject_id = l.subject_id
                          and e.status in ('matched', 'amount_differs', 'found'))
                      or (l.status = 'missing_here' and e.account = l.account and e.status = 'found'
                          and e.payment_id = l.payment_id and e.provider_object = l.provider_object))
              limit 1) as "explained_by: SettlementId"
         from settlement_lines l
         where l.tenant = $1 and l.settlement_id = $2 and l.number > $3 order by l.number limit $4"#,
        tenant.as_str(),
        id.as_uuid(),
        after,
        limit,
    );
    let rows = rows.fetch_all(db).await?.into_iter();
    rows.map(|row| {
        let line = Line {
            kind: LineKind::of(&row.kind).ok_or_else(|| unreadable("kind"))?,
            status: LineStatus::of(&row.status).ok_or_else(|| unreadable("status"))?,
            report_line: row.report_line,
            provider_line: row.provider_line,
            provider_object: row.provider_object,
            reference: row.reference,
            currency: row.currency.parse().map_err(|_| unreadable("currency"))?,
            reported: row.reported,
            expected: row.expected,
            payment: row.payment_id,
            subject: row.subject_id,
        };
        Ok(Stored { number: row.number, line, explained_by: row.explained_by })
    })
    .collect()
}

fn unreadable(column: &'static str) -> sqlx::Error {
    sqlx::Error::Decode(format!("settlement_lines.{column} holds a value that the domain refuses").into())
}
