//! One event of Guildhall.

use ids::{EventId, Tenant};
use time::OffsetDateTime;

/// A CloudEvent 1.0 with a protobuf message as its data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CloudEvent {
    /// `ce_id`: consumers drop by it what they have applied.
    pub id: EventId,
    /// `ce_type`, for example `guildhall.document.ready.v1`.
    pub type_: String,
    /// `ce_source`: who says so, a URI reference, for example `/guildhall/document`.
    pub source: String,
    /// `ce_subject`: id of the thing that the event is about.
    pub subject: String,
    /// `ce_time`: when it happened.
    pub time: OffsetDateTime,
    /// `ce_tenant`: whose it is.
    pub tenant: Tenant,
    /// `ce_dataschema`: which message `payload` is, as [`dataschema`] spells it.
    pub dataschema: String,
    /// `traceparent` of W3C Trace Context, if the sender was traced.
    pub traceparent: Option<String>,
    /// Key of the record: events of one key come in the order in which they happened.
    pub key: String,
    /// The encoded message.
    pub payload: Vec<u8>,
}

/// URI that names the protobuf message `M`: `proto:guildhall.document.v1.DocumentReady`.
#[must_use]
pub fn dataschema<M: prost::Name>() -> String {
    format!("proto:{}", M::full_name())
}

impl CloudEvent {
    /// Reads the payload.
    ///
    /// # Errors
    /// When the event says that it carries another message, or the bytes are not one.
    pub fn decode<M: prost::Name + Default>(&self) -> Result<M, DecodeError> {
        if self.dataschema != dataschema::<M>() {
            return Err(DecodeError::Schema { expected: dataschema::<M>() });
        }
        Ok(M::decode(self.payload.as_slice())?)
    }
}

/// The payload of an event cannot be read. No retry will change that.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// `ce_dataschema` names another message.
    #[error("the event's data is not {expected}")]
    Schema {
        /// What was to be read.
        expected: String,
    },
    /// The bytes are not the message that they are said to be.
    #[error("the event's data is not a message of its schema")]
    Bytes(#[from] prost::DecodeError),
}
