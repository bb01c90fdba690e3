-- What is to be published. A row is deleted when its receiver has acknowledged it, and only then; nothing remembers
-- a position, because rows become visible in the order of their commits and not of `seq`.
create table outbox (
    -- Order of appending. Writers append while they hold the lock of the key's row, so that within a key it is the
    -- order of the commits.
    seq bigint generated always as identity,
    id uuid not null,
    tenant text not null,
    lane text collate "C" not null check (lane in ('topic', 'queue')),
    destination text not null check (destination ~ '^[a-z0-9.-]{1,200}$'),
    -- What cannot be encoded must not get in: it would stand in front of its key for ever.
    key text not null check (key ~ '^[!-~]{1,255}$'),
    type text not null check (type ~ '^[!-~]{1,255}$'),
    subject text not null check (subject ~ '^[!-~]{1,255}$'),
    time timestamptz not null,
    dataschema text not null check (dataschema ~ '^[!-~]{1,255}$'),
    traceparent text,
    payload bytea not null check (octet_length(payload) <= 65536),
    -- It cannot be published: why, or BEHIND_PARKED when an earlier row of its destination and key cannot.
    parked_at timestamptz,
    parked_reason text check (parked_reason ~ '^[A-Z][A-Z0-9_]{0,99}$'),
    check ((parked_at is null) = (parked_reason is null)),
    primary key (lane, seq)
);
-- Both are empty but for what is parked, and cost a writer nothing. The relay asks for the first with every look.
create index outbox_parked_first on outbox (lane, destination, key) where parked_reason <> 'BEHIND_PARKED';
create index outbox_parked on outbox (lane, destination, key, seq) where parked_reason is not null;

-- Rows live for milliseconds: a busy table is nothing but dead rows unless it is vacuumed by their number alone.
alter table outbox set (
    autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_cost_delay = 0,
    autovacuum_vacuum_insert_scale_factor = 0, autovacuum_vacuum_insert_threshold = 10000, fillfactor = 100
);

alter table outbox enable row level security;
alter table outbox force row level security;
create policy tenant on outbox to guildhall_app
    using (tenant = current_setting('app.tenant', true))
    with check (tenant = current_setting('app.tenant', true));
create policy system on outbox to guildhall_system using (true);
grant insert on outbox to guildhall_app;
grant select, delete, update (parked_at, parked_reason) on outbox to guildhall_system;
