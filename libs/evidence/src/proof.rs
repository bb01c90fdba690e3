//! Proofs that events are in a chain, for whoever has only the public keys.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ids::Tenant;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::checkpoint::hex_digest;
use crate::{Chain, Checkpoint, Digest, Event, PublicKeys};

/// Events, and what leads from the first of them to the checkpoint behind the last.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Proof {
    /// The place before the first digest.
    pub after: i64,
    /// Hash of the entry at that place.
    #[serde(with = "hex_digest")]
    pub prev: Digest,
    /// Digests of the entries from there to the checkpoint.
    pub digests: Vec<Hex>,
    /// Events by their place.
    pub events: BTreeMap<i64, Shown>,
    /// What the chain had come to, signed.
    pub checkpoint: Checkpoint,
}

/// A digest in hexadecimal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Hex(#[serde(with = "hex_digest")] pub Digest);

/// An event as a proof shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shown {
    /// Its id.
    pub event_id: String,
    /// Its type.
    #[serde(rename = "type")]
    pub type_: String,
    /// What it is about.
    pub subject: String,
    /// When it happened.
    #[serde(with = "time::serde::rfc3339")]
    pub time: OffsetDateTime,
    /// Which message the body is.
    pub schema: String,
    /// The message, base64.
    pub body: String,
}

impl From<&Event> for Shown {
    fn from(event: &Event) -> Self {
        Self {
            event_id: event.id.to_string(),
            type_: event.type_.clone(),
            subject: event.subject.clone(),
            time: event.time,
            schema: event.schema.clone(),
            body: STANDARD.encode(&event.body),
        }
    }
}

impl Shown {
    /// The event; `None` where a field is none that an event has.
    #[must_use]
    pub fn event(&self) -> Option<Event> {
        let event = Event {
            id: self.event_id.parse().ok()?,
            type_: self.type_.clone(),
            subject: self.subject.clone(),
            time: self.time,
            schema: self.schema.clone(),
            body: STANDARD.decode(&self.body).ok()?,
        };
        // One spelling only, so that what is shown is what was signed.
        (Self::from(&event) == *self).then_some(event)
    }
}

impl Proof {
    /// Whether each event happened in this order, as far as who signed the checkpoint is to be believed.
    #[must_use]
    pub fn holds(&self, keys: &PublicKeys, service: &str) -> bool {
        let Ok(tenant) = self.checkpoint.tenant.parse::<Tenant>() else { return false };
        let chain = Chain { service: service.to_owned(), tenant };
        if self.after < 0 || self.digests.is_empty() || !self.checkpoint.is_genuine(keys, &chain) {
            return false;
        }
        let (mut seq, mut hash, mut met) = (self.after, self.prev, 0);
        for Hex(digest) in &self.digests {
            let Some(next) = seq.checked_add(1) else { return false };
            seq = next;
            hash = chain.link(seq, &hash, digest);
            if let Some(shown) = self.events.get(&seq) {
                met += 1;
                if shown.event().is_none_or(|event| event.digest() != *digest) {
                    return false;
                }
            }
        }
        met == self.events.len() && seq == self.checkpoint.seq && hash == self.checkpoint.hash
    }
}
