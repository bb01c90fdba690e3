//! People who owe and pay, contest and get back, each payment by a script.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use proto::payment::v1::{Payment, PaymentStatus};
use rand::Rng as _;
use rand::rngs::StdRng;
use rpc_error::reason;
use serde_json::json;

use super::calls::{Caller, minor};
use super::script::{Pays, SCRIPTS, Script, Then};
use super::world::World;
use crate::role::Role;

/// How long somebody waits for something before they go on with other things: what was missed is judged in the end.
const PATIENCE: Duration = Duration::from_secs(75);
/// How long the provider is away.
const AWAY_SECONDS: u32 = 4;

/// What somebody is called.
pub(super) fn name(number: u64) -> String {
    format!("payer-{number}")
}

/// Pays one bill after the other until everybody leaves.
pub(super) async fn live(world: Arc<World>, number: u64, random: StdRng) -> Result<()> {
    let mut person = Person { caller: Caller { world, random }, name: name(number), bills: 0 };
    person.caller.sign_in(&person.name.clone()).await?;
    while person.caller.world.is_killing() {
        let script = person.choose();
        person.caller.world.record().begin(script.name);
        let done = person.journey(script).await;
        person.caller.world.record().end(script.name);
        done?;
    }
    Ok(())
}

struct Person {
    caller: Caller,
    name: String,
    bills: u32,
}

