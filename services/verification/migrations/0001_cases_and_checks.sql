-- Cases: whether somebody is who they say they are. A row moves along its lifecycle under its own lock.
create table cases (
    id uuid primary key,
    tenant text not null check (tenant ~ '^[a-z0-9-]{1,63}$'),
    subject text not null check (octet_length(subject) between 1 and 255),
    purpose text not null check (purpose ~ '^[a-z0-9-]{1,63}$'),
    policy_version integer not null check (policy_version >= 0),
    status text not null check (
        status in ('submitted', 'checking', 'needs_review', 'more_asked', 'approved', 'rejected', 'withdrawn')),
    -- A set: what stands in the way of a decision.
    pending text[] not null check (pending <@ array['checks', 'check_failed', 'check_inconclusive',
        'providers_unavailable', 'policy', 'second_person', 'more_asked']),
    round integer not null default 1 check (round between 1 and 10),
    -- What was asked for again: a list of objects `document_id`, `kind`, `reason`.
    asked jsonb not null default '[]' check (jsonb_typeof(asked) = 'array'),
    -- Sealed for the subject (`libs/envelope`); gone once they were erased.
    applicant bytea check (octet_length(applicant) between 1 and 4096),
    created_at timestamptz not null,
    updated_at timestamptz not null,
    status_since timestamptz not null,
    due_at timestamptz,
    escalated boolean not null default false,
    claimed_by text check (octet_length(claimed_by) between 1 and 255),
    claimed_until timestamptz,
    proposed_by text check (octet_length(proposed_by) between 1 and 255),
    proposed_verdict text check (proposed_verdict in ('approve', 'reject')),
    proposed_reasons text[],
    decisions integer not null default 0 check (decisions >= 0),
    entries integer not null default 0 check (entries >= 0),

    constraint cases_of_tenant unique (tenant, id),
    -- Once it is over nothing stands in the way any more, and the other way round.
    constraint cases_pending check ((status in ('approved', 'rejected', 'withdrawn')) = (cardinality(pending) = 0)
        or (status in ('approved', 'rejected') and pending = array['second_person'])),
    constraint cases_asked check ((status = 'more_asked') = (asked <> '[]')),
    constraint cases_claim check ((claimed_by is null) = (claimed_until is null)),
    constraint cases_claimed_in_review check (claimed_by is null or status = 'needs_review'),
    constraint cases_proposal check (
        (proposed_by is null) = (proposed_verdict is null) and (proposed_by is null) = (proposed_reasons is null)),
    constraint cases_nobody_decides_about_themselves check (claimed_by <> subject and proposed_by <> subject)
);

-- One of a purpose that is not over, whoever hands in at once.
create unique index cases_open on cases (tenant, subject, purpose)
    where status not in ('approved', 'rejected', 'withdrawn');
create index cases_of_subject on cases (tenant, subject, id desc);
create index cases_by_status on cases (tenant, status, id desc);
-- The queue of those who decide: the earliest due first.
create index cases_in_review on cases (tenant, due_at, id) where status = 'needs_review';

alter table cases enable row level security;
alter table cases force row level security;
create policy tenant on cases to guildhall_app
    using (tenant = current_setting('app.tenant', true))
    with check (tenant = current_setting('app.tenant', true));

grant select, insert on cases to guildhall_app;
grant update (status, pending, round, asked, applicant, updated_at, status_since, due_at, escalated, claimed_by, claimed_until,
    proposed_by, proposed_verdict, proposed_reasons, decisions, entries) on cases to guildhall_app;

-- What was handed in, by round.
create table case_documents (
    tenant text not null check (tenant ~ '^[a-z0-9-]{1,63}$'),
    case_id uuid not null,
    round integer not null check (round between 1 and 10),
    number integer not null check (number between 1 and 20),
    document_id uuid not null,
    kind text not null check (kind in
        ('passport', 'identity_card', 'driving_licence', 'residence_permit', 'proof_of_address', 'selfie')),
    country text check (country ~ '^[A-Z]{2}$'),
    sha256 bytea not null check (octet_length(sha256) = 32),

    primary key (tenant, case_id, round, number),
    constraint case_documents_once unique (tenant, case_id, round, document_id),
    constraint case_documents_of_case foreign key (tenant, case_id) references cases (tenant, id)
);

