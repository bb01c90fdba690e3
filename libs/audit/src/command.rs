//! `<service> audit verify`, for the command line of every service that has chains.

use std::io::Write;

use blobs::Blobs;
use clap::Subcommand;
use clock::Clock;
use evidence::PublicKeys;
use ids::Tenant;
use pg::Db;
use settings::Env;

use crate::{Books, Report};

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Entries after which it is said how far it came.
const STEP: i64 = 100_000;

/// Subcommands of `audit`.
#[derive(Clone, Debug, Subcommand)]
pub enum Command {
    /// Compare what is stored with what was signed: exit 0 when all of it matches, 1 when not
    Verify {
        /// One tenant's chain; without it every chain
        #[arg(long)]
        tenant: Option<Tenant>,
    },
}

/// Something does not match.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("{0} of {1} chains are not what was signed")]
pub struct NotAsSigned(usize, usize);

struct Settings {
    db: pg::Settings,
    s3: blobs::Settings,
    keys: PublicKeys,
}

/// Runs a subcommand of the service `name`: prints how far it came, then a line per tenant and one per finding. Reads
/// `DB__*`, `S3__*` and `AUDIT__*`; it needs public keys only.
///
/// # Errors
/// [`NotAsSigned`]; what is wrong with the settings; what the database or the object store did not do.
pub async fn run(name: &str, command: Command, out: &mut impl Write) -> Result<(), BoxError> {
    let Command::Verify { tenant } = command;
    let mut env = Env::from_process(&name.to_uppercase());
    let settings = load(&mut env);
    let settings = env.finish_part(settings)?;
    let db = Db::connect(&settings.db, &format!("{name}-audit"))?;
    let blobs = Blobs::new(&settings.s3, Clock::system()).await;
    let books = Books { db, blobs, keys: settings.keys, service: name.to_owned() };
    let tenants = match tenant {
        Some(tenant) => vec![tenant],
        None => books.tenants().await?,
    };
    let mut wrong = 0;
    for tenant in &tenants {
        let mut told = 0;
        let report = books.verify(tenant, |seq| {
            if seq - told >= STEP {
                told = seq;
                // Who reads along is gone; the verdict counts.
                let _told = writeln!(out, "{tenant}: {seq} entries so far");
            }
        });
        let report = report.await?;
        wrong += usize::from(!report.findings.is_empty());
        tell(&report, out)?;
    }
    books.db.close().await;
    if wrong > 0 { Err(NotAsSigned(wrong, tenants.len()).into()) } else { Ok(()) }
}

fn load(env: &mut Env) -> Option<Settings> {
    let (db, s3, keys) = (pg::Settings::load(env), blobs::Settings::load(env), PublicKeys::load(env));
    Some(Settings { db: db?, s3: s3?, keys: keys? })
}

fn tell(report: &Report, out: &mut impl Write) -> std::io::Result<()> {
    let Report { tenant, entries, sealed, checkpoints, findings, .. } = report;
    let verdict = if findings.is_empty() { "as signed" } else { "NOT AS SIGNED" };
    let speed = report.per_second();
    writeln!(
        out,
        "{tenant}: {verdict}; {entries} entries, {sealed} of them sealed by {checkpoints} checkpoints; {speed:.0} entries/s"
    )?;
    findings.iter().try_for_each(|finding| writeln!(out, "{tenant}: {finding}"))
}
