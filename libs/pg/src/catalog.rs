//! What the database's catalog says about tenancy: the second of the two walls around a tenant's rows.
//!
//! Every service has a test that expects [`violations`] to be empty and keeps [`system_policies`] as a snapshot, so
//! that a new hole in the wall shows in review.

use sqlx::PgConnection;

use crate::Error;

/// Everything in the current database that lets a row be seen across tenants, one sorted line each; empty is right.
///
/// Checked: each table but the `_migrations…` ones has `tenant text not null`, ENABLE and FORCE ROW LEVEL SECURITY,
/// the tenant policy for `guildhall_app` and no other that admits more; nobody but the owner may TRUNCATE (which no
/// policy stops) and PUBLIC may do nothing; views run with the rights of who asks and none is materialised; the
/// roles that may connect as app or system are not owners, superusers or exempt from the policies.
///
/// # Errors
/// What the server says; any role may read the catalog.
pub async fn violations(connection: &mut PgConnection) -> Result<Vec<String>, Error> {
    let mut lines = tables(connection).await?;
    lines.extend(policies(connection).await?);
    lines.extend(grants(connection).await?);
    lines.extend(views(connection).await?);
    lines.extend(roles(connection).await?);
    lines.sort();
    Ok(lines)
}

/// What the system role may do across tenants, for example `due: system for all using (true)`, sorted.
///
/// # Errors
/// What the server says.
pub async fn system_policies(connection: &mut PgConnection) -> Result<Vec<String>, Error> {
    let rows = sqlx::query_scalar!(
        r#"select format('%s: %s for %s using (%s)%s', tablename, policyname, lower(cmd), qual,
                  ' with check (' || with_check || ')') as "line!"
             from pg_policies
            where 'guildhall_system' = any (roles)
            order by 1"#
    );
    Ok(rows.fetch_all(connection).await?)
}

async fn tables(connection: &mut PgConnection) -> Result<Vec<String>, Error> {
    let rows = sqlx::query!(
        r#"select c.relname::text as "table!", c.relrowsecurity as "enabled!", c.relforcerowsecurity as "forced!",
                  exists (select from pg_attribute a
                           where a.attrelid = c.oid and a.attname = 'tenant' and a.attnotnull
                             and a.atttypid = 'text'::regtype) as "tenant!",
                  exists (select from pg_policies p
                           where p.schemaname = c.relnamespace::regnamespace::text and p.tablename = c.relname
                             and p.permissive = 'PERMISSIVE' and p.cmd = 'ALL'
                             and p.roles = array['guildhall_app'::name]) as "policy!"
             from pg_class c
            where c.relkind in ('r', 'p') and c.relnamespace::regnamespace::text !~ '^(pg_|information_schema)'
              and c.relname !~ '^_(sqlx_)?migrations'"#
    );
    let mut lines = Vec::new();
    for row in rows.fetch_all(connection).await? {
        let wanted = [
            (row.tenant, "column tenant text not null"),
            (row.enabled, "ENABLE ROW LEVEL SECURITY"),
            (row.forced, "FORCE ROW LEVEL SECURITY"),
            (row.policy, "a tenant policy for all to guildhall_app"),
        ];
        lines.extend(
            wanted
                .iter()
                .filter(|(there, _)| !there)
                .map(|(_, what)| format!("table {}: no {what}", row.table)),
        );
    }
    Ok(lines)
}

/// Permissive policies add up, so that each one that is not only the system role's must be the tenant policy.
async fn policies(connection: &mut PgConnection) -> Result<Vec<String>, Error> {
    let rows = sqlx::query_scalar!(
        r#"select format('table %s: policy %s admits more than the tenant', tablename, policyname) as "line!"
             from pg_policies
            where permissive = 'PERMISSIVE' and roles <> array['guildhall_system'::name]
              and not (coalesce(qual, with_check) = '(tenant = current_setting(''app.tenant''::text, true))'
                       and coalesce(with_check, qual) = '(tenant = current_setting(''app.tenant''::text, true))')"#
    );
    Ok(rows.fetch_all(connection).await?)
}

async fn grants(connection: &mut PgConnection) -> Result<Vec<String>, Error> {
    let rows = sqlx::query_scalar!(
        r#"select format('table %s: %s granted to %s', c.relname, lower(a.privilege_type),
                         coalesce(r.rolname, 'public')) as "line!"
             from pg_class c
             cross join lateral aclexplode(c.relacl) a
             left join pg_roles r on r.oid = a.grantee
            where c.relkind in ('r', 'p', 'v', 'm') and c.relnamespace::regnamespace::text !~ '^(pg_|information_schema)'
              and a.grantee <> c.relowner
              and (a.grantee = 0 or a.privilege_type not in ('SELECT', 'INSERT', 'UPDATE', 'DELETE'))"#
    );
    Ok(rows.fetch_all(connection).await?)
}

async fn views(connection: &mut PgConnection) -> Result<Vec<String>, Error> {
    let rows = sqlx::query_scalar!(
        r#"select format(case relkind when 'm' then 'view %s: materialised, policies do not reach it'
                                      else 'view %s: not security_invoker' end, relname) as "line!"
             from pg_class
            where relkind in ('v', 'm') and relnamespace::regnamespace::text !~ '^(pg_|information_schema)'
              and (relkind = 'm' or not coalesce(reloptions @> array['security_invoker=true'], false))"#
    );
    Ok(rows.fetch_all(connection).await?)
}

async fn roles(connection: &mut PgConnection) -> Result<Vec<String>, Error> {
    let rows = sqlx::query!(
        r#"select r.rolname::text as "role!", r.rolsuper as "superuser!", r.rolbypassrls as "bypass!",
                  (r.rolcreaterole or r.rolcreatedb or r.rolreplication) as "admin!",
                  exists (select from pg_class c
                           where c.relnamespace::regnamespace::text !~ '^(pg_|information_schema)'
                             and not r.rolsuper and pg_has_role(r.oid, c.relowner, 'member')) as "owner!",
                  (pg_has_role(r.oid, app.oid, 'member') and pg_has_role(r.oid, system.oid, 'member')
                   and not r.rolsuper) as "both!"
             from pg_roles r
             cross join (select oid from pg_roles where rolname = 'guildhall_app') app
             cross join (select oid from pg_roles where rolname = 'guildhall_system') system
            where has_database_privilege(r.oid, current_database(), 'connect')
              and exists (select from pg_auth_members m
                           where m.member = r.oid and m.roleid in (app.oid, system.oid))"#
    );
    let mut lines = Vec::new();
    for row in rows.fetch_all(connection).await? {
        let found = [
            (row.superuser, "is superuser"),
            (row.bypass, "has BYPASSRLS"),
            (row.admin, "may create roles or databases, or replicate"),
            (row.owner, "owns tables, or is a member of who does"),
            (row.both, "is both app and system"),
        ];
        lines
            .extend(found.iter().filter(|(is, _)| *is).map(|(_, what)| format!("role {}: {what}", row.role)));
    }
    Ok(lines)
}
