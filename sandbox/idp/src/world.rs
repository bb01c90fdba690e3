//! All that the providers know. It changes by a [`Change`] alone, which is what is written to the file of the state.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use sandbox::journal::State;
use serde::{Deserialize, Serialize};

use crate::account::Account;
use crate::callback::{Callback, Delivery};
use crate::check::Check;
use crate::error::Error;
use crate::id::{CallbackId, CheckId};
use crate::moment::Moment;
use crate::script::Script;

mod draft;

pub(crate) use draft::Draft;

/// What is new, or is otherwise than before: whole records.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Change {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) accounts: Vec<Account>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) checks: Vec<Check>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) callbacks: Vec<Callback>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) failures: Vec<Failures>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) script: Option<Script>,
}

impl Change {
    pub(crate) fn is_empty(&self) -> bool {
        self.accounts.is_empty()
            && self.checks.is_empty()
            && self.callbacks.is_empty()
            && self.failures.is_empty()
            && self.script.is_none()
    }
}

/// How often a call failed because of a name that makes it fail so many times.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Failures {
    pub(crate) account: String,
    pub(crate) reference: String,
    pub(crate) times: u32,
}

/// All records, and where to find them.
#[derive(Debug, Default)]
pub(crate) struct World {
    accounts: BTreeMap<String, Account>,
    checks: HashMap<CheckId, Check>,
    /// In the order in which they were made.
    order: Vec<CheckId>,
    /// By account and reference, and by account and key.
    references: HashMap<(String, String), Vec<CheckId>>,
    keys: HashMap<(String, String), CheckId>,
    deadlines: BTreeSet<(Moment, CheckId)>,
    /// By their number.
    callbacks: BTreeMap<u64, Callback>,
    callback_ids: HashMap<CallbackId, u64>,
    callbacks_of: HashMap<CheckId, Vec<u64>>,
    /// When the next attempt is of those that wait for it.
    waiting: BTreeSet<(Moment, u64)>,
    /// Those that wait for the delivery of a later one of their account.
    behind: BTreeSet<u64>,
    failures: HashMap<(String, String), u32>,
    pub(crate) script: Script,
}

impl State for World {
    type Change = Change;

    fn apply(&mut self, change: Change) {
        for account in change.accounts {
            self.accounts.insert(account.id.clone(), account);
        }
        for check in change.checks {
            self.put_check(check);
        }
        for callback in change.callbacks {
            self.put_callback(callback);
        }
        for Failures { account, reference, times } in change.failures {
            self.failures.insert((account, reference), times);
        }
        if let Some(script) = change.script {
            self.script = script;
        }
    }

    /// Everything, as one change of an empty world.
    fn snapshot(&self) -> Change {
        let failures = self.failures.iter().map(|((account, reference), times)| Failures {
            account: account.clone(),
            reference: reference.clone(),
            times: *times,
        });
        Change {
            accounts: self.accounts.values().cloned().collect(),
            checks: self.checks(None).cloned().collect(),
            callbacks: self.callbacks.values().cloned().collect(),
            failures: failures.collect(),
            script: Some(self.script.clone()),
        }
    }
}

impl World {
    fn put_check(&mut self, check: Check) {
        let id = check.id.clone();
        match self.checks.get(&id) {
            Some(before) => {
                if let Some(at) = before.deadline() {
                    self.deadlines.remove(&(at, id.clone()));
                }
            }
            None => {
                self.order.push(id.clone());
                let reference = (check.account.clone(), check.reference.clone());
                self.references.entry(reference).or_default().push(id.clone());
                self.keys.insert((check.account.clone(), check.key.clone()), id.clone());
            }
        }
        if let Some(at) = check.deadline() {
            self.deadlines.insert((at, id.clone()));
        }
        self.checks.insert(id, check);
    }

