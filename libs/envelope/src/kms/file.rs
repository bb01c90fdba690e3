use std::path::Path;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use zeroize::Zeroizing;

use super::{Error, Wrapped};
use crate::cipher::{DataKey, Owner};

/// What a wrapped key is bound to, beside its owner.
const PURPOSE: &str = "data key";

/// Keys of a file `{"keys": [{"id": "2026-11", "key": "<base64 of 32 bytes>"}]}`; the last one wraps, all unwrap.
#[derive(Clone, Debug)]
pub struct KeyFile(Arc<[(String, DataKey)]>);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Contents {
    keys: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    id: String,
    key: String,
}

impl KeyFile {
    /// Reads a file.
    ///
    /// # Errors
    /// When it cannot be read or is none; says where, never what.
    pub async fn read(path: &Path) -> Result<Self, Error> {
        let text = tokio::fs::read_to_string(path).await;
        Self::parse(&Zeroizing::new(text.map_err(|error| Error::Unavailable(error.into()))?))
    }

    fn parse(text: &str) -> Result<Self, Error> {
        // serde_json's own message may quote what it read.
        let contents: Contents = serde_json::from_str(text).map_err(|error| {
            refused(format!(
                "the key file is no list of keys: line {}, column {}",
                error.line(),
                error.column()
            ))
        })?;
        let mut keys: Vec<(String, DataKey)> = Vec::new();
        for Entry { id, key } in contents.keys {
            let named = (1..=64).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic());
            if !named || keys.iter().any(|(known, _)| *known == id) {
                return Err(refused(
                    "an id in the key file is not 1 to 64 visible characters, or there twice".into(),
                ));
            }
            let bytes = STANDARD.decode(Zeroizing::new(key).as_bytes()).map(Zeroizing::new).ok();
            let key = bytes.and_then(|bytes| DataKey::from_bytes(&bytes));
            keys.push((
                id,
                key.ok_or_else(|| refused("a key in the key file is not base64 of 32 bytes".into()))?,
            ));
        }
        if keys.is_empty() {
            return Err(refused("the key file has no key".into()));
        }
        Ok(Self(keys.into()))
    }

    pub(super) fn newest(&self) -> &str {
        self.0.last().map_or("", |(id, _)| id)
    }

    pub(super) fn generate(&self, owner: Owner<'_>) -> Result<(DataKey, Wrapped), Error> {
        let key = DataKey::random().map_err(|error| Error::Unavailable(error.into()))?;
        let wrapped = self.wrap(owner, &key)?;
        Ok((key, wrapped))
    }

    pub(super) fn unwrap(&self, owner: Owner<'_>, kek: &str, wrapped: &[u8]) -> Result<DataKey, Error> {
        let key = self.0.iter().find(|(id, _)| id == kek);
        let (_, key) = key.ok_or_else(|| refused(format!("the key file has no key {kek}")))?;
        let plain = key.decrypt(&owner.bound_to(PURPOSE), wrapped);
        let plain = plain.map_err(|_| refused("the bytes are not a key of this owner".into()))?;
        DataKey::from_bytes(&plain).ok_or_else(|| refused("the bytes are no key".into()))
    }

    pub(super) fn rewrap(&self, owner: Owner<'_>, kek: &str, wrapped: &[u8]) -> Result<Wrapped, Error> {
        self.wrap(owner, &self.unwrap(owner, kek, wrapped)?)
    }

    fn wrap(&self, owner: Owner<'_>, key: &DataKey) -> Result<Wrapped, Error> {
        let (id, newest) = self.0.last().ok_or_else(|| refused("the key file has no key".into()))?;
        let bytes = newest.encrypt(&owner.bound_to(PURPOSE), key.as_bytes());
        Ok(Wrapped { kek: id.clone(), bytes: bytes.map_err(|error| Error::Unavailable(error.into()))? })
    }
}

fn refused(why: String) -> Error {
    Error::Refused(why)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(keys: &[(&str, u8)]) -> KeyFile {
        let keys = keys
            .iter()
            .map(|(id, byte)| format!(r#"{{"id":"{id}","key":"{}"}}"#, STANDARD.encode([*byte; 32])));
        KeyFile::parse(&format!(r#"{{"keys":[{}]}}"#, keys.collect::<Vec<_>>().join(","))).unwrap()
    }

    #[test]
    fn the_last_key_wraps_and_every_one_unwraps_for_the_owner() {
        let (tenant, subject) = ("riverton".parse().unwrap(), "ada".parse().unwrap());
        let owner = Owner { tenant: &tenant, subject: &subject, generation: 1 };
        let (key, wrapped) = file(&[("a", 1)]).generate(owner).unwrap();
        let both = file(&[("a", 1), ("b", 2)]);
        assert_eq!(both.unwrap(owner, "a", &wrapped.bytes).unwrap().as_bytes(), key.as_bytes());
        let new = both.rewrap(owner, "a", &wrapped.bytes).unwrap();
        assert_eq!((new.kek.as_str(), both.newest()), ("b", "b"));
        assert_eq!(file(&[("b", 2)]).unwrap(owner, "b", &new.bytes).unwrap().as_bytes(), key.as_bytes());
        let other = Owner { generation: 2, ..owner };
        for (owner, kek) in [(owner, "b"), (owner, "c"), (other, "a")] {
            assert!(matches!(both.unwrap(owner, kek, &wrapped.bytes), Err(Error::Refused(_))), "{kek}");
        }
    }

    #[test]
    fn a_file_that_is_none_is_refused_without_telling_its_text() {
        let short = STANDARD.encode([1; 31]);
        for text in [
            String::new(),
            r#"{"keys":[]}"#.to_owned(),
            format!(r#"{{"keys":[{{"id":"a","key":"{short}"}}]}}"#),
            format!(r#"{{"keys":[{{"id":"","key":"{short}"}}]}}"#),
            format!(r#"{{"keys":[{{"id":"a","kee":"{short}"}}]}}"#),
        ] {
            let error = KeyFile::parse(&text).unwrap_err();
            assert!(!error.to_string().contains(&short), "{error}");
        }
    }
}
