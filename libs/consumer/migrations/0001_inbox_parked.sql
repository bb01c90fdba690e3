-- Which events a group has applied or parked: the row is written in the transaction of the effect.
create table inbox (
    consumer_group text not null,
    event_id uuid not null,
    tenant text not null,
    applied_at timestamptz not null,
    primary key (consumer_group, event_id)
);
-- For the sweep; rows come in the order of time, so that a summary per block range is enough.
create index inbox_applied_at on inbox using brin (applied_at);

alter table inbox enable row level security;
alter table inbox force row level security;
create policy tenant on inbox to guildhall_app
    using (tenant = current_setting('app.tenant', true))
    with check (tenant = current_setting('app.tenant', true));
create policy system on inbox to guildhall_system using (true);
grant select, insert on inbox to guildhall_app;
grant select, delete on inbox to guildhall_system;

-- Records that could not be applied, and the later ones of their keys behind them, as they came.
create table parked (
    -- Order of parking: within a key it is the order of the events.
    id bigint generated always as identity primary key,
    consumer_group text not null,
    -- '-' where the record does not say whose it is.
    tenant text not null,
    topic text not null,
    "partition" integer not null,
    "offset" bigint not null,
    -- Null where the record is no event.
    event_id uuid,
    type text,
    key bytea,
    header_names text[] not null,
    header_values bytea[] not null,
    payload bytea,
    -- UPPER_SNAKE_CASE; BEHIND_PARKED for those that only wait for an earlier one.
    reason text not null,
    -- Which rule was broken, never by which value.
    detail text,
    attempts integer not null,
    parked_at timestamptz not null,
    -- A record that is no event has no id to be dropped by.
    unique (consumer_group, topic, "partition", "offset")
);
create index parked_key on parked (consumer_group, tenant, key, id);

alter table parked enable row level security;
alter table parked force row level security;
create policy tenant on parked to guildhall_app
    using (tenant = current_setting('app.tenant', true))
    with check (tenant = current_setting('app.tenant', true));
-- Operators list what is parked across tenants; only records without a tenant are parked by this role.
create policy system on parked to guildhall_system using (true) with check (tenant = '-');
-- Update is what a row lock takes: it keeps a redrive and the next event of its key apart.
grant select, insert, update, delete on parked to guildhall_app;
grant select, insert on parked to guildhall_system;
