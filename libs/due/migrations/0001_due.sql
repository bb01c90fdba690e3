-- One row per thing that is to happen at a time. `at` is when a runner may take the row; taking it moves `at` to the
-- end of the runner's lease and sets `claim`, which fences the runner off once somebody else has taken the row.
create table due (
    tenant      text        not null,
    kind        text        not null,
    subject     uuid        not null,
    -- When it was to happen, which retries do not move.
    due_at      timestamptz not null,
    at          timestamptz not null,
    -- Failed runs since it was scheduled.
    attempts    integer     not null default 0,
    claim       uuid,
    primary key (tenant, kind, subject)
);

-- A runner takes the earliest rows of each kind it knows.
create index due_kind_at on due (kind, at);

alter table due enable row level security;
alter table due force row level security;
create policy tenant on due to guildhall_app
    using (tenant = current_setting('app.tenant', true)) with check (tenant = current_setting('app.tenant', true));
-- The runner finds and claims rows of every tenant; what they cause happens as the app role.
create policy system on due to guildhall_system using (true);

grant select, insert, update, delete on due to guildhall_app;
grant select, update on due to guildhall_system;
