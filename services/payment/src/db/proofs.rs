//! What settlements, disputes and closed periods say, added up anew. Each statement finds the faults of one moment.

use ids::Tenant;
use sqlx::PgConnection;

use super::ledger::Fault;

/// Finds up to `limit` settlements that are not as they should be: whose totals are not those of their lines or of their entries, whose
/// lines differ from what was posted when it happened, and accounts at providers that owe something else than what is not settled.
#[tracing::instrument(name = "db.proofs.settlements", skip_all)]
pub async fn settlements(db: &mut PgConnection, tenant: &Tenant, limit: i64) -> sqlx::Result<Vec<Fault>> {
    sqlx::query_as!(
        Fault,
        r#"
        with postings as (
            select p.currency, p.amount, a.kind, a.owner, e.kind as entry, e.subject_id
            from ledger_postings p
            join ledger_accounts a on a.tenant = $1 and a.id = p.account_id
            join ledger_entries e on e.tenant = $1 and e.id = p.entry_id
            where p.tenant = $1
        ),
        posted as (
            select subject_id, currency, sum(amount) filter (where kind = 'bank')::bigint as net,
                sum(amount) filter (where kind = 'fees')::bigint as fees,
                -sum(amount) filter (where kind = 'clearing')::bigint as settled,
                -sum(amount) filter (where kind = 'suspense')::bigint as unexplained
            from postings where entry = 'settlement' group by 1, 2
        ),
        counted as (
            select settlement_id, currency, coalesce(sum(reported), 0)::bigint as net,
                coalesce(-sum(expected) filter (where kind = 'fee' and status in ('matched', 'found')), 0)::bigint as fees,
                coalesce(sum(expected) filter (
                    where kind <> 'fee' and status in ('matched', 'amount_differs', 'found')), 0)::bigint as settled,
                count(*) filter (where report_line is not null and kind <> 'net') as lines,
                count(*) filter (where status in ('matched', 'found')) as matched
            from settlement_lines where tenant = $1 group by 1, 2
        ),
        -- One of each of: what it says, what its lines say, what was posted.
        totals as (
            select coalesce(t.settlement_id, c.settlement_id, p.subject_id) as id,
                coalesce(t.currency, c.currency, p.currency) as currency,
                array[coalesce(t.net, 0), coalesce(t.fees, 0), coalesce(t.settled, 0), coalesce(t.unexplained, 0)] as stored,
                array[coalesce(c.net, 0), coalesce(c.fees, 0), coalesce(c.settled, 0),
                    coalesce(c.net + c.fees - c.settled, 0)] as of_lines,
                array[coalesce(p.net, 0), coalesce(p.fees, 0), coalesce(p.settled, 0), coalesce(p.unexplained, 0)] as of_postings
            from (select * from settlement_totals where tenant = $1) t
            full join counted c on c.settlement_id = t.settlement_id and c.currency = t.currency
            full join posted p on p.subject_id = coalesce(t.settlement_id, c.settlement_id)
                and p.currency = coalesce(t.currency, c.currency)
        ),
        differing as (
            select id, currency, found, expected
            from totals, unnest(of_lines || of_postings, stored || stored) as figures (found, expected)
            where found <> expected
        ),
        -- What moved at providers, as it was posted when it happened.
        happened as (
            select case entry when 'payment_captured' then 'charge' when 'refund_completed' then 'refund'
                    when 'dispute_opened' then 'dispute' else 'dispute_reversal' end as kind,
                subject_id, owner, currency, sum(amount)::bigint as amount
            from postings
            where kind = 'clearing' and entry in ('payment_captured', 'refund_completed', 'dispute_opened', 'dispute_won')
            group by 1, 2, 3, 4
        ),
        settling as (
            select settlement_id, account, kind, subject_id, currency, expected
            from settlement_lines
            where tenant = $1 and kind <> 'fee' and status in ('matched', 'amount_differs', 'found')
        ),
        owed as (
            select owner, currency, sum(amount)::bigint as found from postings
            where kind = 'clearing' and entry <> 'adjustment' group by 1, 2
        ),
        unsettled as (
            select h.owner, h.currency, sum(h.amount)::bigint as expected
            from happened h
            where not exists (
                select from settling s where s.kind = h.kind and s.subject_id = h.subject_id and s.currency = h.currency)
            group by 1, 2
        )
        select rule as "rule!", subject as "subject!", currency as "currency!", found as "found!", expected as "expected!" from (
            select 'SETTLEMENT_DIFFERS' as rule, id::text as subject, currency, found, expected from differing
            union all
            select 'SETTLEMENT_DIFFERS', s.id::text, '', coalesce(sum(c.lines), 0)::bigint, s.report_lines::bigint
            from settlements s left join counted c on c.settlement_id = s.id
            where s.tenant = $1 group by s.id, s.report_lines
            having coalesce(sum(c.lines), 0) <> s.report_lines
            union all
            select 'SETTLEMENT_DIFFERS', s.id::text, '', coalesce(sum(c.matched), 0)::bigint, s.matched::bigint
            from settlements s left join counted c on c.settlement_id = s.id
            where s.tenant = $1 group by s.id, s.matched
            having coalesce(sum(c.matched), 0) <> s.matched
            union all
            select 'SETTLEMENT_DIFFERS', s.settlement_id::text, s.currency, coalesce(h.amount, 0), s.expected
            from settling s left join happened h
                on h.kind = s.kind and h.subject_id = s.subject_id and h.currency = s.currency and h.owner = s.account
            where coalesce(h.amount, 0) <> s.expected
            union all
            select 'CLEARING_DIFFERS', coalesce(o.owner, u.owner), coalesce(o.currency, u.currency), coalesce(o.found, 0),
                coalesce(u.expected, 0)
            from owed o full join unsettled u on u.owner = o.owner and u.currency = o.currency
            where coalesce(o.found, 0) <> coalesce(u.expected, 0)
        ) as faults
        order by rule, subject limit $2"#,
        tenant.as_str(),
        limit,
    )
    .fetch_all(db)
    .await
}

