//! `payment settlement`: fetches what a provider has settled, now.

use std::io::Write;

use clap::Subcommand;
use clock::Clock;
use ids::Tenant;
use pg::Db;
use service::BoxError;
use settings::Env;

use crate::app::{self, Fetched};
use crate::config;
use crate::domain::AccountName;
use crate::domain::settlement::Settlement;
use crate::provider::Accounts;

/// Subcommands of `settlement`.
#[derive(Clone, Debug, Subcommand)]
pub enum Command {
    /// Fetch, compare and post every report of an account that is ready and was not settled: exit 1 when the provider does not answer
    Fetch {
        /// Its name in the accounts file
        #[arg(long)]
        account: AccountName,
    },
}

/// Why nothing was fetched.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotFetched {
    /// The accounts file has no such account.
    #[error("there is no account {0}")]
    NoAccount(AccountName),
    /// The provider has not answered.
    #[error("the provider has not answered, or not so that it can be understood")]
    NoAnswer,
}

/// Runs a subcommand. Reads `DB__*` and `PROVIDERS__FILE` and minds no other setting.
///
/// # Errors
/// [`NotFetched`]; what is wrong with the settings; what the database did not do, or whoever reads the output.
pub async fn run(mut env: Env, command: Command, out: &mut impl Write) -> Result<(), BoxError> {
    let settings = pg::Settings::load(&mut env);
    let providers = config::providers(&mut env);
    let (settings, providers) = env.finish_part(settings.zip(providers))?;
    let Command::Fetch { account } = command;
    let tenant = providers.find(&account).map(|account| account.tenant.clone());
    let tenant = tenant.ok_or_else(|| NotFetched::NoAccount(account.clone()))?;
    let db = Db::connect(&settings, "payment settlement")?;
    let done = fetch(&db, &Clock::system(), &providers, &tenant, &account, out).await;
    db.close().await;
    done
}

/// Settles day after day until one is not ready.
///
/// # Errors
/// As [`run`].
pub async fn fetch(
    db: &Db,
    clock: &Clock,
    providers: &Accounts,
    tenant: &Tenant,
    account: &AccountName,
    out: &mut impl Write,
) -> Result<(), BoxError> {
    loop {
        match app::settle(db, clock, providers, tenant, account).await? {
            Fetched::Settled(Settlement { day, report_lines, matched, unmatched, .. }) => {
                writeln!(out, "{account} {day}: {report_lines} lines, {matched} match, {unmatched} do not")?;
            }
            Fetched::Overtaken(_) => {}
            Fetched::NotReady(day) => return Ok(writeln!(out, "{account} {day}: not ready")?),
            Fetched::Waiting(day) => {
                return Ok(writeln!(out, "{account} {day}: waits for what the provider knows of payments")?);
            }
            Fetched::Nothing => return Ok(writeln!(out, "{account}: nothing was charged so far")?),
            Fetched::NoAnswer(day) => {
                writeln!(out, "{account} {day}: no answer")?;
                return Err(NotFetched::NoAnswer.into());
            }
        }
    }
}
