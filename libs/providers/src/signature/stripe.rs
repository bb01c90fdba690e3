//! `Stripe-Signature: t=<seconds>,v1=<hex>,…`: `v1` is HMAC-SHA256 over `<seconds>.<body>`, keyed by the secret as it is written,
//! `whsec_` included. While secrets rotate there is one `v1` for each of them. Other schemes, `v0` for one, are not looked at.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use aws_lc_rs::hmac;
use clock::Clock;

use super::{Invalid, MOST_SIGNATURES, NoSecret, PREFIX, is_now, moment};

/// The header, in lower case.
pub const HEADER: &str = "stripe-signature";

/// The secret of an endpoint: `whsec_`, and 16 to 128 letters, digits or characters of Base64.
#[derive(Clone)]
pub struct Secret(hmac::Key);

impl FromStr for Secret {
    type Err = NoSecret;

    fn from_str(text: &str) -> Result<Self, NoSecret> {
        let plain = |rest: &str| {
            let known = |b: u8| b.is_ascii_alphanumeric() || b"+/=_-".contains(&b);
            (16..=128).contains(&rest.len()) && rest.bytes().all(known)
        };
        if text.strip_prefix(PREFIX).is_some_and(plain) {
            Ok(Self(hmac::Key::new(hmac::HMAC_SHA256, text.as_bytes())))
        } else {
            Err(NoSecret("must be `whsec_` and 16 to 128 letters and digits"))
        }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// Takes a body that one of the secrets has signed, now.
///
/// # Errors
/// [`Invalid`].
pub(super) fn verify(
    secrets: &[Secret],
    body: &[u8],
    headers: &BTreeMap<String, String>,
    clock: &Clock,
) -> Result<(), Invalid> {
    let header = headers.get(HEADER).ok_or(Invalid::Headers)?;
    let (mut times, mut tags) = (Vec::new(), Vec::new());
    for part in header.split(',') {
        match part.split_once('=') {
            Some(("t", time)) => times.push(time),
            Some(("v1", tag)) if tags.len() < MOST_SIGNATURES => tags.push(tag),
            _ => {}
        }
    }
    // With two times nobody could say which of them is signed.
    let &[time] = times.as_slice() else { return Err(Invalid::Headers) };
    if tags.is_empty() {
        return Err(Invalid::Headers);
    }
    is_now(moment(time)?, clock)?;
    let mut signed = format!("{time}.").into_bytes();
    signed.extend_from_slice(body);
    let ours = tags.into_iter().any(|tag| {
        let tag = hex::decode(tag).ok();
        // In constant time.
        tag.is_some_and(|tag| secrets.iter().any(|secret| hmac::verify(&secret.0, &signed, &tag).is_ok()))
    });
    if ours { Ok(()) } else { Err(Invalid::Mismatch) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use time::macros::datetime;

    use super::super::WINDOW;
    use super::*;

    const NOW: time::OffsetDateTime = datetime!(2026-11-29 06:00 UTC);
    const BODY: &[u8] = br#"{"id":"evt_1","object":"event"}"#;
    const OLD: &str = "whsec_0123456789abcdefOLDsecretOLDsecret";
    const NEW: &str = "whsec_0123456789abcdefNEWsecretNEWsecret";

    fn secret(text: &str) -> Secret {
        text.parse().expect("a secret")
    }

    /// What Stripe sends for a body at a time.
    fn sign(secret: &str, at: i64, body: &[u8]) -> String {
        let mut context = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes()));
        context.update(format!("{at}.").as_bytes());
        context.update(body);
        hex::encode(context.sign())
    }

    fn check(secrets: &[&str], body: &[u8], header: Option<&str>) -> Result<(), Invalid> {
        let secrets: Vec<Secret> = secrets.iter().map(|text| secret(text)).collect();
        let headers = header.map(|text| (HEADER.to_owned(), text.to_owned())).into_iter().collect();
        verify(&secrets, body, &headers, &Clock::frozen(NOW))
    }

    #[test]
    fn what_is_signed_within_five_minutes_is_taken() {
        for offset in [0, -WINDOW, WINDOW] {
            let at = NOW.unix_timestamp() + offset;
            let header = format!("t={at},v1={},v0=6ffbb59b2300aae63f272406069a9788", sign(NEW, at, BODY));
            assert_eq!(check(&[NEW], BODY, Some(&header)), Ok(()), "{offset}");
        }
    }

    #[test]
    fn an_example_that_somebody_else_has_computed_is_taken() {
        // By `openssl dgst -sha256 -hmac whsec_test_secret_0123` over `1796018400.{"id":"evt_1","object":"event"}`.
        let header = "t=1796018400,v1=6e901eb74a5c888819a704fd4031086f633daf662a29d35ca7dc29899525f4e1";
        let headers = [(HEADER.to_owned(), header.to_owned())].into();
        let clock = Clock::frozen(time::OffsetDateTime::from_unix_timestamp(1_796_018_400).expect("a time"));
        assert_eq!(verify(&[secret("whsec_test_secret_0123")], BODY, &headers, &clock), Ok(()));
    }

    #[test]
    fn while_secrets_rotate_either_side_may_be_ahead() {
        let at = NOW.unix_timestamp();
        let (by_old, by_new) = (sign(OLD, at, BODY), sign(NEW, at, BODY));
        // Stripe signs by both; we know the one, the other, or both.
        let both = format!("t={at},v1={by_old},v1={by_new}");
        for known in [&[OLD][..], &[NEW], &[OLD, NEW], &[NEW, OLD]] {
            assert_eq!(check(known, BODY, Some(&both)), Ok(()), "{known:?}");
        }
        // Stripe signs by one; we know both.
        for one in [by_old, by_new] {
            assert_eq!(check(&[OLD, NEW], BODY, Some(&format!("t={at},v1={one}"))), Ok(()));
        }
    }

    #[test]
    fn what_is_old_or_early_is_refused() {
        for at in [NOW.unix_timestamp() - WINDOW - 1, NOW.unix_timestamp() + WINDOW + 1, 0, i64::MAX] {
            let header = format!("t={at},v1={}", sign(NEW, at, BODY));
            assert_eq!(check(&[NEW], BODY, Some(&header)), Err(Invalid::Time), "{at}");
        }
    }

    #[test]
    fn what_somebody_else_signed_or_changed_is_refused() {
        let at = NOW.unix_timestamp();
        let good = sign(NEW, at, BODY);
        let header = format!("t={at},v1={good}");
        assert_eq!(check(&[OLD], BODY, Some(&header)), Err(Invalid::Mismatch), "another secret");
        let moved = format!("t={},v1={good}", at - 1);
        assert_eq!(check(&[NEW], BODY, Some(&moved)), Err(Invalid::Mismatch), "another time");
        for place in 0..BODY.len() {
            let mut changed = BODY.to_vec();
            changed[place] ^= 1;
            assert_eq!(check(&[NEW], &changed, Some(&header)), Err(Invalid::Mismatch), "byte {place}");
        }
        assert_eq!(check(&[NEW], &BODY[1..], Some(&header)), Err(Invalid::Mismatch), "cut");
        for tag in ["", "x", &good[2..], &format!("{good}00"), &format!(" {good}")] {
            assert_eq!(
                check(&[NEW], BODY, Some(&format!("t={at},v1={tag}"))),
                Err(Invalid::Mismatch),
                "{tag}"
            );
        }
        // One that is good is not looked for among hundreds.
        let many = format!("t={at}{},v1={good}", ",v1=00".repeat(MOST_SIGNATURES));
        assert_eq!(check(&[NEW], BODY, Some(&many)), Err(Invalid::Mismatch), "too many");
    }

    #[test]
    fn what_is_missing_is_refused() {
        let at = NOW.unix_timestamp();
        let tag = sign(NEW, at, BODY);
        assert_eq!(check(&[NEW], BODY, None), Err(Invalid::Headers));
        for header in [
            String::new(),
            format!("t={at}"),
            format!("v1={tag}"),
            format!("t={at},v0={tag}"),
            format!("t=,v1={tag}"),
            format!("t=-{at},v1={tag}"),
            format!("t=+{at},v1={tag}"),
            format!("t={at}.0,v1={tag}"),
            format!("t={at},t={at},v1={tag}"),
            format!("t={at}; v1={tag}"),
        ] {
            assert_eq!(check(&[NEW], BODY, Some(&header)), Err(Invalid::Headers), "{header}");
        }
    }

    #[test]
    fn secrets_have_a_form_and_are_not_shown() {
        for text in [
            "",
            "whsec_",
            "whsec_short",
            "sk_test_0123456789abcdef",
            "whsec_0123456789abcde ",
            "whsec_0123456789abcdé",
        ] {
            assert!(text.parse::<Secret>().is_err(), "{text}");
        }
        assert_eq!(format!("{:?}", secret(NEW)), "Secret(..)");
    }

    proptest! {
        #[test]
        fn no_header_breaks_the_parser(header in "\\PC{0,120}|(t=[0-9]{0,12}|v1=[0-9a-f]{0,70}|,){0,8}") {
            prop_assert!(check(&[NEW], BODY, Some(&header)).is_err());
        }
    }
}
