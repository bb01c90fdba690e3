-- Bills: what a person owes. A row moves along its lifecycle under its own lock; what was written on it stays.
create table bills (
    id uuid primary key,
    tenant text not null check (tenant ~ '^[a-z0-9-]{1,63}$'),
    reference text not null check (reference ~ '^[A-Za-z0-9._/-]{1,64}$'),
    payer text not null check (octet_length(payer) between 1 and 255),
    -- Sealed for the payer (`libs/envelope`).
    payer_name bytea not null check (octet_length(payer_name) between 1 and 512),
    currency text not null check (currency ~ '^[A-Z]{3}$'),
    total bigint not null check (total between 1 and 1000000000000),
    paid bigint not null default 0 check (paid >= 0),
    credited bigint not null default 0 check (credited >= 0),
    -- Given up, or taken back with the whole bill.
    given_up bigint not null default 0 check (given_up >= 0),
    -- What a payment under way may still pay.
    reserved bigint not null default 0 check (reserved >= 0),
    status text not null check (status in ('draft', 'issued', 'part_paid', 'paid', 'cancelled', 'written_off')),
    due_on date not null,
    created_at timestamptz not null,
    issued_at timestamptz,
    closed_at timestamptz,

    constraint bills_of_tenant unique (tenant, id),
    constraint bills_reference unique (tenant, reference),
    -- Nobody pays, is credited or is let off more than was billed, whoever is at work at once.
    constraint bills_within_total check (paid + credited + given_up + reserved <= total),
    constraint bills_open_owe check (
        status not in ('issued', 'part_paid') or paid + credited + given_up < total),
    constraint bills_paid_owe_nothing check (status <> 'paid' or paid + credited = total),
    constraint bills_given_up_owe_nothing check (
        (status <> 'written_off' and (status <> 'cancelled' or issued_at is null)) or paid + credited + given_up = total),
    constraint bills_closed check ((status in ('paid', 'cancelled', 'written_off')) = (closed_at is not null)),
    constraint bills_reserved_when_open check (reserved = 0 or status in ('issued', 'part_paid'))
);

create index bills_of_payer on bills (tenant, payer, id desc);
create index bills_by_status on bills (tenant, status, id desc);

alter table bills enable row level security;
alter table bills force row level security;
create policy tenant on bills to guildhall_app
    using (tenant = current_setting('app.tenant', true))
    with check (tenant = current_setting('app.tenant', true));

grant select, insert on bills to guildhall_app;
grant update (paid, credited, given_up, reserved, status, issued_at, closed_at) on bills to guildhall_app;

-- Lines of bills, written with them.
create table bill_lines (
    tenant text not null check (tenant ~ '^[a-z0-9-]{1,63}$'),
    bill_id uuid not null,
    number integer not null check (number between 1 and 100),
    -- Sealed for the payer.
    description bytea not null check (octet_length(description) between 1 and 512),
    fund text not null check (fund ~ '^[a-z0-9-]{1,63}$'),
    quantity integer not null check (quantity between 1 and 1000000),
    unit_price bigint not null check (unit_price between 0 and 1000000000000),
    tax_rate_bp integer not null check (tax_rate_bp between 0 and 10000),

    primary key (tenant, bill_id, number),
    constraint bill_lines_of_bill foreign key (tenant, bill_id) references bills (tenant, id)
);

alter table bill_lines enable row level security;
alter table bill_lines force row level security;
create policy tenant on bill_lines to guildhall_app
    using (tenant = current_setting('app.tenant', true))
    with check (tenant = current_setting('app.tenant', true));

grant select, insert on bill_lines to guildhall_app;

-- What the office did about bills, in its own words: why one was taken back, credited or given up.
create table bill_acts (
    id uuid primary key,
    tenant text not null check (tenant ~ '^[a-z0-9-]{1,63}$'),
    bill_id uuid not null,
    -- In the order in which they were done, under the lock of the bill.
    number integer not null check (number >= 1),
    kind text not null check (kind in ('cancelled', 'credited', 'written_off')),
    amount bigint not null check (amount >= 0),
    by text not null check (octet_length(by) between 1 and 255),
    at timestamptz not null,
    -- Gone once the payer was erased.
    reason text check (octet_length(reason) between 1 and 1000),

    constraint bill_acts_numbered unique (tenant, bill_id, number),
    constraint bill_acts_of_bill foreign key (tenant, bill_id) references bills (tenant, id)
);

