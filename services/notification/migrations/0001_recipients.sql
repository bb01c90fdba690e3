-- Who can be told something, and how. The one owner of contact data.
create table recipients (
    id         uuid        primary key,
    tenant     text        not null,
    subject    text        not null,
    -- Sealed for the subject, see `libs/envelope`. Null where there is none: what would be mailed is suppressed.
    email      bytea,
    -- BCP 47; null for the tenant's default.
    locale     text,
    -- Highest number of the recipient's feed. Whoever adds a feed row holds this row's lock.
    feed_seq   bigint      not null default 0 check (feed_seq >= 0),
    created_at timestamptz not null,
    updated_at timestamptz not null,
    unique (tenant, subject)
);

alter table recipients enable row level security;
alter table recipients force row level security;
create policy tenant on recipients to guildhall_app
    using (tenant = current_setting('app.tenant', true))
    with check (tenant = current_setting('app.tenant', true));
grant select, insert, update on recipients to guildhall_app;
