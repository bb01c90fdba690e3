-- Names of files are kept sealed for the owner of the document (`libs/envelope`). A name in plain text cannot be sealed by a
-- migration, which has no keys: where one is left this constraint fails and nothing is changed. It sees the rows of every tenant,
-- as row-level security does not hold for constraints. No installation has such rows but those of developers: `cargo xtask clean`.
alter table document_versions add constraint document_versions_plain_names_must_go check (file_name is null);
alter table document_versions drop column file_name;
alter table document_versions
    -- Sealed for the owner; gone once erased.
    add column file_name bytea check (octet_length(file_name) between 1 and 512),
    -- When the objects of an erased version were gone for the first time; a late copy goes later.
    add column objects_gone_at timestamptz,
    add constraint document_versions_erased_without_name check ((status = 'erased') = (file_name is null)),
    add constraint document_versions_gone_when_erased check (objects_gone_at is null or status = 'erased');
grant update (file_name, objects_gone_at) on document_versions to guildhall_app;

-- Subjects that are to be erased: one row each, for ever.
create table subject_erasures (
    -- The erasure's, which the notification service gave it; what due rows are about.
    id uuid primary key,
    tenant text not null check (tenant ~ '^[a-z0-9-]{1,63}$'),
    subject text not null check (octet_length(subject) between 1 and 255),
    requested_at timestamptz not null,
    -- What was reported last, and when; null before.
    reported_at timestamptz,
    erased bigint check (erased >= 0),
    kept bigint check (kept >= 0),
    kept_reasons text[],
    -- When nothing was kept any longer and the subject's key was destroyed.
    finished_at timestamptz,

    constraint subject_erasures_once unique (tenant, subject),
    constraint subject_erasures_reported check (
        (reported_at is null) = (erased is null) and (reported_at is null) = (kept is null)
        and (reported_at is null) = (kept_reasons is null))
);

alter table subject_erasures enable row level security;
alter table subject_erasures force row level security;
create policy tenant on subject_erasures to guildhall_app
    using (tenant = current_setting('app.tenant', true))
    with check (tenant = current_setting('app.tenant', true));

grant select, insert on subject_erasures to guildhall_app;
grant update (id, reported_at, erased, kept, kept_reasons, finished_at) on subject_erasures to guildhall_app;

-- Why a hold was placed and released is the office's own record and is not sealed: staff place and release holds also when
-- nobody can seal for the owner any more. What was written goes with the document of an erased owner; who, when and for which
-- case stays.
alter table legal_holds alter column reason drop not null;
alter table legal_holds
    drop constraint legal_holds_asked_by_whom,
    drop constraint legal_holds_released_by_whom,
    add constraint legal_holds_asked_by_whom check (
        (release_asked_by is null) = (release_asked_at is null)
        and (release_asked_reason is null or release_asked_by is not null)),
    add constraint legal_holds_released_by_whom check (
        (released_by is null) = (released_at is null) and (release_reason is null or released_by is not null));
-- A reason goes; it is never written anew.
create function legal_holds_reason_stays() returns trigger language plpgsql as $$
begin
    raise exception 'the reason of a hold is written once' using errcode = 'insufficient_privilege';
end $$;
create trigger legal_holds_reason_stays before update of reason on legal_holds
    for each row when (new.reason is not null and new.reason is distinct from old.reason)
    execute function legal_holds_reason_stays();
grant update (reason) on legal_holds to guildhall_app;