alter table bill_acts enable row level security;
alter table bill_acts force row level security;
create policy tenant on bill_acts to guildhall_app
    using (tenant = current_setting('app.tenant', true))
    with check (tenant = current_setting('app.tenant', true));

grant select, insert on bill_acts to guildhall_app;
grant update (reason) on bill_acts to guildhall_app;

-- The ledger. Accounts are named by what they are for; none has a balance, which would be a row that every payment waits for:
-- what an account has come to is the sum of its postings, by index.
create table ledger_accounts (
    id uuid primary key,
    tenant text not null check (tenant ~ '^[a-z0-9-]{1,63}$'),
    kind text not null
        check (kind in ('receivable', 'clearing', 'revenue', 'tax', 'refunds', 'write_offs', 'fees', 'bank')),
    owner text not null check (octet_length(owner) between 1 and 255),
    currency text not null check (currency ~ '^[A-Z]{3}$'),

    constraint ledger_accounts_of_tenant unique (tenant, id),
    constraint ledger_accounts_once unique (tenant, kind, owner, currency)
);

alter table ledger_accounts enable row level security;
alter table ledger_accounts force row level security;
create policy tenant on ledger_accounts to guildhall_app
    using (tenant = current_setting('app.tenant', true))
    with check (tenant = current_setting('app.tenant', true));

grant select, insert on ledger_accounts to guildhall_app;

-- Entries: one of each kind about a thing, so that nothing is posted twice.
create table ledger_entries (
    id uuid primary key,
    tenant text not null check (tenant ~ '^[a-z0-9-]{1,63}$'),
    kind text not null check (kind ~ '^[a-z_]{1,63}$'),
    subject_id uuid not null,
    posted_at timestamptz not null,
    -- The transaction that made it: no other adds postings.
    made_by xid8 not null default pg_current_xact_id(),

    constraint ledger_entries_of_tenant unique (tenant, id),
    constraint ledger_entries_once unique (tenant, kind, subject_id)
);

create index ledger_entries_about on ledger_entries (tenant, subject_id, id desc);

alter table ledger_entries enable row level security;
alter table ledger_entries force row level security;
create policy tenant on ledger_entries to guildhall_app
    using (tenant = current_setting('app.tenant', true))
    with check (tenant = current_setting('app.tenant', true));

grant select, insert (id, tenant, kind, subject_id, posted_at) on ledger_entries to guildhall_app;

create table ledger_postings (
    tenant text not null check (tenant ~ '^[a-z0-9-]{1,63}$'),
    entry_id uuid not null,
    number integer not null check (number between 1 and 500),
    account_id uuid not null,
    currency text not null check (currency ~ '^[A-Z]{3}$'),
    -- Debits are positive, credits negative.
    amount bigint not null check (amount <> 0),

    primary key (tenant, entry_id, number),
    constraint ledger_postings_of_entry foreign key (tenant, entry_id) references ledger_entries (tenant, id),
    constraint ledger_postings_of_account foreign key (tenant, account_id) references ledger_accounts (tenant, id)
);

-- Sums by account never leave the index.
create index ledger_postings_by_account on ledger_postings (tenant, account_id) include (amount);

alter table ledger_postings enable row level security;
alter table ledger_postings force row level security;
create policy tenant on ledger_postings to guildhall_app
    using (tenant = current_setting('app.tenant', true))
    with check (tenant = current_setting('app.tenant', true));

grant select, insert on ledger_postings to guildhall_app;

-- Nobody changes what was posted, not even the owner of the tables by mistake.
create function ledger_is_immutable() returns trigger language plpgsql as $$
begin
    raise exception 'the ledger is never changed' using errcode = 'insufficient_privilege';
end $$;
create trigger ledger_entries_are_immutable before update or delete on ledger_entries
    for each row execute function ledger_is_immutable();
create trigger ledger_postings_are_immutable before update or delete on ledger_postings
    for each row execute function ledger_is_immutable();

