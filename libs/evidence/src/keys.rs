//! Who signs, and whose signatures are believed.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use ::settings::{Env, ExposeSecret as _, Secret};
use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::chain::hash;

/// Settings `AUDIT__*`.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Who signs from now on.
    pub signer: Signer,
    /// Whose signatures are believed: the signer's, and those before it.
    pub keys: PublicKeys,
}

/// Signs checkpoints and manifests.
#[derive(Clone)]
#[non_exhaustive]
pub enum Signer {
    /// A key in the process's own memory.
    Local(Arc<Local>),
}

/// A key in memory.
pub struct Local {
    pair: Ed25519KeyPair,
    id: String,
}

/// Public keys by their id. Cheap to clone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PublicKeys(Arc<BTreeMap<String, Vec<u8>>>);

/// The text is no key of this kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be {0}")]
pub struct Invalid(&'static str);

const PRIVATE: &str = "base64 of an Ed25519 key as PKCS #8 in DER";
const PUBLIC: &str = "base64 of Ed25519 keys as SubjectPublicKeyInfo in DER, separated by commas";

impl Settings {
    /// Reads `AUDIT__SIGNING_KEY` and `AUDIT__PUBLIC_KEYS` (keys of before, comma-separated; default none); notes every
    /// error in `env`.
    pub fn load(env: &mut Env) -> Option<Self> {
        let secret = env.secret("AUDIT__SIGNING_KEY").required();
        let older = public_keys(env);
        let signer = signer(env, &secret?)?;
        let keys = older?.with(&signer);
        Some(Self { signer, keys })
    }
}

impl PublicKeys {
    /// Reads what is needed to verify: `AUDIT__PUBLIC_KEYS`, or `AUDIT__SIGNING_KEY`, or both.
    pub fn load(env: &mut Env) -> Option<Self> {
        let secret = env.secret("AUDIT__SIGNING_KEY").optional();
        let keys = public_keys(env)?;
        let keys = match secret? {
            Some(secret) => keys.with(&signer(env, &secret)?),
            None => keys,
        };
        if keys.0.is_empty() {
            env.problem("AUDIT__PUBLIC_KEYS", "is needed without AUDIT__SIGNING_KEY");
            return None;
        }
        Some(keys)
    }

    /// Reads keys, comma-separated.
    ///
    /// # Errors
    /// When one of them is none.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let mut keys = BTreeMap::new();
        for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            let der = STANDARD.decode(part).map_err(|_| Invalid(PUBLIC))?;
            if der.len() != SPKI_PREFIX.len() + 32 || !der.starts_with(SPKI_PREFIX) {
                return Err(Invalid(PUBLIC));
            }
            keys.insert(id(&der), der);
        }
        Ok(Self(Arc::new(keys)))
    }

    /// With the signer's own.
    #[must_use]
    pub fn with(mut self, signer: &Signer) -> Self {
        let der = signer.public_key();
        Arc::make_mut(&mut self.0).insert(id(&der), der);
        self
    }

    /// Whether the key of this id has signed the message; false where it is not known.
    #[must_use]
    pub fn verify(&self, key: &str, message: &[u8], signature: &str) -> bool {
        let Some(public) = self.0.get(key).and_then(|der| der.get(SPKI_PREFIX.len()..)) else { return false };
        // One spelling only.
        let Ok(bytes) = STANDARD.decode(signature) else { return false };
        STANDARD.encode(&bytes) == signature
            && UnparsedPublicKey::new(&ED25519, public).verify(message, &bytes).is_ok()
    }
}

