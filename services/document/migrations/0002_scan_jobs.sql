-- Scan jobs: one per confirmed version. The queue's message only carries the id; lease and outcome are here. Every
-- change is made while the document's row is locked.
create table scan_jobs (
    id uuid primary key,
    tenant text not null,
    document_id uuid not null,
    version integer not null,
    created_at timestamptz not null,
    claims integer not null default 0 check (claims >= 0),
    lease_expires_at timestamptz,
    reported_at timestamptz,

    constraint scan_jobs_leased_when_claimed check ((claims = 0) = (lease_expires_at is null)),
    constraint scan_jobs_version unique (tenant, document_id, version),
    constraint scan_jobs_of_version foreign key (tenant, document_id, version)
        references document_versions (tenant, document_id, version)
);

alter table scan_jobs enable row level security;
alter table scan_jobs force row level security;
create policy tenant on scan_jobs to guildhall_app
    using (tenant = current_setting('app.tenant', true))
    with check (tenant = current_setting('app.tenant', true));

grant select, insert on scan_jobs to guildhall_app;
grant update (claims, lease_expires_at, reported_at) on scan_jobs to guildhall_app;
