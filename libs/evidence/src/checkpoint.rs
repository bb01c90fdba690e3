//! Signed checkpoints.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::chain::hash;
use crate::{Chain, Digest, PublicKeys, Signer};

/// What a chain had come to, signed. Whoever has it can tell whether the entries up to it are those of then.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Checkpoint {
    /// The service whose chain it is.
    pub service: String,
    /// The tenant whose chain it is.
    pub tenant: String,
    /// The newest entry that it covers.
    pub seq: i64,
    /// Hash of that entry.
    #[serde(with = "hex_digest")]
    pub hash: Digest,
    /// When it was signed.
    #[serde(with = "time::serde::rfc3339")]
    pub signed_at: OffsetDateTime,
    /// Which key signed it.
    pub key: String,
    /// Ed25519 over everything above, base64.
    pub signature: String,
}

impl Checkpoint {
    /// Signs what the chain had come to.
    #[must_use]
    pub fn sign(signer: &Signer, chain: &Chain, seq: i64, hash: Digest, at: OffsetDateTime) -> Self {
        let mut checkpoint = Self {
            service: chain.service.clone(),
            tenant: chain.tenant.to_string(),
            seq,
            hash,
            signed_at: at,
            key: signer.key_id().to_owned(),
            signature: String::new(),
        };
        checkpoint.signature = signer.sign(&checkpoint.signed());
        checkpoint
    }

    /// Whether it is of this chain and one of the keys has signed it.
    #[must_use]
    pub fn is_genuine(&self, keys: &PublicKeys, chain: &Chain) -> bool {
        self.service == chain.service
            && self.tenant == chain.tenant.as_str()
            && keys.verify(&self.key, &self.signed(), &self.signature)
    }

    fn signed(&self) -> Digest {
        let micros = self.signed_at.unix_timestamp_nanos() / 1_000;
        hash(
            "guildhall.audit.checkpoint.v1",
            &[
                self.service.as_bytes(),
                self.tenant.as_bytes(),
                &self.seq.to_be_bytes(),
                &self.hash,
                &micros.to_be_bytes(),
                self.key.as_bytes(),
            ],
        )
    }
}

/// Digests as lower-case hexadecimal.
pub(crate) mod hex_digest {
    use serde::de::Error as _;
    use serde::{Deserialize as _, Deserializer, Serializer};

    use crate::Digest;

    pub(crate) fn serialize<S: Serializer>(digest: &Digest, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&hex::encode(digest))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Digest, D::Error> {
        let text = String::deserialize(deserializer)?;
        let digest: Digest = hex::decode(&text)
            .ok()
            .and_then(|bytes| bytes.try_into().ok())
            .ok_or_else(|| D::Error::custom("no SHA-256"))?;
        // One spelling only.
        if hex::encode(digest) == text { Ok(digest) } else { Err(D::Error::custom("not in lower case")) }
    }
}
