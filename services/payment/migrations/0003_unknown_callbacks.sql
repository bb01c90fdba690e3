-- What a callback says of itself, so that those about no payment of ours are listed without their bodies: what the provider says has
-- happened, and what it calls the thing. Null in rows that are older, which go after 30 days.
alter table callbacks
    add column event_type text check (octet_length(event_type) between 1 and 255),
    add column provider_reference text check (octet_length(provider_reference) between 1 and 255);

create index callbacks_of_nobody on callbacks (tenant, id desc) where payment_id is null;