    fn put_callback(&mut self, callback: Callback) {
        let number = callback.number;
        match self.callbacks.get(&number).map(|before| before.delivery) {
            Some(Delivery::Waiting { at }) => {
                self.waiting.remove(&(at, number));
            }
            Some(_) => {
                self.behind.remove(&number);
            }
            None => self.callbacks_of.entry(callback.check.clone()).or_default().push(number),
        }
        match callback.delivery {
            Delivery::Waiting { at } => {
                self.waiting.insert((at, number));
            }
            Delivery::BehindNext => {
                self.behind.insert(number);
            }
            Delivery::Held | Delivery::Delivered | Delivery::GivenUp | Delivery::Dropped => {}
        }
        self.callback_ids.insert(callback.id.clone(), number);
        self.callbacks.insert(number, callback);
    }

    pub(crate) fn accounts(&self) -> impl Iterator<Item = &Account> {
        self.accounts.values()
    }

    pub(crate) fn account(&self, id: &str) -> Option<&Account> {
        self.accounts.get(id)
    }

    pub(crate) fn check_count(&self) -> usize {
        self.checks.len()
    }

    pub(crate) fn check(&self, id: &CheckId) -> Result<&Check, Error> {
        self.checks.get(id).ok_or(Error::NotFound("check"))
    }

    pub(crate) fn check_of_key(&self, account: &str, key: &str) -> Option<&Check> {
        self.keys.get(&(account.to_owned(), key.to_owned())).and_then(|id| self.checks.get(id))
    }

    /// An account's checks of a reference in the order in which they were made.
    pub(crate) fn checks_of(&self, account: &str, reference: &str) -> impl Iterator<Item = &Check> {
        let ids = self.references.get(&(account.to_owned(), reference.to_owned()));
        ids.into_iter().flatten().filter_map(|id| self.checks.get(id))
    }

    /// Everybody's checks in the order in which they were made, those of a reference where one is named.
    pub(crate) fn checks<'a>(&'a self, reference: Option<&'a str>) -> impl Iterator<Item = &'a Check> {
        let all = self.order.iter().filter_map(|id| self.checks.get(id));
        all.filter(move |check| reference.is_none_or(|of| check.reference == of))
    }

    /// The check of which something becomes next, and when.
    pub(crate) fn first_deadline(&self) -> Option<&(Moment, CheckId)> {
        self.deadlines.first()
    }

    /// Every callback, in the order in which things happened.
    pub(crate) fn callbacks(&self) -> impl Iterator<Item = &Callback> {
        self.callbacks.values()
    }

    /// Callbacks about a check.
    pub(crate) fn callbacks_of(&self, check: &CheckId) -> impl Iterator<Item = &Callback> {
        let numbers = self.callbacks_of.get(check);
        numbers.into_iter().flatten().filter_map(|number| self.callbacks.get(number))
    }

    pub(crate) fn callback(&self, id: &CallbackId) -> Result<&Callback, Error> {
        let number = self.callback_ids.get(id);
        number.and_then(|number| self.callbacks.get(number)).ok_or(Error::NotFound("callback"))
    }

    pub(crate) fn last_number(&self) -> u64 {
        self.callbacks.last_key_value().map_or(0, |(number, _)| *number)
    }

    /// Callbacks whose next attempt is at `now` or was to be before, the earliest first.
    pub(crate) fn due_callbacks(&self, now: Moment) -> impl Iterator<Item = &Callback> {
        let due = self.waiting.iter().take_while(move |(at, _)| *at <= now);
        due.filter_map(|(_, number)| self.callbacks.get(number))
    }

    /// Callbacks of the account that wait for the delivery of this one.
    pub(crate) fn callbacks_behind(&self, next: &Callback) -> impl Iterator<Item = &Callback> {
        let earlier = self.behind.range(..next.number).filter_map(|number| self.callbacks.get(number));
        let account = next.account.clone();
        earlier.filter(move |one| one.account == account)
    }

    /// How often calls of a reference failed because of a name.
    pub(crate) fn failures(&self, account: &str, reference: &str) -> u32 {
        self.failures.get(&(account.to_owned(), reference.to_owned())).copied().unwrap_or(0)
    }

    pub(crate) fn failure_count(&self) -> usize {
        self.failures.len()
    }
}
