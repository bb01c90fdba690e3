//! CloudEvents' Kafka binding, binary mode: attributes as headers `ce_*`, data as the payload.

use std::fmt::Display;
use std::str::FromStr;

use rdkafka::message::{Header, OwnedHeaders};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::{CloudEvent, Record};

const SPEC_VERSION: &str = "1.0";
const CONTENT_TYPE: &str = "application/protobuf";
/// Longer attributes are refused: they are names and ids, and land in rows and logs.
const MAX_ATTRIBUTE: usize = 512;

/// Why a record is no event. Names headers and rules, never values: they may be anything.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// A header that must be there is not.
    #[error("header {0} is missing")]
    Missing(&'static str),
    /// A header came more than once.
    #[error("header {0} is there more than once")]
    Repeated(&'static str),
    /// A header's value breaks its rule.
    #[error("header {name} {rule}")]
    Invalid {
        /// Name of the header.
        name: &'static str,
        /// What its value must be.
        rule: String,
    },
    /// A header's name is not UTF-8.
    #[error("a header's name is not UTF-8")]
    HeaderName,
    /// There is no key, or it is not 1 to 512 bytes of UTF-8 without control characters.
    #[error("the key must be 1 to 512 bytes of text")]
    Key,
    /// There is no payload.
    #[error("the payload is missing")]
    Payload,
}

impl Malformed {
    /// A stable name for rows, metrics and dead letters.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Missing(_) => "EVENT_HEADER_MISSING",
            Self::Repeated(_) => "EVENT_HEADER_REPEATED",
            Self::Invalid { .. } | Self::HeaderName => "EVENT_HEADER_INVALID",
            Self::Key => "EVENT_KEY_INVALID",
            Self::Payload => "EVENT_PAYLOAD_MISSING",
        }
    }
}

/// What `traceparent` a record gets.
#[derive(Clone, Copy, Debug)]
pub enum Tracing<'a> {
    /// The event's own.
    AsIs,
    /// That of the span that sends it on, so that the receiver's spans hang below it.
    Through(&'a str),
}

impl CloudEvent {
    /// The headers of the event's record.
    #[must_use]
    pub fn headers(&self, tracing: Tracing<'_>) -> OwnedHeaders {
        // Written with the `time` crate's own constants; only years beyond 9999 cannot be.
        let time = self.time.format(&Rfc3339).unwrap_or_default();
        let traceparent = match tracing {
            Tracing::AsIs => self.traceparent.as_deref(),
            Tracing::Through(span) => Some(span),
        };
        [
            ("ce_specversion", Some(SPEC_VERSION)),
            ("ce_id", Some(self.id.to_string().as_str())),
            ("ce_type", Some(self.type_.as_str())),
            ("ce_source", Some(self.source.as_str())),
            ("ce_subject", Some(self.subject.as_str())),
            ("ce_time", Some(time.as_str())),
            ("ce_tenant", Some(self.tenant.as_str())),
            ("ce_dataschema", Some(self.dataschema.as_str())),
            ("content-type", Some(CONTENT_TYPE)),
            ("traceparent", traceparent),
        ]
        .into_iter()
        .fold(OwnedHeaders::new_with_capacity(10), |headers, (key, value)| match value {
            Some(_) => headers.insert(Header { key, value }),
            None => headers,
        })
    }

    /// Reads a record, and refuses whatever is not exactly an event of ours. Headers it does not know are ignored, as
    /// is a `traceparent` that is none: tracing stops nothing.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn parse(record: &Record) -> Result<Self, Malformed> {
        if record.headers_lost {
            return Err(Malformed::HeaderName);
        }
        let headers = record.headers.iter().map(|(name, value)| (name.as_str(), value.as_deref()));
        let headers: Vec<_> = headers.collect();
        let (key, payload) = (record.key.as_deref(), record.payload.as_deref());
        Self::read(Parts { key, payload, headers: &headers })
    }

    /// [`CloudEvent::parse`] of a record that is still in the client's memory.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn read(parts: Parts<'_>) -> Result<Self, Malformed> {
        exactly(parts, "ce_specversion", SPEC_VERSION)?;
        exactly(parts, "content-type", CONTENT_TYPE)?;
        let event = Self {
            id: parsed(parts, "ce_id")?,
            type_: text(parts, "ce_type")?,
            source: text(parts, "ce_source")?,
            subject: text(parts, "ce_subject")?,
            time: time(parts)?,
            tenant: parsed(parts, "ce_tenant")?,
            dataschema: text(parts, "ce_dataschema")?,
            traceparent: parts.header("traceparent").filter(|text| is_traceparent(text)).map(str::to_owned),
            key: key(parts)?,
            payload: parts.payload.ok_or(Malformed::Payload)?.to_vec(),
        };
        Ok(event)
    }
}

