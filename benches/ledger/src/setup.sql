-- Ids by number, so that pgbench knows what is there without asking. Kinds: 1 bill, 2 payment, 3 entry of the bill, 4 entry of the payment,
-- 5 clearing, 6 receivable, 7 revenue, 8 event of the payment, 9 event of the bill, 10 settled account, 11 receipt.
create function bench_id(kind int, n bigint) returns uuid language sql immutable as $$
    select ('018f0000-0000-7000-8' || lpad(to_hex(kind), 3, '0') || '-' || lpad(to_hex(n), 12, '0'))::uuid
$$;
create function bench_payer(n bigint) returns text language sql immutable as $$ select 'payer-' || n % 1000 $$;
grant execute on function bench_id, bench_payer to guildhall_app;

-- What the ledger does without: a row for what each account has come to, of which whoever posts is first to read, then to write.
create table balances (
    tenant text not null,
    account_id uuid not null,
    amount bigint not null,
    primary key (tenant, account_id)
);
grant select, insert, update on balances to guildhall_app;

-- Towns, each with its account at the provider, which was paid there before, and every payer's account.
create procedure found(towns int) language sql as $$
    insert into settled_accounts (id, tenant, account, next_day)
    select bench_id(10, town), 'town-' || town, 'acct_' || town, '2035-01-01' from generate_series(0, towns - 1) town;
    insert into ledger_accounts (id, tenant, kind, owner, currency)
    select bench_id(5, town), 'town-' || town, 'clearing', 'acct_' || town, 'EUR' from generate_series(0, towns - 1) town
    union all
    select bench_id(7, town), 'town-' || town, 'revenue', 'fees', 'EUR' from generate_series(0, towns - 1) town
    union all
    select bench_id(6, payer), 'town-' || payer % towns, 'receivable', bench_payer(payer), 'EUR' from generate_series(0, 999) payer;
    insert into balances select tenant, id, 0 from ledger_accounts;
$$;

-- Bills of 100.00 euros that are owed, each with its payment: under way, or charged and posted.
create procedure fill(first bigint, amount bigint, towns int, charged boolean) language plpgsql as $$
declare
    last bigint := first + amount - 1;
begin
    insert into bills (id, tenant, reference, payer, payer_name, currency, total, paid, reserved, status, due_on, created_at, issued_at,
            closed_at)
    select bench_id(1, n), 'town-' || n % towns, 'B-' || n, bench_payer(n), 'sealed', 'EUR', 10000,
        case when charged then 10000 else 0 end, case when charged then 0 else 10000 end,
        case when charged then 'paid' else 'issued' end, '2035-01-31', now(), now(), case when charged then now() end
    from generate_series(first, last) n;

    insert into payments (id, tenant, bill_id, payer, account, amount, currency, return_url, next_url, status, provider_id, captured,
            created_at, expires_at, finished_at)
    select bench_id(2, n), 'town-' || n % towns, bench_id(1, n), bench_payer(n), 'acct_' || n % towns, 10000, 'EUR',
        case when not charged then 'https://town.example/bills' end, case when not charged then 'https://pay.example/' || n end,
        case when charged then 'completed' else 'submitted' end, 'p-' || n, case when charged then 10000 else 0 end,
        now(), now() + interval '90 minutes', case when charged then now() end
    from generate_series(first, last) n;

    insert into payment_entries (tenant, payment_id, number, at, name)
    select 'town-' || n % towns, bench_id(2, n), number, now(), name
    from generate_series(first, last) n,
        (values (1, 'initiated'), (2, 'submitted'), (3, 'completed')) as edge (number, name)
    where charged or number < 3;

    insert into due (tenant, kind, subject, due_at, at)
    select 'town-' || n % towns, 'payment_step', bench_id(2, n), now() + interval '1 day', now() + interval '1 day'
    from generate_series(first, last) n where not charged;

    insert into ledger_entries (id, tenant, kind, subject_id, posted_at)
    select bench_id(3, n), 'town-' || n % towns, 'bill_issued', bench_id(1, n), now()
    from generate_series(first, last) n;
    insert into ledger_postings (tenant, entry_id, number, account_id, currency, amount)
    select 'town-' || n % towns, bench_id(3, n), number,
        case number when 1 then bench_id(6, n % 1000) else bench_id(7, n % towns) end, 'EUR', case number when 1 then 10000 else -10000 end
    from generate_series(first, last) n, generate_series(1, 2) number;

    insert into ledger_entries (id, tenant, kind, subject_id, posted_at)
    select bench_id(4, n), 'town-' || n % towns, 'payment_captured', bench_id(2, n), now()
    from generate_series(first, last) n where charged;
    insert into ledger_postings (tenant, entry_id, number, account_id, currency, amount)
    select 'town-' || n % towns, bench_id(4, n), number,
        case number when 1 then bench_id(5, n % towns) else bench_id(6, n % 1000) end, 'EUR', case number when 1 then 10000 else -10000 end
    from generate_series(first, last) n, generate_series(1, 2) number where charged;
end $$;
