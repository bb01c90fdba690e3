-- Accounts for what settlements and disputes move.
alter table ledger_accounts drop constraint ledger_accounts_kind_check;
alter table ledger_accounts add constraint ledger_accounts_kind_check
    check (kind in ('receivable', 'clearing', 'revenue', 'tax', 'refunds', 'write_offs', 'fees', 'bank',
        'suspense', 'disputed', 'losses'));

-- Charges that payers contest, as the provider has them. Changed under the lock of their payment's row.
create table disputes (
    id uuid primary key,
    tenant text not null check (tenant ~ '^[a-z0-9-]{1,63}$'),
    payment_id uuid not null,
    provider_id text not null check (octet_length(provider_id) between 1 and 255),
    amount bigint not null check (amount > 0),
    status text not null check (status in ('needs_response', 'under_review', 'won', 'lost')),
    -- One of the codes of the domain: what a provider writes is no text of ours.
    reason text not null check (reason ~ '^[a-z_]{1,63}$'),
    opened_at timestamptz not null,
    respond_by timestamptz,
    -- When it was known here.
    created_at timestamptz not null,
    finished_at timestamptz,

    constraint disputes_once unique (tenant, payment_id, provider_id),
    constraint disputes_of_payment foreign key (tenant, payment_id) references payments (tenant, id),
    constraint disputes_over check ((status in ('won', 'lost')) = (finished_at is not null))
);

create index disputes_newest on disputes (tenant, id desc);

alter table disputes enable row level security;
alter table disputes force row level security;
create policy tenant on disputes to guildhall_app
    using (tenant = current_setting('app.tenant', true))
    with check (tenant = current_setting('app.tenant', true));

grant select, insert on disputes to guildhall_app;
grant update (status, respond_by, finished_at) on disputes to guildhall_app;

-- What is contested and was not won cannot be given back a second time.
alter table payments add column disputed bigint not null default 0 check (disputed >= 0);
alter table payments drop constraint payments_given_back;
alter table payments add constraint payments_given_back check (refunded + refunding + disputed <= captured);
grant update (disputed) on payments to guildhall_app;

alter table payment_entries add column dispute_id uuid;

-- What happened on a day is looked for by account.
create index payments_completed on payments (tenant, account, finished_at) where status = 'completed';
create index refunds_completed on refunds (tenant, finished_at) where status = 'completed';
create index disputes_by_opening on disputes (tenant, created_at);
create index disputes_won on disputes (tenant, finished_at) where status = 'won';

-- Accounts at providers with something to settle: how far their reports have come. Days are fetched one after the other, so that what
-- is not in a day's report, and was in none before it, is missing. The row's lock is that of the account's settlements.
create table settled_accounts (
    id uuid primary key,
    tenant text not null check (tenant ~ '^[a-z0-9-]{1,63}$'),
    account text not null check (account ~ '^[A-Za-z0-9_-]{1,64}$'),
    -- The day whose report is fetched next.
    next_day date not null,

    constraint settled_accounts_once unique (tenant, account)
);

alter table settled_accounts enable row level security;
alter table settled_accounts force row level security;
create policy tenant on settled_accounts to guildhall_app
    using (tenant = current_setting('app.tenant', true))
    with check (tenant = current_setting('app.tenant', true));

grant select, insert on settled_accounts to guildhall_app;
grant update (next_day) on settled_accounts to guildhall_app;

-- A report of a day, once, and what came of it. Written with its lines and its entry of the ledger, and never changed.
create table settlements (
    id uuid primary key,
    tenant text not null check (tenant ~ '^[a-z0-9-]{1,63}$'),
    account text not null check (account ~ '^[A-Za-z0-9_-]{1,64}$'),
    day date not null,
    fetched_at timestamptz not null,
    -- Of the file as it came.
    sha256 bytea not null check (octet_length(sha256) = 32),
    report_lines integer not null check (report_lines >= 0),
    matched integer not null check (matched >= 0),
    unmatched integer not null check (unmatched >= 0),

    constraint settlements_of_tenant unique (tenant, id),
    constraint settlements_once unique (tenant, account, day)
);

create index settlements_newest on settlements (tenant, id desc);

