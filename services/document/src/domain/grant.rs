//! Grants: what lets somebody read who could not otherwise.

use std::fmt;
use std::str::FromStr;

use ids::{DocumentId, GrantId, Subject, Tenant};
use time::{Duration, OffsetDateTime};

use super::{AccessPolicy, AccessPurpose, Act, CaseRef};

/// A grant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// Its id.
    pub id: GrantId,
    /// The tenant it belongs to.
    pub tenant: Tenant,
    /// What may be read.
    pub target: Target,
    /// Who may read it.
    pub grantee: Grantee,
    /// What for.
    pub purpose: AccessPurpose,
    /// When it ends by itself.
    pub until: OffsetDateTime,
    /// Who gave it, when and why.
    pub given: Act,
    /// Who ended it, when and why.
    pub revoked: Option<Act>,
}

/// What a grant lets its grantee read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// One document, in all its versions.
    Document(DocumentId),
    /// The documents of a case, those attached later too.
    Case(CaseRef),
}

/// Whom a grant is given to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Grantee {
    /// A person, whichever client they use.
    Person(Subject),
    /// A client that calls with its own credentials; not the persons who use it.
    Client(ClientId),
}

/// The id of a client: 1 to 255 visible ASCII characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientId(String);

/// The text is no id of a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be 1 to 255 visible ASCII characters")]
pub struct InvalidClient;

/// A rule that a grant would break.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broken {
    /// The field that breaks it.
    pub field: &'static str,
    /// The rule, never the value.
    pub rule: String,
}

impl Grant {
    /// Whether it lets its grantee read.
    #[must_use]
    pub fn stands(&self, now: OffsetDateTime) -> bool {
        self.revoked.is_none() && now < self.until
    }

    /// Ends it. What was ended before stays as it was.
    #[must_use]
    pub fn revoke(self, act: Act) -> Self {
        Self { revoked: Some(self.revoked.unwrap_or(act)), ..self }
    }
}

impl Grantee {
    /// Reads whom a request names: exactly one of the two.
    pub fn parse(subject: &str, client: &str) -> Result<Self, Broken> {
        let broken = |field, rule: String| Broken { field, rule };
        match (subject, client) {
            (subject, "") if !subject.is_empty() => {
                let person = subject.parse().map(Self::Person);
                person.map_err(|_| broken("grantee_subject", "must be a subject".to_owned()))
            }
            ("", client) if !client.is_empty() => {
                let client = client.parse().map(Self::Client);
                client.map_err(|rule: InvalidClient| broken("grantee_client", rule.to_string()))
            }
            _ => {
                Err(broken("grantee_subject", "must be given, or else `grantee_client`, not both".to_owned()))
            }
        }
    }
}

/// Reads what a grant is for and when it ends, held to the policy in force.
pub fn terms(
    policy: &AccessPolicy,
    purpose: &str,
    until: Option<OffsetDateTime>,
    now: OffsetDateTime,
) -> Result<(AccessPurpose, OffsetDateTime), Broken> {
    let grantable = policy.purpose(purpose).filter(|(_, rules)| rules.grant_days > 0);
    let Some((purpose, rules)) = grantable else {
        let rule = format!("must be one of: {}", policy.names(true));
        return Err(Broken { field: "purpose", rule });
    };
    let days = rules.grant_days;
    match until {
        Some(until) if now < until && until <= now + Duration::days(days.into()) => {
            Ok((purpose.clone(), until))
        }
        _ => Err(Broken { field: "until", rule: format!("must be after now, and within {days} days") }),
    }
}

impl ClientId {
    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ClientId {
    type Err = InvalidClient;

    fn from_str(text: &str) -> Result<Self, InvalidClient> {
        let visible = text.bytes().all(|byte| byte.is_ascii_graphic());
        if visible && (1..=255).contains(&text.len()) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidClient)
        }
    }
}

impl fmt::Display for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use policy::Policy as _;
    use time::macros::datetime;

    use super::*;

    const NOW: OffsetDateTime = datetime!(2030-05-01 12:00 UTC);

    fn act(by: &str) -> Act {
        Act { by: by.parse().unwrap(), at: NOW, grounds: "asked for".parse().ok() }
    }

    fn grant() -> Grant {
        Grant {
            id: "01890a5d-ac96-774b-bcce-b302099a8059".parse().unwrap(),
            tenant: "riverton".parse().unwrap(),
            target: Target::Case("2026-1".parse().unwrap()),
            grantee: Grantee::Person("ben".parse().unwrap()),
            purpose: "casework".parse().unwrap(),
            until: NOW + Duration::days(1),
            given: act("sam"),
            revoked: None,
        }
    }

    #[test]
    fn a_grant_stands_until_its_time_or_its_revocation() {
        let grant = grant();
        assert!(grant.stands(NOW) && grant.stands(grant.until - Duration::nanoseconds(1)));
        assert!(!grant.stands(grant.until));
        let revoked = grant.revoke(act("sam"));
        assert!(!revoked.stands(NOW));
        assert_eq!(revoked.clone().revoke(act("ann")), revoked, "the first revocation stays");
    }

    #[test]
    fn it_is_given_to_a_person_or_to_a_client() {
        assert_eq!(Grantee::parse("ben", ""), Ok(Grantee::Person("ben".parse().unwrap())));
        assert_eq!(Grantee::parse("", "partner"), Ok(Grantee::Client("partner".parse().unwrap())));
        for (subject, client, field) in [
            ("", "", "grantee_subject"),
            ("ben", "partner", "grantee_subject"),
            ("b en", "", "grantee_subject"),
            ("", "part\nner", "grantee_client"),
        ] {
            assert_eq!(Grantee::parse(subject, client).unwrap_err().field, field);
        }
    }

    #[test]
    fn its_terms_are_those_of_the_policy() {
        let policy = AccessPolicy::builtin();
        let ends = |days| Some(NOW + Duration::days(days));
        terms(&policy, "casework", ends(90), NOW).expect("the longest that there is");
        for (purpose, until, field) in [
            ("own", ends(1), "purpose"),
            ("review", ends(1), "purpose"),
            ("", ends(1), "purpose"),
            ("casework", None, "until"),
            ("casework", Some(NOW), "until"),
            ("casework", ends(91), "until"),
        ] {
            assert_eq!(terms(&policy, purpose, until, NOW).unwrap_err().field, field, "{purpose}");
        }
    }
}
