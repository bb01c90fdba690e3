-- The integrity sweep: one row per version that was ready. It is the job while one is open, and what the last one found.
-- Every change is made while the document's row is locked.
create table integrity_checks (
    tenant text not null,
    document_id uuid not null,
    version integer not null,
    -- The job that is open, or was last.
    job_id uuid not null unique,
    opened_at timestamptz not null,
    lease_expires_at timestamptz,
    -- What was found last, and when; null before the first report.
    checked_at timestamptz,
    finding text check (finding in ('GOOD', 'DIFFERENT', 'MISSING')),
    repair text check (repair in ('RESTORED', 'LOST')),
    is_open boolean not null,

    primary key (tenant, document_id, version),
    constraint integrity_checks_found_when_checked check ((checked_at is null) = (finding is null)),
    constraint integrity_checks_repaired_unless_good check ((repair is null) = (finding is null or finding = 'GOOD')),
    constraint integrity_checks_of_version foreign key (tenant, document_id, version)
        references document_versions (tenant, document_id, version)
);

-- What is not as it should be: few rows of many.
create index integrity_checks_bad on integrity_checks (tenant, checked_at) where finding <> 'GOOD';

alter table integrity_checks enable row level security;
alter table integrity_checks force row level security;
create policy tenant on integrity_checks to guildhall_app
    using (tenant = current_setting('app.tenant', true))
    with check (tenant = current_setting('app.tenant', true));

grant select, insert on integrity_checks to guildhall_app;
grant update (job_id, opened_at, lease_expires_at, checked_at, finding, repair, is_open)
    on integrity_checks to guildhall_app;