alter table settlements enable row level security;
alter table settlements force row level security;
create policy tenant on settlements to guildhall_app
    using (tenant = current_setting('app.tenant', true))
    with check (tenant = current_setting('app.tenant', true));

grant select, insert on settlements to guildhall_app;

-- What a settlement comes to, by currency: what is posted of it.
create table settlement_totals (
    tenant text not null check (tenant ~ '^[a-z0-9-]{1,63}$'),
    settlement_id uuid not null,
    currency text not null check (currency ~ '^[A-Z]{3}$'),
    net bigint not null,
    fees bigint not null,
    settled bigint not null,
    unexplained bigint not null,

    primary key (tenant, settlement_id, currency),
    constraint settlement_totals_of_settlement foreign key (tenant, settlement_id) references settlements (tenant, id),
    constraint settlement_totals_agree check (net = settled + unexplained - fees)
);

alter table settlement_totals enable row level security;
alter table settlement_totals force row level security;
create policy tenant on settlement_totals to guildhall_app
    using (tenant = current_setting('app.tenant', true))
    with check (tenant = current_setting('app.tenant', true));

grant select, insert on settlement_totals to guildhall_app;

-- Lines of reports, compared with what happened here; numbered so that what does not match comes first.
create table settlement_lines (
    tenant text not null check (tenant ~ '^[a-z0-9-]{1,63}$'),
    settlement_id uuid not null,
    number integer not null check (number >= 1),
    account text not null,
    kind text not null
        check (kind in ('charge', 'refund', 'fee', 'dispute', 'dispute_reversal', 'other', 'net')),
    status text not null
        check (status in ('matched', 'amount_differs', 'missing_here', 'missing_there', 'repeated', 'net_differs', 'found')),
    -- Where it stands in the report; null when it is in none.
    report_line integer check (report_line >= 1),
    provider_line text check (octet_length(provider_line) between 1 and 255),
    provider_object text check (octet_length(provider_object) between 1 and 255),
    reference text check (octet_length(reference) between 1 and 255),
    currency text not null check (currency ~ '^[A-Z]{3}$'),
    -- Signed: positive is the tenant's gain.
    reported bigint,
    expected bigint,
    payment_id uuid,
    subject_id uuid,

    primary key (tenant, settlement_id, number),
    constraint settlement_lines_of_settlement foreign key (tenant, settlement_id) references settlements (tenant, id),
    constraint settlement_lines_of_payment foreign key (tenant, payment_id) references payments (tenant, id),
    constraint settlement_lines_reported check (
        (status in ('missing_there', 'found')) = (report_line is null)
        and (report_line is null) = (reported is null)),
    constraint settlement_lines_expected check (
        (status in ('matched', 'amount_differs', 'missing_there', 'found')) = (expected is not null)),
    constraint settlement_lines_agree check (
        (status <> 'matched' or reported = expected) and (status <> 'amount_differs' or reported <> expected)),
    constraint settlement_lines_about check (
        status in ('missing_here', 'repeated', 'net_differs') or (subject_id is not null and payment_id is not null)),
    constraint settlement_lines_net check ((kind = 'net') = (status = 'net_differs'))
);

-- Whatever moved is settled once, and a line of the provider's counts once.
create unique index settlement_lines_settle_once on settlement_lines (tenant, kind, subject_id)
    where status in ('matched', 'amount_differs', 'found') and kind <> 'fee';
create unique index settlement_lines_count_once on settlement_lines (tenant, account, provider_line)
    where status not in ('repeated', 'found');
create index settlement_lines_about_subject on settlement_lines (tenant, subject_id) where subject_id is not null;
create index settlement_lines_strays on settlement_lines (tenant, account, payment_id)
    where status = 'missing_here' and payment_id is not null;

alter table settlement_lines enable row level security;
alter table settlement_lines force row level security;
create policy tenant on settlement_lines to guildhall_app
    using (tenant = current_setting('app.tenant', true))
    with check (tenant = current_setting('app.tenant', true));

grant select, insert on settlement_lines to guildhall_app;

create trigger settlements_are_immutable before update or delete on settlements
    for each row execute function ledger_is_immutable();