alter table case_documents enable row level security;
alter table case_documents force row level security;
create policy tenant on case_documents to guildhall_app
    using (tenant = current_setting('app.tenant', true))
    with check (tenant = current_setting('app.tenant', true));

grant select, insert on case_documents to guildhall_app;

-- What is asked of providers about a round of a case.
create table checks (
    id uuid primary key,
    tenant text not null check (tenant ~ '^[a-z0-9-]{1,63}$'),
    case_id uuid not null,
    round integer not null check (round between 1 and 10),
    kind text not null check (kind in ('document', 'identity', 'address', 'liveness', 'watchlist')),
    created_at timestamptz not null,
    expires_at timestamptz not null,
    outcome text check (outcome in ('passed', 'failed', 'inconclusive', 'unavailable')),
    reason text check (reason ~ '^[a-z_]{1,63}$'),
    finished_at timestamptz,

    constraint checks_of_tenant unique (tenant, id),
    constraint checks_once unique (tenant, case_id, round, kind),
    constraint checks_of_case foreign key (tenant, case_id) references cases (tenant, id),
    constraint checks_over check ((outcome is null) = (finished_at is null)),
    constraint checks_reason check ((outcome is null or outcome = 'passed') = (reason is null))
);

alter table checks enable row level security;
alter table checks force row level security;
create policy tenant on checks to guildhall_app
    using (tenant = current_setting('app.tenant', true))
    with check (tenant = current_setting('app.tenant', true));

grant select, insert on checks to guildhall_app;
grant update (outcome, reason, finished_at) on checks to guildhall_app;

-- Tries of checks at providers: one at a time.
create table attempts (
    tenant text not null check (tenant ~ '^[a-z0-9-]{1,63}$'),
    check_id uuid not null,
    number integer not null check (number between 1 and 100),
    account text not null check (account ~ '^[A-Za-z0-9_-]{1,64}$'),
    provider_id text check (octet_length(provider_id) between 1 and 255),
    started_at timestamptz not null,
    expires_at timestamptz not null,
    silences integer not null default 0 check (silences >= 0),
    outcome text check (outcome in ('passed', 'failed', 'inconclusive', 'unavailable')),
    reason text check (reason ~ '^[a-z_]{1,63}$'),
    ended_at timestamptz,
    late_answer boolean not null default false,

    primary key (tenant, check_id, number),
    -- Nobody is asked twice about one check.
    constraint attempts_once unique (tenant, check_id, account),
    constraint attempts_of_check foreign key (tenant, check_id) references checks (tenant, id),
    constraint attempts_over check ((outcome is null) = (ended_at is null)),
    constraint attempts_reason check ((outcome is null or outcome = 'passed') = (reason is null))
);

create unique index attempts_under_way on attempts (tenant, check_id) where outcome is null;
create index attempts_by_provider_id on attempts (tenant, account, provider_id) where provider_id is not null;

alter table attempts enable row level security;
alter table attempts force row level security;
create policy tenant on attempts to guildhall_app
    using (tenant = current_setting('app.tenant', true))
    with check (tenant = current_setting('app.tenant', true));

grant select, insert on attempts to guildhall_app;
grant update (provider_id, silences, outcome, reason, ended_at, late_answer) on attempts to guildhall_app;

