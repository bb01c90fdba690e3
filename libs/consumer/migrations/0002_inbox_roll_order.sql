-- Weeks are forgotten before new ones are made. Whoever reads or writes the inbox locks it first and its partitions
-- then; attaching a week locks the default partition, so dropping one afterwards took the two locks the other way
-- round, and a consumer could be the one that PostgreSQL ends to resolve the deadlock.
create or replace function inbox_roll(
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

    if pg_relation_size('public.inbox_default') > 0 then
        alter table public.inbox_default no force row level security;
        delete from public.inbox_default
         where ctid = any (array (select ctid from public.inbox_default where applied_at < cut_off limit most));
        get diagnostics deleted = row_count;
        alter table public.inbox_default force row level security;
    end if;
end
$$;
