//! Tables `ledger_accounts`, `ledger_entries` and `ledger_postings`: written once, never changed.

use clock::Clock;
use ids::{AccountId, EntryId, Tenant};
use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::domain::{Account, AccountKind, Entry, Posting};

/// Posts an entry. The database refuses a second one of its kind about its subject, one that does not come to zero, and one in a closed
/// period: what has happened in it is posted at the beginning of the open one.
#[tracing::instrument(name = "db.ledger.post", skip_all)]
pub async fn post(db: &mut PgConnection, tenant: &Tenant, entry: &Entry) -> sqlx::Result<()> {
    let postings = entry.postings();
    let kinds: Vec<&str> = postings.iter().map(|posting| posting.account.kind.name()).collect();
    let owners: Vec<&str> = postings.iter().map(|posting| &*posting.account.owner).collect();
    let currencies: Vec<&str> = postings.iter().map(|posting| posting.account.currency.as_str()).collect();
    let amounts: Vec<i64> = postings.iter().map(|posting| posting.amount).collect();
    // Ids of accounts that are new; the others have theirs.
    let clock = Clock::frozen(entry.posted_at);
    let new: Vec<Uuid> = postings.iter().map(|_| AccountId::mint(&clock).into()).collect();
    // In one order, so that two that open the same accounts do not wait for each other.
    sqlx::query!(
        "insert into ledger_accounts (id, tenant, kind, owner, currency)
         select id, $1, kind, owner, currency
         from unnest($2::uuid[], $3::text[], $4::text[], $5::text[]) as new (id, kind, owner, currency)
         where not exists (
             select from ledger_accounts a
             where a.tenant = $1 and a.kind = new.kind and a.owner = new.owner and a.currency = new.currency)
         order by kind, owner, currency
         on conflict (tenant, kind, owner, currency) do nothing",
        tenant.as_str(),
        &new,
        &kinds as &[&str],
        &owners as &[&str],
        &currencies as &[&str],
    )
    .execute(&mut *db)
    .await?;
    sqlx::query!(
        "insert into ledger_entries (id, tenant, kind, subject_id, posted_at)
         values ($1, $2, $3, $4, ledger_open_moment($2, $5))",
        entry.id.as_uuid(),
        tenant.as_str(),
        entry.kind.name(),
        entry.subject,
        entry.posted_at,
    )
    .execute(&mut *db)
    .await?;
    let posted = sqlx::query!(
        "insert into ledger_postings (tenant, entry_id, number, account_id, currency, amount)
         select $1, $2, new.number, a.id, new.currency, new.amount
         from unnest($3::text[], $4::text[], $5::text[], $6::bigint[])
             with ordinality as new (kind, owner, currency, amount, number)
         join ledger_accounts a
             on a.tenant = $1 and a.kind = new.kind and a.owner = new.owner and a.currency = new.currency",
        tenant.as_str(),
        entry.id.as_uuid(),
        &kinds as &[&str],
        &owners as &[&str],
        &currencies as &[&str],
        &amounts,
    )
    .execute(db)
    .await?;
    let all = u64::try_from(postings.len()).unwrap_or(u64::MAX);
    if posted.rows_affected() == all { Ok(()) } else { Err(sqlx::Error::RowNotFound) }
}

/// An account and what it has come to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Balance {
    /// Its id.
    pub id: AccountId,
    /// The account.
    pub account: Account,
    /// What was debited.
    pub debits: i64,
    /// What was credited.
    pub credits: i64,
}

/// Reads what up to `limit` accounts have come to, newest first, beginning after `before`.
#[tracing::instrument(name = "db.ledger.balances", skip_all)]
pub async fn balances(
    db: &mut PgConnection,
    tenant: &Tenant,
    before: Option<Uuid>,
    limit: i64,
) -> sqlx::Result<Vec<Balance>> {
    let rows = sqlx::query!(
        r#"select a.id as "id: AccountId", kind, owner, currency, debits as "debits!", credits as "credits!"
         from (select * from ledger_accounts where tenant = $1 and id < $2 order by id desc limit $3) a,
             lateral (
                 select coalesce(sum(amount) filter (where amount > 0), 0)::bigint as debits,
                     coalesce(-sum(amount) filter (where amount < 0), 0)::bigint as credits
                 from ledger_postings p where p.tenant = $1 and p.account_id = a.id
             ) sums
         order by a.id desc"#,
        tenant.as_str(),
        before.unwrap_or(Uuid::max()),
        limit,
    );
    let rows = rows.fetch_all(db).await?.into_iter();
    rows.map(|row| {
        let account = account(&row.kind, row.owner, &row.currency)?;
        Ok(Balance { id: row.id, account, debits: row.debits, credits: row.credits })
    })
    .collect()
}

