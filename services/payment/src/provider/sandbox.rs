//! The provider of `sandbox/psp`: its README has the whole API.

use std::time::Duration;

use providers::http::{self, Answer, CallError, told};
use reqwest::{Client, Method, RequestBuilder, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::json;
use url::Url;

use super::About;
use crate::domain::{Ask, Payment, Refund, RefundSeen, RefundState, Seen, Standing};

mod books;

const DEADLINE: Duration = Duration::from_secs(10);
/// Bytes of an answer that are read.
const MOST_BYTES: usize = 256 * 1024;

/// An account there.
#[derive(Clone, Debug)]
pub struct Sandbox {
    client: Client,
    url: Url,
    api_key: SecretString,
    callback_url: Option<Url>,
}

/// A payment as the provider shows it, as far as it is looked at.
#[derive(Debug, Deserialize)]
struct Record {
    id: String,
    state: String,
    amount: i64,
    currency: String,
    reference: String,
    amount_captured: i64,
    checkout_url: Option<String>,
    failure: Option<Failure>,
}

#[derive(Debug, Deserialize)]
struct Failure {
    code: String,
}

#[derive(Debug, Deserialize)]
struct RefundRecord {
    id: String,
    state: String,
    amount: i64,
}

#[derive(Debug, Deserialize)]
struct Refusal {
    error: RefusalError,
}

#[derive(Debug, Deserialize)]
struct RefusalError {
    code: String,
}

/// What came of a call: what was asked for, or the code by which it was refused.
type Came<T> = http::Came<T, String>;

impl Sandbox {
    /// The account of this key.
    ///
    /// # Errors
    /// When no client can be made.
    pub fn new(url: Url, api_key: SecretString, callback_url: Option<Url>) -> Result<Self, reqwest::Error> {
        Ok(Self { client: http::client(DEADLINE)?, url, api_key, callback_url })
    }

    /// Asks about a payment.
    pub async fn ask(&self, payment: &Payment, ask: &Ask) -> Seen {
        let came = match ask {
            Ask::Create => self.create(payment).await,
            Ask::Look(id) => self.look(id).await,
            Ask::Cancel(id) => {
                let request = self.post(&["payments", id, "cancel"], &format!("cancel-{}", payment.id));
                match self.call(request).await {
                    // It cannot be cancelled any more, or not now: how it stands says what it is instead.
                    Came::Refused(_) => self.look(id).await,
                    came => came,
                }
            }
        };
        match came {
            Came::Record(record) => read(payment, record),
            Came::Refused(code) if *ask == Ask::Create && code == "field_invalid" => Seen::Refused,
            Came::Refused(code) => {
                tracing::error!(payment.id = %payment.id, code, "the provider refuses what it should take");
                Seen::NoAnswer
            }
            Came::Nothing => Seen::NoAnswer,
        }
    }

    /// Has a refund made, or asks how it stands.
    pub async fn ask_refund(&self, payment: &Payment, refund: &Refund) -> RefundSeen {
        let Some(payment_id) = &payment.provider_id else { return RefundSeen::NoAnswer };
        let came: Came<RefundRecord> = match &refund.provider_id {
            Some(id) => self.call(self.request(Method::GET, &["refunds", id])).await,
            None => {
                let request = self.post(&["payments", payment_id, "refunds"], &refund.id.to_string());
                let asked = json!({ "amount": refund.amount, "reference": refund.id });
                self.call(request.json(&asked)).await
            }
        };
        match came {
            Came::Record(record) if record.amount == refund.amount => {
                let state = match &*record.state {
                    "pending" => RefundState::Submitted,
                    "succeeded" => RefundState::Completed,
                    "failed" => RefundState::Failed,
                    _ => return RefundSeen::NoAnswer,
                };
                RefundSeen::Record { provider_id: record.id, state }
            }
            Came::Record(_) => {
                tracing::error!(refund.id = %refund.id, "the provider refunds another amount");
                RefundSeen::NoAnswer
            }
            Came::Refused(code) if matches!(&*code, "field_invalid" | "amount_above_available" | "state") => {
                RefundSeen::Refused
            }
            Came::Refused(code) => {
                tracing::error!(refund.id = %refund.id, code, "the provider refuses what it should take");
                RefundSeen::NoAnswer
            }
            Came::Nothing => RefundSeen::NoAnswer,
        }
    }

    async fn create(&self, payment: &Payment) -> Came<Record> {
        let lasts = (payment.expires_at - payment.created_at).whole_seconds();
        let asked = json!({
            "amount": payment.amount,
            "currency": payment.currency.as_str(),
            "reference": payment.id,
            "return_url": payment.return_url,
            "notify_url": self.callback_url,
            "expires_in_seconds": lasts,
        });
        self.call(self.post(&["payments"], &payment.id.to_string()).json(&asked)).await
    }

    async fn look(&self, id: &str) -> Came<Record> {
        self.call(self.request(Method::GET, &["payments", id])).await
    }

    fn post(&self, path: &[&str], key: &str) -> RequestBuilder {
        self.request(Method::POST, path).header("idempotency-key", key)
    }

    fn request(&self, method: Method, path: &[&str]) -> RequestBuilder {
        let mut url = self.url.clone();
        // A base URL without a path to extend is refused where it is called.
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().push("v1").extend(path);
        }
        self.client.request(method, url).bearer_auth(self.api_key.expose_secret())
    }

    async fn call<T: DeserializeOwned>(&self, request: RequestBuilder) -> Came<T> {
        told(Self::answer(request).await)
    }

    async fn answer<T: DeserializeOwned>(request: RequestBuilder) -> Result<Came<T>, CallError> {
        match Self::file(request, MOST_BYTES).await? {
            Came::Record(body) => Ok(Came::Record(serde_json::from_slice(&body)?)),
            Came::Refused(code) => Ok(Came::Refused(code)),
            Came::Nothing => Ok(Came::Nothing),
        }
    }

    /// What was answered, unread; of a refusal its code.
    async fn file(request: RequestBuilder, most_bytes: usize) -> Result<Came<Vec<u8>>, CallError> {
        let Answer { status, body } = http::send(request, most_bytes).await?;
        match status {
            StatusCode::OK | StatusCode::CREATED => Ok(Came::Record(body)),
            StatusCode::BAD_REQUEST
            | StatusCode::NOT_FOUND
            | StatusCode::CONFLICT
            | StatusCode::UNPROCESSABLE_ENTITY => {
                Ok(Came::Refused(serde_json::from_slice::<Refusal>(&body)?.error.code))
            }
            _ => Err(CallError::Status(status)),
        }
    }
}

