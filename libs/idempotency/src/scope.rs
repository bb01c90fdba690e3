use ids::{Subject, Tenant};
use prost::Message;
use proto::Operation;
use sha2::{Digest, Sha256};

use crate::Key;

/// Within what a key is unique: two callers, or two operations, may use the same one.
#[derive(Clone, Debug)]
pub struct Scope {
    /// Whose rows the call touches.
    pub tenant: Tenant,
    /// Who calls: the subject of the verified token.
    pub principal: Subject,
    /// What is called.
    pub operation: Operation,
    /// The client's name for the call.
    pub key: Key,
}

impl Scope {
    /// SHA-256 over the parts, each after its length, so that no two scopes read the same.
    pub(crate) fn digest(&self) -> [u8; 32] {
        let mut hash = Sha256::new();
        for part in [self.tenant.as_str(), self.principal.as_str(), self.operation.path(), self.key.as_str()]
        {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        hash.finalize().into()
    }
}

/// SHA-256 over the request as it was decoded and is encoded again: how a client ordered or padded its fields does
/// not matter, fields we do not know are not part of it. Maps are B-trees in the generated code, hence in order.
pub(crate) fn fingerprint(request: &impl Message) -> [u8; 32] {
    Sha256::digest(request.encode_to_vec()).into()
}

/// What the advisory lock of a scope is taken on. That two scopes share one is as likely as 2^-64 and costs a 409.
pub(crate) fn lock(digest: &[u8; 32]) -> i64 {
    let [a, b, c, d, e, f, g, h, ..] = *digest;
    i64::from_be_bytes([a, b, c, d, e, f, g, h])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn scope(tenant: &str, principal: &str, operation: Operation, key: &str) -> Scope {
        Scope {
            tenant: tenant.parse().unwrap(),
            principal: principal.parse().unwrap(),
            operation,
            key: key.parse().unwrap(),
        }
    }

    #[test]
    fn each_part_tells_scopes_apart() {
        let digests = [
            scope("a", "b", Operation::ALL[0], "c"),
            scope("x", "b", Operation::ALL[0], "c"),
            scope("a", "x", Operation::ALL[0], "c"),
            scope("a", "b", Operation::ALL[1], "c"),
            scope("a", "b", Operation::ALL[0], "x"),
        ]
        .map(|scope| scope.digest());
        for (i, one) in digests.iter().enumerate() {
            for other in &digests[i + 1..] {
                assert_ne!(one, other);
                assert_ne!(lock(one), lock(other));
            }
        }
    }

    #[test]
    fn a_request_has_one_fingerprint_and_another_request_another() {
        let request = |minor_units| proto::common::v1::Money { minor_units, currency: "EUR".to_owned() };
        assert_eq!(fingerprint(&request(1)), fingerprint(&request(1)));
        assert_ne!(fingerprint(&request(1)), fingerprint(&request(2)));
        let empty: [u8; 32] = Sha256::digest([]).into();
        assert_eq!(fingerprint(&()), empty);
    }

    proptest! {
        #[test]
        fn moving_a_character_between_parts_makes_another_scope(text in "[a-z0-9]{3,30}", at in 1usize..28) {
            prop_assume!(at + 1 < text.len());
            let one = scope(&text[..at], &text[at..], Operation::ALL[0], "k");
            let other = scope(&text[..=at], &text[at + 1..], Operation::ALL[0], "k");
            prop_assert_ne!(one.digest(), other.digest());
        }
    }
}