-- What providers have answered, as they have: for those who have to explain a decision. Sealed for the subject.
create table answers (
    id uuid primary key,
    tenant text not null check (tenant ~ '^[a-z0-9-]{1,63}$'),
    check_id uuid not null,
    attempt integer not null,
    -- The same answer again is not kept twice.
    digest bytea not null check (octet_length(digest) = 32),
    received_at timestamptz not null,
    late boolean not null,
    body bytea not null check (octet_length(body) between 1 and 300000),

    constraint answers_once unique (tenant, check_id, attempt, digest),
    constraint answers_of_attempt foreign key (tenant, check_id, attempt) references attempts (tenant, check_id, number)
);

alter table answers enable row level security;
alter table answers force row level security;
create policy tenant on answers to guildhall_app
    using (tenant = current_setting('app.tenant', true))
    with check (tenant = current_setting('app.tenant', true));

grant select, insert, delete on answers to guildhall_app;

-- What providers have called us with, once each; what it is about is asked for at the provider.
create table callbacks (
    id uuid primary key,
    tenant text not null check (tenant ~ '^[a-z0-9-]{1,63}$'),
    account text not null check (account ~ '^[A-Za-z0-9_-]{1,64}$'),
    provider_event text not null check (octet_length(provider_event) between 1 and 255),
    provider_id text not null check (octet_length(provider_id) between 1 and 255),
    received_at timestamptz not null,
    -- The check it is about, if it is one of ours.
    check_id uuid,
    attempt integer,
    -- The provider was asked since.
    handled boolean not null default false,

    constraint callbacks_once unique (tenant, account, provider_event),
    constraint callbacks_about check ((check_id is null) = (attempt is null))
);

create index callbacks_unhandled on callbacks (tenant, check_id) where check_id is not null and not handled;
create index callbacks_by_age on callbacks (tenant, received_at);

alter table callbacks enable row level security;
alter table callbacks force row level security;
create policy tenant on callbacks to guildhall_app
    using (tenant = current_setting('app.tenant', true))
    with check (tenant = current_setting('app.tenant', true));

grant select, insert, delete on callbacks to guildhall_app;
grant update (handled) on callbacks to guildhall_app;

-- Decisions: one after the other, never changed; the newest is in force.
create table decisions (
    id uuid primary key,
    tenant text not null check (tenant ~ '^[a-z0-9-]{1,63}$'),
    case_id uuid not null,
    number integer not null check (number >= 1),
    verdict text not null check (verdict in ('approve', 'reject', 'ask_again')),
    reasons text[] not null check (cardinality(reasons) <= 20),
    decided_by text check (octet_length(decided_by) between 1 and 255),
    agreed_by text check (octet_length(agreed_by) between 1 and 255),
    decided_at timestamptz not null,

    constraint decisions_numbered unique (tenant, case_id, number),
    constraint decisions_of_case foreign key (tenant, case_id) references cases (tenant, id),
    constraint decisions_second_person check (agreed_by <> decided_by),
    constraint decisions_agreed check (agreed_by is null or decided_by is not null)
);

alter table decisions enable row level security;
alter table decisions force row level security;
create policy tenant on decisions to guildhall_app
    using (tenant = current_setting('app.tenant', true))
    with check (tenant = current_setting('app.tenant', true));

grant select, insert on decisions to guildhall_app;

create function decisions_are_immutable() returns trigger language plpgsql as $$
begin
    raise exception 'a decision is never changed' using errcode = 'insufficient_privilege';
end $$;
create trigger decisions_are_immutable before update or delete on decisions
    for each row execute function decisions_are_immutable();

-- What somebody of the office has noted. Sealed for the subject; gone once they were erased.
create table notes (
    id uuid primary key,
    tenant text not null check (tenant ~ '^[a-z0-9-]{1,63}$'),
    case_id uuid not null,
    written_by text not null check (octet_length(written_by) between 1 and 255),
    written_at timestamptz not null,
    body bytea check (octet_length(body) between 1 and 4096),

    constraint notes_of_case foreign key (tenant, case_id) references cases (tenant, id)
);

create index notes_on_case on notes (tenant, case_id, id);

alter table notes enable row level security;
alter table notes force row level security;
create policy tenant on notes to guildhall_app
    using (tenant = current_setting('app.tenant', true))
    with check (tenant = current_setting('app.tenant', true));

