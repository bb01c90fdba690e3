//! What may be handed in.

use std::collections::{BTreeMap, BTreeSet};

use policy::{Policy, Set, Violation};
use serde::{Deserialize, Serialize};

use super::{ClassName, Purpose, RetentionPolicy};
use crate::domain::MediaType;

/// The kind `upload`: purposes, and what each allows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UploadPolicy {
    /// The purposes by name, 1 to 64.
    pub purposes: BTreeMap<Purpose, Rules>,
}

/// What may be handed in for a purpose, and what becomes of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rules {
    /// Who hands it in.
    #[serde(default)]
    pub handed_in_by: HandedInBy,
    /// Media types that are accepted, 1 to 32.
    pub content_types: BTreeSet<MediaType>,
    /// Largest file in bytes, up to 5 GB.
    pub max_bytes: i64,
    /// Class of the retention policy.
    pub retention_class: ClassName,
    /// What becomes of a file that the scanner cannot look into.
    pub unscannable: Unscannable,
    /// Whether signed downloads live for a minute at most.
    pub sensitive: bool,
    /// How much a scanner unpacks; more than that it cannot look into.
    pub archives: ArchiveLimits,
}

/// Who hands in for a purpose.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HandedInBy {
    /// Citizens, and nobody else: staff could otherwise make up what they then review.
    #[default]
    Citizens,
    /// Staff: lists that the office works through.
    Staff,
    /// Nobody: services make it.
    Services,
}

/// What becomes of a file that the scanner cannot look into.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unscannable {
    /// It is rejected.
    Refuse,
    /// It waits in quarantine for somebody's decision.
    Review,
}

/// How much of an archive is unpacked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ArchiveLimits {
    /// Files in it, those of inner archives too; 1 to 100,000.
    pub max_files: u32,
    /// Bytes of all of them; 1 to 5 GB.
    pub max_bytes: i64,
    /// Bytes of all of them for each byte of the archive, where they are more than a MiB; 1 to 1,100, which is more than
    /// the format can reach.
    #[serde(default = "ArchiveLimits::ratio")]
    pub max_ratio: u32,
    /// Archives within archives; 0 for none, up to 16.
    pub max_depth: u8,
}

impl ArchiveLimits {
    /// What is built in, and what holds for a purpose that the policy has no longer.
    pub const BUILTIN: Self = Self { max_files: 1_000, max_bytes: 200 * MIB, max_ratio: 200, max_depth: 3 };

    /// For policies that were published before there was a limit.
    fn ratio() -> u32 {
        Self::BUILTIN.max_ratio
    }
}

const MIB: i64 = 1024 * 1024;
/// Largest file in bytes: 5 GB, which an object store copies in one request.
pub const MAX_BYTES: i64 = 5_000_000_000;
/// The same for what services make, which comes in one message.
const MAX_STORED: i64 = 1_000_000;
const MAX_PURPOSES: usize = 64;
const MAX_TYPES: usize = 32;

impl UploadPolicy {
    /// The purpose of that name, and its rules, for who hands in.
    #[must_use]
    pub fn purpose(&self, name: &str, by: HandedInBy) -> Option<(&Purpose, &Rules)> {
        self.purposes.get_key_value(name).filter(|(_, rules)| rules.handed_in_by == by)
    }

    /// This policy, and of the purposes that services make documents for those built in that it does not have: it may be older than they
    /// are, and what a service has made is kept.
    #[must_use]
    pub fn with_services(mut self) -> Self {
        for (purpose, rules) in Self::builtin().purposes {
            if rules.handed_in_by == HandedInBy::Services {
                self.purposes.entry(purpose).or_insert(rules);
            }
        }
        self
    }
}

impl Rules {
    /// Whether a file of this media type is accepted.
    #[must_use]
    pub fn allows(&self, media_type: &MediaType) -> bool {
        self.content_types.contains(media_type)
    }

    fn check(&self, broken: &mut dyn FnMut(&[&str], String)) {
        if !(1..=MAX_TYPES).contains(&self.content_types.len()) {
            broken(&["content_types"], format!("must be 1 to {MAX_TYPES}"));
        }
        if !(1..=MAX_BYTES).contains(&self.max_bytes) {
            broken(&["max_bytes"], format!("must be 1 to {MAX_BYTES}"));
        }
        let ArchiveLimits { max_files, max_bytes, max_ratio, max_depth } = self.archives;
        if !(1..=100_000).contains(&max_files) {
            broken(&["archives", "max_files"], "must be 1 to 100000".to_owned());
        }
        if !(1..=MAX_BYTES).contains(&max_bytes) {
            broken(&["archives", "max_bytes"], format!("must be 1 to {MAX_BYTES}"));
        }
        if !(1..=1_100).contains(&max_ratio) {
            broken(&["archives", "max_ratio"], "must be 1 to 1100".to_owned());
        }
        if max_depth > 16 {
            broken(&["archives", "max_depth"], "must be 0 to 16".to_owned());
        }
    }
}

impl Policy for UploadPolicy {
    const KIND: &'static str = "upload";

