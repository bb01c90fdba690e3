-- Where the reconciler is in its pass over rows and objects, and what it has found: one row, of no tenant. (Every table
-- has the column; no tenant has this name.)
create table reconciliation (
    tenant text not null primary key default '*' check (tenant = '*'),
    started_at timestamptz not null,
    -- What it walks over; null once the pass is finished.
    stage text check (stage in ('versions', 'evidence', 'intake', 'uploads')),
    -- What it looked at last in this stage: a version's id, or a key.
    after text check (octet_length(after) <= 1024),
    report jsonb not null,
    finished_at timestamptz,

    constraint reconciliation_finished_at_the_end check ((stage is null) = (finished_at is not null))
);

alter table reconciliation enable row level security;
alter table reconciliation force row level security;
create policy tenant on reconciliation to guildhall_app
    using (tenant = current_setting('app.tenant', true))
    with check (tenant = current_setting('app.tenant', true));
create policy system on reconciliation to guildhall_system using (true);

grant select, insert, update on reconciliation to guildhall_system;

-- An object's key says which version it is of, and not which tenant's: the reconciler asks, and walks over all. It is
-- shown ids and where a version stands, and nothing else; what it does about a version it does as its tenant.
create policy system on documents for select to guildhall_system using (true);
create policy system on document_versions for select to guildhall_system using (true);

grant select (tenant, id) on documents to guildhall_system;
grant select (tenant, id, document_id, version, status) on document_versions to guildhall_system;
