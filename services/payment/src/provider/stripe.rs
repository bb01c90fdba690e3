//! Stripe: a payment is a Checkout Session, a page of Stripe's on which one PaymentIntent is paid.
//!
//! Why sessions, and how what got no answer is found again: `docs/adr/0010-a-payment-at-stripe-is-a-checkout-session.md`. In short: what
//! makes something carries a key of our id, under which Stripe says the same again for a day, and our id is written on what is made. When a
//! key says nothing that leads on, lists are looked through; they are consistent, which Stripe's search is not. A session ends at the
//! time at which the payment does, so that one that is asked for too late is refused by Stripe itself.

mod amount;
mod books;
mod call;
mod event;
mod record;

pub(super) use event::about;

use std::time::Duration;

use reqwest::Client;
use secrecy::SecretString;
use time::OffsetDateTime;
use url::Url;

use self::call::{Came, Found};
use self::record::{RefundRecord, RefusalError, Session};
use crate::domain::{Ask, Payment, Refund, RefundSeen, Seen};
use providers::http;

/// Stripe's own libraries wait for 80 seconds; what takes longer than this is asked for again under its key.
const DEADLINE: Duration = Duration::from_secs(20);
/// How far Stripe's clock may be from ours.
const SKEW: time::Duration = time::Duration::minutes(5);
/// What our ids are written under on things of Stripe's.
const PAYMENT: &str = "guildhall_payment";
const REFUND: &str = "guildhall_refund";
const SESSIONS: [&str; 2] = ["checkout", "sessions"];

/// An account there.
#[derive(Clone, Debug)]
pub struct Stripe {
    client: Client,
    settings: Settings,
}

/// What an account is told.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `https://api.stripe.com`, or who stands in for it.
    pub api_base: Url,
    /// `sk_…`, or better `rk_…`, a key that may do nothing else.
    pub secret_key: SecretString,
    /// What the payer reads that they pay for: nothing about them or the bill leaves the house.
    pub product_name: String,
    /// What one can pay with. Cards are charged or declined at once; others may take days.
    pub payment_methods: Vec<String>,
}

impl Stripe {
    /// The account of these settings.
    ///
    /// # Errors
    /// When no client can be made.
    pub fn new(settings: Settings) -> Result<Self, reqwest::Error> {
        Ok(Self { client: http::client(DEADLINE)?, settings })
    }

    /// Asks about a payment.
    pub async fn ask(&self, payment: &Payment, ask: &Ask, now: OffsetDateTime) -> Seen {
        let came = match ask {
            Ask::Create => return self.create(payment, now).await,
            Ask::Look(id) => self.look(id).await,
            Ask::Cancel(id) => match self.expire(id).await {
                // It is not open any more: how it stands says what it is instead.
                Came::Refused(_) => self.look(id).await,
                came => came,
            },
        };
        match came {
            Came::Record(session) => session.seen(payment),
            Came::Refused(refusal) => {
                refused(&payment.id, &refusal);
                Seen::NoAnswer
            }
            Came::Failed | Came::Nothing => Seen::NoAnswer,
        }
    }

    /// Has a refund made, or asks how it stands.
    pub async fn ask_refund(&self, payment: &Payment, refund: &Refund) -> RefundSeen {
        let came = match &refund.provider_id {
            Some(id) => self.call(self.get(&["refunds", id])).await,
            None => self.refund(payment, refund).await,
        };
        match came {
            Came::Record(record) => record.seen(payment, refund),
            Came::Refused(refusal) => {
                refused(&refund.id, &refusal);
                let made_none = refund.provider_id.is_none() && refusal.is_final();
                if made_none { RefundSeen::Refused } else { RefundSeen::NoAnswer }
            }
            Came::Failed | Came::Nothing => RefundSeen::NoAnswer,
        }
    }

    async fn create(&self, payment: &Payment, now: OffsetDateTime) -> Seen {
        let Some(form) = self.session(payment) else {
            tracing::error!(payment.id = %payment.id, "the amount cannot be said at the provider");
            return Seen::Refused;
        };
        let request = self.post(&SESSIONS).header("idempotency-key", format!("create-{}", payment.id));
        let refused_now = match self.call::<Session>(request.form(&form)).await {
            Came::Record(session) => return session.seen(payment),
            Came::Nothing => return Seen::NoAnswer,
            Came::Refused(refusal) => {
                refused(&payment.id, &refusal);
                refusal.is_final()
            }
            Came::Failed => false,
        };
        // An earlier call may have made it all the same: by now the key is forgotten, or says for a day that it failed.
        match self.find_session(payment).await {
            Found::This(session) => session.seen(payment),
            // Past its time a session that is still made is not one that can be paid.
            Found::None if refused_now || now >= payment.expires_at + SKEW => Seen::Refused,
            Found::None | Found::Unclear => Seen::NoAnswer,
        }
    }

