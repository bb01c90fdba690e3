//! AES-256-GCM with random nonces, and what a ciphertext is bound to.

use aws_lc_rs::aead::{AES_256_GCM, Aad, Nonce, RandomizedNonceKey};
use ids::{Subject, Tenant};
use zeroize::Zeroizing;

use crate::Error;

pub(crate) const KEY_LEN: usize = 32;
const NONCE_LEN: usize = 12;
/// First byte of everything sealed: version, generation, nonce, ciphertext with its tag.
const VERSION: u8 = 1;
const HEADER_LEN: usize = 1 + size_of::<i32>();

/// A key in the clear. Its memory is overwritten when it goes.
#[derive(Clone)]
pub(crate) struct DataKey(Zeroizing<[u8; KEY_LEN]>);

impl DataKey {
    /// `None` when the bytes are no key.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let mut key = Zeroizing::new([0; KEY_LEN]);
        if bytes.len() != KEY_LEN {
            return None;
        }
        key.copy_from_slice(bytes);
        Some(Self(key))
    }

    pub(crate) fn random() -> Result<Self, Error> {
        let mut key = Zeroizing::new([0; KEY_LEN]);
        aws_lc_rs::rand::fill(key.as_mut_slice()).map_err(|_| Error::Cipher)?;
        Ok(Self(key))
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.0.as_slice()
    }

    /// Nonce, ciphertext and tag.
    pub(crate) fn encrypt(&self, bound_to: &[u8], plain: &[u8]) -> Result<Vec<u8>, Error> {
        let key = RandomizedNonceKey::new(&AES_256_GCM, self.as_bytes()).map_err(|_| Error::Cipher)?;
        let mut text = plain.to_vec();
        let nonce =
            key.seal_in_place_append_tag(Aad::from(bound_to), &mut text).map_err(|_| Error::Cipher)?;
        Ok([nonce.as_ref().as_slice(), &text].concat())
    }

    pub(crate) fn decrypt(&self, bound_to: &[u8], bytes: &[u8]) -> Result<Zeroizing<Vec<u8>>, Error> {
        let (nonce, text) = bytes.split_at_checked(NONCE_LEN).ok_or(Error::Altered)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| Error::Altered)?;
        let key = RandomizedNonceKey::new(&AES_256_GCM, self.as_bytes()).map_err(|_| Error::Cipher)?;
        let mut text = Zeroizing::new(text.to_vec());
        let length = key
            .open_in_place(nonce, Aad::from(bound_to), text.as_mut_slice())
            .map_err(|_| Error::Altered)?
            .len();
        text.truncate(length);
        Ok(text)
    }
}

impl std::fmt::Debug for DataKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("DataKey(..)")
    }
}

/// Whose key it is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Owner<'a> {
    pub(crate) tenant: &'a Tenant,
    pub(crate) subject: &'a Subject,
    pub(crate) generation: i32,
}

impl Owner<'_> {
    /// What a ciphertext is bound to: each part behind its length, so that no two owners spell the same.
    pub(crate) fn bound_to(self, purpose: &str) -> Vec<u8> {
        let generation = self.generation.to_string();
        let mut bytes = Vec::new();
        for part in
            ["guildhall.envelope.v1", self.tenant.as_str(), self.subject.as_str(), &generation, purpose]
        {
            bytes.extend_from_slice(&part.len().to_be_bytes());
            bytes.extend_from_slice(part.as_bytes());
        }
        bytes
    }
}

/// What a column keeps.
pub(crate) fn seal(key: &DataKey, owner: Owner<'_>, column: &str, plain: &[u8]) -> Result<Vec<u8>, Error> {
    let mut sealed = vec![VERSION];
    sealed.extend_from_slice(&owner.generation.to_be_bytes());
    sealed.extend(key.encrypt(&owner.bound_to(column), plain)?);
    Ok(sealed)
}

/// The generation of the key that has sealed it, and what it has made.
pub(crate) fn parse(sealed: &[u8]) -> Result<(i32, &[u8]), Error> {
    let (header, text) = sealed.split_at_checked(HEADER_LEN).ok_or(Error::Altered)?;
    let [VERSION, generation @ ..] = header else { return Err(Error::Altered) };
    let generation = generation.try_into().map_err(|_| Error::Altered)?;
    Ok((i32::from_be_bytes(generation), text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ciphertext_opens_for_its_owner_and_column_alone() {
        let (tenant, other_tenant) = ("riverton".parse().unwrap(), "lakeside".parse().unwrap());
        let (ada, ben) = ("ada".parse().unwrap(), "ben".parse().unwrap());
        let key = DataKey::random().unwrap();
        let owner = Owner { tenant: &tenant, subject: &ada, generation: 1 };
        let sealed = seal(&key, owner, "recipients.email", b"ada@example.org").unwrap();
        let open = |owner: Owner<'_>, column: &str, sealed: &[u8]| {
            let (generation, text) = parse(sealed)?;
            key.decrypt(&Owner { generation, ..owner }.bound_to(column), text)
        };
        assert_eq!(open(owner, "recipients.email", &sealed).unwrap().as_slice(), b"ada@example.org");
        for (owner, column) in [
            (Owner { tenant: &other_tenant, ..owner }, "recipients.email"),
            (Owner { subject: &ben, ..owner }, "recipients.email"),
            (owner, "recipients.phone"),
        ] {
            assert!(matches!(open(owner, column, &sealed), Err(Error::Altered)), "{owner:?} {column}");
        }
        for at in 0..sealed.len() {
            let mut altered = sealed.clone();
            altered[at] ^= 1;
            assert!(matches!(open(owner, "recipients.email", &altered), Err(Error::Altered)), "byte {at}");
            assert!(
                matches!(open(owner, "recipients.email", &sealed[..at]), Err(Error::Altered)),
                "cut at {at}"
            );
        }
        assert_ne!(
            sealed,
            seal(&key, owner, "recipients.email", b"ada@example.org").unwrap(),
            "a nonce each"
        );
    }

    #[test]
    fn no_two_owners_are_bound_to_the_same() {
        let tenant = "a".parse().unwrap();
        let bound_to = |subject: &str, column: &str| {
            let subject = subject.parse().unwrap();
            Owner { tenant: &tenant, subject: &subject, generation: 1 }.bound_to(column)
        };
        assert_ne!(bound_to("x1", "y"), bound_to("x", "1y"));
    }
}
