//! Ids of dead letters: the side they are on, and their number there.

use std::fmt;

/// A dead letter within a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Id {
    /// Of a consumer.
    Inbox(i64),
    /// Of the relay.
    Outbox(i64),
}

const INBOX: &str = "inbox-";
const OUTBOX: &str = "outbox-";

impl Id {
    /// `None` for what is no id, and hence nothing's.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let inbox = || Some(Self::Inbox(text.strip_prefix(INBOX)?.parse().ok()?));
        let outbox = || Some(Self::Outbox(text.strip_prefix(OUTBOX)?.parse().ok()?));
        // One spelling only.
        let id = inbox().or_else(outbox)?;
        (id.to_string() == text).then_some(id)
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Inbox(number) => write!(f, "{INBOX}{number}"),
            Self::Outbox(number) => write!(f, "{OUTBOX}{number}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Id;

    #[test]
    fn an_id_has_one_spelling() {
        assert_eq!(Id::parse("inbox-17"), Some(Id::Inbox(17)));
        assert_eq!(Id::parse("outbox-17"), Some(Id::Outbox(17)));
        for other in [
            "",
            "17",
            "inbox-",
            "outbox-",
            "inbox-017",
            "outbox-017",
            "inbox-+17",
            "INBOX-17",
            "inbox-99999999999999999999",
        ] {
            assert_eq!(Id::parse(other), None, "{other}");
        }
    }
}