/// What a record means for a payment. One that is of another payment means nothing.
fn read(payment: &Payment, record: Record) -> Seen {
    let Record { id, state, amount, currency, reference, amount_captured, checkout_url, failure } = record;
    let same = reference == payment.id.to_string()
        && amount == payment.amount
        && currency == payment.currency.as_str()
        && (1..=255).contains(&id.len());
    if !same {
        tracing::error!(payment.id = %payment.id, "the provider shows another payment");
        return Seen::NoAnswer;
    }
    let standing = match &*state {
        "created" | "challenged" => match checkout_url {
            Some(next_url) if next_url.len() <= 2_000 && Url::parse(&next_url).is_ok() => {
                Standing::Open { next_url }
            }
            _ => return Seen::NoAnswer,
        },
        "processing" | "authorised" => Standing::Charging,
        "captured" => Standing::Charged { amount: amount_captured, charge_id: None },
        "cancelled" => Standing::Cancelled,
        "expired" => Standing::Expired,
        "failed" => match failure.as_ref().map(|failure| &*failure.code) {
            Some("processing_error") => Standing::Broken,
            _ => Standing::Declined,
        },
        _ => return Seen::NoAnswer,
    };
    Seen::Record { provider_id: id, standing }
}

/// What a callback is about; `None` where it is no callback.
pub(super) fn about(body: &[u8]) -> Option<About> {
    #[derive(Deserialize)]
    struct Body {
        r#type: String,
        data: Data,
    }
    #[derive(Deserialize)]
    struct Data {
        payment: Named,
    }
    #[derive(Deserialize)]
    struct Named {
        id: String,
        reference: String,
    }
    let Body { r#type: kind, data: Data { payment } } = serde_json::from_slice(body).ok()?;
    let ours = payment.reference.parse().ok();
    Some(About { event: None, kind, reference: Some(payment.id), payment: ours, charge: None })
}
