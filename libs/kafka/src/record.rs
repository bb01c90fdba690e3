//! A Kafka record as it came, before anything is believed of it.

use std::panic::{AssertUnwindSafe, catch_unwind};

use rdkafka::message::{Header, Headers as _, Message, OwnedHeaders};

/// A record of a topic: bytes and where they stood.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Record {
    /// Topic, with the environment's prefix.
    pub topic: String,
    /// Partition of the topic.
    pub partition: i32,
    /// Offset in the partition.
    pub offset: i64,
    /// Key, if there is one.
    pub key: Option<Vec<u8>>,
    /// Payload; `None` is a tombstone.
    pub payload: Option<Vec<u8>>,
    /// Headers in their order; a name may come twice, a value may be null.
    pub headers: Vec<(String, Option<Vec<u8>>)>,
    /// The names of some headers were not UTF-8, so that `headers` is not all there was.
    pub headers_lost: bool,
}

impl Record {
    /// Copies a message out of the client's memory.
    pub fn from_message(message: &impl Message) -> Self {
        // The client panics on a header's name that is not UTF-8, which anybody who may write to the topic can send.
        let headers = catch_unwind(AssertUnwindSafe(|| {
            let headers = message.headers();
            let headers = headers.into_iter().flat_map(|headers| headers.iter());
            headers.map(|header| (header.key.to_owned(), header.value.map(<[u8]>::to_vec))).collect()
        }));
        Self {
            topic: message.topic().to_owned(),
            partition: message.partition(),
            offset: message.offset(),
            key: message.key().map(<[u8]>::to_vec),
            payload: message.payload().map(<[u8]>::to_vec),
            headers_lost: headers.is_err(),
            headers: headers.unwrap_or_default(),
        }
    }

    /// The headers in the client's own form, for sending the record on.
    #[must_use]
    pub fn owned_headers(&self) -> OwnedHeaders {
        let empty = OwnedHeaders::new_with_capacity(self.headers.len());
        self.headers.iter().fold(empty, |headers, (key, value)| {
            headers.insert(Header { key: key.as_str(), value: value.as_ref() })
        })
    }

    /// The value of a header as text, where it is there exactly once and is UTF-8.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut found = self.headers.iter().filter(|(key, _)| key == name);
        let (_, value) = found.next()?;
        if found.next().is_some() {
            return None;
        }
        std::str::from_utf8(value.as_deref()?).ok()
    }
}
