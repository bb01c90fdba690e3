//! Names that come from outside: tenants and subjects.

use crate::Error;

/// What subjects begin with that no sign-in gives.
const PERSON: &str = "person:";

fn is_tenant(text: &str) -> bool {
    (1..=63).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

fn is_subject(text: &str) -> bool {
    (1..=255).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_graphic())
        && text.strip_prefix(PERSON).is_none_or(is_reference)
}

fn is_reference(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
}

macro_rules! name {
    ($($(#[$doc:meta])* $name:ident, $check:ident, $error:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The text, as it was given.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }

        impl std::str::FromStr for $name {
            type Err = Error;

            fn from_str(text: &str) -> Result<Self, Error> {
                if $check(text) { Ok(Self(text.to_owned())) } else { Err(Error::$error) }
            }
        }

        impl TryFrom<String> for $name {
            type Error = Error;

            fn try_from(text: String) -> Result<Self, Error> {
                if $check(&text) { Ok(Self(text)) } else { Err(Error::$error) }
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> String {
                name.0
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl sqlx::Type<sqlx::Postgres> for $name {
            fn type_info() -> sqlx::postgres::PgTypeInfo {
                <String as sqlx::Type<sqlx::Postgres>>::type_info()
            }

            fn compatible(ty: &sqlx::postgres::PgTypeInfo) -> bool {
                <String as sqlx::Type<sqlx::Postgres>>::compatible(ty)
            }
        }

        impl sqlx::postgres::PgHasArrayType for $name {
            fn array_type_info() -> sqlx::postgres::PgTypeInfo {
                <String as sqlx::postgres::PgHasArrayType>::array_type_info()
            }
        }

        impl<'q> sqlx::Encode<'q, sqlx::Postgres> for $name {
            fn encode_by_ref(
                &self,
                buffer: &mut sqlx::postgres::PgArgumentBuffer,
            ) -> Result<sqlx::encode::IsNull, sqlx::error::BoxDynError> {
                <&str as sqlx::Encode<'_, sqlx::Postgres>>::encode(self.as_str(), buffer)
            }

            fn size_hint(&self) -> usize {
                self.0.len()
            }
        }

        impl<'r> sqlx::Decode<'r, sqlx::Postgres> for $name {
            fn decode(value: sqlx::postgres::PgValueRef<'r>) -> Result<Self, sqlx::error::BoxDynError> {
                Ok(<&str as sqlx::Decode<'r, sqlx::Postgres>>::decode(value)?.parse()?)
            }
        }
    )*};
}

name! {
    /// The town, agency or community that rows belong to: 1 to 63 of `a-z`, `0-9` and `-`. PostgreSQL's type is
    /// `text`.
    Tenant, is_tenant, NotTenant;
    /// Who signed in, the identity provider's `sub`: 1 to 255 visible ASCII characters; or whom an office knows, see
    /// [`Subject::of_person`]. PostgreSQL's type is `text`.
    Subject, is_subject, NotSubject;
}

impl Subject {
    /// Whom an office knows by a reference of its own, signed in or not: `person:<reference>`. Things can be theirs before they ever sign
    /// in; a sign-in that says who they are (claim `person_ref`) makes them theirs to see.
    ///
    /// # Errors
    /// [`Error::NotPersonRef`] for what is not 1 to 64 of `A-Z`, `a-z`, `0-9`, `.`, `_` and `-`.
    pub fn of_person(reference: &str) -> Result<Self, Error> {
        if is_reference(reference) {
            Ok(Self(format!("{PERSON}{reference}")))
        } else {
            Err(Error::NotPersonRef)
        }
    }

    /// Whether it is an office's reference. No identity provider's subject may look like one.
    #[must_use]
    pub fn is_person(&self) -> bool {
        self.0.starts_with(PERSON)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn tenants_are_dns_like() {
        for good in ["a", "riverton", "lake-side-7", &"x".repeat(63)] {
            assert_eq!(good.parse::<Tenant>().unwrap().as_str(), good);
        }
        for bad in ["", "Riverton", "river_ton", "river ton", "a\n", "töwn", "../a", &"x".repeat(64)] {
            assert_eq!(bad.parse::<Tenant>(), Err(Error::NotTenant), "{bad:?}");
        }
    }

    #[test]
    fn subjects_are_visible_ascii() {
        for good in ["a", "auth0|5f7c8ec7c33c6c004bbafe82", &"x".repeat(255)] {
            assert_eq!(good.parse::<Subject>().unwrap().as_str(), good);
        }
        for bad in ["", "a b", "a\r\nb", "é", "\u{7f}", &"x".repeat(256)] {
            assert_eq!(bad.parse::<Subject>(), Err(Error::NotSubject), "{bad:?}");
        }
    }

    #[test]
    fn an_offices_reference_is_told_from_a_sign_in() {
        let person = Subject::of_person("tax-4711").unwrap();
        assert_eq!((person.as_str(), person.is_person()), ("person:tax-4711", true));
        assert!(!"tax-4711".parse::<Subject>().unwrap().is_person());
        for bad in ["", "a b", "a:b", "a/b", "é", &"x".repeat(65)] {
            assert_eq!(Subject::of_person(bad), Err(Error::NotPersonRef), "{bad:?}");
            assert_eq!(format!("person:{bad}").parse::<Subject>(), Err(Error::NotSubject), "{bad:?}");
        }
    }

    #[test]
    fn json_is_checked_too() {
        assert_eq!(serde_json::from_str::<Tenant>("\"riverton\"").unwrap().as_str(), "riverton");
        serde_json::from_str::<Tenant>("\"River Ton\"").unwrap_err();
        serde_json::from_str::<Subject>("\"\"").unwrap_err();
    }

    proptest! {
        #[test]
        fn whatever_parses_prints_itself(text in "\\PC{0,70}") {
            if let Ok(tenant) = text.parse::<Tenant>() {
                prop_assert_eq!(tenant.to_string(), &*text);
            }
            if let Ok(subject) = text.parse::<Subject>() {
                prop_assert_eq!(subject.to_string(), text);
            }
        }
    }
}
