//! The world under one lock: each change is written, then true, then told.

use std::collections::HashSet;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use clock::Clock;
use time::OffsetDateTime;
use tokio::sync::watch;

use crate::error::Error;
use crate::event::{Attempt, Delivery, Event};
use crate::id::PaymentId;
use crate::moment::Moment;
use crate::script::{Fault, Operation};
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
    /// Payments of which an event is being sent: the next one waits for its end.
    sending: HashSet<PaymentId>,
}

impl Store {
    /// What the file says, where there is one.
    pub(crate) fn open(clock: Clock, state: Option<&Path>) -> Result<Self, journal::Error> {
        let (journal, world) = match state.map(Journal::open).transpose()? {
            Some((journal, world)) => (Some(journal), world),
            None => (None, World::default()),
        };
        let inner = Mutex::new(Inner { world, journal, sending: HashSet::new() });
        Ok(Self { clock, inner, version: watch::Sender::new(0) })
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
                let step = draft.payment(&id)?.come_due(now)?;
                draft.keep(step);
                Ok(())
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
        let change = draft.change;
        if change.is_empty() {
            return Ok(made);
        }
        if let Some(journal) = &mut inner.journal {
            journal.append(&change)?;
        }
        inner.world.apply(change);
        if let Some(journal) = &mut inner.journal {
            journal.tidy(&inner.world)?;
        }
        self.version.send_modify(|version| *version += 1);
        Ok(made)
    }

    /// Uses up the fault that waits for this call, if one does.
    pub(crate) fn take_fault(
        &self,
        operation: Operation,
        account: Option<&str>,
    ) -> Result<Option<Fault>, Error> {
        self.change(|draft| {
            let at = draft.world.script.find_fault(operation, account);
            Ok(at.map(|at| draft.script().take_fault(at)))
        })
    }

    /// Up to `most` events whose time has come, and which are being sent from now on: of each payment one at a time.
    pub(crate) fn take_events(&self, most: usize) -> Result<Vec<Event>, Error> {
        let mut inner = self.lock();
        self.come_due(&mut inner)?;
        let now = self.now(&inner);
        if inner.world.script.outage(now).is_some() {
            return Ok(Vec::new());
        }
        let Inner { world, sending, .. } = &mut *inner;
        let due = world.due_events(Moment(now)).filter(|event| sending.insert(event.payment.clone()));
        Ok(due.take(most).cloned().collect())
    }

    /// Keeps how an attempt went.
    pub(crate) fn tried(&self, event: &Event, status: Result<u16, String>) -> Result<(), Error> {
        let mut inner = self.lock();
        inner.sending.remove(&event.payment);
        let kept = self.commit(&mut inner, |draft| {
            let at = Moment(draft.now);
            let retries =
                draft.world.account(&event.account).map_or(&[][..], |account| &account.retry_seconds);
            let (status, error) = match status {
                Ok(status) => (Some(status), None),
                Err(error) => (None, Some(error)),
            };
            let tried = draft.world.event(&event.id)?.clone().tried(Attempt { at, status, error }, retries);
            if tried.delivery == Delivery::Delivered {
                let behind = draft.world.events_behind(event);
                draft.change.events.extend(behind.map(|one| one.clone().send_now(at)));
            }
            draft.change.events.push(tried);
            Ok(())
        });
        // Whoever waits for the end of a delivery is told even when it changed nothing.
        self.version.send_modify(|version| *version += 1);
        kept
    }

    /// Whether no event waits whose time has come, and none is being sent.
    pub(crate) fn is_idle(&self) -> Result<bool, Error> {
        let mut inner = self.lock();
        self.come_due(&mut inner)?;
        let now = self.now(&inner);
        Ok(inner.sending.is_empty() && inner.world.due_events(Moment(now)).next().is_none())
    }
}
