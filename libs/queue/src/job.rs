//! The body of a job message.

use std::collections::BTreeMap;

use ids::{JobId, Tenant};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// A job: who owns it and which ids it is about. The type allows nothing but ids, so that a queue never carries
/// personal data.
///
/// As JSON: `{"job_id":"0197…","tenant":"riverton","kind":"scan","ids":{"document_id":"0197…"}}`. Unknown fields are
/// ignored, so that an older worker reads what a newer service sends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    /// The owner's id of the job; stays the same when the job is sent again.
    pub job_id: JobId,
    /// Tenant whose job it is.
    pub tenant: Tenant,
    /// What is to be done, for example `scan`.
    pub kind: String,
    /// What it is about, for example `document_id`. For logs only: a worker asks the owner by `job_id`.
    #[serde(default)]
    pub ids: BTreeMap<String, Uuid>,
}

/// A message body is no job.
#[derive(Debug, thiserror::Error)]
#[error("the body is not a job")]
pub struct JobError(#[from] serde_json::Error);

impl Job {
    /// A job without further ids.
    pub fn new(job_id: JobId, tenant: Tenant, kind: impl Into<String>) -> Self {
        Self { job_id, tenant, kind: kind.into(), ids: BTreeMap::new() }
    }

    /// The same job with one more id, for example `("document_id", document.into())`.
    #[must_use]
    pub fn about(mut self, name: &str, id: impl Into<Uuid>) -> Self {
        self.ids.insert(name.to_owned(), id.into());
        self
    }

    /// The message body.
    #[must_use]
    pub fn to_json(&self) -> String {
        // A map of strings to ids has no value that JSON cannot hold.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Reads a message body.
    ///
    /// # Errors
    /// When the body is not JSON, a field is missing, or an id or the tenant is not well-formed.
    pub fn parse(body: &str) -> Result<Self, JobError> {
        Ok(serde_json::from_str(body)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &str = r#"{"job_id":"01890a5d-ac96-774b-bcce-b302099a8057","tenant":"riverton","kind":"scan","ids":{"document_id":"01890a5d-ac96-774b-bcce-b302099a8058"}}"#;

    #[test]
    fn a_job_reads_back_as_it_was_written() {
        let job = Job::parse(BODY).unwrap();
        assert_eq!(job.tenant.as_str(), "riverton");
        assert_eq!(job.to_json(), BODY);
    }

    #[test]
    fn unknown_fields_of_a_newer_sender_are_ignored() {
        let newer = BODY.replacen('{', r#"{"priority":3,"#, 1);
        assert_eq!(Job::parse(&newer).unwrap(), Job::parse(BODY).unwrap());
    }

    #[test]
    fn anything_but_ids_is_refused() {
        for body in [
            "",
            "{}",
            "hello",
            &BODY.replace("01890a5d-ac96-774b-bcce-b302099a8058", "ada@example.org"),
            &BODY.replace("riverton", "River Ton"),
            &BODY.replace("01890a5d-ac96-774b-bcce-b302099a8057", "1"),
        ] {
            assert!(Job::parse(body).is_err(), "{body}");
        }
    }
}
