//! Who calls.

use std::fmt;

use ids::{Subject, Tenant};
use tonic::metadata::{Ascii, MetadataValue};

use crate::error::{Error, Invalid};

/// Prefix of the client ids of this platform's own services.
const SERVICE_PREFIX: &str = "svc-";

/// What a caller may be told apart by, as in the claim `roles`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// A person, or a partner's system acting for persons.
    Citizen,
    /// Works for the tenant.
    Staff,
    /// Staff who decide cases.
    Reviewer,
    /// Staff who refund.
    Finance,
    /// Staff who configure.
    Admin,
    /// A service of this platform.
    Service,
}

impl Role {
    /// The role's name in tokens.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Citizen => "citizen",
            Self::Staff => "staff",
            Self::Reviewer => "reviewer",
            Self::Finance => "finance",
            Self::Admin => "admin",
            Self::Service => "service",
        }
    }

    /// Roles of other systems in the same realm are none of ours.
    fn parse(text: &str) -> Option<Self> {
        match text {
            "citizen" => Some(Self::Citizen),
            "staff" => Some(Self::Staff),
            "reviewer" => Some(Self::Reviewer),
            "finance" => Some(Self::Finance),
            "admin" => Some(Self::Admin),
            "service" => Some(Self::Service),
            _ => None,
        }
    }
}

/// The kind a permission row tells apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CallerKind {
    /// Sees and does what is its own.
    Citizen,
    /// Sees and does what is the tenant's.
    Staff,
    /// A service, by the name of its client, for example `svc-worker`.
    Service(String),
}

/// A verified caller, acting in one tenant.
#[derive(Clone, Debug)]
pub struct Caller {
    /// `sub`.
    pub subject: Subject,
    /// From the token; for services from `x-tenant`.
    pub tenant: Tenant,
    /// The roles of ours that the token carries.
    pub roles: Vec<Role>,
    /// The OAuth client the token was issued to, `azp`.
    pub client_id: String,
    /// Whether the client calls with its own credentials; false where a person uses it.
    pub calls_itself: bool,
    /// What permission rows look at.
    pub kind: CallerKind,
    /// Whom the office knows them as, `person:<reference>`; from the claim `person_ref`, which the identity provider's administrators
    /// alone may give.
    pub person: Option<Subject>,
    /// For whom a service says it acts. For the audit only: it never decides anything.
    pub on_behalf_of: Option<Subject>,
    /// The token, to call on with.
    pub token: Token,
}

impl Caller {
    /// True for citizens: they reach only what is their own.
    #[must_use]
    pub fn is_citizen(&self) -> bool {
        self.kind == CallerKind::Citizen
    }

    /// True for the tenant's staff.
    #[must_use]
    pub fn is_staff(&self) -> bool {
        self.kind == CallerKind::Staff
    }

    /// Whose things are the caller's own: theirs as they sign in, and theirs as the office knows them.
    #[must_use]
    pub fn subjects(&self) -> Vec<Subject> {
        std::iter::once(&self.subject).chain(&self.person).cloned().collect()
    }

    /// Whether something of this subject is the caller's own.
    #[must_use]
    pub fn is(&self, subject: &Subject) -> bool {
        self.subject == *subject || self.person.as_ref() == Some(subject)
    }

    /// The client's name when the caller is a service of this platform.
    #[must_use]
    pub fn service(&self) -> Option<&str> {
        match &self.kind {
            CallerKind::Service(name) => Some(name),
            CallerKind::Citizen | CallerKind::Staff => None,
        }
    }
}

/// What a verified token says, before it is known what is called.
#[derive(Clone, Debug)]
pub struct Identity {
    /// `sub`.
    pub subject: Subject,
    /// Claim `tenant`; always there for people, never looked at for services.
    pub tenant: Option<Tenant>,
    /// The roles of ours in the claim `roles`.
    pub roles: Vec<Role>,
    /// `azp`, else `client_id`, else empty.
    pub client_id: String,
    /// Whether the token was given to the client for its own credentials; false where a person signed in with it.
    pub calls_itself: bool,
    /// `email`, as the provider has it. Personal data.
    pub email: Option<String>,
    /// `locale`, as the provider has it.
    pub locale: Option<String>,
    /// `person_ref`, as `person:<reference>`.
    pub person: Option<Subject>,
    /// When the token ends, seconds since 1970.
    pub expires_at: i64,
    /// The token itself.
    pub token: Token,
}

impl Identity {
    /// The roles found in a claim; others are dropped.
    pub(crate) fn roles<'r>(names: impl IntoIterator<Item = &'r String>) -> Vec<Role> {
        names.into_iter().filter_map(|name| Role::parse(name)).collect()
    }

    /// `Some` when a service of this platform calls: the realm's admins alone can make such clients and give the role.
    pub(crate) fn service(&self) -> Option<&str> {
        let is_service = self.client_id.starts_with(SERVICE_PREFIX) && self.roles.contains(&Role::Service);
        is_service.then_some(&*self.client_id)
    }

    /// Places the caller in a tenant. `named` is the metadata `x-tenant`, ignored from people.
    ///
    /// # Errors
    /// `TENANT_MISSING` for a service that names none, `TOKEN_INVALID` for a person whose token names none, and
    /// `PERMISSION_DENIED` for one without any role of ours.
    pub fn into_caller(self, named: Option<&str>) -> Result<Caller, Error> {
        let (kind, tenant) = if let Some(name) = self.service() {
            let tenant = named.and_then(|named| named.parse().ok()).ok_or(Error::TenantMissing)?;
            (CallerKind::Service(name.to_owned()), tenant)
        } else {
            let tenant = self.tenant.ok_or(Invalid::Claim("tenant"))?;
            let staff = [Role::Staff, Role::Reviewer, Role::Finance, Role::Admin];
            let kind = if self.roles.iter().any(|role| staff.contains(role)) {
                CallerKind::Staff
            } else if self.roles.contains(&Role::Citizen) {
                CallerKind::Citizen
            } else {
                return Err(Error::PermissionDenied);
            };
            (kind, tenant)
        };
        Ok(Caller {
            subject: self.subject,
            tenant,
            roles: self.roles,
            client_id: self.client_id,
            calls_itself: self.calls_itself,
            kind,
            person: self.person,
            on_behalf_of: None,
            token: self.token,
        })
    }
}

/// A bearer token that fits into a header. Prints as `[REDACTED]`.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(MetadataValue<Ascii>);

impl Token {
    /// Takes a token as it comes from a session or the token endpoint; it is not verified.
    ///
    /// # Errors
    /// `TOKEN_INVALID` when it cannot be sent in a header.
    pub fn parse(text: &str) -> Result<Self, Error> {
        if text.is_empty() || !text.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(Invalid::Malformed.into());
        }
        let mut value: MetadataValue<Ascii> =
            format!("Bearer {text}").parse().map_err(|_| Invalid::Malformed)?;
        value.set_sensitive(true);
        Ok(Self(value))
    }

    /// The token without `Bearer`.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.to_str().unwrap_or_default().trim_start_matches("Bearer ")
    }

    /// The value of `authorization`.
    #[must_use]
    pub fn header(&self) -> MetadataValue<Ascii> {
        self.0.clone()
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token([REDACTED])")
    }
}
