//! Events that a service could not apply or publish, as JSON.

pub mod discard;
pub mod get;
pub mod list;
pub mod redrive;

use proto::operations::v1::dead_letter_service_client::DeadLetterServiceClient;
use proto::operations::v1::{DeadLetter, DeadLetterSource};
use rpc_error::{Code, Error, reason};
use serde::{Deserialize, Serialize};
use service::channel::Channel;
use utoipa::ToSchema;

use crate::http::notifications::rfc3339;
use crate::services::Services;

/// A service that has dead letters.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Owner {
    /// Documents and their verdicts.
    Document,
    /// Recipients, feeds and deliveries.
    Notification,
    /// Bills, payments and the books.
    Payment,
}

impl Owner {
    fn parse(name: &str) -> Result<Self, Error> {
        match name {
            "document" => Ok(Self::Document),
            "notification" => Ok(Self::Notification),
            "payment" => Ok(Self::Payment),
            // A service that does not exist has no dead letters.
            _ => {
                Err(Error::new(Code::NotFound, reason::DEAD_LETTER_NOT_FOUND, "there is no such dead letter"))
            }
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Document => "document",
            Self::Notification => "notification",
            Self::Payment => "payment",
        }
    }

    fn client(self, services: &Services) -> DeadLetterServiceClient<Channel> {
        match self {
            Self::Document => services.document_letters.clone(),
            Self::Notification => services.notification_letters.clone(),
            Self::Payment => services.payment_letters.clone(),
        }
    }
}

/// An event or record that a service has set aside.
#[derive(Debug, Serialize, ToSchema)]
pub struct DeadLetterView {
    /// Opaque id within the service.
    id: String,
    /// The service that set it aside.
    service: Owner,
    /// `inbox`: received and not applied; `outbox`: never publishable as it is. More may come.
    source: &'static str,
    /// Consumer group that parked it; `null` for the outbox.
    group: Option<String>,
    /// Topic it came from or is for.
    topic: String,
    /// Partition it came from; 0 for the outbox.
    partition: i32,
    /// Offset in the partition; 0 for the outbox.
    offset: i64,
    /// UUIDv7 of the event; `null` for a record that is no event.
    event_id: Option<String>,
    /// CloudEvents type; `null` where there is none.
    #[serde(rename = "type")]
    kind: Option<String>,
    /// Key whose order matters; `null` where there is none.
    key: Option<String>,
    /// Why, UPPER_SNAKE_CASE; `BEHIND_PARKED` for one that only waits for an earlier one of its key.
    reason: String,
    /// Which rule was broken; `null` where nothing more is known.
    detail: Option<String>,
    /// How often it was tried; 0 for the outbox, which does not count.
    attempts: i32,
    /// Size of the payload, bytes.
    payload_bytes: i64,
    /// RFC 3339, UTC.
    parked_at: Option<String>,
    /// What can be done now.
    #[serde(rename = "_links")]
    links: Links,
}

/// Links that are not possible now are `null`.
#[derive(Debug, Serialize, ToSchema)]
pub struct Links {
    /// This dead letter, with headers and message.
    #[serde(rename = "self")]
    own: String,
    /// `POST` with a selection to apply dead letters after all.
    redrive: String,
    /// `POST` with a reason to remove it.
    discard: String,
}

impl DeadLetterView {
    fn new(service: Owner, letter: DeadLetter) -> Self {
        let (some, base) =
            (|text: String| Some(text).filter(|text| !text.is_empty()), "/v1/staff/dead-letters");
        let own = format!("{base}/{}/{}", service.name(), letter.id);
        Self {
            source: match letter.source() {
                DeadLetterSource::Unspecified => "unknown",
                DeadLetterSource::Inbox => "inbox",
                DeadLetterSource::Outbox => "outbox",
            },
            links: Links { redrive: format!("{base}/redrive"), discard: format!("{own}/discard"), own },
            id: letter.id,
            service,
            group: some(letter.group),
            topic: letter.topic,
            partition: letter.partition,
            offset: letter.offset,
            event_id: some(letter.event_id),
            kind: some(letter.r#type),
            key: some(letter.key),
            reason: letter.reason,
            detail: some(letter.detail),
            attempts: letter.attempts,
            payload_bytes: letter.payload_bytes,
            parked_at: letter.parked_at.and_then(rfc3339),
        }
    }
}
