//! Calls as people make them: repeated under their key until they are answered.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use proto::common::v1::Money;
use proto::notification::v1::{FeedItem, ListFeedRequest, UpsertRecipientRequest};
use proto::payment::v1::{
    BillLine, CancelPaymentRequest, CreateBillRequest, CreateRefundRequest, GetPaymentRequest,
    InitiatePaymentRequest, Payment,
};
use rand::rngs::StdRng;
use rpc_error::Error;
use tonic::{Request, Response, Status};

use super::world::{TENANT, World};

/// How long a call is repeated before it counts as never answered.
const ANSWER: Duration = Duration::from_secs(120);
/// How often somebody looks.
const LOOK: Duration = Duration::from_millis(500);
/// Rows of a feed that are read at once.
const PAGE: i32 = 200;

/// Who makes a call.
#[derive(Clone, Copy, Debug)]
pub(super) enum Who<'w> {
    Payer(&'w str),
    Staff,
    Finance,
}

/// Somebody with a will, and their own chance.
pub(super) struct Caller {
    pub(super) world: Arc<World>,
    pub(super) random: StdRng,
}

pub(super) fn euros(minor_units: i64) -> Option<Money> {
    Some(Money { minor_units, currency: "EUR".to_owned() })
}

pub(super) fn minor(money: Option<&Money>) -> i64 {
    money.map_or(0, |money| money.minor_units)
}

impl Caller {
    /// Repeats a call under one key until it is answered.
    pub(super) async fn call<M: Clone, T, F>(
        &mut self,
        who: Who<'_>,
        message: &M,
        call: impl Fn(Request<M>) -> F,
    ) -> Result<T, Error>
    where
        F: Future<Output = Result<Response<T>, Status>>,
    {
        let issuer = &self.world.issuer;
        let call = |key: String| {
            let token = match who {
                Who::Payer(subject) => issuer.citizen(subject, TENANT),
                Who::Staff => issuer.staff("sam", TENANT),
                Who::Finance => issuer.person("max", TENANT, "finance"),
            };
            call(testkit::request(&token, &key, message.clone()))
        };
        testkit::answered(ANSWER, &mut self.random, call).await
    }

    /// The answer; one that must not be is noted.
    pub(super) fn expect<T>(&self, what: &str, answer: Result<T, Error>) -> Option<T> {
        answer
            .inspect_err(|error| self.world.record().fault(format!("{what}: {error} ({})", error.reason())))
            .ok()
    }

    /// Writes a bill that somebody owes from now on.
    pub(super) async fn bill(
        &mut self,
        payer: &str,
        reference: String,
        amount: i64,
    ) -> Result<Option<String>> {
        let line = BillLine {
            description: "Dog licence".to_owned(),
            fund: "dogs".to_owned(),
            quantity: 1,
            unit_price: euros(amount),
            ..BillLine::default()
        };
        let message = CreateBillRequest {
            reference,
            payer: payer.to_owned(),
            payer_name: "Somebody".to_owned(),
            lines: vec![line],
            due_on: "2035-01-31".to_owned(),
            issue: true,
        };
        let client = self.world.billing()?;
        let answer = self.call(Who::Staff, &message, |request| {
            let mut client = client.clone();
            async move { client.create_bill(request).await }
        });
        let answer = answer.await;
        let Some(written) = self.expect("bill", answer) else { return Ok(None) };
        let id = written.bill.context("a bill")?.bill_id;
        self.world.acknowledged().bills.insert(id.clone());
        Ok(Some(id))
    }

    /// Begins to pay.
    pub(super) async fn initiate(&mut self, payer: &str, bill: &str) -> Result<Result<Payment, Error>> {
        let return_url = "https://riverton.example/".to_owned();
        let message = InitiatePaymentRequest { bill_id: bill.to_owned(), amount: None, return_url };
        let client = self.world.paying()?;
        let answer = self.call(Who::Payer(payer), &message, |request| {
            let mut client = client.clone();
            async move { client.initiate_payment(request).await }
        });
        let begun = match answer.await {
            Ok(begun) => begun.payment.context("a payment")?,
            Err(error) => return Ok(Err(error)),
        };
        self.world.acknowledged().payments.insert(begun.payment_id.clone(), bill.to_owned());
        Ok(Ok(begun))
    }

