//! The process under test that is ours: the payment service's own code over its own database.

use std::io::BufRead as _;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context as _, Result, anyhow, ensure};
use clock::Clock;
use envelope::{Envelope, Kms};
use futures::future::try_join_all;
use idempotency::{KEEP_PAYMENT, Scope};
use ids::{AdjustmentId, Tenant};
use payment::app::{self, Answers};
use payment::domain::{Account, AccountKind, Entry, Posting, Seen, Standing};
use payment::provider::Accounts;
use payment::{State, db};
use pg::{Db, Urls};
use proto::Operation;
use proto::common::v1::Money;
use proto::payment::v1;
use secrecy::SecretString;
use serde_json::json;
use topology::topics;

/// In minor units: 100.00 euros.
const AMOUNT: i64 = 10_000;

/// What is done over and over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Unit {
    /// A payment whose provider says that it was charged: the transaction that applies that.
    Charge,
    /// An entry of two postings and one event, under a key: the least that a call which posts can be.
    Post,
}

/// What the harness says.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Args {
    #[arg(long)]
    pub(crate) app_url: String,
    #[arg(long)]
    pub(crate) system_url: String,
    #[arg(long, value_enum)]
    pub(crate) unit: Unit,
    /// The number of the first payment.
    #[arg(long)]
    pub(crate) first: u64,
    /// How many are done before anything counts.
    #[arg(long)]
    pub(crate) warm: u64,
    #[arg(long)]
    pub(crate) count: u64,
    /// How many are done at once.
    #[arg(long)]
    pub(crate) clients: u32,
    #[arg(long)]
    pub(crate) towns: u64,
}

/// Does `warm` units, waits to be told, and does `count`.
pub(crate) async fn run(args: Args) -> Result<()> {
    let telemetry = telemetry::init("bench-ledger", &telemetry::Settings::default());
    let office = Office::open(&args).await?;
    office.warm(args.first..args.first + args.warm, args.clients).await?;
    println!("warm");
    let mut told = std::io::stdin().lock().lines();
    told.next().context("nobody says go")??;
    let first = args.first + args.warm;
    office.work(first..first + args.count, args.clients).await?;
    println!("made {}", args.count);
    // Until it was measured.
    told.next().transpose()?;
    telemetry.shutdown().await;
    Ok(())
}

#[derive(Clone)]
struct Office {
    state: State,
    unit: Unit,
    towns: u64,
}

impl Office {
    async fn open(args: &Args) -> Result<Self> {
        let system = SecretString::from(args.system_url.clone());
        let urls = Urls { app: args.app_url.clone().into(), owner: system.clone(), system };
        let mut settings = pg::Settings::from_urls(urls);
        settings.max_connections = args.clients;
        let clock = Clock::system();
        let state = State {
            db: Db::connect(&settings, "bench")?,
            envelope: Envelope::new(Kms::open(&testkit::kms()).await?, &clock),
            clock,
            providers: accounts(args.towns)?,
            patience: time::Duration::minutes(2),
        };
        Ok(Self { state, unit: args.unit, towns: args.towns })
    }

    /// Opens one connection after the other: whoever waits for one for long is refused.
    async fn warm(&self, mut numbers: Range<u64>, clients: u32) -> Result<()> {
        for some in 1..clients {
            let end = numbers.start + u64::from(some);
            self.work(numbers.start..end, some).await?;
            numbers.start = end;
        }
        self.work(numbers, clients).await
    }

    async fn work(&self, numbers: Range<u64>, clients: u32) -> Result<()> {
        let next = Arc::new(AtomicU64::new(numbers.start));
        let workers = (0..clients).map(|_| {
            let (office, next) = (self.clone(), Arc::clone(&next));
            tokio::spawn(async move {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= numbers.end {
                        return Ok::<_, anyhow::Error>(());
                    }
                    match office.unit {
                        Unit::Charge => office.charge(number).await?,
                        Unit::Post => office.post(number).await?,
                    }
                }
            })
        });
        for worker in try_join_all(workers).await? {
            worker?;
        }
        Ok(())
    }

    fn tenant(&self, number: u64) -> Result<Tenant> {
        Ok(format!("town-{}", number % self.towns).parse()?)
    }

    async fn charge(&self, number: u64) -> Result<()> {
        let standing = Standing::Charged { amount: AMOUNT, charge_id: None };
        let answers = Answers {
            payment: Some(Seen::Record { provider_id: format!("p-{number}"), standing }),
            refunds: Vec::new(),
            disputes: Some(Vec::new()),
        };
        let id = format!("018f0000-0000-7000-8002-{number:012x}").parse()?;
        let wait = app::apply_answers(&self.state, &self.tenant(number)?, id, answers, 0).await?;
        ensure!(wait.is_none(), "payment {number} is to be looked at again");
        Ok(())
    }

    async fn post(&self, number: u64) -> Result<()> {
        let (tenant, clock) = (self.tenant(number)?, self.state.clock.clone());
        let id = AdjustmentId::mint(&clock);
        let request = v1::DecideAdjustmentRequest {
            adjustment_id: id.to_string(),
            decision: v1::AdjustmentStatus::Approved.into(),
        };
        let scope = Scope {
            tenant: tenant.clone(),
            principal: "fin".parse()?,
            operation: Operation::LedgerDecideAdjustment,
            key: format!("bench-ledger-6c84fb90-{number:012}").parse()?,
        };
        let currency = "EUR".parse().map_err(|rule| anyhow!("EUR {rule}"))?;
        let account = |kind, owner| Account { kind, owner, currency };
        let postings = vec![
            Posting {
                account: account(AccountKind::Clearing, format!("acct_{}", number % self.towns)),
                amount: AMOUNT,
            },
            Posting {
                account: account(AccountKind::Receivable, format!("payer-{}", number % 1_000)),
                amount: -AMOUNT,
            },
        ];
        let message = v1::PaymentEvent {
            payment_id: id.to_string(),
            bill_id: id.to_string(),
            payer: format!("payer-{}", number % 1_000),
            amount: Some(Money { minor_units: AMOUNT, currency: "EUR".to_owned() }),
            status: v1::PaymentStatus::Completed.into(),
            ..v1::PaymentEvent::default()
        };
        let answer = v1::Adjustment { adjustment_id: id.to_string(), ..v1::Adjustment::default() };
        let outcome =
            idempotency::run(&self.state.db, &self.state.clock, &scope, &request, KEEP_PAYMENT, move |tx| {
                Box::pin(async move {
                    let entry = Entry::adjustment(id, postings, &clock)?;
                    db::ledger::post(tx, &tenant, &entry).await?;
                    let kind = "guildhall.payment.completed.v1";
                    outbox::append(tx, &clock, outbox::Event::new(topics::PAYMENT, kind, id, id, &message))
                        .await?;
                    Ok::<_, payment::Error>(answer)
                })
            });
        ensure!(!outcome.await?.replayed, "{number} was posted before");
        Ok(())
    }
}

/// Each town's account at a provider, which nobody calls.
fn accounts(towns: u64) -> Result<Accounts> {
    let account = |town| {
        json!({
            "name": format!("acct_{town}"), "tenant": format!("town-{town}"), "provider": "sandbox", "url": "http://127.0.0.1:9/",
            "api_key": "bench", "webhook_secrets": ["whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="],
        })
    };
    let accounts: Vec<_> = (0..towns).map(account).collect();
    Ok(Accounts::read(json!({ "accounts": accounts }).to_string().as_bytes())?)
}
