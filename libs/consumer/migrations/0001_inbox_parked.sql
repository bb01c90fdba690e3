-- Which events a group has applied or parked: the row is written in the transaction of the effect.
--
-- Ids are UUIDv7, so that ranges of ids are ranges of time: a week of them is a partition, and forgetting it is a DROP.
create table inbox (
    consumer_group text collate "C" not null,
    event_id uuid not null,
    tenant text not null,
    applied_at timestamptz not null,
    primary key (consumer_group, event_id)
) partition by range (event_id);
-- For forgetting; rows come in the order of time, so that a summary per block range is enough.
create index inbox_applied_at on inbox using brin (applied_at);

alter table inbox enable row level security;
alter table inbox force row level security;
create policy tenant on inbox to guildhall_app
    using (tenant = current_setting('app.tenant', true))
    with check (tenant = current_setting('app.tenant', true));
create policy system on inbox to guildhall_system using (true);
grant select, insert on inbox to guildhall_app;
grant select on inbox to guildhall_system;

-- Ids that say nothing of their time, or a time that has no partition.
create table inbox_default partition of inbox default;
alter table inbox_default enable row level security;
alter table inbox_default force row level security;
create policy tenant on inbox_default to guildhall_app
    using (tenant = current_setting('app.tenant', true))
    with check (tenant = current_setting('app.tenant', true));

-- The first id of a time.
create function inbox_first_id(at timestamptz) returns uuid
    language sql immutable strict set search_path = pg_catalog, pg_temp
    return (lpad(to_hex((extract(epoch from at) * 1000)::bigint), 12, '0') || repeat('0', 20))::uuid;

-- Makes the partitions of this week and the next four, and forgets what was applied more than `keep` before `at`: whole
-- weeks, and up to `most` rows of the default partition.
--
-- Runs with the owner's rights, because only an owner may make and drop tables. The policies hide every row from the
-- owner too while they are forced, hence NO FORCE around each look; it never outlives the transaction.
create function inbox_roll(
    at timestamptz, keep interval, most integer, out made integer, out dropped integer, out deleted integer
)
    language plpgsql security definer
    set search_path = pg_catalog, pg_temp
    set timezone = 'UTC'
    -- Consumers wait behind this one while it waits for a lock: it gives up, and tries again at its next run.
    set lock_timeout = '1s'
as $$
declare
    week constant interval := '7 days';
    cut_off constant timestamptz := at - keep;
    monday timestamptz;
    part text;
    recent boolean;
begin
    made := 0;
    dropped := 0;
    deleted := 0;
    if not pg_try_advisory_xact_lock(hashtext('inbox_roll')) then
        return;
    end if;

    for weeks in 0..4 loop
        monday := date_trunc('week', at) + weeks * week;
        part := 'inbox_' || to_char(monday, 'YYYYMMDD');
        continue when to_regclass('public.' || part) is not null;
        execute format('create table public.%I (like public.inbox including all)', part);
        execute format('alter table public.%I enable row level security', part);
        execute format(
            'create policy tenant on public.%I to guildhall_app
                 using (tenant = current_setting(''app.tenant'', true))
                 with check (tenant = current_setting(''app.tenant'', true))', part);
        if pg_relation_size('public.inbox_default') > 0 then
            alter table public.inbox_default no force row level security;
            execute format(
                'with moved as (
                     delete from public.inbox_default where event_id >= %L and event_id < %L
                     returning consumer_group, event_id, tenant, applied_at
                 )
                 insert into public.%I (consumer_group, event_id, tenant, applied_at)
                 select consumer_group, event_id, tenant, applied_at from moved',
                public.inbox_first_id(monday), public.inbox_first_id(monday + week), part);
            alter table public.inbox_default force row level security;
        end if;
        execute format('alter table public.%I force row level security', part);
        execute format(
            'alter table public.inbox attach partition public.%I for values from (%L) to (%L)',
            part, public.inbox_first_id(monday), public.inbox_first_id(monday + week));
        made := made + 1;
    end loop;

    for part in
        select c.relname
          from pg_inherits i
          join pg_class c on c.oid = i.inhrelid
         where i.inhparent = 'public.inbox'::regclass
           and c.relname ~ '^inbox_[0-9]{8}$'
           and to_timestamp(substr(c.relname, 7), 'YYYYMMDD') + week <= cut_off
         order by c.relname
    loop
        lock table public.inbox in access exclusive mode;
        -- An event may have been applied long after its id was minted, and topics count from when they got it.
        execute format('alter table public.%I no force row level security', part);
        execute format('select exists (select from public.%I where applied_at >= %L)', part, cut_off) into recent;
        if recent then
            execute format('alter table public.%I force row level security', part);
        else
            execute format('drop table public.%I', part);
            dropped := dropped + 1;
        end if;
    end loop;

    if pg_relation_size('public.inbox_default') > 0 then
        alter table public.inbox_default no force row level security;
        delete from public.inbox_default
         where ctid = any (array (select ctid from public.inbox_default where applied_at < cut_off limit most));
        get diagnostics deleted = row_count;
        alter table public.inbox_default force row level security;
    end if;
end
$$;
revoke execute on function inbox_first_id, inbox_roll from public;
grant execute on function inbox_roll to guildhall_system;

select inbox_roll(now(), '28 days', 0);

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
-- For operators' lists.
create index parked_tenant on parked (consumer_group, tenant, id);

alter table parked enable row level security;
alter table parked force row level security;
create policy tenant on parked to guildhall_app
    using (tenant = current_setting('app.tenant', true))
    with check (tenant = current_setting('app.tenant', true));
-- The system role reads what is parked across tenants; it writes only records that do not say whose they are.
create policy system_read on parked for select to guildhall_system using (true);
create policy system_park on parked for insert to guildhall_system with check (tenant = '-');
create policy system_retry on parked for update to guildhall_system using (tenant = '-') with check (tenant = '-');
create policy system_remove on parked for delete to guildhall_system using (tenant = '-');
-- Update is also what a row lock takes: it keeps a redrive and the next event of its key apart.
grant select, insert, update, delete on parked to guildhall_app, guildhall_system;
