//! What a citizen declares before an upload; the signature then allows exactly these bytes.

use std::collections::BTreeSet;

use super::policy::{HandedInBy, MAX_BYTES, Rules, UploadPolicy};
use super::{FileName, MediaType, Purpose, SealedName, Sha256, file_name, sha256};

/// A file that may be uploaded: every part obeys the policy of its purpose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Declaration {
    /// What the file is handed in for.
    pub purpose: Purpose,
    /// What the citizen calls it; gone once erased.
    pub file_name: Option<SealedName>,
    /// What kind of file it is said to be.
    pub media_type: MediaType,
    /// How many bytes it has.
    pub size: FileSize,
    /// The SHA-256 of these bytes.
    pub sha256: Sha256,
}

/// A number of bytes, at least 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct FileSize(i64);

/// A rule that a declaration breaks. `Display` states the rule, never the value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Violation {
    /// The purpose is not in the policy.
    #[error("must be one of {}", .0.join(", "))]
    UnknownPurpose(Vec<String>),
    /// The name cannot be used.
    #[error(transparent)]
    FileName(#[from] file_name::Error),
    /// The type is not accepted, for this purpose or at all.
    #[error("must be {}", .0.join(", "))]
    ContentTypeNotAllowed(Vec<String>),
    /// There is nothing in the file.
    #[error("must be at least 1 byte")]
    FileEmpty,
    /// The file is larger than its purpose allows.
    #[error("must be at most {limit} bytes")]
    FileTooLarge {
        /// Largest file in bytes.
        limit: i64,
    },
    /// The digest is not a SHA-256.
    #[error("must be the SHA-256 of the file, 32 bytes")]
    DigestInvalid(#[from] sha256::Error),
}

impl Violation {
    /// The request's field that breaks the rule.
    #[must_use]
    pub fn field(&self) -> &'static str {
        match self {
            Self::UnknownPurpose(_) => "purpose",
            Self::FileName(_) => "file_name",
            Self::ContentTypeNotAllowed(_) => "content_type",
            Self::FileEmpty | Self::FileTooLarge { .. } => "size_bytes",
            Self::DigestInvalid(_) => "sha256",
        }
    }
}

impl FileSize {
    /// A size in bytes; `None` for less than one.
    #[must_use]
    pub fn new(bytes: i64) -> Option<Self> {
        (bytes >= 1).then_some(Self(bytes))
    }

    /// The size in bytes.
    #[must_use]
    pub fn bytes(self) -> i64 {
        self.0
    }
}

impl Declaration {
    /// Checks a declaration against the policy and tells every rule it breaks, in the order of the fields. The name is
    /// given apart: the declaration has it once it is sealed.
    ///
    /// Where the purpose is unknown, type and size are held to the widest that any purpose allows.
    pub fn parse(
        policy: &UploadPolicy,
        by: HandedInBy,
        purpose: &str,
        file_name: &str,
        content_type: &str,
        size_bytes: i64,
        sha256: &[u8],
    ) -> Result<(FileName, Self), Vec<Violation>> {
        let mut violations = Vec::new();
        let found = policy.purpose(purpose, by);
        let rules: Vec<_> = match found {
            Some((_, rules)) => vec![rules],
            None => policy.purposes.values().filter(|rules| rules.handed_in_by == by).collect(),
        };
        let unknown = || {
            let theirs = policy.purposes.iter().filter(|(_, rules)| rules.handed_in_by == by);
            Violation::UnknownPurpose(theirs.map(|(purpose, _)| purpose.to_string()).collect())
        };
        let purpose = keep(found.map(|(purpose, _)| purpose.clone()).ok_or_else(unknown), &mut violations);
        let file_name = keep(file_name.parse(), &mut violations);
        let media_type = keep(parse_media_type(content_type, &rules), &mut violations);
        let size = keep(parse_size(size_bytes, &rules), &mut violations);
        let sha256 = keep(Sha256::try_from(sha256), &mut violations);
        match (purpose, file_name, media_type, size, sha256) {
            (Some(purpose), Some(file_name), Some(media_type), Some(size), Some(sha256)) => {
                Ok((file_name, Self { purpose, file_name: None, media_type, size, sha256 }))
            }
            _ => Err(violations),
        }
    }
}

fn keep<T, E: Into<Violation>>(parsed: Result<T, E>, violations: &mut Vec<Violation>) -> Option<T> {
    parsed.map_err(|violation| violations.push(violation.into())).ok()
}

