-- Runs: many bills from one document. A row moves along under its own lock.
create table bill_runs (
    id uuid primary key,
    tenant text not null check (tenant ~ '^[a-z0-9-]{1,63}$'),
    document_id uuid not null,
    format text not null check (format in ('csv', 'json_lines')),
    status text not null check (status in ('checking', 'issuing', 'finished', 'failed')),
    failure text check (failure in ('lines', 'document', 'columns', 'encoding', 'empty', 'too_large')),
    lines integer not null default 0 check (lines between 0 and 100500),
    faulty integer not null default 0 check (faulty >= 0),
    issued integer not null default 0 check (issued >= 0),
    refused integer not null default 0 check (refused >= 0),
    requested_by text not null check (octet_length(requested_by) between 1 and 255),
    created_at timestamptz not null,
    finished_at timestamptz,

    constraint bill_runs_of_tenant unique (tenant, id),
    constraint bill_runs_within_lines check (issued + refused <= lines),
    constraint bill_runs_right_before_issuing check (issued + refused = 0 or faulty = 0),
    constraint bill_runs_ended check ((status in ('finished', 'failed')) = (finished_at is not null)),
    constraint bill_runs_failed check ((status = 'failed') = (failure is not null))
);

-- A document is run once, unless that failed.
create unique index bill_runs_of_document on bill_runs (tenant, document_id) where status <> 'failed';

alter table bill_runs enable row level security;
alter table bill_runs force row level security;
create policy tenant on bill_runs to guildhall_app
    using (tenant = current_setting('app.tenant', true))
    with check (tenant = current_setting('app.tenant', true));

grant select, insert on bill_runs to guildhall_app;
grant update (status, failure, lines, faulty, issued, refused, finished_at) on bill_runs to guildhall_app;

-- Lines that were read and are right. What they say is sealed for the payer, and goes when the bill is there or the run has failed.
create table bill_run_lines (
    tenant text not null check (tenant ~ '^[a-z0-9-]{1,63}$'),
    run_id uuid not null,
    number integer not null check (number >= 1),
    reference text not null check (reference ~ '^[A-Za-z0-9._/-]{1,64}$'),
    payer text not null check (octet_length(payer) between 1 and 255),
    sealed bytea check (octet_length(sealed) between 1 and 131072),
    bill_id uuid,
    -- Why there is no bill: a stable name.
    refused text check (octet_length(refused) between 1 and 63),

    primary key (tenant, run_id, number),
    constraint bill_run_lines_once unique (tenant, run_id, reference),
    constraint bill_run_lines_of_run foreign key (tenant, run_id) references bill_runs (tenant, id),
    constraint bill_run_lines_of_bill foreign key (tenant, bill_id) references bills (tenant, id),
    constraint bill_run_lines_end check (num_nonnulls(bill_id, refused) <= 1 and (num_nonnulls(bill_id, refused) = 0 or sealed is null))
);

create unique index bill_run_lines_bill on bill_run_lines (tenant, bill_id) where bill_id is not null;
create index bill_run_lines_waiting on bill_run_lines (tenant, run_id, number) where sealed is not null;

alter table bill_run_lines enable row level security;
alter table bill_run_lines force row level security;
create policy tenant on bill_run_lines to guildhall_app
    using (tenant = current_setting('app.tenant', true))
    with check (tenant = current_setting('app.tenant', true));

grant select, insert, delete on bill_run_lines to guildhall_app;
grant update (sealed, bill_id, refused) on bill_run_lines to guildhall_app;

-- What lines break: fields and rules, nothing of what was in them.
create table bill_run_faults (
    tenant text not null check (tenant ~ '^[a-z0-9-]{1,63}$'),
    run_id uuid not null,
    line integer not null check (line >= 1),
    number integer not null check (number >= 1),
    field text not null check (octet_length(field) between 1 and 255),
    rule text not null check (octet_length(rule) between 1 and 1000),

    primary key (tenant, run_id, line, number),
    constraint bill_run_faults_of_run foreign key (tenant, run_id) references bill_runs (tenant, id)
);

alter table bill_run_faults enable row level security;
alter table bill_run_faults force row level security;
create policy tenant on bill_run_faults to guildhall_app
    using (tenant = current_setting('app.tenant', true))
    with check (tenant = current_setting('app.tenant', true));

grant select, insert on bill_run_faults to guildhall_app;
