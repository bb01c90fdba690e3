-- Access log: one row per signed download, written with the event that announces it. Append only: the app role can
-- neither change nor delete a row.
create table access_log (
    -- Id of the event `guildhall.document.accessed.v1`.
    event_id uuid primary key,
    tenant text not null,
    document_id uuid not null,
    version integer not null,
    accessor text not null check (octet_length(accessor) between 1 and 255),
    -- The client that acted for the accessor (`azp`).
    client_id text not null,
    accessed_at timestamptz not null,
    -- Until when the signed URL could be used.
    expires_at timestamptz not null check (expires_at > accessed_at),

    constraint access_log_of_version foreign key (tenant, document_id, version)
        references document_versions (tenant, document_id, version)
);

create index access_log_by_document on access_log (tenant, document_id, accessed_at);

alter table access_log enable row level security;
alter table access_log force row level security;
create policy tenant on access_log to guildhall_app
    using (tenant = current_setting('app.tenant', true))
    with check (tenant = current_setting('app.tenant', true));

grant select, insert on access_log to guildhall_app;
