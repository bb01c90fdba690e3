//! `cargo xtask sqlx`: the descriptions of SQL statements that builds check against, committed as `.sqlx` per crate.
//!
//! A crate is compiled against a scratch database that has the migrations of every library, and the crate's own.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::compile;
use crate::repository::{members, name_of};
use crate::stack::{Stack, postgres, up};

/// What `sqlx` can be told.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Crates to renew, by name; all that have a `.sqlx` folder when none is named.
    crates: Vec<String>,
    /// Change nothing; fail when a committed description differs from what the database says.
    #[arg(long)]
    check: bool,
}

/// Renews or checks the descriptions.
pub(crate) fn run(args: &Args) -> Result<()> {
    let stack = Stack::development()?;
    let crates = chosen(&stack.root, &args.crates)?;
    up::only(&stack, &["postgres"])?;
    postgres::psql(&stack, "postgres", postgres::GROUP_ROLES)?;
    let mut stale = Vec::new();
    for member in &crates {
        let committed = member.join(".sqlx");
        let fresh = stack.dir.join("sqlx").join(name_of(member));
        let _ = fs::remove_dir_all(&fresh);
        fs::create_dir_all(&fresh)?;
        describe(&stack, member, &fresh)
            .with_context(|| format!("describing the statements of {}", name_of(member)))?;
        let (old, new) = (descriptions(&committed)?, descriptions(&fresh)?);
        let verdict = if old == new { "up to date" } else { "changed" };
        stack.progress.step("sqlx", &format!("{}: {} statements, {verdict}", name_of(member), new.len()));
        if old == new {
            continue;
        }
        stale.push(name_of(member));
        if !args.check {
            let _ = fs::remove_dir_all(&committed);
            fs::create_dir_all(&committed)?;
            for (name, text) in new {
                fs::write(committed.join(name), text)?;
            }
        }
    }
    if args.check && !stale.is_empty() {
        bail!("stale statement descriptions; run: cargo xtask sqlx {}", stale.join(" "));
    }
    Ok(())
}

/// Compiles one crate against a database made for it, which writes a file per statement into `into`.
fn describe(stack: &Stack, member: &Path, into: &Path) -> Result<()> {
    let name = name_of(member);
    compile_dependencies(stack, &name)?;
    let database = format!("sqlx_{}", name.replace('-', "_"));
    postgres::psql(
        stack,
        "postgres",
        &format!("drop database if exists {database} with (force);\ncreate database {database};"),
    )?;
    let described = compile(stack, member, into, &database);
    postgres::psql(stack, "postgres", &format!("drop database {database} with (force);"))?;
    described
}

/// Libraries that are out of date would write their own statements into this crate's folder, so they are compiled
/// before. The crate itself may fail here: its stale descriptions are the very reason to be here.
fn compile_dependencies(stack: &Stack, name: &str) -> Result<()> {
    let out = check(&stack.root, name)?.output().context("cannot run cargo")?;
    let text = String::from_utf8_lossy(&out.stderr);
    let mut failed =
        text.lines().filter_map(|line| line.strip_prefix("error: could not compile `")?.split('`').next());
    if let Some(other) = failed.rfind(|failed| *failed != name) {
        bail!(
            "{other}, which it uses, does not compile; if its statements changed: cargo xtask sqlx {other}"
        );
    }
    Ok(())
}

fn compile(stack: &Stack, member: &Path, into: &Path, database: &str) -> Result<()> {
    for file in migrations(&stack.root, member)? {
        let sql = fs::read_to_string(&file)?;
        postgres::psql(stack, database, &sql).with_context(|| format!("applying {}", file.display()))?;
    }
    for root in ["src/lib.rs", "src/main.rs", "tests/it/main.rs"] {
        touch(&member.join(root))?;
    }
    let status = check(&stack.root, &name_of(member))?
        .env("SQLX_OFFLINE", "false")
        .env("SQLX_OFFLINE_DIR", into)
        .env("DATABASE_URL", postgres::database_url(stack, database))
        .status()
        .context("cannot run cargo")?;
    if !status.success() {
        bail!("it does not compile against the migrated database");
    }
    Ok(())
}

fn check(root: &Path, name: &str) -> Result<Command> {
    let mut command = compile::cargo(root)?;
    command.args(["check", "--quiet", "--all-targets", "--package", name]);
    Ok(command)
}

/// Migrations in the order in which `migrate` applies them: the libraries', then the crate's own.
fn migrations(root: &Path, member: &Path) -> Result<Vec<PathBuf>> {
    let mut folders: Vec<PathBuf> = members(root)?
        .into_iter()
        .filter(|other| other.parent().is_some_and(|dir| dir.ends_with("libs")))
        .collect();
    if !folders.iter().any(|folder| folder == member) {
        folders.push(member.to_owned());
    }
    let mut files = Vec::new();
    for folder in folders {
        let mut own: Vec<PathBuf> = match fs::read_dir(folder.join("migrations")) {
            Ok(entries) => entries.flatten().map(|entry| entry.path()).collect(),
            Err(_) => continue,
        };
        own.retain(|file| file.extension().is_some_and(|extension| extension == "sql"));
        own.sort();
        files.extend(own);
    }
    Ok(files)
}

/// The crates asked for, or all with descriptions.
fn chosen(root: &Path, names: &[String]) -> Result<Vec<PathBuf>> {
    let all = members(root)?;
    if names.is_empty() {
        return Ok(all.into_iter().filter(|member| member.join(".sqlx").is_dir()).collect());
    }
    names
        .iter()
        .map(|name| {
            all.iter()
                .find(|member| name_of(member) == *name)
                .cloned()
                .with_context(|| format!("there is no crate {name} in libs, services or tests"))
        })
        .collect()
}

/// File name → content.
fn descriptions(dir: &Path) -> Result<BTreeMap<String, String>> {
    let mut found = BTreeMap::new();
    let Ok(entries) = fs::read_dir(dir) else { return Ok(found) };
    for entry in entries {
        let entry = entry?;
        found.insert(entry.file_name().to_string_lossy().into_owned(), fs::read_to_string(entry.path())?);
    }
    Ok(found)
}

/// Makes cargo compile a file again, which it would not for a change in the database.
#[expect(clippy::disallowed_methods, reason = "cargo compares files with the machine's own clock")]
fn touch(file: &Path) -> Result<()> {
    match File::options().append(true).open(file) {
        Ok(file) => Ok(file.set_modified(std::time::SystemTime::now())?),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error).with_context(|| format!("cannot touch {}", file.display())),
    }
}
