-- Erasures of subjects: one each, for ever.
create table erasures (
    id           uuid        primary key,
    tenant       text        not null,
    subject      text        not null,
    -- Who asked for it, as the identity provider says it.
    requested_by text        not null,
    requested_at timestamptz not null,
    -- When the last service had reported.
    finished_at  timestamptz,
    unique (tenant, subject)
);

-- What each service has done about an erasure.
create table erasure_reports (
    tenant       text        not null,
    erasure_id   uuid        not null references erasures (id),
    service      text        not null,
    -- When it reported last; null before it did.
    reported_at  timestamptz,
    erased       bigint      not null default 0 check (erased >= 0),
    kept         bigint      not null default 0 check (kept >= 0),
    kept_reasons text[]      not null default '{}',
    primary key (erasure_id, service)
);

alter table erasures enable row level security;
alter table erasures force row level security;
create policy tenant on erasures to guildhall_app
    using (tenant = current_setting('app.tenant', true))
    with check (tenant = current_setting('app.tenant', true));
grant select, insert, update on erasures to guildhall_app;

alter table erasure_reports enable row level security;
alter table erasure_reports force row level security;
create policy tenant on erasure_reports to guildhall_app
    using (tenant = current_setting('app.tenant', true))
    with check (tenant = current_setting('app.tenant', true));
grant select, insert, update on erasure_reports to guildhall_app;
