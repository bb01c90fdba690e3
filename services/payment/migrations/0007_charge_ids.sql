-- What a provider calls the charge of a payment, where that is another name than the payment's: callbacks about disputes and lines of
-- reports have that alone.

alter table payments
    add column charge_id text
        constraint payments_charge_id_form check (charge_id is null or octet_length(charge_id) between 1 and 255);

create unique index payments_charge_once on payments (tenant, account, charge_id) where charge_id is not null;

grant update (charge_id) on payments to guildhall_app;
