-- Published policies: a row per version of a kind, written once. The newest is in force; version 0 is built into the
-- program and has no row.
create table policies (
    tenant text not null check (tenant ~ '^[a-z0-9-]{1,63}$'),
    kind text not null check (kind ~ '^[a-z][a-z0-9_]{0,62}$'),
    version integer not null check (version > 0),
    body jsonb not null,
    -- A code or the id of a ticket: who reads this may not be who may know whom it is about.
    note text not null check (note ~ '^[A-Za-z0-9._-]{1,64}$'),
    published_by text not null check (octet_length(published_by) between 1 and 255),
    published_at timestamptz not null,
    primary key (tenant, kind, version)
);

alter table policies enable row level security;
alter table policies force row level security;
create policy tenant on policies to guildhall_app
    using (tenant = current_setting('app.tenant', true))
    with check (tenant = current_setting('app.tenant', true));

grant select, insert on policies to guildhall_app;
