-- Grants: what lets somebody read a document, or the documents of a case, who could not otherwise. A row is written
-- once, and then only gets its revocation, and loses its reasons. Whoever revokes one waits for those who read by it, and they for whoever
-- revokes: a reader holds the row's share lock while the access log is written.
create table access_grants (
    id uuid primary key,
    tenant text not null,
    document_id uuid,
    -- All documents of the case, those attached later too.
    case_ref text check (case_ref ~ '^[A-Za-z0-9._-]{1,64}$'),
    grantee_subject text check (octet_length(grantee_subject) between 1 and 255),
    grantee_client text check (octet_length(grantee_client) between 1 and 255),
    purpose text not null check (octet_length(purpose) between 1 and 63),
    until timestamptz not null,
    reason text check (octet_length(reason) between 1 and 1000),
    granted_by text not null check (octet_length(granted_by) between 1 and 255),
    granted_at timestamptz not null,
    revoked_by text check (octet_length(revoked_by) between 1 and 255),
    revoked_at timestamptz,
    revoke_reason text check (octet_length(revoke_reason) between 1 and 1000),

    constraint access_grants_of_one check ((document_id is null) <> (case_ref is null)),
    constraint access_grants_to_one check ((grantee_subject is null) <> (grantee_client is null)),
    constraint access_grants_end_after_they_begin check (until > granted_at),
    constraint access_grants_revoked_by_whom check (
        (revoked_by is null) = (revoked_at is null) and (revoke_reason is null or revoked_by is not null)),
    -- What the access log refers to, so that no row can point into another tenant.
    constraint access_grants_of_tenant unique (tenant, id),
    constraint access_grants_of_document foreign key (tenant, document_id) references documents (tenant, id)
);

create index access_grants_by_document on access_grants (tenant, document_id, id desc);
create index access_grants_by_case on access_grants (tenant, case_ref, id desc);
create index access_grants_by_subject on access_grants (tenant, grantee_subject, id desc);
create index access_grants_by_client on access_grants (tenant, grantee_client, id desc);

alter table access_grants enable row level security;
alter table access_grants force row level security;
create policy tenant on access_grants to guildhall_app
    using (tenant = current_setting('app.tenant', true))
    with check (tenant = current_setting('app.tenant', true));

grant select, insert on access_grants to guildhall_app;
grant update (revoked_by, revoked_at, revoke_reason, reason) on access_grants to guildhall_app;

-- A reason goes, with a grantee or an owner who is erased; it is never written anew. So does that of a decision.
create function reason_stays() returns trigger language plpgsql as $$
begin
    raise exception 'a reason is written once' using errcode = 'insufficient_privilege';
end $$;
create trigger access_grants_reason_stays before update of reason on access_grants
    for each row when (new.reason is not null and new.reason is distinct from old.reason)
    execute function reason_stays();

alter table quarantine_decisions alter column reason drop not null;
create trigger quarantine_decisions_reason_stays before update of reason on quarantine_decisions
    for each row when (new.reason is not null and new.reason is distinct from old.reason)
    execute function reason_stays();
grant update (reason) on quarantine_decisions to guildhall_app;

-- When what staff wrote about a document of an erased owner was forgotten, after its last version went.
alter table documents add column reasons_gone_at timestamptz,
    add constraint documents_reasons_gone_when_erased check (reasons_gone_at is null or erased_at is not null);
grant update (reasons_gone_at) on documents to guildhall_app;

-- Why somebody could read, and by which grant. Replicas of before name neither, until they are replaced.
alter table access_log add column purpose text not null default 'unrecorded'
    check (octet_length(purpose) between 1 and 63);
alter table access_log add column grant_id uuid;
alter table access_log add constraint access_log_of_grant
    foreign key (tenant, grant_id) references access_grants (tenant, id);
