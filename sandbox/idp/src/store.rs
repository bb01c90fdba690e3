//! The world under one lock: each change is written, then true, then told.

use std::collections::HashSet;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use clock::Clock;
use time::OffsetDateTime;
use tokio::sync::watch;

use crate::callback::{Attempt, Callback, Delivery};
use crate::error::Error;
use crate::id::CheckId;
use crate::moment::Moment;
use crate::provider::Provider;
use crate::world::{Draft, World};
use sandbox::journal::{self, Journal, State as _};

/// Everything that is shared by calls and deliveries.
#[derive(Debug)]
pub(crate) struct Store {
    clock: Clock,
    inner: Mutex<Inner>,
    /// Counts changes, and ends of deliveries.
    version: watch::Sender<u64>,
}

#[derive(Debug)]
struct Inner {
    world: World,
    journal: Option<Journal>,
    /// Checks of which a callback is being sent: the next one waits for its end.
    sending: HashSet<CheckId>,
    /// Checks whose making is not answered yet: their callbacks wait, so that none comes first by chance.
    answering: HashSet<CheckId>,
}

impl Store {
    /// What the file says, where there is one.
    pub(crate) fn open(clock: Clock, state: Option<&Path>) -> Result<Self, journal::Error> {
        let (journal, world) = match state.map(Journal::open).transpose()? {
            Some((journal, world)) => (Some(journal), world),
            None => (None, World::default()),
        };
        let inner = Inner { world, journal, sending: HashSet::new(), answering: HashSet::new() };
        Ok(Self { clock, inner: Mutex::new(inner), version: watch::Sender::new(0) })
    }

    /// Told of each change.
    pub(crate) fn watch(&self) -> watch::Receiver<u64> {
        self.version.subscribe()
    }

    /// The clock's time, which signatures are made at, whatever a test added to it for everything else.
    pub(crate) fn signing_time(&self) -> OffsetDateTime {
        self.clock.now()
    }

    /// Looks, once everything has become of things whose time has come.
    pub(crate) fn read<T>(&self, look: impl FnOnce(&World, OffsetDateTime) -> T) -> Result<T, Error> {
        let mut inner = self.lock();
        self.come_due(&mut inner)?;
        let now = self.now(&inner);
        Ok(look(&inner.world, now))
    }

    /// Changes what `draft` says, or nothing when it refuses.
    pub(crate) fn change<T>(
        &self,
        draft: impl FnOnce(&mut Draft<'_>) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let mut inner = self.lock();
        self.come_due(&mut inner)?;
        self.commit(&mut inner, draft)
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self, inner: &Inner) -> OffsetDateTime {
        self.clock.now() + inner.world.script.offset()
    }

    fn come_due(&self, inner: &mut Inner) -> Result<(), Error> {
        loop {
            let now = self.now(inner);
            let due = inner.world.first_deadline().filter(|(at, _)| at.0 <= now);
            let Some((_, id)) = due.cloned() else { return Ok(()) };
            self.commit(inner, |draft| {
                let check = draft.world.check(&id)?.clone();
                draft.come_due(check)
            })?;
        }
    }

    fn commit<T>(
        &self,
        inner: &mut Inner,
        make: impl FnOnce(&mut Draft<'_>) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let mut draft = Draft::new(&inner.world, self.now(inner));
        let made = make(&mut draft)?;
        let (change, check) = (draft.change, draft.made);
        if change.is_empty() {
            return Ok(made);
        }
        if let Some(journal) = &mut inner.journal {
            journal.append(&change)?;
        }
        inner.answering.extend(check);
        inner.world.apply(change);
        if let Some(journal) = &mut inner.journal {
            journal.tidy(&inner.world)?;
        }
        self.version.send_modify(|version| *version += 1);
        Ok(made)
    }

    /// The call that made a check is answered. Whoever delivers finds out when it next looks.
    pub(crate) fn answered(&self, id: &CheckId) {
        self.lock().answering.remove(id);
    }

    /// Up to `most` callbacks whose time has come, and which are being sent from now on: of each check one at a time.
    pub(crate) fn take_callbacks(&self, most: usize) -> Result<Vec<Callback>, Error> {
        let mut inner = self.lock();
        self.come_due(&mut inner)?;
        let now = self.now(&inner);
        if inner.world.script.is_away(Provider::Kompass, now) {
            return Ok(Vec::new());
        }
        let Inner { world, sending, answering, .. } = &mut *inner;
        let may = |callback: &&Callback| callback.before_answer || !answering.contains(&callback.check);
        let due = world.due_callbacks(Moment(now)).filter(may);
        Ok(due.filter(|callback| sending.insert(callback.check.clone())).take(most).cloned().collect())
    }

    /// Keeps how an attempt went.
    pub(crate) fn tried(&self, callback: &Callback, status: Result<u16, String>) -> Result<(), Error> {
        let mut inner = self.lock();
        inner.sending.remove(&callback.check);
        let kept = self.commit(&mut inner, |draft| {
            let at = Moment(draft.now);
            let account = draft.world.account(&callback.account);
            let retries = account.map_or(&[][..], |account| &account.retry_seconds);
            let (status, error) = match status {
                Ok(status) => (Some(status), None),
                Err(error) => (None, Some(error)),
            };
            let attempt = Attempt { at, status, error };
            let tried = draft.world.callback(&callback.id)?.clone().tried(attempt, retries);
            if tried.delivery == Delivery::Delivered {
                let behind = draft.world.callbacks_behind(callback);
                draft.change.callbacks.extend(behind.map(|one| one.clone().send_now(at)));
            }
            draft.change.callbacks.push(tried);
            Ok(())
        });
        // Whoever waits for the end of a delivery is told even when it changed nothing.
        self.version.send_modify(|version| *version += 1);
        kept
    }

    /// Whether no callback waits whose time has come, and none is being sent.
    pub(crate) fn is_idle(&self) -> Result<bool, Error> {
        let mut inner = self.lock();
        self.come_due(&mut inner)?;
        let now = self.now(&inner);
        Ok(inner.sending.is_empty() && inner.world.due_callbacks(Moment(now)).next().is_none())
    }
}