impl Person {
    /// Mostly the script that was done least.
    fn choose(&mut self) -> &'static Script {
        let random = &mut self.caller.random;
        let mut chosen = &SCRIPTS[random.random_range(0..SCRIPTS.len())];
        let record = self.caller.world.record();
        for _ in 0..SCRIPTS.len() {
            let other = &SCRIPTS[random.random_range(0..SCRIPTS.len())];
            if record.begun(other.name) < record.begun(chosen.name) {
                chosen = other;
            }
        }
        chosen
    }

    async fn journey(&mut self, script: &'static Script) -> Result<()> {
        self.bills += 1;
        let reference = format!("{}/{}", self.name, self.bills);
        let amount = self.caller.random.random_range(200..50_000);
        let payer = self.name.clone();
        let Some(bill) = self.caller.bill(&payer, reference, amount).await? else { return Ok(()) };
        let Some(over) = self.pay(script, &bill).await? else { return Ok(()) };
        if over.status() == PaymentStatus::Completed {
            return self.afterwards(script, &over).await;
        }
        // What was not charged can be paid again.
        if self.caller.random.random::<bool>() {
            self.pay(&SCRIPTS[0], &bill).await?;
        }
        Ok(())
    }

    /// Pays by a script; gives the payment once it is over.
    async fn pay(&mut self, script: &'static Script, bill: &str) -> Result<Option<Payment>> {
        let world = Arc::clone(&self.caller.world);
        let payer = self.name.clone();
        let creating = script.fault.filter(|fault| fault.operation == "create_payment");
        if let Some(fault) = creating {
            world.provider.control("faults", fault.body()).await?;
        }
        let Some(begun) = self.begin(bill).await? else { return Ok(None) };
        let id = begun.payment_id;
        let offered = |payment: &Payment| !payment.next_url.is_empty() || payment.finished_at.is_some();
        let seen = self.caller.until(&payer, &id, PATIENCE, offered).await?;
        let Some(page) = seen.filter(|payment| payment.finished_at.is_none()) else {
            return self.over(&id).await;
        };
        let there = page.next_url.rsplit('/').next().context("no payment in the page's address")?.to_owned();
        if let Some(fault) =
            script.fault.filter(|fault| matches!(fault.operation, "get_payment" | "cancel_payment"))
        {
            world.provider.control("faults", fault.body()).await?;
        }
        if let Some(mode) = script.rule {
            let rule = json!({ "mode": mode, "payment": there, "events": 2, "seconds": 600, "attempts": 2 });
            let rule =
                if mode == "late" { json!({ "mode": mode, "payment": there, "seconds": 3 }) } else { rule };
            world.provider.control("webhooks", rule).await?;
        }
        if let Some(cut) = script.outage {
            world.provider.control("outage", json!({ "seconds": AWAY_SECONDS, "cut": cut })).await?;
        }
        self.at_provider(script.pays, &there, &id).await?;
        self.over(&id).await
    }

    /// Begins to pay; every fourth time the button is pressed twice.
    async fn begin(&mut self, bill: &str) -> Result<Option<Payment>> {
        let payer = self.name.clone();
        if self.caller.random.random_range(0..4) > 0 {
            let begun = self.caller.initiate(&payer, bill).await?;
            return Ok(self.caller.expect("initiate", begun));
        }
        let random = rand::SeedableRng::seed_from_u64(self.caller.random.random());
        let mut other = Caller { world: Arc::clone(&self.caller.world), random };
        let (one, two) = tokio::try_join!(self.caller.initiate(&payer, bill), other.initiate(&payer, bill))?;
        match (one, two) {
            // Or it is paid by the time at which the second is heard.
            (Ok(begun), Err(error)) | (Err(error), Ok(begun))
                if [reason::PAYMENT_UNDER_WAY, reason::BILL_STATE].contains(&error.reason()) =>
            {
                Ok(Some(begun))
            }
            (one, two) => {
                let one = one.map(|payment| payment.payment_id).map_err(|error| error.reason().to_owned());
                let two = two.map(|payment| payment.payment_id).map_err(|error| error.reason().to_owned());
                self.caller.world.record().fault(format!("pressed twice, bill {bill}: {one:?}, {two:?}"));
                Ok(None)
            }
        }
    }

    async fn over(&mut self, id: &str) -> Result<Option<Payment>> {
        let payer = self.name.clone();
        self.caller.until(&payer, id, PATIENCE, |payment| payment.finished_at.is_some()).await
    }

    async fn at_provider(&mut self, pays: Pays, there: &str, id: &str) -> Result<()> {
        let world = Arc::clone(&self.caller.world);
        let (provider, payer) = (&world.provider, self.name.clone());
        let put = |card: &str| {
            let body = json!({ "card": card });
            async move { provider.control(&format!("payments/{there}/pay"), body).await }
        };
        match pays {
            Pays::Card(card) => put(card).await,
            Pays::Slowly(time) => put(&psp::cards::slow(time)).await,
            Pays::Challenged { approve } => {
                put(psp::cards::CHALLENGE).await?;
                let body = json!({ "approve": approve });
                provider.control(&format!("payments/{there}/challenge"), body).await
            }
            Pays::Silently { approve } => {
                put(psp::cards::NEVER_ANSWERS).await?;
                let lost = |payment: &Payment| payment.status() == PaymentStatus::OutcomeUnknown;
                if let Some(unknown) = self.caller.until(&payer, id, PATIENCE, lost).await? {
                    // What may have been charged must not be charged again.
                    let again = self.caller.initiate(&payer, &unknown.bill_id).await?;
                    if !again.is_err_and(|error| error.reason() == reason::PAYMENT_UNDER_WAY) {
                        world.record().fault(format!("{id} is unknown, and its bill can be paid again"));
                    }
                }
                let body = json!({ "approve": approve });
                provider.control(&format!("payments/{there}/resolve"), body).await
            }
            Pays::GivesUp => provider.control(&format!("payments/{there}/cancel"), json!({})).await,
            Pays::Cancels => self.cancel(id).await,
            Pays::CancelsTooLate => {
                let put = put(psp::cards::APPROVE);
                tokio::try_join!(put, self.cancel(id)).map(drop)
            }
            Pays::TooLate => {
                // Nobody waits for ninety minutes.
                let over = "update payments set expires_at = now() where id = $1::uuid";
                sqlx::query(over).bind(id).execute(&mut world.rows(Role::Payment).await).await?;
                Ok(())
            }
        }
    }

    async fn cancel(&mut self, id: &str) -> Result<()> {
        let payer = self.name.clone();
        match self.caller.cancel(&payer, id).await? {
            Ok(_) => {}
            Err(error) if error.reason() == reason::PAYMENT_STATE => {}
            Err(error) => self.caller.world.record().fault(format!("cancel: {error} ({})", error.reason())),
        }
        Ok(())
    }

    /// What follows once it is charged.
    async fn afterwards(&mut self, script: &'static Script, paid: &Payment) -> Result<()> {
        let world = Arc::clone(&self.caller.world);
        let (payer, id) = (self.name.clone(), paid.payment_id.as_str());
        let captured = minor(paid.captured.as_ref());
        let there = world.provider_id(id).await?;
        match script.then {
            Then::Enough => Ok(()),
            Then::Refunds => {
                if let Some(fault) = script.fault.filter(|fault| fault.operation == "create_refund") {
                    world.provider.control("faults", fault.body()).await?;
                }
                if self.give_back(id, captured / 3 + 1).await? {
                    self.give_back(id, captured).await?;
                }
                Ok(())
            }
            Then::RefundWaits { succeed } => {
                self.ask_back(id, captured / 2 + 1).await?;
                for refund in self.parts(&there, "refunds").await? {
                    let body = json!({ "succeed": succeed });
                    world.provider.control(&format!("refunds/{refund}/resolve"), body).await?;
                }
                Ok(())
            }
            Then::Contests { won } => self.decide(&there, won).await,
            Then::ContestsPart { won } => {
                let body = json!({ "amount": captured / 2, "reason": "duplicate" });
                let contest =
                    async { world.provider.control(&format!("payments/{there}/dispute"), body).await };
                tokio::try_join!(contest, self.ask_back(id, captured / 3 + 1))?;
                let contested = |payment: &Payment| minor(payment.disputed.as_ref()) > 0;
                self.caller.until(&payer, id, PATIENCE, contested).await?;
                self.decide(&there, won).await
            }
        }
    }

    /// Gives a part back, and waits for it. Whether it was asked for.
    async fn give_back(&mut self, id: &str, amount: i64) -> Result<bool> {
        let payer = self.name.clone();
        let before =
            self.caller.look(&payer, id).await?.map_or(0, |payment| minor(payment.refund_available.as_ref()));
        if !self.ask_back(id, amount).await? {
            return Ok(false);
        }
        // Done, or failed and available again.
        let back = move |payment: &Payment| {
            minor(payment.refunded.as_ref()) > 0 || minor(payment.refund_available.as_ref()) == before
        };
        self.caller.until(&payer, id, PATIENCE, back).await?;
        Ok(true)
    }

    /// Asks for a part back, or for what is left where that is less; every fourth time two of staff do at once.
    async fn ask_back(&mut self, id: &str, amount: i64) -> Result<bool> {
        let payer = self.name.clone();
        let seen = self.caller.look(&payer, id).await?;
        let available = seen.map_or(0, |payment| minor(payment.refund_available.as_ref()));
        let amount = amount.min(available);
        if amount == 0 {
            return Ok(false);
        }
        let stale =
            |reason: &str| [reason::AMOUNT_AVAILABLE_STALE, reason::AMOUNT_ABOVE_AVAILABLE].contains(&reason);
        if self.caller.random.random_range(0..4) > 0 {
            // The payer may have contested it meanwhile.
            let asked = self.caller.refund(id, amount, available).await?;
            return Ok(match asked {
                Err(error) if stale(error.reason()) => false,
                asked => self.caller.expect("refund", asked).is_some(),
            });
        }
        let random = rand::SeedableRng::seed_from_u64(self.caller.random.random());
        let mut other = Caller { world: Arc::clone(&self.caller.world), random };
        let (one, two) =
            tokio::try_join!(self.caller.refund(id, amount, available), other.refund(id, amount, available))?;
        match (&one, &two) {
            (Ok(_), Ok(_)) => {
                self.caller.world.record().fault(format!("{id}: two refunds, each of what was available"));
            }
            (Ok(_), Err(error)) | (Err(error), Ok(_)) | (Err(error), Err(_)) if !stale(error.reason()) => {
                self.caller.world.record().fault(format!("refund: {error} ({})", error.reason()));
            }
            _ => {}
        }
        Ok(one.is_ok() || two.is_ok())
    }

    /// Ids of what the provider has of a payment, once there is any.
    async fn parts(&self, there: &str, what: &str) -> Result<Vec<String>> {
        let found = testkit::eventually(PATIENCE, || async {
            match self.caller.world.provider.parts(there, what).await {
                Ok(parts) if parts.is_empty() => Err(format!("no {what} of {there}")),
                Ok(parts) => Ok(parts.into_iter().map(|part| part.id).collect()),
                Err(error) => Err(format!("{error:#}")),
            }
        });
        // What does not come to the provider in time is judged in the end.
        Ok(found.await.unwrap_or_default())
    }

    /// The bank decides every dispute of a payment.
    async fn decide(&self, there: &str, won: bool) -> Result<()> {
        for dispute in self.parts(there, "disputes").await? {
            let body = json!({ "won": won });
            self.caller.world.provider.control(&format!("disputes/{dispute}/resolve"), body).await?;
        }
        Ok(())
    }
}
