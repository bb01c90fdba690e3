//! Signatures of callbacks: Standard Webhooks 1.0, `v1`, that is HMAC-SHA256 over `id.timestamp.body`.
//!
//! Not the crate `standardwebhooks`: it asks the machine for the time, which no test could tell.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clock::Clock;

use super::{Invalid, MOST_SIGNATURES, NoSecret, PREFIX, is_now, moment};

/// A secret shared with a provider: `whsec_`, and 24 to 64 bytes in Base64.
#[derive(Clone)]
pub struct Secret(hmac::Key);

impl FromStr for Secret {
    type Err = NoSecret;

    fn from_str(text: &str) -> Result<Self, NoSecret> {
        const RULE: NoSecret = NoSecret("must be `whsec_` and 24 to 64 bytes in Base64");
        let bytes = text.strip_prefix(PREFIX).and_then(|text| STANDARD.decode(text).ok()).ok_or(RULE)?;
        if (24..=64).contains(&bytes.len()) {
            Ok(Self(hmac::Key::new(hmac::HMAC_SHA256, &bytes)))
        } else {
            Err(RULE)
        }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// The id of a callback that one of the secrets has signed, now.
///
/// # Errors
/// [`Invalid`].
pub(super) fn verify(
    secrets: &[Secret],
    body: &[u8],
    headers: &BTreeMap<String, String>,
    clock: &Clock,
) -> Result<String, Invalid> {
    let header = |name: &str| headers.get(name).map(String::as_str).ok_or(Invalid::Headers);
    let (id, timestamp, signatures) =
        (header("webhook-id")?, header("webhook-timestamp")?, header("webhook-signature")?);
    // The id becomes a key here; a full stop in it could be read as the end of it.
    let plain = id.bytes().all(|b| b.is_ascii_graphic() && b != b'.');
    if id.is_empty() || id.len() > 255 || !plain {
        return Err(Invalid::Headers);
    }
    is_now(moment(timestamp)?, clock)?;
    let mut signed = format!("{id}.{timestamp}.").into_bytes();
    signed.extend_from_slice(body);
    let signed_by_us = signatures.split(' ').take(MOST_SIGNATURES).any(|signature| {
        let tag = signature.strip_prefix("v1,").and_then(|text| STANDARD.decode(text).ok());
        // In constant time.
        tag.is_some_and(|tag| secrets.iter().any(|secret| hmac::verify(&secret.0, &signed, &tag).is_ok()))
    });
    if signed_by_us { Ok(id.to_owned()) } else { Err(Invalid::Mismatch) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use time::macros::datetime;

    use super::super::WINDOW;
    use super::*;

    const NOW: time::OffsetDateTime = datetime!(2026-11-29 06:00 UTC);
    const BODY: &[u8] = br#"{"id":"evt_1"}"#;

    fn secret(byte: u8) -> Secret {
        format!("{PREFIX}{}", STANDARD.encode([byte; 32])).parse().expect("a secret")
    }

    fn sign(secret: &Secret, id: &str, at: i64, body: &[u8]) -> String {
        let mut context = hmac::Context::with_key(&secret.0);
        context.update(format!("{id}.{at}.").as_bytes());
        context.update(body);
        format!("v1,{}", STANDARD.encode(context.sign()))
    }

    fn headers(id: &str, at: i64, signature: &str) -> BTreeMap<String, String> {
        [("webhook-id", id), ("webhook-timestamp", &at.to_string()), ("webhook-signature", signature)]
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect()
    }

    #[test]
    fn what_one_of_the_secrets_signed_within_five_minutes_is_taken() {
        let clock = Clock::frozen(NOW);
        let (old, new) = (secret(1), secret(2));
        for (signer, offset) in [(&old, 0), (&new, 0), (&old, -WINDOW), (&new, WINDOW)] {
            let at = NOW.unix_timestamp() + offset;
            let both = format!("v1a,x v1,%% {}", sign(signer, "msg_1", at, BODY));
            let heard = verify(&[old.clone(), new.clone()], BODY, &headers("msg_1", at, &both), &clock);
            assert_eq!(heard.as_deref(), Ok("msg_1"));
        }
    }

    #[test]
    fn an_example_that_somebody_else_has_computed_is_taken() {
        // From the specification of Standard Webhooks.
        let secret: Secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".parse().expect("a secret");
        let body = br#"{"test": 2432232314}"#;
        let signed = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
        let clock = Clock::frozen(time::OffsetDateTime::from_unix_timestamp(1_614_265_330).expect("a time"));
        let headers = headers("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, signed);
        assert_eq!(verify(&[secret], body, &headers, &clock).as_deref(), Ok("msg_p5jXN8AQM9LWM0D4loKWxJek"));
    }

    #[test]
    fn what_is_old_early_foreign_or_changed_is_refused() {
        let clock = Clock::frozen(NOW);
        let (ours, theirs) = (secret(1), secret(3));
        let now = NOW.unix_timestamp();
        let good = sign(&ours, "msg_1", now, BODY);
        let check = |body: &[u8], headers: &BTreeMap<String, String>| {
            verify(std::slice::from_ref(&ours), body, headers, &clock).unwrap_err()
        };
        for at in [now - WINDOW - 1, now + WINDOW + 1, 0] {
            let headers = headers("msg_1", at, &sign(&ours, "msg_1", at, BODY));
            assert_eq!(check(BODY, &headers), Invalid::Time);
        }
        assert_eq!(
            check(BODY, &headers("msg_1", now, &sign(&theirs, "msg_1", now, BODY))),
            Invalid::Mismatch
        );
        assert_eq!(check(b"{}", &headers("msg_1", now, &good)), Invalid::Mismatch);
        assert_eq!(check(BODY, &headers("msg_2", now, &good)), Invalid::Mismatch);
        assert_eq!(check(BODY, &headers("msg_1", now - 1, &good)), Invalid::Mismatch);
        for wrong in ["", "v1,", "v2,x", &good[3..], &good.replace("v1,", "v1 ,")] {
            assert_eq!(check(BODY, &headers("msg_1", now, wrong)), Invalid::Mismatch);
        }
        for name in ["webhook-id", "webhook-timestamp", "webhook-signature"] {
            let mut headers = headers("msg_1", now, &good);
            headers.remove(name);
            assert_eq!(check(BODY, &headers), Invalid::Headers);
        }
        for (id, at) in
            [("", "1"), ("a.b", "1"), ("a", "-1"), ("a", "+1"), ("a", "x"), ("a", ""), ("a b", "1")]
        {
            let mut headers = headers(id, 0, &good);
            headers.insert("webhook-timestamp".to_owned(), at.to_owned());
            assert_eq!(check(BODY, &headers), Invalid::Headers, "{id:?} {at:?}");
        }
    }

    #[test]
    fn secrets_have_a_form() {
        for text in [
            "",
            "whsec_",
            "whsec_%%",
            &format!("whsec_{}", STANDARD.encode([1; 23])),
            "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        ] {
            assert!(text.parse::<Secret>().is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_changed_byte_passes(body in proptest::collection::vec(any::<u8>(), 1..200), at in any::<prop::sample::Index>(), flip in 1u8..) {
            let clock = Clock::frozen(NOW);
            let headers = headers("msg_1", NOW.unix_timestamp(), &sign(&secret(1), "msg_1", NOW.unix_timestamp(), &body));
            prop_assert!(verify(&[secret(1)], &body, &headers, &clock).is_ok());
            let mut changed = body.clone();
            changed[at.index(body.len())] ^= flip;
            prop_assert_eq!(verify(&[secret(1)], &changed, &headers, &clock), Err(Invalid::Mismatch));
        }

        #[test]
        fn no_headers_break_the_parser(id in "\\PC{0,20}", at in "\\PC{0,20}", signature in "\\PC{0,60}") {
            let headers = [("webhook-id", id), ("webhook-timestamp", at), ("webhook-signature", signature)];
            let headers = headers.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
            prop_assert!(verify(&[secret(1)], BODY, &headers, &Clock::frozen(NOW)).is_err());
        }
    }
}
