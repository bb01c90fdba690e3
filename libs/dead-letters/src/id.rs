//! Ids of dead letters: the side they are on, and their number there.

use std::fmt;

/// A dead letter within a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Id {
    /// Of a consumer.
    Inbox(i64),
}

const INBOX: &str = "inbox-";

impl Id {
    /// `None` for what is no id, and hence nothing's.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let number: i64 = text.strip_prefix(INBOX)?.parse().ok()?;
        // One spelling only.
        let id = Self::Inbox(number);
        (id.to_string() == text).then_some(id)
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Inbox(number) => write!(f, "{INBOX}{number}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Id;

    #[test]
    fn an_id_has_one_spelling() {
        assert_eq!(Id::parse("inbox-17"), Some(Id::Inbox(17)));
        for other in ["", "17", "inbox-", "inbox-017", "inbox-+17", "INBOX-17", "inbox-99999999999999999999"]
        {
            assert_eq!(Id::parse(other), None, "{other}");
        }
    }
}
