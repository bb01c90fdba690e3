-- Previews: one per version that was ready and is of a type that has any; the row is the job and its outcome. The queue's
-- message only carries the id. Every change is made while the document's row is locked.
create table previews (
    id uuid primary key,
    tenant text not null,
    document_id uuid not null,
    version integer not null,
    created_at timestamptz not null,
    -- How often the message was sent, and how often somebody took the job: both are bounded.
    sent integer not null default 1 check (sent >= 1),
    claims integer not null default 0 check (claims >= 0),
    lease_expires_at timestamptz,
    finished_at timestamptz,
    failure text check (failure in ('FILE_TOO_LARGE', 'MALFORMED', 'ENCRYPTED', 'TOO_MANY_PIXELS', 'MEMORY_EXCEEDED',
        'TIME_EXCEEDED', 'CRASHED', 'FORBIDDEN_CALL', 'GARBAGE', 'ABANDONED', 'ERASED')),
    total_pages integer check (total_pages >= 1),

    constraint previews_leased_when_claimed check ((claims = 0) = (lease_expires_at is null)),
    constraint previews_end_one_way check ((finished_at is null) = (failure is null and total_pages is null)),
    constraint previews_fail_or_have_pages check (failure is null or total_pages is null),
    constraint previews_version unique (tenant, document_id, version),
    constraint previews_of_version foreign key (tenant, document_id, version)
        references document_versions (tenant, document_id, version)
);

alter table previews enable row level security;
alter table previews force row level security;
create policy tenant on previews to guildhall_app
    using (tenant = current_setting('app.tenant', true))
    with check (tenant = current_setting('app.tenant', true));

grant select, insert on previews to guildhall_app;
grant update (sent, claims, lease_expires_at, finished_at, failure, total_pages) on previews to guildhall_app;

-- What a preview consists of: objects in the evidence bucket, under keys of their own.
create table preview_objects (
    tenant text not null,
    document_id uuid not null,
    version integer not null,
    -- The page, from 1; 0 is the text.
    number integer not null check (number between 0 and 20),
    size_bytes bigint not null check (size_bytes > 0),
    sha256 bytea not null check (octet_length(sha256) = 32),
    width integer check (width between 1 and 1600),
    height integer check (height between 1 and 1600),

    primary key (tenant, document_id, version, number),
    constraint preview_objects_pages_have_a_size check (
        (number = 0) = (width is null) and (number = 0) = (height is null)),
    constraint preview_objects_of_preview foreign key (tenant, document_id, version)
        references previews (tenant, document_id, version)
);

alter table preview_objects enable row level security;
alter table preview_objects force row level security;
create policy tenant on preview_objects to guildhall_app
    using (tenant = current_setting('app.tenant', true))
    with check (tenant = current_setting('app.tenant', true));

-- With a version goes what says anything about its contents.
grant select, insert, delete on preview_objects to guildhall_app;