/// An entry as it was posted.
#[derive(Debug, Clone)]
pub struct Posted {
    /// Its id.
    pub id: EntryId,
    /// What happened.
    pub kind: String,
    /// What it is about.
    pub subject: Uuid,
    /// When.
    pub posted_at: OffsetDateTime,
    /// Its postings, in order.
    pub postings: Vec<Posting>,
}

/// Reads up to `limit` entries, newest first, beginning after `before`; about one thing where it is given.
#[tracing::instrument(name = "db.ledger.entries", skip_all)]
pub async fn entries(
    db: &mut PgConnection,
    tenant: &Tenant,
    subject: Option<Uuid>,
    before: Option<Uuid>,
    limit: i64,
) -> sqlx::Result<Vec<Posted>> {
    let rows = sqlx::query!(
        r#"select e.id as "id: EntryId", e.kind, e.subject_id, e.posted_at, a.kind as account_kind, a.owner, a.currency, p.amount
         from (select * from ledger_entries
               where tenant = $1 and id < $2 and ($3::uuid is null or subject_id = $3) order by id desc limit $4) e
         join ledger_postings p on p.tenant = $1 and p.entry_id = e.id
         join ledger_accounts a on a.tenant = $1 and a.id = p.account_id
         order by e.id desc, p.number"#,
        tenant.as_str(),
        before.unwrap_or(Uuid::max()),
        subject,
        limit,
    );
    let mut entries: Vec<Posted> = Vec::new();
    for row in rows.fetch_all(db).await? {
        let posting =
            Posting { account: account(&row.account_kind, row.owner, &row.currency)?, amount: row.amount };
        match entries.last_mut().filter(|entry| entry.id == row.id) {
            Some(entry) => entry.postings.push(posting),
            None => entries.push(Posted {
                id: row.id,
                kind: row.kind,
                subject: row.subject_id,
                posted_at: row.posted_at,
                postings: vec![posting],
            }),
        }
    }
    Ok(entries)
}

/// What the books come to, in one currency.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Total {
    /// Which.
    pub currency: String,
    /// Sum of the debits.
    pub debits: i64,
    /// Sum of the credits.
    pub credits: i64,
}

/// Adds up all postings.
#[tracing::instrument(name = "db.ledger.totals", skip_all)]
pub async fn totals(db: &mut PgConnection, tenant: &Tenant) -> sqlx::Result<Vec<Total>> {
    sqlx::query_as!(
        Total,
        r#"select currency, coalesce(sum(amount) filter (where amount > 0), 0)::bigint as "debits!",
             coalesce(-sum(amount) filter (where amount < 0), 0)::bigint as "credits!"
         from ledger_postings where tenant = $1 group by currency order by currency"#,
        tenant.as_str(),
    )
    .fetch_all(db)
    .await
}

/// Counts entries and postings.
#[tracing::instrument(name = "db.ledger.counts", skip_all)]
pub async fn counts(db: &mut PgConnection, tenant: &Tenant) -> sqlx::Result<(i64, i64)> {
    let row = sqlx::query!(
        r#"select (select count(*) from ledger_entries where tenant = $1) as "entries!",
             (select count(*) from ledger_postings where tenant = $1) as "postings!""#,
        tenant.as_str(),
    )
    .fetch_one(db)
    .await?;
    Ok((row.entries, row.postings))
}

/// Something that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Which rule is broken.
    pub rule: String,
    /// What breaks it.
    pub subject: String,
    /// Of what.
    pub currency: String,
    /// What was found.
    pub found: i64,
    /// What should be there.
    pub expected: i64,
}

