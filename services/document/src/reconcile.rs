//! `document reconcile`: one whole pass over rows and objects, now.

use std::io::Write;

use blobs::Blobs;
use clock::Clock;
use envelope::{Envelope, Kms};
use pg::Db;
use service::BoxError;
use settings::Env;
use time::Duration;

use crate::State;
use crate::app::reconcile::{Mode, Reconciler};
use crate::config::{Reconcile, keep_exports, keep_rejected};
use crate::metrics::IntegrityCounts;

/// What it can be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::Args)]
pub struct Args {
    /// Tell what is found and mend nothing
    #[arg(long)]
    dry_run: bool,
}

/// Why it ends with 1.
#[derive(Debug, thiserror::Error)]
enum Unsettled {
    #[error("{0} findings remain; see docs/runbooks/reconcile.md")]
    Remains(u64),
    #[error("another process is reconciling; try again once it is done")]
    Busy,
}

/// Makes the pass and prints what was found. Needs the settings `DB__*`, `KMS__*`, `S3__*`, `RECONCILE__*`, `REJECTED__*` and `EXPORTS__*`, and minds
/// no other.
///
/// # Errors
/// [`settings::Error`]; when the database or the store is away; when something remains.
pub async fn run(mut env: Env, args: Args, out: &mut impl Write) -> Result<(), BoxError> {
    let (db, kms) = (pg::Settings::load(&mut env), envelope::Settings::load(&mut env));
    let (s3, reconcile) = (blobs::Settings::load(&mut env), Reconcile::load(&mut env));
    let keep = keep_rejected(&mut env).zip(keep_exports(&mut env));
    let settings = db.zip(kms).zip(s3.zip(reconcile)).zip(keep);
    let (((db, kms), (s3, reconcile)), (keep_rejected, keep_exports)) = env.finish_part(settings)?;
    let clock = Clock::system();
    let db = Db::connect(&db, "document reconcile")?;
    let blobs = Blobs::new(&s3, clock.clone()).await;
    let mode = if args.dry_run { Mode::Look } else { Mode::Heal };
    let envelope = Envelope::new(Kms::open(&kms).await?, &clock);
    // Nothing is checked from here.
    let (integrity_every, integrity) = (Duration::days(30), IntegrityCounts::new());
    let state = State {
        db: db.clone(),
        clock,
        envelope,
        blobs,
        keep_rejected,
        keep_exports,
        integrity_every,
        integrity,
    };
    let reconciler = Reconciler::new(state, reconcile);
    let report = reconciler.pass(mode).await?.ok_or(Unsettled::Busy)?;
    db.close().await;
    write!(out, "{report}")?;
    match report.remains() {
        0 => Ok(()),
        remains => Err(Unsettled::Remains(remains).into()),
    }
}
