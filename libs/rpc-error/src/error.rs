//! The error and how it is made.

use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;
use std::time::Duration;

use crate::{Chain, Code, reason};

/// A field that breaks a rule.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Violation {
    /// Name of the field as the caller spelled it, dotted where nested, for example `file_name`.
    pub field: String,
    /// The rule it breaks, for example `must be 1 to 255 bytes`. Never the value.
    pub rule: String,
}

/// Why a call failed. A pointer in size, so that results stay small.
#[derive(Debug)]
pub struct Error(Box<Inner>);

#[derive(Debug)]
struct Inner {
    code: Code,
    reason: Cow<'static, str>,
    message: Cow<'static, str>,
    violations: Vec<Violation>,
    retry_after: Option<Duration>,
    source: Option<Box<dyn StdError + Send + Sync>>,
    /// Another service made it, and has logged it.
    remote: bool,
}

impl Error {
    /// A failure of kind `code` for the given reason, one of [`reason::ALL`]. The message is for developers; the caller
    /// reads it unless the code is of the 500s.
    ///
    /// # Panics
    /// In debug builds, when the reason is not in the table or has another code there.
    #[must_use]
    pub fn new(code: Code, reason: &'static str, message: impl Into<Cow<'static, str>>) -> Self {
        let row = reason::find(reason);
        debug_assert!(row.is_some(), "{reason} has no row in rpc_error::reason");
        debug_assert!(row.is_none_or(|row| row.code == code), "{reason} is not of code {code:?}");
        Self::of(code, reason.into(), message.into())
    }

    /// A defect of ours: what happened is logged, the caller learns [`reason::INTERNAL`].
    #[must_use]
    pub fn internal(source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self::new(Code::Internal, reason::INTERNAL, "internal error").because(source)
    }

    /// Something we need is away: what happened is logged, the caller learns [`reason::UNAVAILABLE`].
    #[must_use]
    pub fn unavailable(source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self::new(Code::Unavailable, reason::UNAVAILABLE, "a dependency is unavailable").because(source)
    }

    pub(crate) fn of(code: Code, reason: Cow<'static, str>, message: Cow<'static, str>) -> Self {
        let (violations, retry_after, source) = (Vec::new(), None, None);
        Self(Box::new(Inner { code, reason, message, violations, retry_after, source, remote: false }))
    }

    pub(crate) fn remote(mut self) -> Self {
        self.0.remote = true;
        self
    }

    /// Names a field and the rule it breaks; call it once per field.
    #[must_use]
    pub fn violation(mut self, field: impl Into<String>, rule: impl Into<String>) -> Self {
        self.0.violations.push(Violation { field: field.into(), rule: rule.into() });
        self
    }

    /// Says how long to wait before the same call may succeed.
    #[must_use]
    pub fn retry_after(mut self, wait: Duration) -> Self {
        self.0.retry_after = Some(wait);
        self
    }

    /// Adds what caused it, for the log only.
    #[must_use]
    pub fn because(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// What kind of failure it is.
    #[must_use]
    pub fn code(&self) -> Code {
        self.0.code
    }

    /// What clients branch on, for example `UPLOAD_EXPIRED`.
    #[must_use]
    pub fn reason(&self) -> &str {
        &self.0.reason
    }

    /// The HTTP status.
    #[must_use]
    pub fn http_status(&self) -> u16 {
        self.0.code.http_status()
    }

    /// What the caller may read: the message, or of an error of the 500s the reason's title only.
    #[must_use]
    pub fn public_message(&self) -> &str {
        if self.0.code.is_server_fault() { self.title() } else { &self.0.message }
    }

    /// The reason's line for people.
    #[must_use]
    pub fn title(&self) -> &'static str {
        reason::find(&self.0.reason).map_or("The call failed", |row| row.title)
    }

    /// The fields that break a rule, in the order they were added.
    #[must_use]
    pub fn violations(&self) -> &[Violation] {
        &self.0.violations
    }

    /// How long to wait before the same call may succeed, where that is known.
    #[must_use]
    pub fn retry_delay(&self) -> Option<Duration> {
        self.0.retry_after
    }

    /// The value of `Retry-After`: whole seconds, rounded up, at least 1.
    #[must_use]
    pub fn retry_after_seconds(&self) -> Option<u64> {
        let wait = self.0.retry_after?;
        Some((wait.as_secs() + u64::from(wait.subsec_nanos() > 0)).max(1))
    }

    /// Writes it to the log, when it is ours and of the 500s. Conversions to what leaves the process call it; nobody
    /// else needs to.
    pub fn log(&self) {
        if self.0.remote || !self.0.code.is_server_fault() {
            return;
        }
        let (reason, chain) = (self.reason(), Chain(self));
        if self.0.code == Code::Internal {
            tracing::error!(error.reason = reason, error.chain = %chain, "call failed");
        } else {
            tracing::warn!(error.reason = reason, error.chain = %chain, "call failed");
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.0.reason, self.0.message)
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_ref().map(|source| source.as_ref() as _)
    }
}
