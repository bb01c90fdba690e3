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
grant select (tenant, scope, expires_at), delete on idempotency to guildhall_system;
