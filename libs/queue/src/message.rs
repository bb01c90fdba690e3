//! What is sent, and how much of it waits.

use std::collections::HashMap;

use aws_sdk_sqs::types::MessageAttributeValue;

use crate::Job;

/// A message to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outgoing {
    /// The body, for example [`Job::to_json`]; at most 256 KiB.
    pub body: String,
    /// String attributes: `traceparent`, `x-request-id`. At most ten; empty values are left out.
    pub attributes: Vec<(String, String)>,
}

impl Outgoing {
    /// The message of a job, without attributes.
    #[must_use]
    pub fn job(job: &Job) -> Self {
        Self::body(job.to_json())
    }

    /// A message with this body, as an outbox stored it.
    pub fn body(body: impl Into<String>) -> Self {
        Self { body: body.into(), attributes: Vec::new() }
    }

    /// The same message with the W3C trace context of whoever caused the job.
    #[must_use]
    pub fn traceparent(self, traceparent: Option<&str>) -> Self {
        self.attribute("traceparent", traceparent.unwrap_or_default())
    }

    /// The same message with one more attribute.
    #[must_use]
    pub fn attribute(mut self, name: &str, value: &str) -> Self {
        if !value.is_empty() {
            self.attributes.push((name.to_owned(), value.to_owned()));
        }
        self
    }

    pub(crate) fn sdk_attributes(&self) -> Option<HashMap<String, MessageAttributeValue>> {
        let map: HashMap<_, _> = self
            .attributes
            .iter()
            .filter_map(|(name, value)| {
                let value =
                    MessageAttributeValue::builder().data_type("String").string_value(value).build().ok()?;
                Some((name.clone(), value))
            })
            .collect();
        (!map.is_empty()).then_some(map)
    }
}

/// How many messages a queue holds. SQS calls these numbers approximate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Depth {
    /// Waiting to be received.
    pub waiting: u64,
    /// Received, and neither deleted nor visible again.
    pub in_flight: u64,
    /// Sent with a delay that has not ended.
    pub delayed: u64,
}

impl Depth {
    /// All of them.
    #[must_use]
    pub fn total(self) -> u64 {
        self.waiting + self.in_flight + self.delayed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_attributes_are_left_out() {
        let message = Outgoing::body("{}").traceparent(None).attribute("x-request-id", "r1");
        assert_eq!(message.attributes, [("x-request-id".to_owned(), "r1".to_owned())]);
    }
}