fn parse_media_type(text: &str, rules: &[&Rules]) -> Result<MediaType, Violation> {
    match text.parse() {
        Ok(media_type) if rules.iter().any(|rules| rules.allows(&media_type)) => Ok(media_type),
        _ => {
            let allowed: BTreeSet<_> = rules.iter().flat_map(|rules| &rules.content_types).collect();
            Err(Violation::ContentTypeNotAllowed(allowed.into_iter().map(ToString::to_string).collect()))
        }
    }
}

fn parse_size(bytes: i64, rules: &[&Rules]) -> Result<FileSize, Violation> {
    // A policy may be older than the limit that holds for all.
    let limit = rules.iter().map(|rules| rules.max_bytes).max().unwrap_or_default().min(MAX_BYTES);
    match FileSize::new(bytes) {
        None => Err(Violation::FileEmpty),
        Some(_) if bytes > limit => Err(Violation::FileTooLarge { limit }),
        Some(size) => Ok(size),
    }
}

#[cfg(test)]
mod tests {
    use policy::Policy as _;
    use proptest::prelude::*;

    use super::*;

    fn parse(
        purpose: &str,
        file_name: &str,
        content_type: &str,
        size: i64,
        sha256: &[u8],
    ) -> Result<Declaration, Vec<Violation>> {
        let parsed = Declaration::parse(
            &UploadPolicy::builtin(),
            HandedInBy::Citizens,
            purpose,
            file_name,
            content_type,
            size,
            sha256,
        );
        parsed.map(|(_, declaration)| declaration)
    }

    fn fields(result: Result<Declaration, Vec<Violation>>) -> Vec<&'static str> {
        result.map_or_else(|violations| violations.iter().map(Violation::field).collect(), |_| Vec::new())
    }

    #[test]
    fn a_declaration_within_the_policy_is_taken() {
        let declared = parse("identity", "id.pdf", "application/pdf", 20 * 1024 * 1024, &[1; 32]);
        let declared = declared.expect("the largest identity document");
        assert_eq!(declared.purpose.as_str(), "identity");
        assert_eq!(declared.size.bytes(), 20_971_520);
    }

    #[test]
    fn every_broken_rule_is_told_at_once() {
        assert_eq!(
            fields(parse("tax", "a/b", "text/html", 0, &[1; 31])),
            ["purpose", "file_name", "content_type", "size_bytes", "sha256"]
        );
    }

    #[test]
    fn type_and_size_follow_the_purpose() {
        let parse = |purpose: &str, content_type: &str, size| {
            fields(parse(purpose, "a", content_type, size, &[1; 32]))
        };
        assert_eq!(parse("identity", "text/plain", 1), ["content_type"]);
        assert_eq!(parse("statement", "text/plain", 1), [""; 0]);
        assert_eq!(parse("identity", "image/png", 20 * 1024 * 1024 + 1), ["size_bytes"]);
        assert_eq!(parse("income", "image/png", 20 * 1024 * 1024 + 1), [""; 0]);
        assert_eq!(parse("statement", "text/plain", -1), ["size_bytes"]);
        assert_eq!(parse("recording", "video/mp4", 5_000_000_000), [""; 0]);
        assert_eq!(parse("recording", "video/mp4", 5_000_000_001), ["size_bytes"]);
        assert_eq!(parse("unknown", "text/csv", 5_000_000_000), ["purpose"]);
        assert_eq!(parse("unknown", "text/csv", 5_000_000_001), ["purpose", "size_bytes"]);
    }

    proptest! {
        #[test]
        fn what_is_taken_obeys_its_purpose(
            purpose in "identity|address|income|statement|other",
            content_type in "application/pdf|image/png|image/jpeg|text/csv|text/plain|text/html",
            size in prop_oneof![any::<i64>(), 0..=60 * MIB],
            digest in prop::collection::vec(any::<u8>(), 31..=33),
        ) {
            if let Ok(taken) = parse(&purpose, "a.pdf", &content_type, size, &digest) {
                let policy = UploadPolicy::builtin();
                let (_, rules) = policy.purpose(taken.purpose.as_str(), HandedInBy::Citizens).expect("a purpose of the policy");
                prop_assert!(rules.allows(&taken.media_type));
                prop_assert!((1..=rules.max_bytes).contains(&taken.size.bytes()));
                prop_assert_eq!(&taken.sha256.as_bytes()[..], &digest[..]);
            }
        }
    }

    const MIB: i64 = 1024 * 1024;
}
