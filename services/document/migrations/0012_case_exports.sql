-- Exports of cases: who asked for one and why, where it stands, and what it is. A row is never deleted; the archive is, after
-- its time or with what is in it.
create table case_exports (
    id uuid primary key,
    tenant text not null check (tenant ~ '^[a-z0-9-]{1,63}$'),
    case_ref text not null check (case_ref ~ '^[A-Za-z0-9._-]{1,64}$'),
    -- The office's own record, like that of a hold; it goes with an erased person whose documents it tells of, and is never
    -- written anew.
    reason text check (octet_length(reason) between 1 and 1000),
    asked_by text not null check (octet_length(asked_by) between 1 and 255),
    asked_at timestamptz not null,
    state text not null check (state in ('pending', 'ready', 'failed', 'erased')),
    failure text check (failure in ('CASE_EMPTY', 'CASE_TOO_LARGE', 'EVIDENCE_MISSING', 'AUDIT_BROKEN')),
    -- How often somebody began to make it. Each try has an object of its own, so that one that was given up spoils none.
    attempt integer not null default 0 check (attempt >= 0),
    -- Until when nobody else begins.
    leased_until timestamptz,
    kept_until timestamptz not null,
    -- Of the manifest, and of the archive in bytes.
    manifest_sha256 bytea check (octet_length(manifest_sha256) = 32),
    size_bytes bigint check (size_bytes > 0),
    -- When nothing of an erased one was left in the store.
    gone_at timestamptz,

    constraint case_exports_failed_why check (state <> 'failed' or failure is not null),
    constraint case_exports_ready_as check (state <> 'ready' or manifest_sha256 is not null),
    constraint case_exports_sealed check ((manifest_sha256 is null) = (size_bytes is null)),
    constraint case_exports_gone_when_erased check (gone_at is null or state = 'erased'),
    -- What other tables refer to, so that no row can point into another tenant.
    constraint case_exports_of_tenant unique (tenant, id)
);

alter table case_exports enable row level security;
alter table case_exports force row level security;
create policy tenant on case_exports to guildhall_app
    using (tenant = current_setting('app.tenant', true))
    with check (tenant = current_setting('app.tenant', true));

grant select, insert on case_exports to guildhall_app;
grant update (reason, state, failure, attempt, leased_until, manifest_sha256, size_bytes, gone_at)
    on case_exports to guildhall_app;

create trigger case_exports_reason_stays before update of reason on case_exports
    for each row when (new.reason is not null and new.reason is distinct from old.reason)
    execute function reason_stays();

-- Which versions an export tells of, as its newest try has it: written before their bytes are read, while the documents'
-- rows are locked, so that whoever erases one of them finds the export.
create table case_export_versions (
    tenant text not null,
    export_id uuid not null,
    document_id uuid not null,
    version integer not null,
    -- Whether its bytes are in it.
    readable boolean not null,

    primary key (tenant, export_id, document_id, version),
    constraint case_export_versions_of_export foreign key (tenant, export_id) references case_exports (tenant, id),
    constraint case_export_versions_of_version foreign key (tenant, document_id, version)
        references document_versions (tenant, document_id, version)
);

create index case_export_versions_by_document on case_export_versions (tenant, document_id, version);

alter table case_export_versions enable row level security;
alter table case_export_versions force row level security;
create policy tenant on case_export_versions to guildhall_app
    using (tenant = current_setting('app.tenant', true))
    with check (tenant = current_setting('app.tenant', true));

grant select, insert, delete on case_export_versions to guildhall_app;
