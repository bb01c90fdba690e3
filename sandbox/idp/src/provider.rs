//! The providers, and what each can do.

use serde::{Deserialize, Serialize};

/// One of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Provider {
    /// Answers at once.
    Veritas,
    /// Answers by callback.
    Kompass,
}

/// What a check is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    Document,
    Identity,
    Address,
    Liveness,
    Watchlist,
}

const VERITAS: [(Kind, &str); 5] = [
    (Kind::Document, "document"),
    (Kind::Identity, "identity"),
    (Kind::Address, "address"),
    (Kind::Liveness, "liveness"),
    (Kind::Watchlist, "watchlist"),
];
const KOMPASS: [(Kind, &str); 4] = [
    (Kind::Document, "DOC_AUTH"),
    (Kind::Identity, "PERSON_MATCH"),
    (Kind::Address, "ADDRESS_MATCH"),
    (Kind::Watchlist, "SANCTIONS"),
];

impl Provider {
    pub(crate) const ALL: [Self; 2] = [Self::Veritas, Self::Kompass];

    /// The kinds of checks that it makes, and what it calls them.
    pub(crate) fn kinds(self) -> &'static [(Kind, &'static str)] {
        match self {
            Self::Veritas => &VERITAS,
            Self::Kompass => &KOMPASS,
        }
    }

    /// Whose documents it knows: ISO 3166-1, two letters.
    pub(crate) fn countries(self) -> &'static [&'static str] {
        match self {
            Self::Veritas => &["DE", "ES", "FR", "GB", "IE", "IT", "NL", "PL", "US"],
            Self::Kompass => &["AT", "CH", "DE", "LI", "LU", "NL"],
        }
    }

    /// Which documents it knows.
    pub(crate) fn documents(self) -> &'static [&'static str] {
        match self {
            Self::Veritas => &["passport", "id_card", "driving_licence", "residence_permit"],
            Self::Kompass => &["PASSPORT", "IDENTITY_CARD", "RESIDENCE_TITLE"],
        }
    }

    /// What is meant by its name of a kind.
    pub(crate) fn kind(self, name: &str) -> Option<Kind> {
        self.kinds().iter().find(|(_, of)| *of == name).map(|(kind, _)| *kind)
    }

    /// What it calls a kind; nothing, where it makes no such checks.
    pub(crate) fn name_of(self, kind: Kind) -> Option<&'static str> {
        self.kinds().iter().find(|(of, _)| *of == kind).map(|(_, name)| *name)
    }
}
