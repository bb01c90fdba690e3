//! Ids: a prefix that says of what, and a UUIDv7, so that ids of one run never meet those of another.

use time::OffsetDateTime;
use uuid::Builder;

fn mint(prefix: &str, now: OffsetDateTime) -> String {
    let millis = u64::try_from(now.unix_timestamp_nanos() / 1_000_000).unwrap_or(0);
    let uuid = Builder::from_unix_timestamp_millis(millis, &rand::random()).into_uuid();
    format!("{prefix}_{}", uuid.simple())
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident = $prefix:literal;)*) => {$(
        $(#[$doc])*
        #[derive(
            Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize,
        )]
        #[serde(transparent)]
        pub(crate) struct $name(String);

        impl $name {
            pub(crate) fn mint(now: OffsetDateTime) -> Self {
                Self(mint($prefix, now))
            }
        }

        /// What a caller named; whether there is such a thing is for whoever looks it up.
        impl From<String> for $name {
            fn from(text: String) -> Self {
                Self(text)
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }
    )*};
}

ids! {
    /// A check, of either provider.
    CheckId = "chk";
    /// A result that is told by callback.
    CallbackId = "evt";
}
