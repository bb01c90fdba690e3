-- Which documents belong to which case. The case itself is kept elsewhere: here it is a reference.
create table case_documents (
    tenant text not null,
    case_ref text not null check (case_ref ~ '^[A-Za-z0-9._-]{1,64}$'),
    document_id uuid not null,
    attached_by text not null check (octet_length(attached_by) between 1 and 255),
    attached_at timestamptz not null,

    primary key (tenant, case_ref, document_id),
    constraint case_documents_of_document foreign key (tenant, document_id) references documents (tenant, id)
);

alter table case_documents enable row level security;
alter table case_documents force row level security;
create policy tenant on case_documents to guildhall_app
    using (tenant = current_setting('app.tenant', true))
    with check (tenant = current_setting('app.tenant', true));

grant select, insert, delete on case_documents to guildhall_app;

-- Legal holds: while one stands, nothing of its document, or of its version, is erased. A row is written once and
-- then only moves towards its release; it is never deleted. Every change is made while the document's row is locked.
create table legal_holds (
    id uuid primary key,
    tenant text not null,
    case_ref text not null check (case_ref ~ '^[A-Za-z0-9._-]{1,64}$'),
    document_id uuid not null,
    -- Null for all versions, those to come too.
    version integer,
    reason text not null check (octet_length(reason) between 1 and 1000),
    placed_by text not null check (octet_length(placed_by) between 1 and 255),
    placed_at timestamptz not null,
    release_asked_by text check (octet_length(release_asked_by) between 1 and 255),
    release_asked_at timestamptz,
    release_asked_reason text check (octet_length(release_asked_reason) between 1 and 1000),
    released_by text check (octet_length(released_by) between 1 and 255),
    released_at timestamptz,
    release_reason text check (octet_length(release_reason) between 1 and 1000),

    constraint legal_holds_asked_by_whom check (
        (release_asked_by is null) = (release_asked_at is null)
        and (release_asked_by is null) = (release_asked_reason is null)),
    constraint legal_holds_released_by_whom check (
        (released_by is null) = (released_at is null) and (released_by is null) = (release_reason is null)),
    constraint legal_holds_of_document foreign key (tenant, document_id) references documents (tenant, id),
    constraint legal_holds_of_version foreign key (tenant, document_id, version)
        references document_versions (tenant, document_id, version)
);

create index legal_holds_by_document on legal_holds (tenant, document_id, id desc);
create index legal_holds_by_case on legal_holds (tenant, case_ref, id desc);

alter table legal_holds enable row level security;
alter table legal_holds force row level security;
create policy tenant on legal_holds to guildhall_app
    using (tenant = current_setting('app.tenant', true))
    with check (tenant = current_setting('app.tenant', true));

grant select, insert on legal_holds to guildhall_app;
grant update (release_asked_by, release_asked_at, release_asked_reason, released_by, released_at, release_reason)
    on legal_holds to guildhall_app;
