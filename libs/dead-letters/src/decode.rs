//! Messages as JSON, by the descriptors of this build.

use prost_reflect::{DescriptorPool, DynamicMessage};

/// What the outbox says of a job.
const JOB: &str = "json:job";

/// The messages of `proto/`.
#[derive(Clone, Debug)]
pub(crate) struct Messages(DescriptorPool);

/// The build's own descriptors cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("the descriptors of the messages cannot be read")]
pub struct Error(#[from] prost_reflect::DescriptorError);

impl Messages {
    pub(crate) fn known() -> Result<Self, Error> {
        Ok(Self(DescriptorPool::decode(proto::FILE_DESCRIPTOR_SET)?))
    }

    /// The message's full name and its JSON, where the schema is one of ours and the bytes are one; of a job, `job`.
    pub(crate) fn json(&self, dataschema: &str, payload: &[u8]) -> Option<(String, String)> {
        if dataschema == JOB {
            let job = queue::Job::parse(std::str::from_utf8(payload).ok()?).ok()?;
            return Some(("job".to_owned(), job.to_json()));
        }
        let message = self.0.get_message_by_name(dataschema.strip_prefix("proto:")?)?;
        let name = message.full_name().to_owned();
        let decoded = DynamicMessage::decode(message, payload).ok()?;
        Some((name, serde_json::to_string(&decoded).ok()?))
    }
}

#[cfg(test)]
mod tests {
    use prost::Message as _;
    use proto::document::v1::DocumentReady;

    use super::Messages;

    #[test]
    fn a_message_of_ours_is_read_and_no_other() {
        let messages = Messages::known().unwrap();
        let schema = kafka::dataschema::<DocumentReady>();
        let message = DocumentReady { document_id: "d-1".into(), ..DocumentReady::default() };
        let (name, json) = messages.json(&schema, &message.encode_to_vec()).unwrap();
        assert_eq!(
            (name.as_str(), json.as_str()),
            ("guildhall.document.v1.DocumentReady", r#"{"documentId":"d-1"}"#)
        );
        assert_eq!(messages.json(&schema, &[0xff]), None);
        for schema in
            ["", "proto:", "proto:guildhall.document.v1.Unknown", "guildhall.document.v1.DocumentReady"]
        {
            assert_eq!(messages.json(schema, &[]), None, "{schema}");
        }
    }

    #[test]
    fn a_job_is_shown_by_its_ids_alone() {
        let messages = Messages::known().unwrap();
        let job = concat!(
            r#"{"job_id":"01890a5d-ac96-774b-bcce-b302099a8057","tenant":"riverton","kind":"scan","#,
            r#""ids":{"document_id":"01890a5d-ac96-774b-bcce-b302099a8058"}}"#
        );
        let more = job.replace(r#""ids""#, r#""note":"ada@example.org","ids""#);
        for payload in [job, &more] {
            let shown = messages.json("json:job", payload.as_bytes());
            assert_eq!(shown, Some(("job".to_owned(), job.to_owned())));
        }
        assert_eq!(messages.json("json:job", b"{}"), None);
    }
}
