-- The answer of each finished call that carried an idempotency key, written in the transaction of its effect.
create table idempotency (
    tenant      text        not null,
    -- SHA-256 over principal, operation and key: of one size, and it keeps no name of a person.
    scope       bytea       not null check (length(scope) = 32),
    -- SHA-256 over the request.
    fingerprint bytea       not null check (length(fingerprint) = 32),
    -- The encoded response message.
    answer      bytea       not null,
    expires_at  timestamptz not null,
    primary key (tenant, scope)
);

create index idempotency_expires_at on idempotency (expires_at);

alter table idempotency enable row level security;
alter table idempotency force row level security;
create policy tenant on idempotency to guildhall_app
    using (tenant = current_setting('app.tenant', true)) with check (tenant = current_setting('app.tenant', true));
-- The sweep deletes expired rows of every tenant; it cannot read the answers.
create policy system on idempotency to guildhall_system using (true);

grant select, insert, update on idempotency to guildhall_app;

-- What a call finds, in the round trip of BEGIN and as whoever calls: rows are the tenant's alone. Whether it is the only one with its key, and the answer of a finished one that is still kept. The
-- lock is taken first. A call that ended before has committed when the lock is ours, and the second statement sees it.
create function idempotency_find(
    key_lock bigint, wanted bytea, at timestamptz, out free boolean, out fingerprint bytea, out answer bytea
) language plpgsql as $$
begin
    free := pg_try_advisory_xact_lock(key_lock);
    select stored.fingerprint, stored.answer into fingerprint, answer
      from public.idempotency stored
     where stored.tenant = current_setting('app.tenant') and stored.scope = wanted and stored.expires_at > at;
end $$;

grant execute on function idempotency_find to guildhall_app;
grant select (tenant, scope, expires_at), delete on idempotency to guildhall_system;
