//! `payment ledger`: proves a tenant's books, or writes them out.

use std::io::Write;

use clap::Subcommand;
use ids::Tenant;
use pg::Db;
use service::BoxError;
use settings::Env;
use time::format_description::well_known::Rfc3339;

use crate::app::{self, Proof};
use crate::db::ledger::{Balance, Posted};
use crate::{Error, db};

/// Rows that are read at once.
const BATCH: i64 = 500;

/// Subcommands of `ledger`.
#[derive(Clone, Debug, Subcommand)]
pub enum Command {
    /// Add everything up anew and compare it with bills and payments: exit 0 when the books are right, 1 when not
    Verify {
        /// Whose books
        #[arg(long)]
        tenant: Tenant,
    },
    /// Write every posting as CSV, newest entry first
    Export {
        /// Whose books
        #[arg(long)]
        tenant: Tenant,
    },
    /// Write what every account has come to, and the sums, as CSV
    Balances {
        /// Whose books
        #[arg(long)]
        tenant: Tenant,
    },
}

/// The books are not right.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the books are not right: {0} findings")]
pub struct NotRight(usize);

/// Runs a subcommand. Reads `DB__*` and minds no other setting.
///
/// # Errors
/// [`NotRight`]; what is wrong with the settings; what the database did not do, or whoever reads the output.
pub async fn run(mut env: Env, command: Command, out: &mut impl Write) -> Result<(), BoxError> {
    let settings = pg::Settings::load(&mut env);
    let db = Db::connect(&env.finish_part(settings)?, "payment ledger")?;
    let done = match command {
        Command::Verify { tenant } => verify(&db, &tenant, out).await,
        Command::Export { tenant } => export(&db, &tenant, out).await,
        Command::Balances { tenant } => balances(&db, &tenant, out).await,
    };
    db.close().await;
    done
}

/// Prints the proof of a tenant's books.
///
/// # Errors
/// [`NotRight`], as [`run`].
pub async fn verify(db: &Db, tenant: &Tenant, out: &mut impl Write) -> Result<(), BoxError> {
    let Proof { entries, postings, totals, faults, more } = app::verify_ledger(db, tenant).await?;
    writeln!(out, "{tenant}: {entries} entries, {postings} postings")?;
    for total in totals {
        let zero = total.debits - total.credits;
        writeln!(
            out,
            "{}: debits {}, credits {}, difference {zero}",
            total.currency, total.debits, total.credits
        )?;
    }
    for fault in &faults {
        writeln!(
            out,
            "{} {}: found {} {}, expected {}",
            fault.rule, fault.subject, fault.found, fault.currency, fault.expected
        )?;
    }
    if more {
        writeln!(out, "and more")?;
    }
    if faults.is_empty() {
        writeln!(out, "the books are right")?;
        return Ok(());
    }
    Err(NotRight(faults.len()).into())
}

/// Writes every posting.
///
/// # Errors
/// As [`run`].
pub async fn export(db: &Db, tenant: &Tenant, out: &mut impl Write) -> Result<(), BoxError> {
    let mut csv = csv::Writer::from_writer(out);
    csv.write_record([
        "entry_id",
        "kind",
        "subject_id",
        "posted_at",
        "account",
        "owner",
        "currency",
        "amount",
    ])?;
    let mut before = None;
    loop {
        let of = tenant.clone();
        let page: Vec<Posted> = db
            .tenant(tenant, move |tx| {
                Box::pin(
                    async move { Ok::<_, Error>(db::ledger::entries(tx, &of, None, before, BATCH).await?) },
                )
            })
            .await?;
        for entry in &page {
            let posted_at = entry.posted_at.format(&Rfc3339)?;
            for posting in &entry.postings {
                csv.write_record([
                    &entry.id.to_string(),
                    &entry.kind,
                    &entry.subject.to_string(),
                    &posted_at,
                    posting.account.kind.name(),
                    &posting.account.owner,
                    posting.account.currency.as_str(),
                    &posting.amount.to_string(),
                ])?;
            }
        }
        before = page.last().map(|entry| entry.id.into());
        if before.is_none() {
            return Ok(csv.flush()?);
        }
    }
}

/// Writes the trial balance: every account, then the sums of each currency, which are equal.
///
/// # Errors
/// As [`run`].
pub async fn balances(db: &Db, tenant: &Tenant, out: &mut impl Write) -> Result<(), BoxError> {
    let mut csv = csv::Writer::from_writer(out);
    csv.write_record(["account", "owner", "currency", "debits", "credits", "balance"])?;
    let mut before = None;
    loop {
        let of = tenant.clone();
        let page: Vec<Balance> = db
            .tenant(tenant, move |tx| {
                Box::pin(async move { Ok::<_, Error>(db::ledger::balances(tx, &of, before, BATCH).await?) })
            })
            .await?;
        for Balance { account, debits, credits, .. } in &page {
            let (debits, credits, balance) = (debits.to_string(), credits.to_string(), debits - credits);
            let (kind, currency) = (account.kind.name(), account.currency.as_str());
            csv.write_record([kind, &account.owner, currency, &debits, &credits, &balance.to_string()])?;
        }
        before = page.last().map(|balance| balance.id.into());
        if before.is_none() {
            break;
        }
    }
    let of = tenant.clone();
    let totals = db.tenant(tenant, move |tx| {
        Box::pin(async move { Ok::<_, Error>(db::ledger::totals(tx, &of).await?) })
    });
    for total in totals.await? {
        let (debits, credits) = (total.debits.to_string(), total.credits.to_string());
        let balance = (total.debits - total.credits).to_string();
        csv.write_record(["sum", "", &total.currency, &debits, &credits, &balance])?;
    }
    Ok(csv.flush()?)
}