/// What comes before the 32 bytes of an Ed25519 key in its SubjectPublicKeyInfo (RFC 8410).
const SPKI_PREFIX: &[u8] = &[0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

impl Signer {
    /// A key that was made before.
    ///
    /// # Errors
    /// When the text is none.
    pub fn local(text: &Secret) -> Result<Self, Invalid> {
        let der = STANDARD.decode(text.expose_secret().trim()).map_err(|_| Invalid(PRIVATE))?;
        let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(&der).map_err(|_| Invalid(PRIVATE))?;
        Ok(Self::of(pair))
    }

    /// A new key that nobody else has and that ends with the process: for tests.
    ///
    /// # Errors
    /// When the machine has no randomness.
    pub fn ephemeral() -> Result<Self, Invalid> {
        Ok(Self::of(Ed25519KeyPair::generate().map_err(|_| Invalid("made with randomness"))?))
    }

    fn of(pair: Ed25519KeyPair) -> Self {
        let mut der = SPKI_PREFIX.to_vec();
        der.extend_from_slice(pair.public_key().as_ref());
        Self::Local(Arc::new(Local { pair, id: id(&der) }))
    }

    /// Id of its key: the first half of the SHA-256 of the public one, hexadecimal.
    #[must_use]
    pub fn key_id(&self) -> &str {
        match self {
            Self::Local(local) => &local.id,
        }
    }

    /// Its public key, as SubjectPublicKeyInfo in DER.
    #[must_use]
    pub fn public_key(&self) -> Vec<u8> {
        match self {
            Self::Local(local) => [SPKI_PREFIX, local.pair.public_key().as_ref()].concat(),
        }
    }

    /// A signature in base64.
    #[must_use]
    pub fn sign(&self, message: &[u8]) -> String {
        match self {
            Self::Local(local) => STANDARD.encode(local.pair.sign(message)),
        }
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signer").field("key", &self.key_id()).finish_non_exhaustive()
    }
}

fn signer(env: &mut Env, secret: &Secret) -> Option<Signer> {
    Signer::local(secret).map_err(|error| env.problem("AUDIT__SIGNING_KEY", error.to_string())).ok()
}

fn public_keys(env: &mut Env) -> Option<PublicKeys> {
    let text = env.var("AUDIT__PUBLIC_KEYS").default(String::new())?;
    PublicKeys::parse(&text).map_err(|error| env.problem("AUDIT__PUBLIC_KEYS", error.to_string())).ok()
}

fn id(der: &[u8]) -> String {
    hex::encode(&hash("guildhall.audit.key.v1", &[der])[..16])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_key_signed_is_believed_and_nothing_else() {
        let (signer, other) = (Signer::ephemeral().unwrap(), Signer::ephemeral().unwrap());
        let keys = PublicKeys::default().with(&signer);
        let signature = signer.sign(b"message");
        assert!(keys.verify(signer.key_id(), b"message", &signature));
        assert!(!keys.verify(signer.key_id(), b"massage", &signature));
        assert!(!keys.verify(other.key_id(), b"message", &signature));
        assert!(!keys.verify(signer.key_id(), b"message", &other.sign(b"message")));
        assert!(!keys.verify(signer.key_id(), b"message", "no base64"));
        let text =
            format!("{}, {}", STANDARD.encode(signer.public_key()), STANDARD.encode(other.public_key()));
        assert_eq!(PublicKeys::parse(&text).unwrap(), keys.with(&other));
    }

    #[test]
    fn a_key_of_openssl_is_read() {
        let key = "MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g".to_owned();
        let signer = Signer::local(&key.into()).unwrap();
        // RFC 8032, section 7.1, test 1.
        let public = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";
        assert_eq!(hex::encode(&signer.public_key()[12..]), public);
    }

    #[test]
    fn what_is_wrong_is_told_by_its_variable() {
        let load = |pairs: &[(&str, &str)]| {
            let mut env = Env::from_pairs("DOCUMENT", pairs.iter().copied());
            let settings = Settings::load(&mut env);
            env.finish(settings).unwrap_err().problems.iter().map(|p| p.variable.clone()).collect::<Vec<_>>()
        };
        assert_eq!(load(&[]), ["DOCUMENT__AUDIT__SIGNING_KEY"]);
        let wrong = [("DOCUMENT__AUDIT__SIGNING_KEY", "x"), ("DOCUMENT__AUDIT__PUBLIC_KEYS", "AAAA")];
        assert_eq!(load(&wrong), ["DOCUMENT__AUDIT__PUBLIC_KEYS", "DOCUMENT__AUDIT__SIGNING_KEY"]);
    }
}
