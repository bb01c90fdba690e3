\set n :first + :client_id * :each + :i
\set i :i + 1
\set town :n % :towns
\set payer :n % 1000
begin;
select now()::text, now() = statement_timestamp(), set_config('app.tenant', 'town-' || :town, true);
select id, tenant, bill_id, payer, account, amount, currency, return_url, next_url, status, failure, cancelled_by, provider_id, charge_id,
    silent_since, captured, refunded, refunding, disputed, created_at, expires_at, finished_at, receipt_id
from payments where tenant = 'town-' || :town and id = bench_id(2, :n);
select id, tenant, reference, payer, payer_name, currency, total, paid, credited, given_up, reserved, status, due_on, created_at, issued_at,
    closed_at
from bills where tenant = 'town-' || :town and id = bench_id(1, :n) for update;
select id, tenant, bill_id, payer, account, amount, currency, return_url, next_url, status, failure, cancelled_by, provider_id, charge_id,
    silent_since, captured, refunded, refunding, disputed, created_at, expires_at, finished_at, receipt_id
from payments where tenant = 'town-' || :town and id = bench_id(2, :n) for update;
update payments set return_url = null, next_url = null, status = 'completed', failure = null, cancelled_by = null, provider_id = 'p-' || :n,
    silent_since = null, captured = 10000, refunded = 0, refunding = 0, contradiction = coalesce(null, contradiction), finished_at = now(),
    disputed = 0, receipt_id = null, charge_id = null
where tenant = 'town-' || :town and id = bench_id(2, :n);
insert into outbox (id, tenant, lane, destination, key, type, subject, time, dataschema, traceparent, payload)
values (bench_id(8, :n), 'town-' || :town, 'topic', 'guildhall.payment.v1', bench_id(2, :n)::text, 'guildhall.payment.completed.v1',
    bench_id(2, :n)::text, now(), 'proto' || chr(58) || 'guildhall.payment.v1.PaymentEvent', null, convert_to(repeat('x', 120), 'UTF8'));
insert into payment_entries (tenant, payment_id, number, at, name, refund_id, dispute_id)
select 'town-' || :town, bench_id(2, :n), coalesce(max(number), 0) + 1, now(), 'completed', null, null
from payment_entries where tenant = 'town-' || :town and payment_id = bench_id(2, :n);
-- lock
insert into ledger_accounts (id, tenant, kind, owner, currency)
select id, 'town-' || :town, kind, owner, currency
from unnest(array[gen_random_uuid(), gen_random_uuid()], array['clearing', 'receivable'], array['acct_' || :town, bench_payer(:n)],
    array['EUR', 'EUR']) as new (id, kind, owner, currency)
where not exists (
    select from ledger_accounts a
    where a.tenant = 'town-' || :town and a.kind = new.kind and a.owner = new.owner and a.currency = new.currency)
order by kind, owner, currency
on conflict (tenant, kind, owner, currency) do nothing;
insert into ledger_entries (id, tenant, kind, subject_id, posted_at)
values (bench_id(4, :n), 'town-' || :town, 'payment_captured', bench_id(2, :n), ledger_open_moment('town-' || :town, now()));
insert into ledger_postings (tenant, entry_id, number, account_id, currency, amount)
select 'town-' || :town, bench_id(4, :n), new.number, a.id, new.currency, new.amount
from unnest(array['clearing', 'receivable'], array['acct_' || :town, bench_payer(:n)], array['EUR', 'EUR'], array[10000, -10000])
    with ordinality as new (kind, owner, currency, amount, number)
join ledger_accounts a
    on a.tenant = 'town-' || :town and a.kind = new.kind and a.owner = new.owner and a.currency = new.currency;
-- write
select exists (select from settled_accounts where tenant = 'town-' || :town and account = 'acct_' || :town);
insert into pdfs (id, tenant, bill_id, payment_id, created_at)
values (bench_id(11, :n), 'town-' || :town, bench_id(1, :n), bench_id(2, :n), now())
on conflict (tenant, bill_id, payment_id) do nothing;
insert into outbox (id, tenant, lane, destination, key, type, subject, time, dataschema, traceparent, payload)
values (bench_id(11, :n), 'town-' || :town, 'queue', 'guildhall-pdf', bench_id(11, :n)::text, 'pdf', bench_id(11, :n)::text, now(),
    'json' || chr(58) || 'job', null, convert_to(repeat('x', 90), 'UTF8'));
insert into due (tenant, kind, subject, due_at, at)
values ('town-' || :town, 'pdf_unreported', bench_id(11, :n), now() + interval '5 minutes', now() + interval '5 minutes')
on conflict (tenant, kind, subject) do update set due_at = excluded.due_at, at = excluded.at, attempts = 0, claim = null;
update bills set paid = 10000, credited = 0, given_up = 0, reserved = 0, status = 'paid', issued_at = issued_at, closed_at = now()
where tenant = 'town-' || :town and id = bench_id(1, :n);
insert into outbox (id, tenant, lane, destination, key, type, subject, time, dataschema, traceparent, payload)
values (bench_id(9, :n), 'town-' || :town, 'topic', 'guildhall.billing.v1', bench_id(1, :n)::text, 'guildhall.billing.bill_paid.v1',
    bench_id(1, :n)::text, now(), 'proto' || chr(58) || 'guildhall.payment.v1.BillEvent', null, convert_to(repeat('x', 120), 'UTF8'));
select id from subject_erasures where tenant = 'town-' || :town and subject = bench_payer(:n);
select id, tenant, payment_id, amount, status, provider_id, reason, requested_by, created_at, finished_at
from refunds where tenant = 'town-' || :town and payment_id = bench_id(2, :n) order by id;
select id, tenant, payment_id, provider_id, amount, status, reason, opened_at, respond_by, created_at, finished_at
from disputes where tenant = 'town-' || :town and payment_id = bench_id(2, :n) order by id;
select wakes from payments where tenant = 'town-' || :town and id = bench_id(2, :n);
delete from due where tenant = 'town-' || :town and kind = 'payment_step' and subject = bench_id(2, :n);
commit;
