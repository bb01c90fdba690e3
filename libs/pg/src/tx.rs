use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex, PoisonError};

use ids::Tenant;
use sqlx::PgConnection;
use tokio::sync::Notify;

use crate::unit::Lease;

/// The named wakers of one [`crate::Db`].
#[derive(Clone, Debug, Default)]
pub(crate) struct Wakers(Arc<Mutex<HashMap<&'static str, Arc<Notify>>>>);

impl Wakers {
    pub(crate) fn get(&self, name: &'static str) -> Arc<Notify> {
        let mut wakers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        wakers.entry(name).or_default().clone()
    }
}

/// An open transaction of the app role for one tenant. Row-level security hides every other tenant's rows.
///
/// It is a [`PgConnection`] to statements: `sqlx::query!(..).execute(&mut **tx)`. It commits when the unit of work
/// that was given it returns `Ok`; it cannot be committed from inside.
#[derive(Debug)]
pub struct Tx {
    lease: Lease,
    tenant: Tenant,
    wakers: Wakers,
    hints: Vec<Arc<Notify>>,
    notes: HashMap<TypeId, Box<dyn Any + Send + Sync>>,
}

impl Tx {
    pub(crate) fn new(lease: Lease, tenant: Tenant, wakers: Wakers) -> Self {
        Self { lease, tenant, wakers, hints: Vec::new(), notes: HashMap::new() }
    }

    /// The tenant whose rows this transaction sees and writes.
    #[must_use]
    pub fn tenant(&self) -> &Tenant {
        &self.tenant
    }

    /// Wakes one waiter of `hint` once the commit is done; never when the unit is rolled back.
    ///
    /// A hint may be lost when the process dies in between, so that whoever waits must look by itself as well.
    pub fn on_commit(&mut self, hint: Arc<Notify>) {
        if !self.hints.iter().any(|known| Arc::ptr_eq(known, &hint)) {
            self.hints.push(hint);
        }
    }

    /// [`Tx::on_commit`] for the waiter of [`crate::Db::waker`] of this name.
    pub fn wake_on_commit(&mut self, name: &'static str) {
        let hint = self.wakers.get(name);
        self.on_commit(hint);
    }

    /// A library's own note, one per type, gone with the transaction: what it did earlier in this transaction.
    pub fn note<T: Any + Default + Send + Sync>(&mut self) -> &mut T {
        let note = self.notes.entry(TypeId::of::<T>()).or_insert_with(|| Box::new(T::default()));
        note.downcast_mut().unwrap_or_else(|| unreachable!("notes are kept by their type"))
    }

    pub(crate) fn into_parts(self) -> (Lease, Vec<Arc<Notify>>) {
        (self.lease, self.hints)
    }
}

/// An open transaction of the system role: no tenant, and only the tables whose policies let that role in.
#[derive(Debug)]
pub struct SystemTx {
    lease: Lease,
}

impl SystemTx {
    pub(crate) fn new(lease: Lease) -> Self {
        Self { lease }
    }

    pub(crate) fn into_lease(self) -> Lease {
        self.lease
    }
}

impl Deref for Tx {
    type Target = PgConnection;
    fn deref(&self) -> &PgConnection {
        &self.lease
    }
}

impl DerefMut for Tx {
    fn deref_mut(&mut self) -> &mut PgConnection {
        &mut self.lease
    }
}

impl Deref for SystemTx {
    type Target = PgConnection;
    fn deref(&self) -> &PgConnection {
        &self.lease
    }
}

impl DerefMut for SystemTx {
    fn deref_mut(&mut self) -> &mut PgConnection {
        &mut self.lease
    }
}
