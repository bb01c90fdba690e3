-- The audit chain: what a service has told the world, in the order in which it was applied, each entry carrying the hash
-- of the one before. Written once: the app role can neither change nor delete an entry. What anybody else changes is
-- found, since checkpoints that are signed lie in a bucket that lets go of nothing.
create table audit_entries (
    tenant text not null check (tenant ~ '^[a-z0-9-]{1,63}$'),
    -- From 1, without gaps.
    seq bigint not null check (seq > 0),
    -- The event, as it was published.
    event_id uuid not null,
    type text not null,
    subject text not null,
    time timestamptz not null,
    schema text not null,
    body bytea not null,
    -- Digest of the event, hash of the entry before, hash of this one.
    digest bytea not null check (octet_length(digest) = 32),
    prev bytea not null check (octet_length(prev) = 32),
    hash bytea not null check (octet_length(hash) = 32),
    primary key (tenant, seq),
    constraint audit_entries_once unique (tenant, event_id)
);

create index audit_entries_by_subject on audit_entries (tenant, subject, seq);

alter table audit_entries enable row level security;
alter table audit_entries force row level security;
create policy tenant on audit_entries to guildhall_app
    using (tenant = current_setting('app.tenant', true))
    with check (tenant = current_setting('app.tenant', true));
grant select, insert on audit_entries to guildhall_app;

-- The newest entry of each chain. Whoever appends holds the lock of this row.
create table audit_heads (
    tenant text primary key check (tenant ~ '^[a-z0-9-]{1,63}$'),
    seq bigint not null check (seq >= 0),
    hash bytea not null check (octet_length(hash) = 32)
);

alter table audit_heads enable row level security;
alter table audit_heads force row level security;
create policy tenant on audit_heads to guildhall_app
    using (tenant = current_setting('app.tenant', true))
    with check (tenant = current_setting('app.tenant', true));
-- Whose chains have grown is asked across tenants.
create policy system on audit_heads for select to guildhall_system using (true);
grant select, insert on audit_heads to guildhall_app;
grant update (seq, hash) on audit_heads to guildhall_app;
grant select on audit_heads to guildhall_system;

-- What chains had come to, signed: a copy of what is in the bucket, for proofs. Written once.
create table audit_checkpoints (
    tenant text not null check (tenant ~ '^[a-z0-9-]{1,63}$'),
    -- The newest entry that it covers, and its hash.
    seq bigint not null check (seq > 0),
    hash bytea not null check (octet_length(hash) = 32),
    signed_at timestamptz not null,
    key text not null,
    signature text not null,
    primary key (tenant, seq)
);

alter table audit_checkpoints enable row level security;
alter table audit_checkpoints force row level security;
create policy tenant on audit_checkpoints to guildhall_app
    using (tenant = current_setting('app.tenant', true))
    with check (tenant = current_setting('app.tenant', true));
create policy system on audit_checkpoints for select to guildhall_system using (true);
grant select, insert on audit_checkpoints to guildhall_app;
grant select on audit_checkpoints to guildhall_system;
