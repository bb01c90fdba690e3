-- Whom an office knows by a reference of its own (`person:<reference>`), and who has signed in as somebody since: what is for the one is
-- for the other.
alter table recipients add column person text check (person ~ '^person:[A-Za-z0-9._-]{1,64}$');
create index recipients_by_person on recipients (tenant, person) where person is not null;
