//! PostgreSQL from the distribution, in a cluster of our own. It refuses to run as root, so root lends it to the
//! user `postgres`.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use super::ports::Port;
use super::process::Launch;
use super::{Server, Stack, compose, system};
use crate::shell;

/// Of the superuser, whose name is `postgres` too.
const PASSWORD: &str = "postgres";

/// The services with a database of the same name.
const OWNERS_OF_DATABASES: [&str; 4] = ["document", "payment", "verification", "notification"];

pub(crate) const SERVER: Server = Server {
    name: "postgres",
    needs: &[system::POSTGRES],
    ports: &[Port::Postgres],
    tool: None,
    launch,
    ready: |stack| psql(stack, "postgres", "select 1").map(drop),
    provision: bootstrap,
};

/// The superuser's URL of the database `postgres`.
pub(crate) fn admin_url(stack: &Stack) -> String {
    database_url(stack, "postgres")
}

/// The superuser's URL of a database.
pub(crate) fn database_url(stack: &Stack, database: &str) -> String {
    format!("postgres://postgres:{PASSWORD}@127.0.0.1:{}/{database}", stack.port(Port::Postgres))
}

/// The URL of a service's login `<service>_<role>`; on this machine its password is its name.
pub(crate) fn service_url(server: &str, service: &str, role: &str) -> String {
    let login = format!("{service}_{role}");
    format!("postgres://{login}:{login}@{server}/{service}")
}

