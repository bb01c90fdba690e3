#![doc = include_str!("../README.md")]

mod account;
mod app;
mod books;
pub mod cards;
mod courier;
mod dispute;
mod error;
mod event;
mod http;
mod id;
mod moment;
mod money;
mod payment;
mod refund;
mod requests;
mod script;
mod settlement;
mod store;
mod view;
mod world;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow};
use clock::Clock;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::AbortHandle;

use crate::app::App;
use crate::requests::Requests;
use crate::store::Store;

pub use account::{Account, ApiKey};
pub use sandbox::{NoSecret, WebhookSecret};

/// How a provider is set up.
#[derive(Clone, Debug)]
pub struct Options {
    /// Its time, but for what `POST /control/clock` adds.
    pub clock: Clock,
    /// Who takes payments. Those that the state knows stay as they are there.
    pub accounts: Vec<Account>,
    /// Where everything is kept, for a provider that is killed and started again.
    pub state: Option<PathBuf>,
    /// Where payers find it; where it listens, if nothing is said.
    pub public_url: Option<String>,
    /// Payments that are kept. The call that would make one more is refused.
    pub limit: usize,
    /// How long the receiver of a webhook may take.
    pub webhook_timeout: Duration,
}

impl Options {
    /// Two accounts, no file, 20,000 payments, 10 s for receivers.
    #[must_use]
    pub fn new(clock: Clock) -> Self {
        Self {
            clock,
            accounts: Account::defaults(),
            state: None,
            public_url: None,
            limit: 20_000,
            webhook_timeout: Duration::from_secs(10),
        }
    }
}

/// A provider on a port of its own, for as long as this value lives.
#[derive(Debug)]
pub struct Psp {
    addr: SocketAddr,
    accounts: Vec<Account>,
    server: AbortHandle,
}

/// Starts a provider with the accounts there are by default, whose time is `clock`'s.
///
/// # Errors
/// When no port is free.
pub async fn start(clock: Clock) -> Result<Psp> {
    start_with(Options::new(clock)).await
}

/// Starts a provider.
///
/// # Errors
/// When no port is free, an account is not well formed, or the state cannot be read.
pub async fn start_with(options: Options) -> Result<Psp> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.context("no port")?;
    let addr = listener.local_addr().context("no address")?;
    let accounts = options.accounts.clone();
    let app = app(addr, options)?;
    let server = tokio::spawn(async move {
        // A state that cannot be written ends it, and every call after that says so.
        let _ = run(listener, app).await;
    });
    Ok(Psp { addr, accounts, server: server.abort_handle() })
}

/// Serves a provider until dropped.
///
/// # Errors
/// When an account is not well formed, or the state cannot be read, or not be written any more.
pub async fn serve(listener: TcpListener, options: Options) -> Result<()> {
    let addr = listener.local_addr().context("no address")?;
    run(listener, app(addr, options)?).await
}

fn app(addr: SocketAddr, options: Options) -> Result<App> {
    let store = Store::open(options.clock, options.state.as_deref())?;
    store
        .change(|draft| {
            for account in &options.accounts {
                account.check()?;
            }
            let new =
                options.accounts.into_iter().filter(|account| draft.world.account(&account.id).is_none());
            draft.change.accounts = new.collect();
            Ok(())
        })
        .context("accounts")?;
    let base = options.public_url.unwrap_or_else(|| format!("http://{addr}"));
    Ok(App {
        store,
        client: courier::client(options.webhook_timeout).context("no HTTP client")?,
        base: base.trim_end_matches('/').to_owned(),
        limit: options.limit,
        requests: Requests::default(),
        released: watch::Sender::new(0),
    })
}

async fn run(listener: TcpListener, app: App) -> Result<()> {
    let app = Arc::new(app);
    let router = http::router(&app);
    tokio::select! {
        never = http::connection::serve(listener, router) => match never {},
        couriers = courier::run(&app) => couriers.map_err(|error| anyhow!(error)),
    }
}

impl Psp {
    /// Where it is, without a `/` at the end.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// An account as it was set up.
    ///
    /// # Panics
    /// When there is none of this id.
    #[must_use]
    pub fn account(&self, id: &str) -> &Account {
        self.accounts.iter().find(|account| account.id == id).expect("an account of the options")
    }
}

impl Drop for Psp {
    fn drop(&mut self) {
        self.server.abort();
    }
}
