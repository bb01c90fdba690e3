//! Documents of a case, and countries.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use ids::DocumentId;

use super::{Broken, CheckKind, PurposeRules};

const MOST: usize = 20;

/// A country: two capital letters of ISO 3166-1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Country([u8; 2]);

/// The text is no country's code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be two capital letters")]
pub struct NoCountry;

/// What a document is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DocumentKind {
    /// A passport.
    Passport,
    /// An identity card.
    IdentityCard,
    /// A driving licence.
    DrivingLicence,
    /// A residence permit.
    ResidencePermit,
    /// Something that says where they live.
    ProofOfAddress,
    /// A picture of their face.
    Selfie,
}

/// A document of a case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaseDocument {
    /// The document.
    pub id: DocumentId,
    /// What it is.
    pub kind: DocumentKind,
    /// Who has issued it; nobody's where no state does.
    pub country: Option<Country>,
    /// SHA-256 of its bytes.
    pub sha256: Vec<u8>,
}

impl Country {
    /// Its code.
    #[must_use]
    pub fn as_str(&self) -> &str {
        // Letters of ASCII by how it is made.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl FromStr for Country {
    type Err = NoCountry;

    fn from_str(text: &str) -> Result<Self, NoCountry> {
        match text.as_bytes() {
            &[a, b] if a.is_ascii_uppercase() && b.is_ascii_uppercase() => Ok(Self([a, b])),
            _ => Err(NoCountry),
        }
    }
}

impl fmt::Display for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl DocumentKind {
    /// Every kind, in their order.
    pub const ALL: [Self; 6] = [
        Self::Passport,
        Self::IdentityCard,
        Self::DrivingLicence,
        Self::ResidencePermit,
        Self::ProofOfAddress,
        Self::Selfie,
    ];

    /// Its name in the database and in policies.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Passport => "passport",
            Self::IdentityCard => "identity_card",
            Self::DrivingLicence => "driving_licence",
            Self::ResidencePermit => "residence_permit",
            Self::ProofOfAddress => "proof_of_address",
            Self::Selfie => "selfie",
        }
    }

    /// The kind of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// Whether a state issues it, and a provider can say whether it is genuine.
    #[must_use]
    pub fn is_issued(self) -> bool {
        !matches!(self, Self::ProofOfAddress | Self::Selfie)
    }
}

/// Holds documents to the rules, and to what the purpose needs.
///
/// # Errors
/// Every broken rule.
pub fn check_documents(
    documents: &[(DocumentId, DocumentKind, Option<Country>)],
    rules: &PurposeRules,
) -> Result<(), Vec<Broken>> {
    let mut broken = Vec::new();
    if !(1..=MOST).contains(&documents.len()) {
        broken.push(Broken::new("documents", format!("must be 1 to {MOST}")));
    }
    let mut seen = BTreeSet::new();
    for (index, (id, kind, country)) in documents.iter().enumerate() {
        if !seen.insert(*id) {
            broken.push(Broken::new(format!("documents[{index}].document_id"), "must not be there twice"));
        }
        if kind.is_issued() && country.is_none() {
            broken.push(Broken::new(
                format!("documents[{index}].country"),
                "must be set for what a state issues",
            ));
        }
    }
    for one_of in &rules.documents {
        if !documents.iter().any(|(_, kind, _)| one_of.contains(kind)) {
            let names: Vec<_> = one_of.iter().map(|kind| kind.name()).collect();
            broken.push(Broken::new("documents", format!("must have one of: {}", names.join(", "))));
        }
    }
    let has = |wanted: fn(DocumentKind) -> bool| documents.iter().any(|(_, kind, _)| wanted(*kind));
    if rules.checks.contains(&CheckKind::Liveness) && !has(|kind| kind == DocumentKind::Selfie) {
        broken.push(Broken::new("documents", "must have a selfie"));
    }
    if rules.checks.contains(&CheckKind::Document) && !has(DocumentKind::is_issued) {
        broken.push(Broken::new("documents", "must have one that a state has issued"));
    }
    if broken.is_empty() { Ok(()) } else { Err(broken) }
}

#[cfg(test)]
mod tests {
    use clock::Clock;
    use policy::Policy as _;

    use super::*;
    use crate::domain::VerificationPolicy;

    fn id() -> DocumentId {
        DocumentId::mint(&Clock::system())
    }

    fn fields(documents: &[(DocumentId, DocumentKind, Option<Country>)], purpose: &str) -> Vec<String> {
        let policy = VerificationPolicy::builtin();
        let broken = check_documents(documents, policy.purpose(purpose).expect("a purpose")).unwrap_err();
        broken.into_iter().map(|broken| format!("{} {}", broken.field, broken.rule)).collect()
    }

    #[test]
    fn a_country_is_two_capital_letters() {
        assert_eq!("DE".parse::<Country>().unwrap().as_str(), "DE");
        for text in ["", "D", "de", "DEU", "D1", "É"] {
            assert_eq!(text.parse::<Country>(), Err(NoCountry), "{text}");
        }
    }

    #[test]
    fn every_kind_has_a_name_of_its_own() {
        for kind in DocumentKind::ALL {
            assert_eq!(DocumentKind::named(kind.name()), Some(kind));
        }
        assert_eq!(DocumentKind::named("visa"), None);
    }

    #[test]
    fn a_purpose_says_what_has_to_be_there() {
        let country = "DE".parse().ok();
        let policy = VerificationPolicy::builtin();
        let good = [(id(), DocumentKind::Passport, country), (id(), DocumentKind::ProofOfAddress, None)];
        assert_eq!(check_documents(&good, policy.purpose("residency").unwrap()), Ok(()));
        assert_eq!(
            fields(&good[1..], "residency"),
            [
                "documents must have one of: passport, identity_card, residence_permit",
                "documents must have one that a state has issued",
            ]
        );
        let twice =
            [(good[0].0, DocumentKind::Passport, None), (good[0].0, DocumentKind::ProofOfAddress, None)];
        assert_eq!(
            fields(&twice, "residency"),
            [
                "documents[0].country must be set for what a state issues",
                "documents[1].document_id must not be there twice",
            ]
        );
        let many: Vec<_> = (0..21).map(|_| (id(), DocumentKind::Passport, country)).collect();
        assert_eq!(fields(&many, "identity"), ["documents must be 1 to 20"]);
    }
}