/// Finds up to `limit` things that are not as they should be: entries that do not come to zero, bills and payments that the books do
/// not agree with, payers who owe something else than their bills say.
#[tracing::instrument(name = "db.ledger.faults", skip_all)]
pub async fn faults(db: &mut PgConnection, tenant: &Tenant, limit: i64) -> sqlx::Result<Vec<Fault>> {
    sqlx::query_as!(
        Fault,
        r#"
        with postings as (
            select p.entry_id, p.currency, p.amount, a.kind, a.owner, e.kind as entry, e.subject_id
            from ledger_postings p
            join ledger_accounts a on a.tenant = $1 and a.id = p.account_id
            join ledger_entries e on e.tenant = $1 and e.id = p.entry_id
            where p.tenant = $1
        ),
        entries as (
            select entry_id, currency, sum(amount)::bigint as found from postings group by 1, 2
        ),
        billed as (
            select subject_id, currency, sum(amount)::bigint as found from postings
            where entry = 'bill_issued' and kind = 'receivable' group by 1, 2
        ),
        captured as (
            select subject_id, currency, sum(amount)::bigint as found from postings
            where entry = 'payment_captured' and kind = 'clearing' group by 1, 2
        ),
        given_back as (
            select r.payment_id, p.currency, -sum(p.amount)::bigint as found
            from postings p join refunds r on r.tenant = $1 and r.id = p.subject_id
            where p.entry = 'refund_completed' and p.kind = 'clearing' group by 1, 2
        ),
        paid as (
            select m.bill_id, p.currency, -sum(p.amount)::bigint as found
            from postings p join payments m on m.tenant = $1 and m.id = p.subject_id
            where p.entry = 'payment_captured' and p.kind = 'receivable' group by 1, 2
        ),
        credited as (
            select a.bill_id, p.currency, -sum(p.amount)::bigint as found
            from postings p join bill_acts a on a.tenant = $1 and a.id = p.subject_id
            where p.entry = 'bill_credited' and p.kind = 'receivable' group by 1, 2
        ),
        given_up as (
            select subject_id, currency, -sum(amount)::bigint as found from postings
            where entry in ('bill_cancelled', 'bill_written_off') and kind = 'receivable' group by 1, 2
        ),
        owed as (
            select payer as owner, currency,
                sum(case when status in ('issued', 'part_paid') then total - paid - credited - given_up else 0 end)::bigint as expected
            from bills where tenant = $1 group by 1, 2
        ),
        receivable as (
            select owner, currency, sum(amount)::bigint as found from postings
            where kind = 'receivable' and entry <> 'adjustment' group by 1, 2
        )
        select rule as "rule!", subject as "subject!", currency as "currency!", found as "found!", expected as "expected!" from (
            select 'ENTRY_UNBALANCED' as rule, entry_id::text as subject, currency, found, 0::bigint as expected
            from entries where found <> 0
            union all
            select 'BILL_DIFFERS', b.id::text, b.currency, coalesce(l.found, 0), b.total
            from bills b left join billed l on l.subject_id = b.id and l.currency = b.currency
            where b.tenant = $1 and b.issued_at is not null and coalesce(l.found, 0) <> b.total
            union all
            select 'BILL_DIFFERS', b.id::text, b.currency, coalesce(p.found, 0), b.paid
            from bills b left join paid p on p.bill_id = b.id and p.currency = b.currency
            where b.tenant = $1 and coalesce(p.found, 0) <> b.paid
            union all
            select 'BILL_DIFFERS', b.id::text, b.currency, coalesce(c.found, 0), b.credited
            from bills b left join credited c on c.bill_id = b.id and c.currency = b.currency
            where b.tenant = $1 and coalesce(c.found, 0) <> b.credited
            union all
            select 'BILL_DIFFERS', b.id::text, b.currency, coalesce(g.found, 0), b.given_up
            from bills b left join given_up g on g.subject_id = b.id and g.currency = b.currency
            where b.tenant = $1 and coalesce(g.found, 0) <> b.given_up
            union all
            select 'PAYMENT_DIFFERS', p.id::text, p.currency, coalesce(c.found, 0), p.captured
            from payments p left join captured c on c.subject_id = p.id and c.currency = p.currency
            where p.tenant = $1 and coalesce(c.found, 0) <> p.captured
            union all
            select 'PAYMENT_DIFFERS', p.id::text, p.currency, coalesce(g.found, 0), p.refunded
            from payments p left join given_back g on g.payment_id = p.id and g.currency = p.currency
            where p.tenant = $1 and coalesce(g.found, 0) <> p.refunded
            union all
            select 'RECEIVABLE_DIFFERS', coalesce(o.owner, r.owner), coalesce(o.currency, r.currency), coalesce(r.found, 0),
                coalesce(o.expected, 0)
            from owed o full join receivable r on r.owner = o.owner and r.currency = o.currency
            where coalesce(r.found, 0) <> coalesce(o.expected, 0)
        ) as faults
        order by rule, subject limit $2"#,
        tenant.as_str(),
        limit,
    )
    .fetch_all(db)
    .await
}

fn account(kind: &str, owner: String, currency: &str) -> sqlx::Result<Account> {
    let unreadable = |column| {
        sqlx::Error::Decode(format!("ledger_accounts.{column} holds a value that the domain refuses").into())
    };
    Ok(Account {
        kind: AccountKind::of(kind).ok_or_else(|| unreadable("kind"))?,
        owner,
        currency: currency.parse().map_err(|_| unreadable("currency"))?,
    })
}
