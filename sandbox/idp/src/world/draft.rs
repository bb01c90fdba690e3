//! A change in the making: the world as it is, and what will be new.

use time::OffsetDateTime;

use super::{Change, Failures, World};
use crate::callback::{Callback, Delivery};
use crate::check::{Answer, Check, MOST_ANSWERS, Wanted};
use crate::error::Error;
use crate::finding::Finding;
use crate::id::{CallbackId, CheckId};
use crate::moment::Moment;
use crate::provider::Provider;
use crate::script::Script;
use crate::view;

/// Nothing of it is true before the store has committed it.
pub(crate) struct Draft<'a> {
    pub(crate) world: &'a World,
    pub(crate) now: OffsetDateTime,
    pub(crate) change: Change,
    /// The check that is made, of which nobody is told before the call is answered.
    pub(crate) made: Option<CheckId>,
}

impl<'a> Draft<'a> {
    pub(crate) fn new(world: &'a World, now: OffsetDateTime) -> Self {
        Self { world, now, change: Change::default(), made: None }
    }

    pub(crate) fn script(&mut self) -> &mut Script {
        self.change.script.get_or_insert_with(|| self.world.script.clone())
    }

    /// The check that was made under a key, which is asked for once more.
    pub(crate) fn ask_again(
        &mut self,
        account: &str,
        key: &str,
        fingerprint: &str,
    ) -> Result<Option<Check>, Error> {
        let Some(check) = self.world.check_of_key(account, key) else { return Ok(None) };
        if check.fingerprint != fingerprint {
            return Err(match check.provider {
                Provider::Veritas => Error::KeyReused,
                Provider::Kompass => Error::ReferenceReused,
            });
        }
        let check = Check { asked: check.asked.saturating_add(1), ..check.clone() };
        self.change.checks.push(check.clone());
        Ok(Some(check))
    }

    /// Counts a call that a name makes fail so many times. Whether this one is to fail.
    pub(crate) fn fails(
        &mut self,
        account: &str,
        reference: &str,
        times: u32,
        limit: usize,
    ) -> Result<bool, Error> {
        let before = self.world.failures(account, reference);
        if before >= times {
            return Ok(false);
        }
        if before == 0 && self.world.failure_count() >= limit {
            return Err(Error::Full);
        }
        let (account, reference) = (account.to_owned(), reference.to_owned());
        self.change.failures.push(Failures { account, reference, times: before + 1 });
        Ok(true)
    }

    /// Counts a call of a provider that flaps. Whether it is one that fails.
    pub(crate) fn flaps(&mut self, provider: Provider) -> bool {
        let Some(flapping) = self.script().flapping.get_mut(&provider) else { return false };
        flapping.seen += 1;
        let fails = flapping.seen >= flapping.every;
        if fails {
            flapping.seen = 0;
        }
        fails
    }

    /// Makes a check, of which something may become at once.
    pub(crate) fn make(&mut self, wanted: Wanted, limit: usize) -> Result<Check, Error> {
        if self.world.check_count() >= limit {
            return Err(Error::Full);
        }
        let check = Check::new(wanted, Moment(self.now));
        self.made = Some(check.id.clone());
        if check.deadline().is_some_and(|due| due.0 <= self.now) {
            return self.come_due(check);
        }
        self.change.checks.push(check.clone());
        Ok(check)
    }

    /// The provider comes to what it comes to.
    pub(crate) fn come_due(&mut self, check: Check) -> Result<Check, Error> {
        let findings = if self.world.script.lying.contains(&check.provider) {
            vec![Finding::Clear]
        } else {
            check.findings()
        };
        findings.into_iter().try_fold(check, |check, finding| self.answer(check, finding))
    }

    /// The provider says something about a check, whatever it said before.
    pub(crate) fn answer(&mut self, mut check: Check, finding: Finding) -> Result<Check, Error> {
        if check.answers.len() >= MOST_ANSWERS {
            return Err(Error::TooManyAnswers);
        }
        check.answers.push(Answer { finding, at: Moment(self.now) });
        if check.provider == Provider::Kompass {
            self.tell(&check);
        }
        self.change.checks.retain(|other| other.id != check.id);
        self.change.checks.push(check.clone());
        Ok(check)
    }

    fn tell(&mut self, check: &Check) {
        let id = CallbackId::mint(self.now);
        let number =
            self.change.callbacks.last().map_or_else(|| self.world.last_number(), |last| last.number);
        let of_account =
            || self.world.account(&check.account).and_then(|account| account.callback_url.clone());
        let callback = Callback {
            number: number + 1,
            account: check.account.clone(),
            check: check.id.clone(),
            reference: check.reference.clone(),
            body: view::callback(&id, check),
            url: check.callback_url.clone().or_else(of_account),
            delivery: Delivery::Waiting { at: Moment(self.now) },
            tries: 0,
            sent: 0,
            attempts: Vec::new(),
            again: 0,
            before_answer: false,
            trick: None,
            id,
        };
        let callback = callback.by_name(check.behaviour, Moment(self.now));
        let mut callback = self.by_rule(callback);
        if callback.url.is_none() {
            callback.delivery = Delivery::Dropped;
        }
        self.change.callbacks.push(callback);
    }

    fn by_rule(&mut self, callback: Callback) -> Callback {
        let script = self.change.script.as_ref().unwrap_or(&self.world.script);
        let Some(at) = script.find_rule(&callback) else { return callback };
        let rule = self.script().take_rule(at);
        rule.bend(callback, self.now)
    }
}