    fn builtin() -> Self {
        const PICTURES: &[&str] = &["application/pdf", "image/jpeg", "image/png"];
        const NUMBERS: &[&str] = &["application/pdf", "image/jpeg", "image/png", "text/csv", "text/plain"];
        const RECORDINGS: &[&str] = &["audio/mpeg", "audio/ogg", "video/mp4", "video/webm"];
        let archives = ArchiveLimits::BUILTIN;
        let purpose = |name: &str, types: &[&str], max_bytes, class: &str, unscannable, sensitive| {
            let content_types = types.iter().filter_map(|text| text.parse().ok()).collect();
            let retention_class = ClassName(class.to_owned());
            let rules = Rules {
                handed_in_by: HandedInBy::Citizens,
                content_types,
                max_bytes,
                retention_class,
                unscannable,
                sensitive,
                archives,
            };
            (Purpose(name.to_owned()), rules)
        };
        use Unscannable::{Refuse, Review};
        let of_staff = |(name, rules)| (name, Rules { handed_in_by: HandedInBy::Staff, ..rules });
        let of_services = |(name, rules)| (name, Rules { handed_in_by: HandedInBy::Services, ..rules });
        let purposes = [
            // Who somebody is: passport, identity card.
            purpose("identity", PICTURES, 20 * MIB, "identification", Refuse, true),
            // Where somebody lives: utility bill, tenancy agreement.
            purpose("address", PICTURES, 20 * MIB, "identification", Refuse, false),
            // What somebody earns: pay slips, bank exports.
            purpose("income", NUMBERS, 50 * MIB, "casework", Refuse, false),
            // What somebody declares in their own words.
            purpose("statement", &["application/pdf", "text/plain"], 10 * MIB, "casework", Refuse, false),
            // What was said or shown: hearings, inspections.
            purpose("recording", RECORDINGS, MAX_BYTES, "recording", Review, true),
            // Bills that the office issues many of at once: CSV, or JSON Lines as plain text.
            of_staff(purpose("bill-run", &["text/csv", "text/plain"], 50 * MIB, "casework", Refuse, true)),
            // What the office bills, and what was paid.
            of_services(purpose("bill", &["application/pdf"], MAX_STORED, "accounting", Refuse, false)),
            of_services(purpose("receipt", &["application/pdf"], MAX_STORED, "accounting", Refuse, false)),
        ];
        Self { purposes: purposes.into() }
    }

    fn check(&self) -> Vec<Violation> {
        let mut violations = Vec::new();
        if !(1..=MAX_PURPOSES).contains(&self.purposes.len()) {
            violations.push(Violation::at(&["purposes"], format!("must be 1 to {MAX_PURPOSES}")));
        }
        for (name, rules) in &self.purposes {
            rules.check(&mut |path, rule| {
                let path = [&["purposes", name.as_str()], path].concat();
                violations.push(Violation::at(&path, rule));
            });
        }
        violations
    }

    fn check_beside(&self, others: &Set) -> Vec<Violation> {
        let Some(retention) = others.get::<RetentionPolicy>() else { return Vec::new() };
        let unkept =
            self.purposes.iter().filter(|(_, rules)| retention.class(&rules.retention_class).is_none());
        let violations = unkept.map(|(name, _)| {
            let path = ["purposes", name.as_str(), "retention_class"];
            Violation::at(&path, "must be a class of the policy `retention`")
        });
        violations.collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_built_in_breaks_no_rule_and_names_classes_that_are() {
        let upload = UploadPolicy::builtin();
        assert_eq!(upload.check(), []);
        let retention = RetentionPolicy::builtin();
        for (purpose, rules) in &upload.purposes {
            assert!(retention.class(&rules.retention_class).is_some(), "{purpose}");
        }
        let types: usize = upload.purposes.values().map(|rules| rules.content_types.len()).sum();
        assert_eq!(types, 3 + 3 + 5 + 2 + 4 + 2 + 1 + 1, "each is a media type");
    }

    #[test]
    fn it_is_read_as_it_is_written_and_nothing_else_is() {
        let body = serde_json::to_value(UploadPolicy::builtin()).unwrap();
        assert_eq!(UploadPolicy::deserialize(&body).unwrap(), UploadPolicy::builtin());
        for (pointer, value) in [
            ("/purposes/identity/content_types/0", json!("pdf")),
            ("/purposes/identity/unscannable", json!("shrug")),
            ("/purposes/identity/retention_class", json!("No name")),
            ("/purposes/identity/max_bytes", json!(1.5)),
        ] {
            let mut other = body.clone();
            *other.pointer_mut(pointer).unwrap() = value;
            UploadPolicy::deserialize(&other).unwrap_err();
        }
    }

    #[test]
    fn a_policy_from_before_the_ratio_has_the_built_in_one() {
        let mut body = serde_json::to_value(UploadPolicy::builtin()).unwrap();
        for rules in body["purposes"].as_object_mut().unwrap().values_mut() {
            rules["archives"].as_object_mut().unwrap().remove("max_ratio").unwrap();
        }
        assert_eq!(UploadPolicy::deserialize(&body).unwrap(), UploadPolicy::builtin());
    }

    #[test]
    fn each_rule_names_its_place() {
        let mut policy = UploadPolicy::builtin();
        let rules = policy.purposes.get_mut("income").unwrap();
        rules.content_types.clear();
        rules.max_bytes = 0;
        rules.archives =
            ArchiveLimits { max_files: 0, max_bytes: MAX_BYTES + 1, max_ratio: 1_101, max_depth: 17 };
        let told: Vec<_> = policy.check().into_iter().map(|violation| violation.pointer).collect();
        assert_eq!(
            told,
            [
                "/purposes/income/content_types",
                "/purposes/income/max_bytes",
                "/purposes/income/archives/max_files",
                "/purposes/income/archives/max_bytes",
                "/purposes/income/archives/max_ratio",
                "/purposes/income/archives/max_depth",
            ]
        );
        policy.purposes.clear();
        assert_eq!(policy.check()[0].pointer, "/purposes");
    }
}
