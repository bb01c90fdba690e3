//! What comes of a check, and how each provider says it.

use serde::{Deserialize, Serialize};

use crate::provider::Kind;

/// What was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Finding {
    /// Nothing speaks against it.
    Clear,
    Found(Reason),
}

/// Why it is not clear.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Reason {
    DocumentExpired,
    DocumentForged,
    ImageBlurred,
    FileUnavailable,
    FileAltered,
    NameMismatch,
    BirthDateMismatch,
    NoRecord,
    AddressMismatch,
    AddressUnknown,
    FaceMismatch,
    SpoofSuspected,
    WatchlistHit,
    PoliticallyExposed,
    InsufficientData,
    SourceUnavailable,
    /// Words that no documentation has.
    Undocumented,
}

/// A finding in veritas's words.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Veritas {
    pub(crate) result: &'static str,
    pub(crate) reason: Option<&'static str>,
    /// 0 to 100.
    pub(crate) score: u8,
}

/// A finding in kompass's words.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Kompass {
    pub(crate) outcome: &'static str,
    pub(crate) code: Option<&'static str>,
    /// 0 to 1.
    pub(crate) confidence: f64,
}

impl Finding {
    pub(crate) fn veritas(self) -> Veritas {
        let Self::Found(reason) = self else { return Veritas { result: "clear", reason: None, score: 97 } };
        let (result, code) = reason.veritas();
        let score = match result {
            "consider" => 12,
            _ => 50,
        };
        Veritas { result, reason: Some(code), score }
    }

    pub(crate) fn kompass(self) -> Kompass {
        let Self::Found(reason) = self else {
            return Kompass { outcome: "MATCH", code: None, confidence: 0.98 };
        };
        let (outcome, code) = reason.kompass();
        let confidence = match outcome {
            "NO_MATCH" => 0.93,
            "ERROR" => 0.0,
            _ => 0.41,
        };
        Kompass { outcome, code: Some(code), confidence }
    }
}

impl Reason {
    /// Which checks it is a reason in; all, where it is none's in particular.
    pub(crate) fn kind(self) -> Option<Kind> {
        match self {
            Self::DocumentExpired | Self::DocumentForged | Self::ImageBlurred => Some(Kind::Document),
            Self::NameMismatch | Self::BirthDateMismatch | Self::NoRecord => Some(Kind::Identity),
            Self::AddressMismatch | Self::AddressUnknown => Some(Kind::Address),
            Self::FaceMismatch | Self::SpoofSuspected => Some(Kind::Liveness),
            Self::WatchlistHit | Self::PoliticallyExposed => Some(Kind::Watchlist),
            Self::FileUnavailable
            | Self::FileAltered
            | Self::InsufficientData
            | Self::SourceUnavailable
            | Self::Undocumented => None,
        }
    }

    /// What usually speaks against a check.
    pub(crate) fn usual(kind: Kind) -> Self {
        match kind {
            Kind::Document => Self::DocumentForged,
            Kind::Identity => Self::NameMismatch,
            Kind::Address => Self::AddressMismatch,
            Kind::Liveness => Self::FaceMismatch,
            Kind::Watchlist => Self::WatchlistHit,
        }
    }

    fn veritas(self) -> (&'static str, &'static str) {
        match self {
            Self::DocumentExpired => ("consider", "document_expired"),
            Self::DocumentForged => ("consider", "document_forged"),
            Self::ImageBlurred => ("unidentified", "image_blurred"),
            Self::FileUnavailable => ("unidentified", "file_unavailable"),
            Self::FileAltered => ("consider", "file_altered"),
            Self::NameMismatch => ("consider", "name_mismatch"),
            Self::BirthDateMismatch => ("consider", "birth_date_mismatch"),
            Self::NoRecord => ("unidentified", "no_record"),
            Self::AddressMismatch => ("consider", "address_mismatch"),
            Self::AddressUnknown => ("unidentified", "address_unknown"),
            Self::FaceMismatch => ("consider", "face_mismatch"),
            Self::SpoofSuspected => ("consider", "spoof_suspected"),
            Self::WatchlistHit => ("consider", "watchlist_hit"),
            Self::PoliticallyExposed => ("consider", "politically_exposed"),
            Self::InsufficientData => ("unidentified", "insufficient_data"),
            Self::SourceUnavailable => ("unidentified", "source_unavailable"),
            Self::Undocumented => ("caution", "policy_7b"),
        }
    }

    fn kompass(self) -> (&'static str, &'static str) {
        match self {
            Self::DocumentExpired => ("NO_MATCH", "E1101"),
            Self::DocumentForged => ("NO_MATCH", "E1103"),
            Self::ImageBlurred => ("MANUAL", "E1102"),
            Self::FileUnavailable => ("ERROR", "E1104"),
            Self::FileAltered => ("NO_MATCH", "E1105"),
            Self::NameMismatch => ("NO_MATCH", "E1201"),
            Self::BirthDateMismatch => ("NO_MATCH", "E1202"),
            Self::NoRecord => ("MANUAL", "E1203"),
            Self::AddressMismatch => ("NO_MATCH", "E1301"),
            Self::AddressUnknown => ("MANUAL", "E1302"),
            // It has no liveness, but a person may be made to fail every check.
            Self::FaceMismatch => ("NO_MATCH", "E1401"),
            Self::SpoofSuspected => ("NO_MATCH", "E1402"),
            // A list of names alone refuses nobody here: somebody has to look.
            Self::WatchlistHit => ("MANUAL", "E1501"),
            Self::PoliticallyExposed => ("MANUAL", "E1502"),
            Self::InsufficientData => ("MANUAL", "E1900"),
            Self::SourceUnavailable => ("ERROR", "E1901"),
            Self::Undocumented => ("PARTIAL", "E7777"),
        }
    }
}
