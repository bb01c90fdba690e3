-- What is to be published. A row is deleted when its receiver has acknowledged it, and only then; nothing remembers
-- a position, because rows become visible in the order of their commits and not of `seq`.
create table outbox (
    -- Order of appending. Writers append while they hold the lock of the key's row, so that within a key it is the
    -- order of the commits.
    seq bigint generated always as identity,
    id uuid not null,
    tenant text not null,
    lane text not null check (lane in ('topic', 'queue')),
    destination text not null check (destination ~ '^[a-z0-9.-]{1,200}$'),
    -- What cannot be encoded must not get in: it would stand in front of its key for ever.
    key text not null check (key ~ '^[!-~]{1,255}$'),
    type text not null check (type ~ '^[!-~]{1,255}$'),
    subject text not null check (subject ~ '^[!-~]{1,255}$'),
    time timestamptz not null,
    dataschema text not null check (dataschema ~ '^[!-~]{1,255}$'),
    traceparent text,
    payload bytea not null check (octet_length(payload) <= 65536),
    primary key (lane, seq)
);

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
grant select, delete on outbox to guildhall_system;
