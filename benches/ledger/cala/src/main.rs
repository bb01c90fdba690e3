//! cala-ledger posting charged payments: what a provider owes a town is debited, what a payer owes it credited, 100 euros each.
//!
//! `cala prepare <url> <towns>` makes the tables, the accounts and the template. `cala post <url> <first> <warm> <count> <clients> <towns>`
//! posts: says when it is warm, is told to go, says when it is done.

use std::borrow::Cow;
use std::io::BufRead;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context, Result, bail};
use cala_ledger::account::NewAccount;
use cala_ledger::job::{JobSvcConfig, Jobs};
use cala_ledger::journal::NewJournal;
use cala_ledger::migrate::IncludeMigrations;
use cala_ledger::tx_template::{
    NewParamDefinition, NewTxTemplate, NewTxTemplateEntry, NewTxTemplateTransaction, ParamDataType, Params,
};
use cala_ledger::{AccountId, CalaLedger, CalaLedgerConfig, JournalId, TransactionId};
use futures::future::try_join_all;
use rust_decimal::Decimal;
use sqlx::migrate::Migrator;
use sqlx::postgres::PgPoolOptions;
use uuid::Uuid;

const TEMPLATE: &str = "PAYMENT_CHARGED";
const PAYERS: u64 = 1_000;
const AMOUNT: i64 = 100;

/// Ids by kind and number.
fn id(kind: u128, number: u64) -> Uuid {
    Uuid::from_u128(0x018f_0000_0000_7000_8000_0000_0000_0000 | (kind << 48) | u128::from(number))
}

fn journal() -> JournalId {
    JournalId::from(id(1, 0))
}

fn clearing(town: u64) -> AccountId {
    AccountId::from(id(2, town))
}

fn receivable(payer: u64) -> AccountId {
    AccountId::from(id(3, payer))
}

#[tokio::main]
async fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["prepare", url, towns] => prepare(url, towns.parse()?).await,
        ["post", url, first, warm, count, clients, towns] => {
            let posting = Posting { cala: open(url, clients.parse()?, false).await?, towns: towns.parse()? };
            posting.all(first.parse()?, warm.parse()?, count.parse()?, clients.parse()?).await
        }
        _ => bail!("prepare <url> <towns>, or post <url> <first> <warm> <count> <clients> <towns>"),
    }
}

async fn open(url: &str, clients: u32, migrates: bool) -> Result<CalaLedger> {
    // One more than there are clients: it listens to its own outbox.
    let pool = PgPoolOptions::new().max_connections(clients + 1).connect(url).await?;
    if migrates {
        // Its jobs want their tables before the ledger is there.
        let mut migrator = Migrator { migrations: Cow::Borrowed(&[]), ..Migrator::DEFAULT };
        migrator.include_cala_migrations().run(&pool).await?;
    }
    let mut jobs = Jobs::init(JobSvcConfig::builder().pool(pool.clone()).build()?).await?;
    let config = CalaLedgerConfig::builder().pool(pool).build()?;
    Ok(CalaLedger::init(config, &mut jobs).await?)
}

async fn prepare(url: &str, towns: u64) -> Result<()> {
    let cala = open(url, 4, true).await?;
    cala.journals().create(NewJournal::builder().id(journal()).name("Ledger").build()).await?;
    let accounts = (0..towns)
        .map(|town| (clearing(town), format!("clearing-{town}")))
        .chain((0..PAYERS).map(|payer| (receivable(payer), format!("receivable-{payer}"))));
    for (id, name) in accounts {
        cala.accounts().create(NewAccount::builder().id(id).name(name.clone()).code(name).build()).await?;
    }
    let mut params = Vec::new();
    for (name, kind) in [
        ("clearing", ParamDataType::Uuid),
        ("receivable", ParamDataType::Uuid),
        ("amount", ParamDataType::Decimal),
    ] {
        params.push(NewParamDefinition::builder().name(name).r#type(kind).build()?);
    }
    let mut entries = Vec::new();
    for (account, direction) in [("clearing", "DEBIT"), ("receivable", "CREDIT")] {
        let entry = NewTxTemplateEntry::builder()
            .entry_type(format!("'PAYMENT_CHARGED_{direction}'"))
            .account_id(format!("params.{account}"))
            .layer("SETTLED")
            .direction(direction)
            .units("params.amount")
            .currency("'EUR'");
        entries.push(entry.build()?);
    }
    let transaction = NewTxTemplateTransaction::builder()
        .effective("date()")
        .journal_id(format!("uuid('{}')", journal()))
        .build()?;
    let template = NewTxTemplate::builder()
        .id(id(4, 0))
        .code(TEMPLATE)
        .params(params)
        .transaction(transaction)
        .entries(entries)
        .build();
    cala.tx_templates().create(template).await?;
    Ok(())
}

#[derive(Clone)]
struct Posting {
    cala: CalaLedger,
    towns: u64,
}

impl Posting {
    async fn all(&self, first: u64, warm: u64, count: u64, clients: u32) -> Result<()> {
        self.post(first, first + warm, clients).await?;
        println!("warm");
        let mut told = std::io::stdin().lock().lines();
        told.next().context("nobody says go")??;
        self.post(first + warm, first + warm + count, clients).await?;
        println!("made {count}");
        // Until it was measured.
        told.next().transpose()?;
        Ok(())
    }

    async fn post(&self, first: u64, end: u64, clients: u32) -> Result<()> {
        let next = Arc::new(AtomicU64::new(first));
        let workers = (0..clients).map(|_| {
            let (posting, next) = (self.clone(), Arc::clone(&next));
            tokio::spawn(async move {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= end {
                        return Ok::<_, anyhow::Error>(());
                    }
                    let mut params = Params::new();
                    params.insert("clearing", clearing(number % posting.towns));
                    params.insert("receivable", receivable(number % PAYERS));
                    params.insert("amount", Decimal::from(AMOUNT));
                    // Its id is the payment's: the same payment cannot be posted twice.
                    let payment = TransactionId::from(id(5, number));
                    posting.cala.post_transaction(payment, TEMPLATE, params).await?;
                }
            })
        });
        for worker in try_join_all(workers).await? {
            worker?;
        }
        Ok(())
    }
}