grant select, insert on notes to guildhall_app;
grant update (body) on notes to guildhall_app;

-- What has happened to a case, for those who read it: written with the events, under the lock of the case.
create table case_entries (
    tenant text not null check (tenant ~ '^[a-z0-9-]{1,63}$'),
    case_id uuid not null,
    number integer not null check (number >= 1),
    event text not null check (event ~ '^[a-z_]{1,63}$'),
    at timestamptz not null,
    check_kind text check (check_kind in ('document', 'identity', 'address', 'liveness', 'watchlist')),
    reason text check (reason ~ '^[a-z_]{1,63}$'),
    account text check (account ~ '^[A-Za-z0-9_-]{1,64}$'),
    by text check (octet_length(by) between 1 and 255),

    primary key (tenant, case_id, number),
    constraint case_entries_of_case foreign key (tenant, case_id) references cases (tenant, id)
);

alter table case_entries enable row level security;
alter table case_entries force row level security;
create policy tenant on case_entries to guildhall_app
    using (tenant = current_setting('app.tenant', true))
    with check (tenant = current_setting('app.tenant', true));

grant select, insert on case_entries to guildhall_app;

-- Whether a provider is asked: a circuit that all replicas share, and what somebody has decided.
create table circuits (
    id uuid primary key,
    tenant text not null check (tenant ~ '^[a-z0-9-]{1,63}$'),
    account text not null check (account ~ '^[A-Za-z0-9_-]{1,64}$'),
    failures integer not null default 0 check (failures >= 0),
    opened_at timestamptz,
    retry_at timestamptz,
    probe_until timestamptz,
    force text check (force in ('out', 'in')),

    constraint circuits_once unique (tenant, account),
    constraint circuits_open check (
        (opened_at is null) = (retry_at is null) and (opened_at is not null or probe_until is null))
);

alter table circuits enable row level security;
alter table circuits force row level security;
create policy tenant on circuits to guildhall_app
    using (tenant = current_setting('app.tenant', true))
    with check (tenant = current_setting('app.tenant', true));

grant select, insert on circuits to guildhall_app;
grant update (failures, opened_at, retry_at, probe_until, force) on circuits to guildhall_app;

-- Who has decided that about a provider, and why: the office's own record.
create table circuit_acts (
    id uuid primary key,
    tenant text not null check (tenant ~ '^[a-z0-9-]{1,63}$'),
    account text not null check (account ~ '^[A-Za-z0-9_-]{1,64}$'),
    force text check (force in ('out', 'in')),
    by text not null check (octet_length(by) between 1 and 255),
    at timestamptz not null,
    reason text not null check (octet_length(reason) between 1 and 1000)
);

create index circuit_acts_newest on circuit_acts (tenant, account, id desc);

alter table circuit_acts enable row level security;
alter table circuit_acts force row level security;
create policy tenant on circuit_acts to guildhall_app
    using (tenant = current_setting('app.tenant', true))
    with check (tenant = current_setting('app.tenant', true));

grant select, insert on circuit_acts to guildhall_app;

-- Subjects that were erased: one row each, for ever.
create table subject_erasures (
    -- The erasure's, which the notification service gave it.
    id uuid primary key,
    tenant text not null check (tenant ~ '^[a-z0-9-]{1,63}$'),
    subject text not null check (octet_length(subject) between 1 and 255),
    requested_at timestamptz not null,
    erased bigint check (erased >= 0),

    constraint subject_erasures_once unique (tenant, subject)
);

alter table subject_erasures enable row level security;
alter table subject_erasures force row level security;
create policy tenant on subject_erasures to guildhall_app
    using (tenant = current_setting('app.tenant', true))
    with check (tenant = current_setting('app.tenant', true));

grant select, insert on subject_erasures to guildhall_app;
grant update (id, erased) on subject_erasures to guildhall_app;