create trigger settlement_totals_are_immutable before update or delete on settlement_totals
    for each row execute function ledger_is_immutable();
create trigger settlement_lines_are_immutable before update or delete on settlement_lines
    for each row execute function ledger_is_immutable();

-- Months of the books. Two persons close one, and with it everything before.
create table periods (
    id uuid primary key,
    tenant text not null check (tenant ~ '^[a-z0-9-]{1,63}$'),
    -- Its first day.
    month date not null check (extract(day from month) = 1),
    ends_at timestamptz not null
        generated always as ((month + interval '1 month') at time zone 'UTC') stored,
    proposed_by text not null check (octet_length(proposed_by) between 1 and 255),
    proposed_at timestamptz not null,
    closed_by text check (octet_length(closed_by) between 1 and 255),
    closed_at timestamptz,

    constraint periods_of_tenant unique (tenant, id),
    constraint periods_once unique (tenant, month),
    constraint periods_closed check ((closed_by is null) = (closed_at is null)),
    constraint periods_over check (closed_at >= ends_at),
    constraint periods_second_person check (closed_by <> proposed_by)
);

create index periods_newest on periods (tenant, id desc);

alter table periods enable row level security;
alter table periods force row level security;
create policy tenant on periods to guildhall_app
    using (tenant = current_setting('app.tenant', true))
    with check (tenant = current_setting('app.tenant', true));

grant select, insert on periods to guildhall_app;
grant update (closed_by, closed_at) on periods to guildhall_app;

-- What is closed stays closed.
create function periods_stay_closed() returns trigger language plpgsql as $$
begin
    if old.closed_at is not null then
        raise exception 'a closed period is never changed' using errcode = 'insufficient_privilege';
    end if;
    if tg_op = 'DELETE' then
        return old;
    end if;
    return new;
end $$;
create trigger periods_stay_closed before update or delete on periods
    for each row execute function periods_stay_closed();

-- The trial balance at the end of a period: what every account had come to, from the beginning.
create table period_balances (
    tenant text not null check (tenant ~ '^[a-z0-9-]{1,63}$'),
    period_id uuid not null,
    account_id uuid not null,
    debits bigint not null check (debits >= 0),
    credits bigint not null check (credits >= 0),

    primary key (tenant, period_id, account_id),
    constraint period_balances_of_period foreign key (tenant, period_id) references periods (tenant, id),
    constraint period_balances_of_account foreign key (tenant, account_id) references ledger_accounts (tenant, id)
);

alter table period_balances enable row level security;
alter table period_balances force row level security;
create policy tenant on period_balances to guildhall_app
    using (tenant = current_setting('app.tenant', true))
    with check (tenant = current_setting('app.tenant', true));

grant select, insert on period_balances to guildhall_app;

create trigger period_balances_are_immutable before update or delete on period_balances
    for each row execute function ledger_is_immutable();

-- Whoever posts holds the tenant's books open, whoever closes has them alone: so that nothing that was begun before the close is
-- committed after it with a day before. Those who post do not wait for each other.
create function ledger_books(of_tenant text) returns bigint language sql immutable as $$
    select hashtextextended('ledger ' || of_tenant, 0)
$$;

-- The moment of an entry that is posted now: what has happened in a closed period is posted into the open one.
create function ledger_open_moment(of_tenant text, at timestamptz) returns timestamptz language plpgsql as $$
declare
    closed_until timestamptz;
begin
    perform pg_advisory_xact_lock_shared(ledger_books(of_tenant));
    -- A statement of its own, which sees what was committed while this one waited.
    select max(ends_at) into closed_until from periods where tenant = of_tenant and closed_at is not null;
    return greatest(at, closed_until);
end $$;

create function ledger_entries_open() returns trigger language plpgsql as $$
begin
    if new.posted_at <> ledger_open_moment(new.tenant, new.posted_at) then
        raise exception 'the period is closed' using errcode = 'integrity_constraint_violation';
    end if;
    return new;
end $$;
create trigger ledger_entries_open before insert on ledger_entries
    for each row execute function ledger_entries_open();

grant execute on function ledger_books(text), ledger_open_moment(text, timestamptz) to guildhall_app;
