//! Newtypes over UUIDv7.

use clock::Clock;
use uuid::{Builder, Uuid, Version};

use crate::Error;

/// A UUIDv7 of the clock's millisecond and 74 random bits.
fn mint(clock: &Clock) -> Uuid {
    let millis = clock.now().unix_timestamp_nanos() / 1_000_000;
    // A clock before 1970 exists in tests only; it counts as the epoch.
    let millis = u64::try_from(millis).unwrap_or(0);
    Builder::from_unix_timestamp_millis(millis, &rand::random()).into_uuid()
}

/// Accepts exactly one spelling per id.
fn parse(text: &str) -> Result<Uuid, Error> {
    let uuid = Uuid::try_parse(text).map_err(|_| Error::NotUuidV7)?;
    let mut buffer = Uuid::encode_buffer();
    if text != &*uuid.hyphenated().encode_lower(&mut buffer) {
        return Err(Error::NotUuidV7);
    }
    check(uuid)
}

fn check(uuid: Uuid) -> Result<Uuid, Error> {
    match uuid.get_version() {
        Some(Version::SortRand) => Ok(uuid),
        _ => Err(Error::NotUuidV7),
    }
}

macro_rules! uuid_v7 {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        ///
        /// A UUIDv7; JSON and text are its canonical spelling, PostgreSQL's type is `uuid`.
        #[derive(
            Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize, sqlx::Type,
        )]
        #[serde(try_from = "String", into = "String")]
        #[sqlx(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// Makes a new id: the clock's time, and 74 random bits.
            #[must_use]
            pub fn mint(clock: &Clock) -> Self {
                Self(mint(clock))
            }

            /// The id without its type, for what stores ids of any kind.
            #[must_use]
            pub fn as_uuid(self) -> Uuid {
                self.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                std::fmt::Display::fmt(&self.0.hyphenated(), f)
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }

        impl std::str::FromStr for $name {
            type Err = Error;

            fn from_str(text: &str) -> Result<Self, Error> {
                parse(text).map(Self)
            }
        }

        impl From<$name> for Uuid {
            fn from(id: $name) -> Uuid {
                id.0
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.to_string()
            }
        }

        impl TryFrom<Uuid> for $name {
            type Error = Error;

            fn try_from(uuid: Uuid) -> Result<Self, Error> {
                check(uuid).map(Self)
            }
        }

        impl TryFrom<String> for $name {
            type Error = Error;

            fn try_from(text: String) -> Result<Self, Error> {
                text.parse()
            }
        }
    )*};
}

uuid_v7! {
    /// A document of the document service.
    DocumentId;
    /// One version of a document.
    VersionId;
    /// A legal hold on a document.
    HoldId;
    /// An export of what is known of a case.
    ExportId;
    /// A grant of documents to somebody who is neither their owner nor staff.
    GrantId;
    /// A job that a queue carries and its owner keeps a row for.
    JobId;
    /// A person whom the notification service can reach.
    RecipientId;
    /// One thing a recipient is told.
    NotificationId;
    /// One notification on its way through channels.
    DeliveryId;
    /// The erasure of a person's data.
    ErasureId;
    /// A CloudEvent (`ce_id`).
    EventId;
    /// A bill of the payment service.
    BillId;
    /// A run that issues many bills.
    BillRunId;
    /// An attempt to pay a bill.
    PaymentId;
    /// Money given back of a payment.
    RefundId;
    /// An account of the ledger.
    AccountId;
    /// An entry of the ledger.
    EntryId;
    /// A correction of the ledger by hand.
    AdjustmentId;
    /// A provider's callback, as it came.
    CallbackId;
    /// A charge that its payer contests.
    DisputeId;
    /// An account whose settlements are fetched.
    SettledAccountId;
    /// What a provider has settled of an account on a day.
    SettlementId;
    /// A month of the books.
    PeriodId;
    /// A case of the verification service.
    CaseId;
    /// A check of a case.
    CheckId;
    /// A provider's answer, as it came.
    AnswerId;
    /// A decision about a case.
    DecisionId;
    /// A note on a case.
    NoteId;
    /// The circuit of an account at a provider.
    CircuitId;
}

impl From<JobId> for DocumentId {
    /// What is made for a job, and kept as a document, has the job's id: whatever is called again, there is one.
    fn from(job: JobId) -> Self {
        Self(job.0)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use time::macros::datetime;

    use super::*;

    #[test]
    fn minted_ids_are_version_seven_of_the_clocks_time_and_sort_by_it() {
        let clock = Clock::frozen(datetime!(2030-01-01 12:00:00.123 UTC));
        let first = DocumentId::mint(&clock);
        let (seconds, nanos) = first.as_uuid().get_timestamp().unwrap().to_unix();
        assert_eq!((seconds, nanos), (1_893_499_200, 123_000_000));
        assert_eq!(first.as_uuid().get_version(), Some(Version::SortRand));
        assert_ne!(first, DocumentId::mint(&clock));
        clock.advance(Duration::from_millis(1));
        assert!(first < DocumentId::mint(&clock));
    }

    #[test]
    fn an_id_has_one_spelling() {
        let id = DocumentId::mint(&Clock::frozen(datetime!(2030-01-01 12:00 UTC)));
        let text = id.to_string();
        assert_eq!(text.parse(), Ok(id));
        assert_eq!(DocumentId::try_from(Uuid::from(id)), Ok(id));
        let upper = text.to_uppercase();
        for other in [
            &*upper,
            &format!("{{{text}}}"),
            &format!("urn:uuid:{text}"),
            &text.replace('-', ""),
            &format!(" {text}"),
            "",
            "550e8400-e29b-41d4-a716-446655440000",
            "00000000-0000-0000-0000-000000000000",
        ] {
            assert_eq!(other.parse::<DocumentId>(), Err(Error::NotUuidV7), "{other}");
        }
        assert_eq!(DocumentId::try_from(Uuid::nil()), Err(Error::NotUuidV7));
    }

    #[test]
    fn json_is_the_canonical_text_and_is_checked() {
        let id = JobId::mint(&Clock::frozen(datetime!(2030-01-01 12:00 UTC)));
        let json = serde_json::to_string(&id).unwrap();
        assert_eq!(json, format!("\"{id}\""));
        assert_eq!(serde_json::from_str::<JobId>(&json).unwrap(), id);
        serde_json::from_str::<JobId>("\"550e8400-e29b-41d4-a716-446655440000\"").unwrap_err();
    }
}
