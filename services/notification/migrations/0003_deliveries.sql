-- One notification on its way through a channel.
create table deliveries (
    id              uuid        primary key,
    tenant          text        not null,
    notification_id uuid        not null references notifications (id),
    channel         text        not null check (channel in ('email')),
    state           text        not null check (state in
        ('created', 'sending', 'sent', 'temporary_failure', 'permanent_failure', 'technical_failure', 'suppressed')),
    created_at      timestamptz not null,
    updated_at      timestamptz not null,
    unique (notification_id, channel)
);

-- One attempt at a delivery, done by a worker.
create table delivery_jobs (
    id            uuid        primary key,
    tenant        text        not null,
    delivery_id   uuid        not null references deliveries (id),
    -- 1 for the first.
    attempt       smallint    not null check (attempt > 0),
    -- Until when nobody else can claim it; null when nobody has.
    leased_until  timestamptz,
    -- Null until reported.
    outcome       text        check (outcome in ('sent', 'temporary_failure', 'permanent_failure', 'unrenderable')),
    -- The provider's answer in a short code.
    provider_code text        not null default '',
    created_at    timestamptz not null,
    reported_at   timestamptz,
    unique (delivery_id, attempt),
    check ((outcome is null) = (reported_at is null))
);

alter table deliveries enable row level security;
alter table deliveries force row level security;
create policy tenant on deliveries to guildhall_app
    using (tenant = current_setting('app.tenant', true))
    with check (tenant = current_setting('app.tenant', true));
grant select, insert, update on deliveries to guildhall_app;

alter table delivery_jobs enable row level security;
alter table delivery_jobs force row level security;
create policy tenant on delivery_jobs to guildhall_app
    using (tenant = current_setting('app.tenant', true))
    with check (tenant = current_setting('app.tenant', true));
grant select, insert, update on delivery_jobs to guildhall_app;