-- An entry is made whole by one transaction. Its account has its currency.
create function ledger_postings_check() returns trigger language plpgsql as $$
begin
    perform from ledger_entries
        where tenant = new.tenant and id = new.entry_id and made_by = pg_current_xact_id();
    if not found then
        raise exception 'an entry takes postings of its own transaction alone' using errcode = 'integrity_constraint_violation';
    end if;
    perform from ledger_accounts
        where tenant = new.tenant and id = new.account_id and currency = new.currency;
    if not found then
        raise exception 'a posting has the currency of its account' using errcode = 'integrity_constraint_violation';
    end if;
    return new;
end $$;
create trigger ledger_postings_check before insert on ledger_postings
    for each row execute function ledger_postings_check();

-- At commit: money neither comes from nowhere nor goes there. Looked at for entries, which would pass without any posting, and for
-- postings, which could follow after somebody has had the entry looked at early.
create function ledger_entries_balance() returns trigger language plpgsql as $$
declare
    -- The column that names the entry is the trigger's argument.
    entry uuid := to_jsonb(new) ->> tg_argv[0];
    postings bigint;
    unbalanced bigint;
begin
    select coalesce(sum(count), 0), count(*) filter (where sum <> 0) into postings, unbalanced
    from (select count(*) as count, sum(amount) as sum from ledger_postings
          where tenant = new.tenant and entry_id = entry group by currency) as by_currency;
    if postings < 2 or unbalanced > 0 then
        raise exception 'an entry has two postings or more, which come to zero in each currency'
            using errcode = 'integrity_constraint_violation';
    end if;
    return null;
end $$;
create constraint trigger ledger_entries_balance after insert on ledger_entries
    deferrable initially deferred
    for each row execute function ledger_entries_balance('id');
create constraint trigger ledger_postings_balance after insert on ledger_postings
    deferrable initially deferred
    for each row execute function ledger_entries_balance('entry_id');

-- Corrections by hand, which somebody else approves.
create table adjustments (
    id uuid primary key,
    tenant text not null check (tenant ~ '^[a-z0-9-]{1,63}$'),
    -- What it posts: a list of objects `kind`, `owner`, `currency`, `amount`.
    postings jsonb not null check (jsonb_typeof(postings) = 'array'),
    reason text not null check (octet_length(reason) between 1 and 1000),
    proposed_by text not null check (octet_length(proposed_by) between 1 and 255),
    proposed_at timestamptz not null,
    approved boolean,
    decided_by text check (octet_length(decided_by) between 1 and 255),
    decided_at timestamptz,

    constraint adjustments_decided check (
        (approved is null) = (decided_by is null) and (approved is null) = (decided_at is null)),
    constraint adjustments_second_person check (decided_by <> proposed_by)
);

create index adjustments_newest on adjustments (tenant, id desc);

alter table adjustments enable row level security;
alter table adjustments force row level security;
create policy tenant on adjustments to guildhall_app
    using (tenant = current_setting('app.tenant', true))
    with check (tenant = current_setting('app.tenant', true));

grant select, insert on adjustments to guildhall_app;
grant update (approved, decided_by, decided_at) on adjustments to guildhall_app;

-- Subjects that are to be erased: one row each, for ever.
create table subject_erasures (
    -- The erasure's, which the notification service gave it; what due rows are about.
    id uuid primary key,
    tenant text not null check (tenant ~ '^[a-z0-9-]{1,63}$'),
    subject text not null check (octet_length(subject) between 1 and 255),
    requested_at timestamptz not null,
    -- What was reported last; null before.
    erased bigint check (erased >= 0),
    kept bigint check (kept >= 0),
    -- When nothing was kept any longer and the subject's key was destroyed.
    finished_at timestamptz,

    constraint subject_erasures_once unique (tenant, subject),
    constraint subject_erasures_reported check ((erased is null) = (kept is null))
);

alter table subject_erasures enable row level security;
alter table subject_erasures force row level security;
create policy tenant on subject_erasures to guildhall_app
    using (tenant = current_setting('app.tenant', true))
    with check (tenant = current_setting('app.tenant', true));

grant select, insert on subject_erasures to guildhall_app;
grant update (id, erased, kept, finished_at) on subject_erasures to guildhall_app;