/// Runs SQL as the superuser; every statement must succeed.
pub(crate) fn psql(stack: &Stack, database: &str, sql: &str) -> Result<String> {
    let mut command = if stack.state.has_containers() {
        let mut command = compose::psql(stack);
        command.args(["--dbname", database]);
        command
    } else {
        let mut command = Command::new(program("psql")?);
        command.args(["--dbname", &database_url(stack, database)]);
        command
    };
    let mut child = command
        .args(["--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--set=ON_ERROR_STOP=1", "--file=-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .context("cannot run psql")?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(sql.as_bytes())?;
    }
    let out = child.wait_with_output()?;
    if !out.status.success() {
        bail!("psql: {}", String::from_utf8_lossy(&out.stderr).trim());
    }
    Ok(String::from_utf8_lossy(&out.stdout).into_owned())
}

/// The group roles that migrations name in their policies.
pub(crate) const GROUP_ROLES: &str = "
select format('create role %I nologin', name) from unnest(array['guildhall_app', 'guildhall_system']) name
where not exists (select from pg_roles where rolname = name) \\gexec
";

/// Makes or brings in line every service's logins and database.
fn bootstrap(stack: &Stack) -> Result<()> {
    psql(stack, "postgres", &bootstrap_sql()).map(drop)
}

/// For psql: every service's logins and its database, as `pg::bootstrap` makes them; that one needs a compiler
/// first. May run again. A login's password is its name: this server is for this machine alone.
pub(crate) fn bootstrap_sql() -> String {
    // What already stands is said as notices, which a start need not repeat.
    let mut sql = format!("set client_min_messages = warning;\n{GROUP_ROLES}");
    for service in OWNERS_OF_DATABASES {
        sql += &format!(
            "
-- {service}
select format('create role %I', name) from unnest(array['{service}_owner', '{service}_app', '{service}_system']) name
where not exists (select from pg_roles where rolname = name) \\gexec
select format('alter role %I login password %L', name, name)
from unnest(array['{service}_owner', '{service}_app', '{service}_system']) name \\gexec
grant guildhall_app to {service}_app;
grant guildhall_system to {service}_system;
select format('alter role %I set %I = %L', role, name, value)
from unnest(array['{service}_app', '{service}_system']) role,
     (values ('statement_timeout', '5s'), ('lock_timeout', '3s'), ('idle_in_transaction_session_timeout', '15s'))
         limits (name, value) \\gexec
select 'create database {service} owner {service}_owner encoding ''UTF8'' template template0'
where not exists (select from pg_database where datname = '{service}') \\gexec
revoke all on database {service} from public;
grant connect on database {service} to {service}_app, {service}_system;
\\connect {service}
set client_min_messages = warning;
alter schema public owner to {service}_owner;
revoke all on schema public from public;
grant usage on schema public to guildhall_app, guildhall_system;
alter default privileges for role {service}_owner revoke execute on functions from public;
\\connect postgres
"
        );
    }
    sql
}

fn launch(stack: &Stack) -> Result<Launch> {
    let cluster = cluster(stack)?;
    let log = stack.log("postgres");
    if !cluster.join("PG_VERSION").is_file() {
        let secret = cluster.with_file_name("superuser");
        fs::write(&secret, PASSWORD)?;
        let mut initdb = as_server_user(&program("initdb")?);
        initdb
            .args([
                "--username=postgres",
                "--auth=scram-sha-256",
                "--encoding=UTF8",
                "--locale=C.UTF-8",
                "--no-sync",
            ])
            .arg(format!("--pwfile={}", secret.display()))
            .arg("--pgdata")
            .arg(&cluster)
            .current_dir("/");
        let made = shell::run(&mut initdb, &log);
        fs::remove_file(&secret)?;
        made.context("cannot make a database cluster")?;
    }
    let mut command = as_server_user(&program("postgres")?);
    command.arg("-D").arg(&cluster).current_dir("/");
    for setting in [
        &format!("port={}", stack.port(Port::Postgres)),
        "listen_addresses=127.0.0.1",
        // No socket file: its path would have to be short and reachable by every user.
        "unix_socket_directories=",
        "max_connections=400",
        // What only matters when the machine itself goes down; a killed server still loses nothing.
        "fsync=off",
        "log_line_prefix=%m [%p] %u@%d ",
    ] {
        command.arg("-c").arg(setting);
    }
    if let Some(library) = &stack.postgres_preload {
        command.env("LD_PRELOAD", library);
    }
    for setting in &stack.postgres_settings {
        command.arg("-c").arg(setting);
    }
    Ok(Launch { command, stop_signal: "INT" })
}

/// The folder of the cluster. Where the server runs as another user and that user cannot come to the stack's
/// folder (a checkout in /root, say), it lies in /var/tmp instead.
fn cluster(stack: &Stack) -> Result<PathBuf> {
    let inside = stack.data("postgres")?;
    if !system::is_root() {
        return Ok(inside.join("cluster"));
    }
    let parent = if reachable(&inside) { inside } else { outside(stack)? };
    let cluster = parent.join("cluster");
    if !cluster.is_dir() {
        fs::create_dir_all(&cluster)?;
        shell::output(Command::new("chown").args(["-R", "postgres:"]).arg(&parent))?;
    }
    Ok(cluster)
}

fn reachable(dir: &Path) -> bool {
    as_server_user(Path::new("test"))
        .arg("-x")
        .arg(dir)
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

fn outside(stack: &Stack) -> Result<PathBuf> {
    let known = stack.state.outside_dirs().into_iter().find(|dir| dir.is_dir());
    if let Some(dir) = known {
        return Ok(dir);
    }
    let made =
        shell::output(Command::new("mktemp").args(["--directory", "/var/tmp/guildhall-postgres.XXXXXXXX"]))?;
    let dir = PathBuf::from(made.trim());
    stack.state.outside(&dir)?;
    Ok(dir)
}

/// The program, run as the user `postgres` when xtask runs as root.
fn as_server_user(program: &Path) -> Command {
    if !system::is_root() {
        return Command::new(program);
    }
    // setpriv replaces itself, so the server keeps the id that was recorded.
    let mut command = Command::new("setpriv");
    command.args(["--reuid=postgres", "--regid=postgres", "--init-groups", "--"]).arg(program);
    command
}

fn program(name: &str) -> Result<PathBuf> {
    let bin = system::postgres_bin().context("PostgreSQL 15+ is not on this machine")?;
    Ok(bin.join(name))
}