/// Finds up to `limit` disputes and payments that the books do not agree with.
#[tracing::instrument(name = "db.proofs.disputes", skip_all)]
pub async fn disputes(db: &mut PgConnection, tenant: &Tenant, limit: i64) -> sqlx::Result<Vec<Fault>> {
    sqlx::query_as!(
        Fault,
        r#"
        with posted as (
            select e.subject_id, p.currency, sum(p.amount) filter (where a.kind = 'disputed')::bigint as held,
                sum(p.amount) filter (where a.kind = 'losses')::bigint as lost,
                sum(p.amount) filter (where a.kind = 'clearing')::bigint as clearing
            from ledger_entries e
            join ledger_postings p on p.tenant = $1 and p.entry_id = e.id
            join ledger_accounts a on a.tenant = $1 and a.id = p.account_id
            where e.tenant = $1 and e.kind in ('dispute_opened', 'dispute_won', 'dispute_lost')
            group by 1, 2
        ),
        -- What has to stand in `disputed`, `losses` and `clearing`.
        stands as (
            select d.id, m.currency,
                case when d.status in ('needs_response', 'under_review') then d.amount else 0 end as held,
                case when d.status = 'lost' then d.amount else 0 end as lost,
                case when d.status = 'won' then 0 else -d.amount end as clearing
            from disputes d join payments m on m.tenant = $1 and m.id = d.payment_id
            where d.tenant = $1
        ),
        kept as (
            select payment_id, sum(amount)::bigint as disputed from disputes
            where tenant = $1 and status <> 'won' group by 1
        )
        select rule as "rule!", subject as "subject!", currency as "currency!", found as "found!", expected as "expected!" from (
            select 'DISPUTE_DIFFERS' as rule, coalesce(s.id, p.subject_id)::text as subject, coalesce(s.currency, p.currency) as currency,
                found, expected
            from stands s full join posted p on p.subject_id = s.id and p.currency = s.currency,
                lateral unnest(array[coalesce(p.held, 0), coalesce(p.lost, 0), coalesce(p.clearing, 0)],
                    array[coalesce(s.held, 0), coalesce(s.lost, 0), coalesce(s.clearing, 0)]) as figures (found, expected)
            where found <> expected
            union all
            select 'PAYMENT_DIFFERS', m.id::text, m.currency, coalesce(k.disputed, 0), m.disputed
            from payments m left join kept k on k.payment_id = m.id
            where m.tenant = $1 and coalesce(k.disputed, 0) <> m.disputed
        ) as faults
        order by rule, subject limit $2"#,
        tenant.as_str(),
        limit,
    )
    .fetch_all(db)
    .await
}

/// Finds up to `limit` accounts of closed periods whose stored balance is not what they had come to at its end.
#[tracing::instrument(name = "db.proofs.periods", skip_all)]
pub async fn periods(db: &mut PgConnection, tenant: &Tenant, limit: i64) -> sqlx::Result<Vec<Fault>> {
    sqlx::query_as!(
        Fault,
        r#"
        with closed as (
            select id, ends_at from periods where tenant = $1 and closed_at is not null
        ),
        -- What each account has come to in the time from one close to the next, then from the beginning.
        parts as (
            select p.account_id, (select min(c.ends_at) from closed c where e.posted_at < c.ends_at) as ends_at,
                sum(p.amount) filter (where p.amount > 0) as debits, -sum(p.amount) filter (where p.amount < 0) as credits
            from ledger_postings p join ledger_entries e on e.tenant = $1 and e.id = p.entry_id
            where p.tenant = $1 group by 1, 2
        ),
        came_to as (
            select c.id as period_id, p.account_id, coalesce(sum(p.debits), 0)::bigint as debits,
                coalesce(sum(p.credits), 0)::bigint as credits
            from closed c join parts p on p.ends_at <= c.ends_at group by 1, 2
        ),
        stored as (
            select period_id, account_id, debits, credits from period_balances where tenant = $1
        )
        select 'PERIOD_DIFFERS' as "rule!", coalesce(s.period_id, n.period_id)::text as "subject!", a.currency as "currency!",
            found as "found!", expected as "expected!"
        from stored s full join came_to n on n.period_id = s.period_id and n.account_id = s.account_id
        join ledger_accounts a on a.tenant = $1 and a.id = coalesce(s.account_id, n.account_id),
            lateral unnest(array[coalesce(n.debits, 0), coalesce(n.credits, 0)],
                array[coalesce(s.debits, 0), coalesce(s.credits, 0)]) as figures (found, expected)
        where found <> expected
        order by 2 limit $2"#,
        tenant.as_str(),
        limit,
    )
    .fetch_all(db)
    .await
}
