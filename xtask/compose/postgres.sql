set client_min_messages = warning;

select format('create role %I nologin', name) from unnest(array['guildhall_app', 'guildhall_system']) name
where not exists (select from pg_roles where rolname = name) \gexec

-- document
select format('create role %I', name) from unnest(array['document_owner', 'document_app', 'document_system']) name
where not exists (select from pg_roles where rolname = name) \gexec
select format('alter role %I login password %L', name, name)
from unnest(array['document_owner', 'document_app', 'document_system']) name \gexec
grant guildhall_app to document_app;
grant guildhall_system to document_system;
select format('alter role %I set %I = %L', role, name, value)
from unnest(array['document_app', 'document_system']) role,
     (values ('statement_timeout', '5s'), ('lock_timeout', '3s'), ('idle_in_transaction_session_timeout', '15s'))
         limits (name, value) \gexec
select 'create database document owner document_owner encoding ''UTF8'' template template0'
where not exists (select from pg_database where datname = 'document') \gexec
revoke all on database document from public;
grant connect on database document to document_app, document_system;
\connect document
set client_min_messages = warning;
alter schema public owner to document_owner;
revoke all on schema public from public;
grant usage on schema public to guildhall_app, guildhall_system;
alter default privileges for role document_owner revoke execute on functions from public;
\connect postgres

-- payment
select format('create role %I', name) from unnest(array['payment_owner', 'payment_app', 'payment_system']) name
where not exists (select from pg_roles where rolname = name) \gexec
select format('alter role %I login password %L', name, name)
from unnest(array['payment_owner', 'payment_app', 'payment_system']) name \gexec
grant guildhall_app to payment_app;
grant guildhall_system to payment_system;
select format('alter role %I set %I = %L', role, name, value)
from unnest(array['payment_app', 'payment_system']) role,
     (values ('statement_timeout', '5s'), ('lock_timeout', '3s'), ('idle_in_transaction_session_timeout', '15s'))
         limits (name, value) \gexec
select 'create database payment owner payment_owner encoding ''UTF8'' template template0'
where not exists (select from pg_database where datname = 'payment') \gexec
revoke all on database payment from public;
grant connect on database payment to payment_app, payment_system;
\connect payment
set client_min_messages = warning;
alter schema public owner to payment_owner;
revoke all on schema public from public;
grant usage on schema public to guildhall_app, guildhall_system;
alter default privileges for role payment_owner revoke execute on functions from public;
\connect postgres

-- verification
select format('create role %I', name) from unnest(array['verification_owner', 'verification_app', 'verification_system']) name
where not exists (select from pg_roles where rolname = name) \gexec
select format('alter role %I login password %L', name, name)
from unnest(array['verification_owner', 'verification_app', 'verification_system']) name \gexec
grant guildhall_app to verification_app;
grant guildhall_system to verification_system;
select format('alter role %I set %I = %L', role, name, value)
from unnest(array['verification_app', 'verification_system']) role,
     (values ('statement_timeout', '5s'), ('lock_timeout', '3s'), ('idle_in_transaction_session_timeout', '15s'))
         limits (name, value) \gexec
select 'create database verification owner verification_owner encoding ''UTF8'' template template0'
where not exists (select from pg_database where datname = 'verification') \gexec
revoke all on database verification from public;
grant connect on database verification to verification_app, verification_system;
\connect verification
set client_min_messages = warning;
alter schema public owner to verification_owner;
revoke all on schema public from public;
grant usage on schema public to guildhall_app, guildhall_system;
alter default privileges for role verification_owner revoke execute on functions from public;
\connect postgres

-- notification
select format('create role %I', name) from unnest(array['notification_owner', 'notification_app', 'notification_system']) name
where not exists (select from pg_roles where rolname = name) \gexec
select format('alter role %I login password %L', name, name)
from unnest(array['notification_owner', 'notification_app', 'notification_system']) name \gexec
grant guildhall_app to notification_app;
grant guildhall_system to notification_system;
select format('alter role %I set %I = %L', role, name, value)
from unnest(array['notification_app', 'notification_system']) role,
     (values ('statement_timeout', '5s'), ('lock_timeout', '3s'), ('idle_in_transaction_session_timeout', '15s'))
         limits (name, value) \gexec
select 'create database notification owner notification_owner encoding ''UTF8'' template template0'
where not exists (select from pg_database where datname = 'notification') \gexec
revoke all on database notification from public;
grant connect on database notification to notification_app, notification_system;
\connect notification
set client_min_messages = warning;
alter schema public owner to notification_owner;
revoke all on schema public from public;
grant usage on schema public to guildhall_app, guildhall_system;
alter default privileges for role notification_owner revoke execute on functions from public;
\connect postgres