    pub(super) async fn cancel(&mut self, payer: &str, payment: &str) -> Result<Result<Payment, Error>> {
        let message = CancelPaymentRequest { payment_id: payment.to_owned() };
        let client = self.world.paying()?;
        let answer = self.call(Who::Payer(payer), &message, |request| {
            let mut client = client.clone();
            async move { client.cancel_payment(request).await }
        });
        match answer.await {
            Ok(cancelled) => Ok(Ok(cancelled.payment.context("a payment")?)),
            Err(error) => Ok(Err(error)),
        }
    }

    /// Asks for something to be given back, believing so much to be available. Gives the refund's id.
    pub(super) async fn refund(
        &mut self,
        payment: &str,
        amount: i64,
        available: i64,
    ) -> Result<Result<String, Error>> {
        let message = CreateRefundRequest {
            payment_id: payment.to_owned(),
            amount: euros(amount),
            amount_available: euros(available),
            reason: "a smaller dog".to_owned(),
        };
        let client = self.world.paying()?;
        let answer = self.call(Who::Finance, &message, |request| {
            let mut client = client.clone();
            async move { client.create_refund(request).await }
        });
        let refund = match answer.await {
            Ok(asked) => asked.refund.context("a refund")?.refund_id,
            Err(error) => return Ok(Err(error)),
        };
        self.world.acknowledged().refunds.insert(refund.clone(), (payment.to_owned(), amount));
        Ok(Ok(refund))
    }

    /// A payment as it stands.
    pub(super) async fn look(&mut self, payer: &str, payment: &str) -> Result<Option<Payment>> {
        let message = GetPaymentRequest { payment_id: payment.to_owned() };
        let client = self.world.paying()?;
        let answer = self.call(Who::Payer(payer), &message, |request| {
            let mut client = client.clone();
            async move { client.get_payment(request).await }
        });
        let answer = answer.await;
        Ok(self.expect("get", answer).and_then(|read| read.payment))
    }

    /// A payment once it is so; `None` where it does not come to that in time.
    pub(super) async fn until(
        &mut self,
        payer: &str,
        payment: &str,
        within: Duration,
        right: impl Fn(&Payment) -> bool,
    ) -> Result<Option<Payment>> {
        let until = Instant::now() + within;
        loop {
            let Some(seen) = self.look(payer, payment).await? else { return Ok(None) };
            if right(&seen) {
                return Ok(Some(seen));
            }
            if Instant::now() >= until {
                return Ok(None);
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Tells how somebody is reached, as their sign-in does.
    pub(super) async fn sign_in(&mut self, payer: &str) -> Result<()> {
        let email = format!("{payer}@example.org");
        let message = UpsertRecipientRequest {
            subject: payer.to_owned(),
            email,
            locale: "en".to_owned(),
            person: String::new(),
        };
        let (client, issuer) = (self.world.telling()?, &self.world.issuer);
        let tenant = TENANT.parse()?;
        let answer = testkit::answered(ANSWER, &mut self.random, |key| {
            let mut client = client.clone();
            let token = issuer.service("svc-bff");
            let mut request = testkit::request(&token, &key, message.clone());
            if let Ok(token) = auth::Token::parse(&token) {
                auth::client::authorize(&mut request, &token, Some(&tenant));
            }
            async move { client.upsert_recipient(request).await }
        });
        answer.await.map_err(|error| anyhow::anyhow!("{payer} cannot be reached: {error}"))?;
        Ok(())
    }

    /// Everything that somebody was told.
    pub(super) async fn feed(&mut self, payer: &str) -> Result<Vec<FeedItem>> {
        let client = self.world.telling()?;
        let mut items: Vec<FeedItem> = Vec::new();
        loop {
            let after_seq = items.last().map_or(0, |item| item.seq);
            let message = ListFeedRequest { recipient_id: String::new(), after_seq, page_size: PAGE };
            let answer = self.call(Who::Payer(payer), &message, |request| {
                let mut client = client.clone();
                async move { client.list_feed(request).await }
            });
            let page = answer.await.map_err(|error| anyhow::anyhow!("feed of {payer}: {error}"))?;
            let is_last = page.items.len() < usize::try_from(PAGE)?;
            items.extend(page.items);
            if is_last {
                return Ok(items);
            }
        }
    }
}