/// What a record is made of, wherever that is.
#[derive(Clone, Copy, Debug)]
pub struct Parts<'r> {
    /// Key, if there is one.
    pub key: Option<&'r [u8]>,
    /// Payload; `None` is a tombstone.
    pub payload: Option<&'r [u8]>,
    /// Headers in their order; a name may come twice, a value may be null.
    pub headers: &'r [(&'r str, Option<&'r [u8]>)],
}

impl<'r> Parts<'r> {
    /// The value of a header as text, where it is there exactly once and is UTF-8.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&'r str> {
        let mut found = self.headers.iter().filter(|(key, _)| *key == name);
        let (_, value) = found.next()?;
        if found.next().is_some() {
            return None;
        }
        std::str::from_utf8((*value)?).ok()
    }
}

fn value<'r>(parts: Parts<'r>, name: &'static str) -> Result<&'r str, Malformed> {
    let mut found = parts.headers.iter().filter(|(key, _)| *key == name);
    let value = found.next().and_then(|(_, value)| *value).ok_or(Malformed::Missing(name))?;
    if found.next().is_some() {
        return Err(Malformed::Repeated(name));
    }
    std::str::from_utf8(value).map_err(|_| Malformed::Invalid { name, rule: "must be UTF-8".to_owned() })
}

fn text(parts: Parts<'_>, name: &'static str) -> Result<String, Malformed> {
    let value = value(parts, name)?;
    if is_text(value) {
        Ok(value.to_owned())
    } else {
        let rule = format!("must be 1 to {MAX_ATTRIBUTE} bytes without control characters");
        Err(Malformed::Invalid { name, rule })
    }
}

fn is_text(value: &str) -> bool {
    (1..=MAX_ATTRIBUTE).contains(&value.len()) && !value.contains(char::is_control)
}

fn parsed<T: FromStr<Err: Display>>(parts: Parts<'_>, name: &'static str) -> Result<T, Malformed> {
    value(parts, name)?.parse().map_err(|rule: T::Err| Malformed::Invalid { name, rule: rule.to_string() })
}

fn exactly(parts: Parts<'_>, name: &'static str, wanted: &str) -> Result<(), Malformed> {
    if value(parts, name)? == wanted {
        Ok(())
    } else {
        Err(Malformed::Invalid { name, rule: format!("must be {wanted}") })
    }
}

fn time(parts: Parts<'_>) -> Result<OffsetDateTime, Malformed> {
    let name = "ce_time";
    OffsetDateTime::parse(value(parts, name)?, &Rfc3339)
        .map_err(|_| Malformed::Invalid { name, rule: "must be an RFC 3339 time".to_owned() })
}

fn key(parts: Parts<'_>) -> Result<String, Malformed> {
    let key = parts.key.and_then(|key| std::str::from_utf8(key).ok());
    key.filter(|key| is_text(key)).map(str::to_owned).ok_or(Malformed::Key)
}

/// Version 00 of W3C Trace Context: `00-<32 hex>-<16 hex>-<2 hex>`, ids not all zero.
fn is_traceparent(text: &str) -> bool {
    let hex = |part: &str, len| {
        part.len() == len && part.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
    };
    let id = |part: &str, len| hex(part, len) && part.bytes().any(|b| b != b'0');
    let mut parts = text.split('-');
    let mut next = || parts.next().unwrap_or_default();
    next() == "00" && id(next(), 32) && id(next(), 16) && hex(next(), 2) && parts.next().is_none()
}

#[cfg(test)]
mod tests;
