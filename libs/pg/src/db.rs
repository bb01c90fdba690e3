use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use ids::Tenant;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions, PgRow};
use sqlx::{ConnectOptions, PgConnection, PgPool};
use tokio::sync::Notify;

use crate::settings::{Role, Settings};
use crate::tx::Wakers;
use crate::unit::{self, Lease, WORK_TIMEOUT, within};
use crate::{Call, Error, SystemTx, Tx};

/// How long a unit of work waits for a connection.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(3);
/// The system role serves sweeps and look-ups, a few at a time.
const SYSTEM_CONNECTIONS: u32 = 4;

/// A service's database: units of work as the app role for one tenant, or as the system role. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Db(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    app: PgPool,
    system: PgPool,
    direct: PgConnectOptions,
    wakers: Wakers,
}

impl Db {
    /// Prepares both pools; `name` is shown by the server as `application_name`. Connections are opened when first
    /// needed, so that a service starts, and says so in `/ready`, while its database is away.
    ///
    /// # Errors
    /// [`Error::Invalid`] when a URL cannot be parsed.
    pub fn connect(settings: &Settings, name: &str) -> Result<Self, Error> {
        let app = settings.options(Role::App, name)?;
        let system = settings.options(Role::System, name)?;
        Ok(Self(Arc::new(Inner {
            app: pool(settings.max_connections, app),
            system: pool(SYSTEM_CONNECTIONS, system.clone()),
            direct: system,
            wakers: Wakers::default(),
        })))
    }

    /// Runs `work` in one transaction of the app role in which only `tenant`'s rows exist: commits when it returns
    /// `Ok`, rolls back when it returns `Err` or panics.
    ///
    /// It runs on a task of its own: dropping the future this returns neither stops it nor hurts the connection.
    /// Dropped before the transaction began, nothing is done.
    ///
    /// The crate's example shows one.
    ///
    /// # Errors
    /// `work`'s own, or an [`Error`] turned into `E`; after each but [`Error::CommitUnknown`] nothing is stored.
    pub async fn tenant<T, E, F>(&self, tenant: &Tenant, work: F) -> Result<T, E>
    where
        F: for<'t> FnOnce(&'t mut Tx) -> BoxFuture<'t, Result<T, E>> + Send + 'static,
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        self.in_tenant(tenant, None, move |tx, _| work(tx)).await
    }

    /// [`Db::tenant`], with a call of a function of the database in BEGIN's round trip: `work` gets the row it gave. It
    /// is called as the app role and for this tenant, as everything that follows.
    ///
    /// # Errors
    /// As [`Db::tenant`].
    pub async fn tenant_opening<T, E, F>(&self, tenant: &Tenant, opening: Call, work: F) -> Result<T, E>
    where
        F: for<'t> FnOnce(&'t mut Tx, PgRow) -> BoxFuture<'t, Result<T, E>> + Send + 'static,
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        self.in_tenant(tenant, Some(opening), move |tx, row| match row {
            Some(row) => work(tx, row),
            None => Box::pin(async { Err(Error::from(sqlx::Error::RowNotFound).into()) }),
        })
        .await
    }

    async fn in_tenant<T, E, F>(&self, tenant: &Tenant, opening: Option<Call>, work: F) -> Result<T, E>
    where
        F: for<'t> FnOnce(&'t mut Tx, Option<PgRow>) -> BoxFuture<'t, Result<T, E>> + Send + 'static,
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        let pool = self.0.app.clone();
        let wakers = self.0.wakers.clone();
        // A tenant is [a-z0-9-] by its type, so that it needs no quoting.
        let mut prelude = format!(", set_config('app.tenant', '{tenant}', true)");
        if let Some(call) = opening {
            prelude.push_str("; select * from ");
            prelude.push_str(&call.text());
        }
        let tenant = tenant.clone();
        unit::run(move |waiting| async move {
            let mut lease = Lease::begin(&pool, &prelude, &waiting).await?;
            let row = lease.take_opening();
            let mut tx = Tx::new(lease, tenant, wakers);
            let result = within(WORK_TIMEOUT, work(&mut tx, row)).await;
            let (lease, hints) = tx.into_parts();
            let value = settle(lease, result).await?;
            for hint in hints {
                hint.notify_one();
            }
            Ok(value)
        })
        .await
    }

    /// Runs `work` in one transaction of the system role, without a tenant. Otherwise as [`Db::tenant`].
    ///
    /// # Errors
    /// As [`Db::tenant`].
    pub async fn system<T, E, F>(&self, work: F) -> Result<T, E>
    where
        F: for<'t> FnOnce(&'t mut SystemTx) -> BoxFuture<'t, Result<T, E>> + Send + 'static,
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        let pool = self.0.system.clone();
        unit::run(move |waiting| async move {
            let mut tx = SystemTx::new(Lease::begin(&pool, "", &waiting).await?);
            let result = within(WORK_TIMEOUT, work(&mut tx)).await;
            settle(tx.into_lease(), result).await
        })
        .await
    }

    /// What [`Tx::wake_on_commit`] of this name wakes: one waiter, who is woken also when it begins to wait later.
    #[must_use]
    pub fn waker(&self, name: &'static str) -> Arc<Notify> {
        self.0.wakers.get(name)
    }

    /// Opens a connection of the system role outside the pools, straight to the server: for session locks and
    /// LISTEN. Whoever asks for it keeps it and closes it.
    ///
    /// # Errors
    /// [`Error::Unreachable`].
    pub async fn direct(&self) -> Result<PgConnection, Error> {
        Ok(self.0.direct.connect().await?)
    }

    /// Whether both roles can open a transaction now; for `/ready`.
    ///
    /// # Errors
    /// What a unit of work would get.
    pub async fn ping(&self) -> Result<(), Error> {
        for pool in [&self.0.app, &self.0.system] {
            let pool = pool.clone();
            unit::run(move |waiting| async move {
                let lease = Lease::begin(&pool, "", &waiting).await?;
                lease.rollback().await;
                Ok::<_, Error>(())
            })
            .await?;
        }
        Ok(())
    }

    /// Refuses new units of work, waits for those under way, and closes every connection.
    pub async fn close(&self) {
        tokio::join!(self.0.app.close(), self.0.system.close());
    }
}

/// Ends a unit as its result says. A unit that took too long is not asked anything more: its connection is closed.
async fn settle<T, E: From<Error>>(lease: Lease, result: Result<Result<T, E>, sqlx::Error>) -> Result<T, E> {
    match result.map_err(Error::from)? {
        Ok(value) => {
            lease.commit().await?;
            Ok(value)
        }
        Err(error) => {
            lease.rollback().await;
            Err(error)
        }
    }
}

fn pool(max_connections: u32, options: PgConnectOptions) -> PgPool {
    PgPoolOptions::new()
        .max_connections(max_connections)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .idle_timeout(Duration::from_secs(10 * 60))
        .max_lifetime(Duration::from_secs(30 * 60))
        // `Lease::begin` finds a broken or unclean connection with its own first statement.
        .test_before_acquire(false)
        .after_connect(|connection, _| Box::pin(unit::prepare(connection)))
        .connect_lazy_with(options)
}
