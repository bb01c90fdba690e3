-- One thing that a recipient is told: one row per event that says so.
create table notifications (
    id               uuid        primary key,
    tenant           text        not null,
    recipient_id     uuid        not null references recipients (id),
    -- The event that caused it; a second delivery of the same event finds it here.
    event_id         uuid        not null,
    category         text        not null,
    -- Key of the template, for example `document.ready`.
    status           text        not null,
    -- Machine code that refines the status; empty where there is none.
    code             text        not null default '',
    subject_type     text        not null,
    subject_id       uuid        not null,
    -- Version of the templates that were current when it was made.
    template_version smallint    not null check (template_version > 0),
    created_at       timestamptz not null,
    read_at          timestamptz,
    unique (tenant, event_id)
);

create index notifications_recipient on notifications (recipient_id);

-- What a recipient sees, numbered from 1 without gaps. Rows are never changed.
create table feed (
    tenant           text        not null,
    recipient_id     uuid        not null references recipients (id),
    seq              bigint      not null check (seq > 0),
    notification_id  uuid        not null references notifications (id),
    status           text        not null,
    code             text        not null default '',
    template_version smallint    not null check (template_version > 0),
    created_at       timestamptz not null,
    primary key (recipient_id, seq)
);

create index feed_notification on feed (notification_id);

alter table notifications enable row level security;
alter table notifications force row level security;
create policy tenant on notifications to guildhall_app
    using (tenant = current_setting('app.tenant', true))
    with check (tenant = current_setting('app.tenant', true));
grant select, insert, update on notifications to guildhall_app;

alter table feed enable row level security;
alter table feed force row level security;
create policy tenant on feed to guildhall_app
    using (tenant = current_setting('app.tenant', true))
    with check (tenant = current_setting('app.tenant', true));
grant select, insert on feed to guildhall_app;