    /// What a session is made of. The same at each call, or the key would be refused: nothing in it depends on when it is asked.
    fn session(&self, payment: &Payment) -> Option<Vec<(String, String)>> {
        let amount = amount::to_stripe(payment.currency, payment.amount)?;
        // There until the payment is over, and then nothing is made any more.
        let return_url = payment.return_url.clone()?;
        let line = |name: &str| format!("line_items[0]{name}");
        let mut form = vec![
            ("mode".to_owned(), "payment".to_owned()),
            ("client_reference_id".to_owned(), payment.id.to_string()),
            ("success_url".to_owned(), return_url.clone()),
            ("cancel_url".to_owned(), return_url),
            ("expires_at".to_owned(), payment.expires_at.unix_timestamp().to_string()),
            (line("[quantity]"), "1".to_owned()),
            (line("[price_data][currency]"), amount::code(payment.currency)),
            (line("[price_data][unit_amount]"), amount.to_string()),
            (line("[price_data][product_data][name]"), self.settings.product_name.clone()),
            // What is owed is charged, in its currency and at once.
            ("adaptive_pricing[enabled]".to_owned(), "false".to_owned()),
            ("payment_intent_data[capture_method]".to_owned(), "automatic".to_owned()),
            expand("payment_intent"),
        ];
        form.extend(record::written("", payment, None));
        form.extend(record::written("payment_intent_data", payment, None));
        let methods = self.settings.payment_methods.iter().enumerate();
        form.extend(methods.map(|(n, method)| (format!("payment_method_types[{n}]"), method.clone())));
        Some(form)
    }

    async fn look(&self, id: &str) -> Came<Session> {
        self.call(self.get(&["checkout", "sessions", id]).query(&[expand("payment_intent")])).await
    }

    /// Without a key: it has one effect by itself, and a failure that is said for a day would stand in the way.
    async fn expire(&self, id: &str) -> Came<Session> {
        let request = self.post(&["checkout", "sessions", id, "expire"]);
        self.call(request.form(&[expand("payment_intent")])).await
    }

    /// Stripe takes no session that ends within half an hour, so none is made later than its payment's end.
    async fn find_session(&self, payment: &Payment) -> Found<Session> {
        let query = [
            ("created[gte]", (payment.created_at - SKEW).unix_timestamp().to_string()),
            ("created[lte]", (payment.expires_at + SKEW).unix_timestamp().to_string()),
            ("expand[]", "data.payment_intent".to_owned()),
        ];
        self.find(&SESSIONS, &query, |session: &Session| session.is_of(payment)).await
    }

    /// Looks for a refund before it is made. The key alone would do for a day: after that a call that got no answer would be made anew.
    async fn refund(&self, payment: &Payment, refund: &Refund) -> Came<RefundRecord> {
        let Some(session_id) = &payment.provider_id else { return Came::Nothing };
        let Some(amount) = amount::to_stripe(payment.currency, refund.amount) else {
            return Came::Refused(RefusalError::ours("amount"));
        };
        let session = match self.look(session_id).await {
            Came::Record(session) => session,
            Came::Refused(refusal) => {
                refused(&payment.id, &refusal);
                return Came::Nothing;
            }
            Came::Failed | Came::Nothing => return Came::Nothing,
        };
        let Some(intent) = session.intent_id().filter(|_| session.is_of(payment)) else {
            tracing::error!(payment.id = %payment.id, "the provider shows another payment");
            return Came::Nothing;
        };
        let of_payment = [("payment_intent", intent.to_owned())];
        match self.find(&["refunds"], &of_payment, |one: &RefundRecord| one.is_of(refund)).await {
            Found::This(record) => return Came::Record(record),
            Found::None => {}
            Found::Unclear => return Came::Nothing,
        }
        let mut form = record::written("", payment, Some(refund));
        form.push(("payment_intent".to_owned(), intent.to_owned()));
        form.push(("amount".to_owned(), amount.to_string()));
        let request = self.post(&["refunds"]).header("idempotency-key", format!("refund-{}", refund.id));
        self.call(request.form(&form)).await
    }
}

fn expand(what: &str) -> (String, String) {
    ("expand[0]".to_owned(), what.to_owned())
}

/// Codes alone: messages repeat what was sent.
fn refused(id: &dyn std::fmt::Display, RefusalError { r#type: kind, code, param }: &RefusalError) {
    let (code, param) = (code.as_deref().unwrap_or_default(), param.as_deref().unwrap_or_default());
    tracing::error!(about = %id, kind, code, param, "the provider refuses what it should take");
}
