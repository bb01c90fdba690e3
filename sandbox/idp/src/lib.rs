#![doc = include_str!("../README.md")]

mod account;
mod app;
mod callback;
mod calls;
mod check;
mod courier;
mod error;
mod files;
mod finding;
mod http;
mod id;
mod moment;
pub mod names;
mod provider;
mod script;
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
use crate::calls::Calls;
use crate::store::Store;

pub use account::{Account, ApiKey};
pub use provider::Provider;
pub use sandbox::{NoSecret, WebhookSecret};

/// The town's account at veritas.
pub const VERITAS_TOWN: &str = "veritas_town";
/// Somebody else's account at veritas.
pub const VERITAS_WATER: &str = "veritas_water";
/// The town's account at kompass.
pub const KOMPASS_TOWN: &str = "kompass_town";
/// Somebody else's account at kompass.
pub const KOMPASS_WATER: &str = "kompass_water";

/// How the providers are set up.
#[derive(Clone, Debug)]
pub struct Options {
    /// Their time, but for what `POST /control/clock` adds.
    pub clock: Clock,
    /// Who asks for checks. Those that the state knows stay as they are there.
    pub accounts: Vec<Account>,
    /// Where everything is kept, for providers that are killed and started again.
    pub state: Option<PathBuf>,
    /// Checks that are kept. The call that would make one more is refused.
    pub limit: usize,
    /// How long the receiver of a callback may take, and whoever has a file.
    pub timeout: Duration,
}

impl Options {
    /// Two accounts at each provider, no state, 20,000 checks, 10 s for receivers.
    #[must_use]
    pub fn new(clock: Clock) -> Self {
        Self {
            clock,
            accounts: Account::defaults(),
            state: None,
            limit: 20_000,
            timeout: Duration::from_secs(10),
        }
    }
}

/// Both providers on a port of their own, for as long as this value lives.
#[derive(Debug)]
pub struct Idp {
    addr: SocketAddr,
    accounts: Vec<Account>,
    server: AbortHandle,
}

/// Starts both providers with the accounts there are by default, whose time is `clock`'s.
///
/// # Errors
/// When no port is free.
pub async fn start(clock: Clock) -> Result<Idp> {
    start_with(Options::new(clock)).await
}

/// Starts both providers.
///
/// # Errors
/// When no port is free, an account is not well formed, or the state cannot be read.
pub async fn start_with(options: Options) -> Result<Idp> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.context("no port")?;
    let addr = listener.local_addr().context("no address")?;
    let accounts = options.accounts.clone();
    let app = app(options)?;
    let server = tokio::spawn(async move {
        // A state that cannot be written ends it, and every call after that says so.
        let _ = run(listener, app, std::future::pending()).await;
    });
    Ok(Idp { addr, accounts, server: server.abort_handle() })
}

/// Serves both providers until `stop`: then no more calls are taken, and those that are being answered have 2 s.
///
/// # Errors
/// When an account is not well formed, or the state cannot be read, or not be written any more.
pub async fn serve(
    listener: TcpListener,
    options: Options,
    stop: impl Future<Output = ()> + Send,
) -> Result<()> {
    run(listener, app(options)?, stop).await
}

fn app(options: Options) -> Result<App> {
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
    Ok(App {
        store,
        client: courier::client(options.timeout).context("no HTTP client")?,
        limit: options.limit,
        calls: Calls::default(),
        released: watch::Sender::new(0),
    })
}

async fn run(listener: TcpListener, app: App, stop: impl Future<Output = ()>) -> Result<()> {
    let app = Arc::new(app);
    let router = http::router(&app);
    tokio::select! {
        () = http::connection::serve(listener, router, stop) => Ok(()),
        couriers = courier::run(&app) => couriers.map_err(|error| anyhow!(error)),
    }
}

impl Idp {
    /// Where both are, without a `/` at the end; `/control` is below it.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// Where veritas is: `/v1/checks` is below it.
    #[must_use]
    pub fn veritas_url(&self) -> String {
        format!("{}/veritas", self.url())
    }

    /// Where kompass is: `/api/verifications` is below it.
    #[must_use]
    pub fn kompass_url(&self) -> String {
        format!("{}/kompass", self.url())
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

impl Drop for Idp {
    fn drop(&mut self) {
        self.server.abort();
    }
}
