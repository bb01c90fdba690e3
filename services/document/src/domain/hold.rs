//! Legal holds: what keeps a document from being erased, whatever else says that it may be.

use ids::{DocumentId, HoldId, Subject, Tenant};
use time::OffsetDateTime;

use super::{CaseRef, Grounds, Version};

/// A hold of a case on a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hold {
    /// Its id.
    pub id: HoldId,
    /// The tenant it belongs to.
    pub tenant: Tenant,
    /// The case that needs the document.
    pub case_ref: CaseRef,
    /// What is held.
    pub document_id: DocumentId,
    /// Which version of it; `None` for all, those to come too.
    pub version: Option<Version>,
    /// Who placed it, when and why.
    pub placed: Act,
    /// Whether it stands.
    pub release: Release,
}

/// What somebody did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Act {
    /// Who.
    pub by: Subject,
    /// When.
    pub at: OffsetDateTime,
    /// Why; gone once the document of an erased owner is.
    pub grounds: Option<Grounds>,
}

/// How far a hold's release has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Release {
    /// Nobody has asked for it: the hold stands.
    Standing,
    /// Somebody has asked for it and a second person has to agree: the hold stands.
    Asked(Act),
    /// The hold is over.
    Released {
        /// Who asked first, where a second person had to agree.
        asked: Option<Act>,
        /// Who ended it.
        act: Act,
    },
}

/// Why a hold is not released.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotReleased {
    /// It was before.
    AlreadyReleased,
    /// Whoever asks cannot agree to it as well.
    SecondPersonNeeded,
}

impl Hold {
    /// Whether it keeps this version.
    #[must_use]
    pub fn covers(&self, version: Version) -> bool {
        self.stands() && self.is_of(version)
    }

    /// Whether it is, or was, about this version.
    #[must_use]
    pub fn is_of(&self, version: Version) -> bool {
        self.version.is_none_or(|held| held == version)
    }

    /// Whether it keeps anything still.
    #[must_use]
    pub fn stands(&self) -> bool {
        !matches!(self.release, Release::Released { .. })
    }

    /// Ends it, or asks a second person to where the document's class needs one.
    pub fn release(self, act: Act, second_person: bool) -> Result<Self, NotReleased> {
        let release = match self.release {
            Release::Released { .. } => return Err(NotReleased::AlreadyReleased),
            Release::Standing if second_person => Release::Asked(act),
            Release::Standing => Release::Released { asked: None, act },
            Release::Asked(asked) if second_person && asked.by == act.by => {
                return Err(NotReleased::SecondPersonNeeded);
            }
            Release::Asked(asked) => Release::Released { asked: Some(asked), act },
        };
        Ok(Self { release, ..self })
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    fn act(by: &str) -> Act {
        Act {
            by: by.parse().expect("a subject"),
            at: datetime!(2030-05-01 12:00 UTC),
            grounds: Some("court order".parse().expect("grounds")),
        }
    }

    fn hold(version: Option<i32>) -> Hold {
        Hold {
            id: "01890a5d-ac96-774b-bcce-b302099a8059".parse().expect("a UUIDv7"),
            tenant: "riverton".parse().expect("a tenant"),
            case_ref: "2026-1".parse().expect("a case"),
            document_id: "01890a5d-ac96-774b-bcce-b302099a8057".parse().expect("a UUIDv7"),
            version: version.map(|number| number.try_into().expect("a version")),
            placed: act("sam"),
            release: Release::Standing,
        }
    }

    #[test]
    fn a_hold_keeps_its_version_or_all_of_them() {
        let second = Version::FIRST.next().expect("a second");
        assert!(hold(None).covers(Version::FIRST) && hold(None).covers(second));
        assert!(hold(Some(1)).covers(Version::FIRST) && !hold(Some(1)).covers(second));
        let released = hold(None).release(act("sam"), false).expect("it stands");
        assert!(!released.covers(Version::FIRST));
    }

    #[test]
    fn one_person_is_enough_where_the_class_says_so() {
        let released = hold(None).release(act("sam"), false).expect("it stands");
        assert_eq!(released.release, Release::Released { asked: None, act: act("sam") });
        assert_eq!(released.release(act("ann"), false), Err(NotReleased::AlreadyReleased));
    }

    #[test]
    fn a_second_person_has_to_agree_and_to_be_another() {
        let asked = hold(None).release(act("sam"), true).expect("it stands");
        assert!(asked.stands() && asked.covers(Version::FIRST));
        assert_eq!(asked.clone().release(act("sam"), true), Err(NotReleased::SecondPersonNeeded));
        let released = asked.release(act("ann"), true).expect("somebody else");
        assert_eq!(released.release, Release::Released { asked: Some(act("sam")), act: act("ann") });
        assert!(!released.stands());
    }
}
