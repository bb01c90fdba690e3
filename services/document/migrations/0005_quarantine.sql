-- Quarantine: versions that the scanner could not look into, where their purpose has such files reviewed. They keep the
-- type that was found in their bytes, and stand in the way of a next version like everything without a final verdict.
alter table document_versions
    drop constraint document_versions_status_check,
    add constraint document_versions_status_check check (status in
        ('pending_upload', 'uploaded', 'scanning', 'quarantined', 'ready', 'rejected', 'expired', 'erased')),
    drop constraint document_versions_ready_as,
    add constraint document_versions_ready_as
        check (status not in ('ready', 'quarantined') or detected_content_type is not null),
    drop constraint document_versions_detected_when_decided,
    add constraint document_versions_detected_when_decided
        check (detected_content_type is null or status in ('ready', 'rejected', 'quarantined'));

drop index document_versions_in_progress;
create unique index document_versions_in_progress on document_versions (tenant, document_id)
    where status in ('pending_upload', 'uploaded', 'scanning', 'quarantined');

-- What waits for a decision is listed in the order in which it was declared.
create index document_versions_quarantined on document_versions (tenant, id) where status = 'quarantined';

-- Decisions about quarantined versions: written once each, while the document's row is locked, and never changed.
create table quarantine_decisions (
    tenant text not null,
    document_id uuid not null,
    version integer not null,
    outcome text not null check (outcome in ('released', 'rejected')),
    decided_by text not null check (octet_length(decided_by) between 1 and 255),
    decided_at timestamptz not null,
    reason text not null check (octet_length(reason) between 1 and 1000),

    primary key (tenant, document_id, version),
    constraint quarantine_decisions_of_version foreign key (tenant, document_id, version)
        references document_versions (tenant, document_id, version)
);

alter table quarantine_decisions enable row level security;
alter table quarantine_decisions force row level security;
create policy tenant on quarantine_decisions to guildhall_app
    using (tenant = current_setting('app.tenant', true))
    with check (tenant = current_setting('app.tenant', true));

grant select, insert on quarantine_decisions to guildhall_app;
