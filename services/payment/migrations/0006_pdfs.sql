-- PDFs of bills that were issued and receipts of payments that were completed: one row each, which is the job to make it. The document
-- that becomes of it has the job's id. The queue's message only carries that.
create table pdfs (
    id uuid primary key,
    tenant text not null check (tenant ~ '^[a-z0-9-]{1,63}$'),
    bill_id uuid not null,
    -- Of a receipt.
    payment_id uuid,
    created_at timestamptz not null,
    -- How often the message was sent.
    sent integer not null default 1 check (sent >= 1),
    lease_expires_at timestamptz,
    -- When it was kept, or nobody was left to keep it for.
    finished_at timestamptz,

    constraint pdfs_of_bill foreign key (tenant, bill_id) references bills (tenant, id),
    constraint pdfs_of_payment foreign key (tenant, payment_id) references payments (tenant, id),
    constraint pdfs_once unique nulls not distinct (tenant, bill_id, payment_id)
);

alter table pdfs enable row level security;
alter table pdfs force row level security;
create policy tenant on pdfs to guildhall_app
    using (tenant = current_setting('app.tenant', true))
    with check (tenant = current_setting('app.tenant', true));

grant select, insert on pdfs to guildhall_app;
grant update (sent, lease_expires_at, finished_at) on pdfs to guildhall_app;

-- The documents that have them.
alter table bills add column pdf_id uuid;
alter table payments add column receipt_id uuid;
grant update (pdf_id) on bills to guildhall_app;
grant update (receipt_id) on payments to guildhall_app;
