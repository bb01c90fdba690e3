-- Payments. A row is written once and then moves along its lifecycle, under the locks of its bill's row and its own. What is
-- charged and given back is here for decisions, and in the ledger for the books: both are written in one transaction.
create table payments (
    id uuid primary key,
    tenant text not null check (tenant ~ '^[a-z0-9-]{1,63}$'),
    bill_id uuid not null,
    payer text not null check (octet_length(payer) between 1 and 255),
    -- Of ours at the provider.
    account text not null check (account ~ '^[A-Za-z0-9_-]{1,64}$'),
    amount bigint not null check (amount > 0),
    currency text not null check (currency ~ '^[A-Z]{3}$'),
    -- Where the payer comes back to, and where they go on; gone once it is over.
    return_url text check (octet_length(return_url) between 1 and 2000),
    next_url text check (octet_length(next_url) between 1 and 2000),
    status text not null
        check (status in ('initiated', 'submitted', 'outcome_unknown', 'completed', 'failed', 'cancelled')),
    failure text check (failure in ('declined', 'expired', 'provider_error')),
    -- Who cancelled it, or wants it cancelled.
    cancelled_by text check (cancelled_by in ('payer', 'staff')),
    provider_id text check (octet_length(provider_id) between 1 and 255),
    silent_since timestamptz,
    -- How often somebody has asked for the provider to be asked at once: a step that began before does not put that off.
    wakes bigint not null default 0,
    captured bigint not null default 0,
    refunded bigint not null default 0 check (refunded >= 0),
    refunding bigint not null default 0 check (refunding >= 0),
    -- What the provider said that cannot be, the last time.
    contradiction text check (octet_length(contradiction) between 1 and 255),
    created_at timestamptz not null,
    expires_at timestamptz not null,
    finished_at timestamptz,

    constraint payments_of_tenant unique (tenant, id),
    constraint payments_of_bill foreign key (tenant, bill_id) references bills (tenant, id),
    constraint payments_charged check ((status = 'completed') = (captured > 0) and captured between 0 and amount),
    constraint payments_given_back check (refunded + refunding <= captured),
    constraint payments_failed_why check ((status = 'failed') = (failure is not null)),
    constraint payments_cancelled_by_whom check (status <> 'cancelled' or cancelled_by is not null),
    constraint payments_over check (
        (status in ('completed', 'failed', 'cancelled')) = (finished_at is not null)
        and (finished_at is null or (return_url is null and next_url is null)))
);

-- Nobody is charged twice: a bill has one payment whose outcome is not known.
create unique index payments_under_way on payments (tenant, bill_id)
    where status in ('initiated', 'submitted', 'outcome_unknown');
create index payments_of_payer on payments (tenant, payer, id desc);
create index payments_of_bill_newest on payments (tenant, bill_id, id desc);

alter table payments enable row level security;
alter table payments force row level security;
create policy tenant on payments to guildhall_app
    using (tenant = current_setting('app.tenant', true))
    with check (tenant = current_setting('app.tenant', true));

grant select, insert on payments to guildhall_app;
grant update (return_url, next_url, status, failure, cancelled_by, provider_id, silent_since, wakes, captured, refunded, refunding,
    contradiction, finished_at) on payments to guildhall_app;

-- Refunds, changed under the lock of their payment's row.
create table refunds (
    id uuid primary key,
    tenant text not null check (tenant ~ '^[a-z0-9-]{1,63}$'),
    payment_id uuid not null,
    amount bigint not null check (amount > 0),
    status text not null check (status in ('submitted', 'completed', 'failed')),
    provider_id text check (octet_length(provider_id) between 1 and 255),
    -- The office's own words; gone once the payer was erased.
    reason text check (octet_length(reason) between 1 and 1000),
    requested_by text not null check (octet_length(requested_by) between 1 and 255),
    created_at timestamptz not null,
    finished_at timestamptz,

    constraint refunds_of_payment foreign key (tenant, payment_id) references payments (tenant, id),
    constraint refunds_over check ((status = 'submitted') = (finished_at is null))
);

create index refunds_of_payment_oldest on refunds (tenant, payment_id, id);

alter table refunds enable row level security;
alter table refunds force row level security;
create policy tenant on refunds to guildhall_app
    using (tenant = current_setting('app.tenant', true))
    with check (tenant = current_setting('app.tenant', true));

grant select, insert on refunds to guildhall_app;
grant update (status, provider_id, reason, finished_at) on refunds to guildhall_app;

-- What happened to payments and their refunds, numbered under the lock of the payment's row.
create table payment_entries (
    tenant text not null check (tenant ~ '^[a-z0-9-]{1,63}$'),
    payment_id uuid not null,
    number integer not null check (number between 1 and 1000),
    at timestamptz not null,
    name text not null check (name ~ '^[a-z_]{1,63}$'),
    refund_id uuid,

    primary key (tenant, payment_id, number),
    constraint payment_entries_of_payment foreign key (tenant, payment_id) references payments (tenant, id)
);

alter table payment_entries enable row level security;
alter table payment_entries force row level security;
create policy tenant on payment_entries to guildhall_app
    using (tenant = current_setting('app.tenant', true))
    with check (tenant = current_setting('app.tenant', true));

grant select, insert on payment_entries to guildhall_app;

-- Callbacks as they came, once each: for staff who look into one, and so that a repeated one is known. Kept for 30 days.
create table callbacks (
    id uuid primary key,
    tenant text not null check (tenant ~ '^[a-z0-9-]{1,63}$'),
    account text not null check (account ~ '^[A-Za-z0-9_-]{1,64}$'),
    -- What the provider calls it.
    provider_event text not null check (octet_length(provider_event) between 1 and 255),
    received_at timestamptz not null,
    -- The payment it is about; null where there is none of ours.
    payment_id uuid,
    -- Gone once the payer was erased.
    body bytea check (octet_length(body) between 1 and 65536),

    constraint callbacks_once unique (tenant, account, provider_event),
    constraint callbacks_about foreign key (tenant, payment_id) references payments (tenant, id)
);

create index callbacks_oldest on callbacks (tenant, received_at);
create index callbacks_of_payment on callbacks (tenant, payment_id) where payment_id is not null;

alter table callbacks enable row level security;
alter table callbacks force row level security;
create policy tenant on callbacks to guildhall_app
    using (tenant = current_setting('app.tenant', true))
    with check (tenant = current_setting('app.tenant', true));

grant select, insert, delete on callbacks to guildhall_app;
grant update (body) on callbacks to guildhall_app;
