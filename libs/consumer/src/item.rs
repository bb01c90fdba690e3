//! A record with what was read from it, as a partition queues it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use kafka::rdkafka::message::{Headers as _, Message};
use kafka::{CloudEvent, Malformed, Parts, Record};

use crate::lane::{Arrival, Kind};
use crate::partition::Place;

/// What an item weighs beside its payload and headers: the attributes of an event are pieces of memory of their own.
const OVERHEAD: usize = 1_024;

/// A record that was received.
#[derive(Debug)]
pub(crate) struct Item {
    pub(crate) place: Place,
    pub(crate) offset: i64,
    pub(crate) content: Content,
}

#[derive(Debug)]
pub(crate) enum Content {
    /// No handler wants its type. That stops nothing, however broken it is beyond that.
    Unwanted,
    /// An event, and its headers as they came.
    Event(CloudEvent, RawHeaders),
    /// A record that is no event.
    Malformed(Record, Malformed),
}

impl Item {
    /// Copies a message out of the client's memory. `handles` decides by the type alone, so that a group parks nothing
    /// that it would not have applied.
    pub(crate) fn read(message: &impl Message, place: Place, handles: impl Fn(&str) -> bool) -> Self {
        Self { place, offset: message.offset(), content: Content::read(message, handles) }
    }

    /// Makes it ready for its partition's queue; `known` remembers the last tenant.
    pub(crate) fn arrival(self, known: &mut Option<Arc<str>>) -> Arrival<Arc<Self>> {
        let (kind, tenant, weight) = match &self.content {
            Content::Unwanted => (Kind::Ignored, None, 0),
            Content::Event(event, headers) => {
                (Kind::Event, Some(event.tenant.as_str()), event.payload.len() + headers.0.len())
            }
            Content::Malformed(record, _) => (Kind::Alone, record.header("ce_tenant"), weigh(record)),
        };
        let tenant = tenant.map(|tenant| match known {
            Some(known) if **known == *tenant => Arc::clone(known),
            _ => Arc::clone(known.insert(tenant.into())),
        });
        Arrival { offset: self.offset, weight: OVERHEAD + weight, tenant, kind, record: Arc::new(self) }
    }

    /// The event, if it is one that some handler wants.
    pub(crate) fn event(&self) -> Option<&CloudEvent> {
        match &self.content {
            Content::Event(event, _) => Some(event),
            Content::Unwanted | Content::Malformed(..) => None,
        }
    }

    /// The tenant that the record names.
    pub(crate) fn tenant(&self) -> Option<&str> {
        match &self.content {
            Content::Event(event, _) => Some(event.tenant.as_str()),
            Content::Malformed(record, _) => record.header("ce_tenant"),
            Content::Unwanted => None,
        }
    }

    /// The record as it came.
    pub(crate) fn record(&self) -> Record {
        let (topic, partition) = &self.place;
        let place = Record {
            topic: topic.to_string(),
            partition: *partition,
            offset: self.offset,
            ..Record::default()
        };
        match &self.content {
            Content::Malformed(record, _) => record.clone(),
            Content::Event(event, headers) => Record {
                key: Some(event.key.clone().into_bytes()),
                payload: Some(event.payload.clone()),
                headers: headers.unpack(),
                ..place
            },
            Content::Unwanted => place,
        }
    }
}

impl Content {
    fn read(message: &impl Message, handles: impl Fn(&str) -> bool) -> Self {
        // The client panics on a header's name that is not UTF-8, which anybody who may write to the topic can send.
        let headers = catch_unwind(AssertUnwindSafe(|| {
            let headers = message.headers();
            let headers = headers.into_iter().flat_map(|headers| headers.iter());
            headers.map(|header| (header.key, header.value)).collect::<Vec<_>>()
        }));
        let Ok(headers) = headers else {
            return Self::Malformed(Record::from_message(message), Malformed::HeaderName);
        };
        let parts = Parts { key: message.key(), payload: message.payload(), headers: &headers };
        if parts.header("ce_type").is_some_and(|type_| !handles(type_)) {
            return Self::Unwanted;
        }
        match CloudEvent::read(parts) {
            Ok(event) => Self::Event(event, RawHeaders::pack(&headers)),
            Err(malformed) => Self::Malformed(Record::from_message(message), malformed),
        }
    }
}

fn weigh(record: &Record) -> usize {
    let bytes = |bytes: &Option<Vec<u8>>| bytes.as_ref().map_or(0, Vec::len);
    let headers: usize = record.headers.iter().map(|(name, value)| name.len() + bytes(value)).sum();
    bytes(&record.key) + bytes(&record.payload) + headers
}

/// Headers in one piece of memory, because they are wanted again only when a record is parked: for each one the length
/// of its name, the name, the length of its value plus one, or zero for null, and the value.
#[derive(Debug)]
pub(crate) struct RawHeaders(Vec<u8>);

impl RawHeaders {
    fn pack(headers: &[(&str, Option<&[u8]>)]) -> Self {
        let length = |(name, value): &(&str, Option<&[u8]>)| 8 + name.len() + value.map_or(0, <[u8]>::len);
        let mut packed = Vec::with_capacity(headers.iter().map(length).sum());
        // A message's size is an `i32` in the protocol.
        let mut put = |length: usize, bytes: &[u8]| {
            packed.extend(u32::try_from(length).unwrap_or(u32::MAX).to_le_bytes());
            packed.extend(bytes);
        };
        for (name, value) in headers {
            put(name.len(), name.as_bytes());
            put(value.map_or(0, |value| value.len() + 1), value.unwrap_or_default());
        }
        Self(packed)
    }

    fn unpack(&self) -> Vec<(String, Option<Vec<u8>>)> {
        let mut rest = &self.0[..];
        let mut headers = Vec::new();
        while let Some(name) = length(&mut rest).and_then(|length| bytes(&mut rest, length)) {
            let value = length(&mut rest).unwrap_or(0);
            let value = value.checked_sub(1).and_then(|length| bytes(&mut rest, length));
            headers.push((String::from_utf8_lossy(name).into_owned(), value.map(<[u8]>::to_vec)));
        }
        headers
    }
}

fn length(rest: &mut &[u8]) -> Option<usize> {
    let (length, later) = rest.split_first_chunk()?;
    *rest = later;
    usize::try_from(u32::from_le_bytes(*length)).ok()
}

fn bytes<'r>(rest: &mut &'r [u8], length: usize) -> Option<&'r [u8]> {
    let (bytes, later) = rest.split_at_checked(length)?;
    *rest = later;
    Some(bytes)
}
