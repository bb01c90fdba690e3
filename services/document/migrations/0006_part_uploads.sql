-- Uploads in parts that were begun at the object store: a row is written once, when the first part is to be signed, while
-- the document's row is locked. An upload that was begun at the store and has no row here is aborted with the others of
-- its key once the version needs none.
create table part_uploads (
    version_id uuid primary key references document_versions (id),
    tenant text not null,
    -- The store's own name for it.
    upload_id text not null check (octet_length(upload_id) between 1 and 1024),
    begun_at timestamptz not null
);

alter table part_uploads enable row level security;
alter table part_uploads force row level security;
create policy tenant on part_uploads to guildhall_app
    using (tenant = current_setting('app.tenant', true))
    with check (tenant = current_setting('app.tenant', true));

grant select, insert on part_uploads to guildhall_app;
