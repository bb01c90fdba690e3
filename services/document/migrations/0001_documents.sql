-- Documents: what all versions share. Written once; only the number of the newest version moves on, and once nothing
-- is left it is said when it was erased.
create table documents (
    id uuid primary key,
    tenant text not null check (tenant ~ '^[a-z0-9-]{1,63}$'),
    owner text not null check (octet_length(owner) between 1 and 255),
    purpose text not null check (octet_length(purpose) between 1 and 63),
    -- Names a class of retention: how long versions are kept, and who may let them go.
    retention_class text not null check (octet_length(retention_class) between 1 and 63),
    latest_version integer not null default 1 check (latest_version between 1 and 100),
    created_at timestamptz not null,
    erased_at timestamptz,

    -- What other tables refer to, so that no row can point into another tenant; staff list by it, newest id first.
    constraint documents_of_tenant unique (tenant, id)
);

-- Citizens list their own, newest id first.
create index documents_of_owner on documents (tenant, owner, id desc);

-- Versions: what was declared, and where each stands. A row is written once and then only moves along its lifecycle,
-- which is why the app role may update just these columns and delete nothing. Every change is made while the
-- document's row is locked.
create table document_versions (
    -- What due rows are about.
    id uuid primary key,
    tenant text not null,
    document_id uuid not null,
    version integer not null check (version between 1 and 100),
    -- Gone once erased.
    file_name text check (octet_length(file_name) between 1 and 255),
    content_type text not null check (octet_length(content_type) between 3 and 127),
    size_bytes bigint not null check (size_bytes > 0),
    sha256 bytea not null check (octet_length(sha256) = 32),
    status text not null
        check (status in ('pending_upload', 'uploaded', 'scanning', 'ready', 'rejected', 'expired', 'erased')),
    rejection_reason text
        check (rejection_reason in
            ('INFECTED', 'TYPE_MISMATCH', 'SIZE_MISMATCH', 'CHECKSUM_MISMATCH', 'UNSCANNABLE')),
    detected_content_type text check (octet_length(detected_content_type) between 3 and 127),
    upload_expires_at timestamptz,
    -- Nothing erases a version before, but what concerns its owner as a whole.
    retain_until timestamptz,
    created_at timestamptz not null,
    updated_at timestamptz not null,

    constraint document_versions_awaits_until
        check ((status = 'pending_upload') = (upload_expires_at is not null)),
    constraint document_versions_rejected_why check ((status = 'rejected') = (rejection_reason is not null)),
    constraint document_versions_ready_as check (status <> 'ready' or detected_content_type is not null),
    constraint document_versions_detected_when_decided
        check (detected_content_type is null or status in ('ready', 'rejected')),

    constraint document_versions_kept_when_ready check (status <> 'ready' or retain_until is not null),
    constraint document_versions_erased_without_name check ((status = 'erased') = (file_name is null)),
    constraint document_versions_numbered unique (tenant, document_id, version),
    constraint document_versions_of_document foreign key (tenant, document_id) references documents (tenant, id)
);

-- One version at a time is on its way to a verdict.
create unique index document_versions_in_progress on document_versions (tenant, document_id)
    where status in ('pending_upload', 'uploaded', 'scanning');

alter table documents enable row level security;
alter table documents force row level security;
create policy tenant on documents to guildhall_app
    using (tenant = current_setting('app.tenant', true))
    with check (tenant = current_setting('app.tenant', true));

grant select, insert on documents to guildhall_app;
grant update (latest_version, erased_at) on documents to guildhall_app;

alter table document_versions enable row level security;
alter table document_versions force row level security;
create policy tenant on document_versions to guildhall_app
    using (tenant = current_setting('app.tenant', true))
    with check (tenant = current_setting('app.tenant', true));

grant select, insert on document_versions to guildhall_app;
grant update (file_name, status, rejection_reason, detected_content_type, upload_expires_at, retain_until, updated_at)
    on document_versions to guildhall_app;
