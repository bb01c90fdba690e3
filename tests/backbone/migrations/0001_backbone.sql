-- What the producers count: they hold a key's row while they append its events.
create table counters (
    tenant text not null,
    key text not null,
    n bigint not null default 0,
    primary key (tenant, key)
);
-- Jobs that were committed.
create table jobs (
    tenant text not null,
    id uuid primary key
);
-- What the consumers have applied, in the order in which they did: `place` is taken under the lock of the key's row in
-- `progress`. Nothing here keeps a consumer from applying twice or too early; that is what is to be found out.
create table applied (
    place bigint generated always as identity primary key,
    tenant text not null,
    key text not null,
    n bigint not null,
    event_id uuid not null
);
create table progress (
    tenant text not null,
    key text not null,
    n bigint not null default 0,
    primary key (tenant, key)
);

do $$
declare name text;
begin
    foreach name in array array['counters', 'jobs', 'applied', 'progress'] loop
        execute format('alter table %I enable row level security', name);
        execute format('alter table %I force row level security', name);
        execute format('create policy tenant on %I to guildhall_app
            using (tenant = current_setting(''app.tenant'', true))
            with check (tenant = current_setting(''app.tenant'', true))', name);
        execute format('grant select, insert, update on %I to guildhall_app', name);
    end loop;
end $$;
