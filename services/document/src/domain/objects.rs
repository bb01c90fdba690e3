//! Which objects a version wants, and which version an object's key names.

use ids::DocumentId;

use super::{Status, Version};

/// Which object of a version a key names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stored {
    /// What was uploaded, in the intake bucket.
    Upload,
    /// The scanned copy, in the evidence bucket, and a second one in the replica's.
    Evidence,
    /// One of the objects of its preview, in the evidence bucket.
    Preview,
}

/// A key of one of the buckets, read back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ObjectKey {
    /// Which object of the version.
    pub stored: Stored,
    /// The document.
    pub document: DocumentId,
    /// The number of its version.
    pub version: i32,
}

impl ObjectKey {
    /// Reads a key; `None` for one that no version has.
    #[must_use]
    pub fn parse(key: &str) -> Option<Self> {
        let mut parts = key.split('/');
        let stored = match parts.next()? {
            "intake" => Stored::Upload,
            "evidence" => Stored::Evidence,
            "preview" => Stored::Preview,
            _ => return None,
        };
        let document = parts.next()?.parse().ok()?;
        let number = parts.next()?;
        let version = Version::try_from(number.parse::<i32>().ok()?).ok()?;
        // One spelling per key: `+1` and `01` are nobody's.
        let whole = match (stored, parts.next()) {
            (Stored::Preview, Some(name)) => !name.is_empty() && parts.next().is_none(),
            (Stored::Preview, None) | (_, Some(_)) => false,
            (_, None) => true,
        };
        let whole = whole && version.to_string() == number;
        whole.then_some(Self { stored, document, version: version.number() })
    }
}

impl Status {
    /// Whether a version that stands here has use for the object, or may have. Once it has none it never has again.
    #[must_use]
    pub fn wants(self, stored: Stored) -> bool {
        match stored {
            // The bytes of what was refused are kept for a set time, or for as long as a hold stands.
            Stored::Upload => !self.is_settled() || self == Self::Rejected,
            Stored::Evidence => !matches!(self, Self::Expired | Self::Erased),
            // Only what can be read, or may come to be, has one.
            Stored::Preview => !matches!(self, Self::Rejected | Self::Expired | Self::Erased),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "01890a5d-ac96-774b-bcce-b302099a8057";

    #[test]
    fn a_key_is_read_as_it_was_written() {
        for (key, stored, version) in [
            (format!("intake/{ID}/1"), Stored::Upload, 1),
            (format!("evidence/{ID}/100"), Stored::Evidence, 100),
            (format!("preview/{ID}/7/01.png"), Stored::Preview, 7),
        ] {
            let document = ID.parse().unwrap();
            assert_eq!(ObjectKey::parse(&key), Some(ObjectKey { stored, document, version }));
        }
    }

    #[test]
    fn what_no_version_has_names_none() {
        for key in ["", "intake", "intake/", "preview/x/1", "evidence/1/1", "preview/1/1/01.png"] {
            assert_eq!(ObjectKey::parse(key), None, "{key}");
        }
        for rest in ["", "/", "/0", "/01", "/+1", "/101", "/1/", "/1/2", "/x"] {
            assert_eq!(ObjectKey::parse(&format!("evidence/{ID}{rest}")), None, "{rest}");
            assert_eq!(ObjectKey::parse(&format!("preview/{ID}{rest}/")), None, "{rest}");
        }
    }

    #[test]
    fn what_a_settled_version_does_not_want_it_never_wants_again() {
        for status in Status::ALL {
            for stored in [Stored::Upload, Stored::Evidence, Stored::Preview] {
                assert!(status.wants(stored) || status.is_settled(), "{status:?} {stored:?}");
            }
        }
        assert!(Status::Ready.wants(Stored::Evidence) && !Status::Ready.wants(Stored::Upload));
        assert!(Status::Scanning.wants(Stored::Evidence) && Status::PendingUpload.wants(Stored::Upload));
        assert!(Status::Ready.wants(Stored::Preview) && !Status::Rejected.wants(Stored::Preview));
        for stored in [Stored::Upload, Stored::Evidence, Stored::Preview] {
            assert!(!Status::Erased.wants(stored), "{stored:?}");
        }
    }
}
