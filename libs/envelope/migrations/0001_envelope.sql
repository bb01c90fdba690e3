-- Data keys of subjects, each wrapped by a key of the key-management service. Without its row nothing that it has sealed
-- can be read, here or in a copy made later.
create table subject_keys (
    tenant     text        not null,
    -- The identity provider's `sub`.
    subject    text        not null check (subject ~ '^[!-~]{1,255}$'),
    -- From 1 on; what is sealed says by which.
    generation integer     not null check (generation > 0),
    wrapped    bytea       not null check (octet_length(wrapped) between 1 and 4096),
    -- Which key of the key-management service has wrapped it.
    kek        text        not null check (kek ~ '^[!-~]{1,255}$'),
    created_at timestamptz not null,
    primary key (tenant, subject, generation)
);

-- Subjects that get no key any more. A tombstone has no end: the subject's id stays in rows and events elsewhere.
create table erased_subjects (
    tenant    text        not null,
    subject   text        not null check (subject ~ '^[!-~]{1,255}$'),
    erased_at timestamptz not null,
    primary key (tenant, subject)
);

alter table subject_keys enable row level security;
alter table subject_keys force row level security;
create policy tenant on subject_keys to guildhall_app
    using (tenant = current_setting('app.tenant', true)) with check (tenant = current_setting('app.tenant', true));
-- Keys are wrapped anew for every tenant.
create policy system on subject_keys to guildhall_system using (true);
-- `update` is what a lock on a row needs.
grant select, insert, update (created_at), delete on subject_keys to guildhall_app;
grant select, update (wrapped, kek) on subject_keys to guildhall_system;

alter table erased_subjects enable row level security;
alter table erased_subjects force row level security;
create policy tenant on erased_subjects to guildhall_app
    using (tenant = current_setting('app.tenant', true)) with check (tenant = current_setting('app.tenant', true));
grant select, insert on erased_subjects to guildhall_app;
