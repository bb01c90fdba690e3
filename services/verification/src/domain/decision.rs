//! Decisions, what is asked for again, and why.

use std::collections::BTreeSet;

use ids::{DecisionId, DocumentId, Subject};
use time::OffsetDateTime;

use super::{Broken, DocumentKind};

const MOST_REASONS: usize = 10;
const MOST_ASKED: usize = 20;

/// What can be decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// They are who they say.
    Approve,
    /// They are not verified.
    Reject,
    /// Something is to be handed in again.
    AskAgain,
}

/// Why it was decided so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum DecisionReason {
    /// The documents do not prove it.
    DocumentsInsufficient,
    /// A document is not genuine.
    DocumentNotGenuine,
    /// What they said and what is known differ.
    DetailsDiffer,
    /// The address could not be confirmed.
    AddressNotConfirmed,
    /// The face and the documents are not the same person's.
    FaceDiffers,
    /// The law forbids it.
    Legal,
    /// The office has looked at it, and found it right.
    ConfirmedByOffice,
}

/// Why something is asked for again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AskReason {
    /// It cannot be read.
    Unreadable,
    /// It is not valid any more.
    Expired,
    /// It is not what was asked for.
    WrongDocument,
    /// A part or a side of it is missing.
    Incomplete,
    /// What it says and what they said are not the same.
    Differs,
    /// It was not handed in so far, and is needed.
    Missing,
}

/// Something that is to be handed in again.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Asked {
    /// The document that will not do.
    pub document_id: Option<DocumentId>,
    /// What is asked for.
    pub kind: DocumentKind,
    /// Why.
    pub reason: AskReason,
}

/// A decision as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// Its id.
    pub id: DecisionId,
    /// 1, and one more for each of the case.
    pub number: i32,
    /// What.
    pub verdict: Verdict,
    /// Why.
    pub reasons: Vec<DecisionReason>,
    /// Who; nobody where the policy has.
    pub by: Option<Subject>,
    /// Who agreed.
    pub agreed_by: Option<Subject>,
    /// When.
    pub at: OffsetDateTime,
}

impl Verdict {
    /// Its name in the database.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Approve => "approve",
            Self::Reject => "reject",
            Self::AskAgain => "ask_again",
        }
    }

    /// The verdict of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        [Self::Approve, Self::Reject, Self::AskAgain].into_iter().find(|verdict| verdict.name() == name)
    }
}

impl DecisionReason {
    /// Every reason, in their order.
    pub const ALL: [Self; 7] = [
        Self::DocumentsInsufficient,
        Self::DocumentNotGenuine,
        Self::DetailsDiffer,
        Self::AddressNotConfirmed,
        Self::FaceDiffers,
        Self::Legal,
        Self::ConfirmedByOffice,
    ];

    /// Its name in the database.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::DocumentsInsufficient => "documents_insufficient",
            Self::DocumentNotGenuine => "document_not_genuine",
            Self::DetailsDiffer => "details_differ",
            Self::AddressNotConfirmed => "address_not_confirmed",
            Self::FaceDiffers => "face_differs",
            Self::Legal => "legal",
            Self::ConfirmedByOffice => "confirmed_by_office",
        }
    }

    /// The reason of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.name() == name)
    }
}

/// Holds what somebody decides to the rules; `documents` are those of the case.
///
/// # Errors
/// Every broken rule.
pub fn check_judgement(
    verdict: Option<Verdict>,
    reasons: &[Option<DecisionReason>],
    asked: &[Option<Asked>],
    documents: &BTreeSet<DocumentId>,
) -> Result<super::Judgement, Vec<Broken>> {
    let mut broken = Vec::new();
    if verdict.is_none() {
        broken.push(Broken::new("verdict", "must be approve, reject or ask again"));
    }
    for (index, _) in reasons.iter().enumerate().filter(|(_, reason)| reason.is_none()) {
        broken.push(Broken::new(format!("reasons[{index}]"), "must be one of the reasons"));
    }
    let least = usize::from(verdict == Some(Verdict::Reject));
    if !(least..=MOST_REASONS).contains(&reasons.len()) {
        broken.push(Broken::new("reasons", "must be 1 to 10 to reject, and at most 10"));
    }
    for (index, one) in asked.iter().enumerate() {
        let known = match one {
            None => {
                broken.push(Broken::new(format!("asked[{index}]"), "must have a kind and a reason"));
                continue;
            }
            Some(asked) => asked.document_id.is_none_or(|id| documents.contains(&id)),
        };
        if !known {
            broken.push(Broken::new(format!("asked[{index}].document_id"), "must be a document of the case"));
        }
    }
    let count = if verdict == Some(Verdict::AskAgain) { 1..=MOST_ASKED } else { 0..=0 };
    if !count.contains(&asked.len()) {
        broken.push(Broken::new("asked", "must be 1 to 20 to ask again, and none otherwise"));
    }
    match verdict {
        Some(verdict) if broken.is_empty() => Ok(super::Judgement {
            verdict,
            reasons: reasons.iter().flatten().copied().collect(),
            asked: asked.iter().flatten().cloned().collect(),
        }),
        _ => Err(broken),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_read_back() {
        for reason in DecisionReason::ALL {
            assert_eq!(DecisionReason::named(reason.name()), Some(reason));
        }
        for verdict in [Verdict::Approve, Verdict::Reject, Verdict::AskAgain] {
            assert_eq!(Verdict::named(verdict.name()), Some(verdict));
        }
        assert_eq!((DecisionReason::named("x"), Verdict::named("x")), (None, None));
    }

    #[test]
    fn what_is_decided_keeps_to_the_rules() {
        let asked = Asked { document_id: None, kind: DocumentKind::Passport, reason: AskReason::Expired };
        let foreign = Asked { document_id: Some(DocumentId::mint(&clock::Clock::system())), ..asked.clone() };
        let none = BTreeSet::new();
        let fields = |verdict, reasons: &[_], asked: &[_]| -> Vec<String> {
            let broken = check_judgement(verdict, reasons, asked, &none).unwrap_err();
            broken.into_iter().map(|broken| broken.field).collect()
        };
        assert_eq!(fields(None, &[None], &[None]), ["verdict", "reasons[0]", "asked[0]", "asked"]);
        assert_eq!(fields(Some(Verdict::Reject), &[], &[]), ["reasons"]);
        assert_eq!(fields(Some(Verdict::AskAgain), &[], &[]), ["asked"]);
        assert_eq!(fields(Some(Verdict::AskAgain), &[], &[Some(foreign)]), ["asked[0].document_id"]);
        assert_eq!(fields(Some(Verdict::Approve), &[], &[Some(asked.clone())]), ["asked"]);
        let good = check_judgement(Some(Verdict::AskAgain), &[], &[Some(asked.clone())], &none).unwrap();
        assert_eq!(good.asked, [asked]);
        let why = Some(DecisionReason::Legal);
        assert_eq!(fields(Some(Verdict::Reject), &[why; 11], &[]), ["reasons"]);
        assert!(check_judgement(Some(Verdict::Reject), &[why], &[], &none).is_ok());
    }
}
