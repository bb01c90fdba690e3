use std::fmt::Write as _;

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// A call of a function of the database, to go with BEGIN ([`crate::Db::tenant_opening`]) in its round trip.
///
/// BEGIN takes no parameters, so that the arguments are literals: of types whose spelling leaves nothing to quote. A
/// server may log the text of a statement: give it digests and numbers, nothing that tells of a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    function: &'static str,
    arguments: String,
}

impl Call {
    /// Of the function of this name, without arguments yet.
    #[must_use]
    pub fn new(function: &'static str) -> Self {
        Self { function, arguments: String::new() }
    }

    /// Adds a `bytea`.
    #[must_use]
    pub fn bytes(mut self, value: &[u8]) -> Self {
        self.separate();
        self.arguments.reserve(value.len() * 2 + 12);
        self.arguments.push_str("'\\x");
        for byte in value {
            for digit in [byte >> 4, byte & 15] {
                self.arguments.push(char::from(b"0123456789abcdef"[usize::from(digit)]));
            }
        }
        self.arguments.push_str("'::bytea");
        self
    }

    /// Adds a `bigint`.
    #[must_use]
    pub fn int(mut self, value: i64) -> Self {
        self.separate();
        // Nothing can go wrong in writing to a string. The quotes keep the sign of the least one.
        let _ = write!(self.arguments, "'{value}'::bigint");
        self
    }

    /// Adds a `timestamptz`; a year beyond 9999 is infinity.
    #[must_use]
    pub fn time(mut self, value: OffsetDateTime) -> Self {
        self.separate();
        let text = value.format(&Rfc3339).unwrap_or_else(|_| "infinity".to_owned());
        let _ = write!(self.arguments, "'{text}'::timestamptz");
        self
    }

    fn separate(&mut self) {
        if !self.arguments.is_empty() {
            self.arguments.push_str(", ");
        }
    }

    pub(crate) fn text(&self) -> String {
        format!("{}({})", self.function, self.arguments)
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn arguments_are_literals() {
        let call = Call::new("f").bytes(&[0, 0xab, 0xff]).int(i64::MIN).time(datetime!(2030-01-01 12:00 UTC));
        assert_eq!(
            call.text(),
            r"f('\x00abff'::bytea, '-9223372036854775808'::bigint, '2030-01-01T12:00:00Z'::timestamptz)"
        );
        assert_eq!(Call::new("g").text(), "g()");
    }
}
