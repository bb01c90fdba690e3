//! Signed URLs, by Signature Version 4 in the query, over headers of our choice.
//!
//! The SDK's own presigning decides by itself which headers it signs, and has changed its mind between releases. What
//! an upload may be hangs on exactly these headers, so they are signed here, and a test holds the URL to the letter.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_sigv4::sign::v4::{calculate_signature, generate_signing_key};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};
use time::{Date, OffsetDateTime};
use url::Url;

use crate::{Error, Part};

/// The bytes that a signed upload allows.
#[derive(Clone, Copy, Debug)]
pub struct Upload<'a> {
    /// Media type; stored with the object.
    pub content_type: &'a str,
    /// Size in bytes.
    pub size: u64,
    /// SHA-256 of the bytes.
    pub sha256: [u8; 32],
}

/// A request that puts exactly one sequence of bytes at one key, or in one part's place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedPut {
    /// Absolute URL for `PUT`. A bearer secret until it expires: never logged.
    pub url: String,
    /// Headers to send as they are: `content-length`, `x-amz-checksum-sha256` and, but for a part, `content-type`. All are
    /// signed; browsers set the first themselves.
    pub headers: BTreeMap<String, String>,
    /// When the signature ends.
    pub expires_at: OffsetDateTime,
}

/// A request that reads one object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedGet {
    /// Absolute URL for a plain `GET`. A bearer secret until it expires: never logged.
    pub url: String,
    /// When the signature ends.
    pub expires_at: OffsetDateTime,
}

/// Credentials, and the key that a day's signatures are made with: deriving it takes four HMACs, a signature one.
pub(crate) struct Identity {
    pub(crate) credentials: Credentials,
    day: Date,
    key: [u8; 32],
}

impl Identity {
    pub(crate) fn new(credentials: Credentials, region: &str, now: OffsetDateTime) -> Self {
        let time = SystemTime::from(now);
        let derived = generate_signing_key(credentials.secret_access_key(), time, region, SERVICE);
        let mut key = [0; 32];
        // A SHA-256 and the key are of one length.
        key.iter_mut().zip(derived.as_ref()).for_each(|(to, from)| *to = *from);
        Self { credentials, day: now.date(), key }
    }

    /// Whether it can make signatures at `now` that last until `end`.
    pub(crate) fn serves(&self, now: OffsetDateTime, end: SystemTime) -> bool {
        self.day == now.date() && self.credentials.expiry().is_none_or(|expiry| expiry > end)
    }
}

/// What a signature is made with.
pub(crate) struct Signer<'a> {
    pub(crate) endpoint: &'a Url,
    pub(crate) region: &'a str,
    pub(crate) identity: Arc<Identity>,
    /// In UTC.
    pub(crate) now: OffsetDateTime,
    pub(crate) ttl: Duration,
}

const SERVICE: &str = "s3";
/// The body's digest is in a signed header of its own.
const BODY: &str = "UNSIGNED-PAYLOAD";

impl Signer<'_> {
    pub(crate) fn put(self, bucket: &str, key: &str, upload: &Upload<'_>) -> Result<SignedPut, Error> {
        let headers = BTreeMap::from([
            ("content-length".to_owned(), upload.size.to_string()),
            ("content-type".to_owned(), upload.content_type.to_owned()),
            ("x-amz-checksum-sha256".to_owned(), STANDARD.encode(upload.sha256)),
        ]);
        let url = self.sign("PUT", bucket, key, "", &headers)?;
        Ok(SignedPut { url, headers, expires_at: self.expires_at() })
    }

    /// One part of an upload. The type is the whole's, set when the upload began.
    pub(crate) fn part(
        self,
        bucket: &str,
        key: &str,
        upload_id: &str,
        part: &Part,
    ) -> Result<SignedPut, Error> {
        let headers = BTreeMap::from([
            ("content-length".to_owned(), part.size.to_string()),
            ("x-amz-checksum-sha256".to_owned(), STANDARD.encode(part.sha256)),
        ]);
        let query = format!("partNumber={}&uploadId={}&", part.number, encode(upload_id, ""));
        let url = self.sign("PUT", bucket, key, &query, &headers)?;
        Ok(SignedPut { url, headers, expires_at: self.expires_at() })
    }

    /// The answer names the file, is saved rather than shown, and stays out of caches.
    pub(crate) fn get(self, bucket: &str, key: &str, file_name: &str) -> Result<SignedGet, Error> {
        // RFC 8187: without the quoted `filename` there is one spelling only, and no way out of it.
        let disposition = format!("attachment; filename*=UTF-8''{}", encode(file_name, ""));
        let query = format!(
            "response-cache-control={}&response-content-disposition={}&",
            encode("private, no-store", ""),
            encode(&disposition, "")
        );
        let url = self.sign("GET", bucket, key, &query, &BTreeMap::new())?;
        Ok(SignedGet { url, expires_at: self.expires_at() })
    }

    /// `query` is empty, or ends in `&`; its parameters are encoded, and in order.
    fn sign(
        &self,
        method: &str,
        bucket: &str,
        key: &str,
        query: &str,
        headers: &BTreeMap<String, String>,
    ) -> Result<String, Error> {
        let Identity { credentials, key: signing_key, .. } = &*self.identity;
        let (host, day, time) = (host(self.endpoint)?, day(self.now), time(self.now));
        // Path-style: one host name and one certificate, whatever the buckets are called. S3 takes the path as it is.
        let path = format!("{}/{bucket}/{}", self.endpoint.path().trim_end_matches('/'), encode(key, "/"));

        let mut by_name: Vec<(&str, &str)> = vec![("host", &host)];
        by_name.extend(headers.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        by_name.sort_unstable();
        let mut lines = String::with_capacity(256);
        let mut names = String::with_capacity(80);
        for (name, value) in by_name {
            let separator = if names.is_empty() { "" } else { ";" };
            names.extend([separator, name]);
            lines.extend([name, ":", printable(value)?, "\n"]);
        }

        let (region, id) = (self.region, credentials.access_key_id());
        let scope = format!("{day}/{region}/{SERVICE}/aws4_request");
        let mut signed = format!(
            "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential={}&X-Amz-Date={time}&X-Amz-Expires={}",
            encode(&format!("{id}/{scope}"), ""),
            self.ttl.as_secs()
        );
        if let Some(token) = credentials.session_token() {
            signed.extend(["&X-Amz-Security-Token=", &encode(token, "")]);
        }
        signed.extend(["&X-Amz-SignedHeaders=", &encode(&names, "")]);

        // Parameters are signed in the order of their names, in which capitals come first.
        let ours = query.trim_end_matches('&');
        let and = if ours.is_empty() { "" } else { "&" };
        let request = format!("{method}\n{path}\n{signed}{and}{ours}\n{lines}\n{names}\n{BODY}");
        let mut statement = format!("AWS4-HMAC-SHA256\n{time}\n{scope}\n");
        hex(&mut statement, &Sha256::digest(request));
        let signature = calculate_signature(signing_key, statement.as_bytes());

        let origin = &self.endpoint[..url::Position::BeforePath];
        Ok(format!("{origin}{path}?{query}{signed}&X-Amz-Signature={signature}"))
    }

    /// A signature ends with its credentials, however long it was asked for.
    fn expires_at(&self) -> OffsetDateTime {
        let asked = self.now + self.ttl;
        self.identity.credentials.expiry().map_or(asked, |end| asked.min(OffsetDateTime::from(end)))
    }
}

/// The header `host` of a request to that endpoint.
fn host(endpoint: &Url) -> Result<String, Error> {
    let host = endpoint.host_str().ok_or_else(|| Error::Signing("the endpoint has no host".into()))?;
    Ok(endpoint.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}")))
}

/// A value that arrives in a header as it was signed.
fn printable(value: &str) -> Result<&str, Error> {
    let whole = value.bytes().all(|byte| matches!(byte, b' '..=b'~'));
    let trimmed = !value.starts_with(' ') && !value.ends_with(' ') && !value.contains("  ");
    if whole && trimmed {
        Ok(value)
    } else {
        Err(Error::Signing("a header would not arrive as signed".into()))
    }
}

fn day(at: OffsetDateTime) -> String {
    format!("{:04}{:02}{:02}", at.year(), u8::from(at.month()), at.day())
}

fn time(at: OffsetDateTime) -> String {
    format!("{}T{:02}{:02}{:02}Z", day(at), at.hour(), at.minute(), at.second())
}

const DIGITS: &[u8; 16] = b"0123456789abcdef";

fn hex(to: &mut String, bytes: &[u8]) {
    for byte in bytes {
        for digit in [byte >> 4, byte & 15] {
            to.push(char::from(DIGITS[usize::from(digit)]));
        }
    }
}

/// Percent-encodes everything but RFC 3986's unreserved characters and `keep`.
pub(crate) fn encode(text: &str, keep: &str) -> String {
    let mut encoded = String::with_capacity(text.len() + 32);
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) || keep.as_bytes().contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    const REGION: &str = "eu-central-1";
    const NOW: OffsetDateTime = datetime!(2030-01-02 03:04:05.678 UTC);

    fn signer(endpoint: &Url) -> Signer<'_> {
        Signer {
            endpoint,
            region: REGION,
            identity: Arc::new(Identity::new(
                Credentials::from_keys("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", None),
                REGION,
                NOW,
            )),
            now: NOW,
            ttl: Duration::from_secs(900),
        }
    }

    fn upload() -> Upload<'static> {
        Upload { content_type: "application/pdf", size: 1_234, sha256: [7; 32] }
    }

    /// Computed with another implementation, from AWS's description of Signature Version 4.
    #[test]
    fn an_upload_url_is_the_golden_one() {
        let endpoint = Url::parse("https://s3.example.org").unwrap();
        let put = signer(&endpoint).put("guildhall-intake", "riverton/0197-a b", &upload()).unwrap();
        assert_eq!(put.url, GOLDEN_PUT);
        assert_eq!(put.expires_at, datetime!(2030-01-02 03:19:05.678 UTC));
        let headers: Vec<_> = put.headers.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        assert_eq!(
            headers,
            [
                ("content-length", "1234"),
                ("content-type", "application/pdf"),
                ("x-amz-checksum-sha256", "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc="),
            ]
        );
    }

    /// The same, and its signature is another one for anything that it fixes.
    #[test]
    fn a_part_url_is_the_golden_one() {
        let endpoint = Url::parse("https://s3.example.org").unwrap();
        let part = Part { number: 7, size: 16_777_216, sha256: [7; 32] };
        let sign = |upload: &str, part: Part| {
            signer(&endpoint).part("guildhall-intake", "intake/0197/1", upload, &part)
        };
        let put = sign("u/1 +", part).unwrap();
        assert_eq!(put.url, GOLDEN_PART);
        let headers: Vec<_> = put.headers.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        let digest = "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=";
        assert_eq!(headers, [("content-length", "16777216"), ("x-amz-checksum-sha256", digest)]);
        for (upload, other) in [
            ("u/1 +", Part { number: 8, ..part }),
            ("u/1 +", Part { size: 1, ..part }),
            ("u/1 +", Part { sha256: [8; 32], ..part }),
            ("u/2", part),
        ] {
            let signature = |put: &SignedPut| put.url.rsplit_once('=').unwrap().1.to_owned();
            assert_ne!(signature(&sign(upload, other).unwrap()), signature(&put));
        }
    }

    #[test]
    fn a_download_url_is_the_golden_one() {
        let endpoint = Url::parse("http://127.0.0.1:7070/").unwrap();
        let get =
            signer(&endpoint).get("guildhall-evidence", "evidence/0197/1", "Lohn \"März\"; ü.pdf").unwrap();
        assert_eq!(get.url, GOLDEN_GET);
    }

    #[test]
    fn what_is_signed_decides_the_signature() {
        let endpoint = Url::parse("https://s3.example.org").unwrap();
        let base = signer(&endpoint).put("b", "k", &upload()).unwrap().url;
        for other in [
            Upload { size: 1_235, ..upload() },
            Upload { content_type: "image/png", ..upload() },
            Upload { sha256: [8; 32], ..upload() },
        ] {
            assert_ne!(signer(&endpoint).put("b", "k", &other).unwrap().url, base);
        }
    }

    #[test]
    fn a_signature_ends_with_its_credentials() {
        let endpoint = Url::parse("https://s3.example.org").unwrap();
        let end = datetime!(2030-01-02 03:05 UTC);
        let mut signer = signer(&endpoint);
        let credentials = Credentials::new("ID", "secret", Some("token".into()), Some(end.into()), "test");
        signer.identity = Arc::new(Identity::new(credentials, REGION, NOW));
        let get = signer.get("b", "k", "f").unwrap();
        assert_eq!(get.expires_at, end);
        assert!(get.url.contains("X-Amz-Security-Token=token"), "{}", get.url);
    }

    /// The key is a day's, and credentials that end may end before a signature does.
    #[test]
    fn an_identity_serves_for_a_day_and_no_longer_than_its_credentials() {
        let end = |minutes: i64| SystemTime::from(NOW + time::Duration::minutes(minutes));
        let expiring = Credentials::new("ID", "secret", None, Some(end(20)), "test");
        for (credentials, now, until, serves) in [
            (expiring.clone(), NOW, end(15), true),
            (expiring, NOW, end(20), false),
            (Credentials::from_keys("ID", "secret", None), datetime!(2030-01-02 23:59:59 UTC), end(15), true),
            (Credentials::from_keys("ID", "secret", None), datetime!(2030-01-03 0:00 UTC), end(15), false),
        ] {
            assert_eq!(Identity::new(credentials, REGION, NOW).serves(now, until), serves, "{now}");
        }
    }

    #[test]
    fn a_header_that_would_not_arrive_as_signed_is_refused() {
        let endpoint = Url::parse("https://s3.example.org").unwrap();
        for content_type in ["a/b\r\nx: y", "a/b ", " a/b", "a/b;  c", "a/\u{e9}", "a\tb"] {
            let upload = Upload { content_type, ..upload() };
            assert!(
                matches!(signer(&endpoint).put("b", "k", &upload), Err(Error::Signing(_))),
                "{content_type:?}"
            );
        }
    }

    const GOLDEN_PUT: &str = "https://s3.example.org/guildhall-intake/riverton/0197-a%20b?\
         X-Amz-Algorithm=AWS4-HMAC-SHA256&\
         X-Amz-Credential=AKIDEXAMPLE%2F20300102%2Feu-central-1%2Fs3%2Faws4_request&\
         X-Amz-Date=20300102T030405Z&\
         X-Amz-Expires=900&\
         X-Amz-SignedHeaders=content-length%3Bcontent-type%3Bhost%3Bx-amz-checksum-sha256&\
         X-Amz-Signature=7ecc4eba4917dc072f6d4f864aeb870176fd87ac6a2ec96b8b89afe2cc44f98f";
    const GOLDEN_PART: &str = "https://s3.example.org/guildhall-intake/intake/0197/1?\
         partNumber=7&uploadId=u%2F1%20%2B&\
         X-Amz-Algorithm=AWS4-HMAC-SHA256&\
         X-Amz-Credential=AKIDEXAMPLE%2F20300102%2Feu-central-1%2Fs3%2Faws4_request&\
         X-Amz-Date=20300102T030405Z&\
         X-Amz-Expires=900&\
         X-Amz-SignedHeaders=content-length%3Bhost%3Bx-amz-checksum-sha256&\
         X-Amz-Signature=4a2d4c04fb9704758ec839f7b5d8ec16fe43b1235a3eefe44ca946eb8ad2ef68";
    const GOLDEN_GET: &str = "http://127.0.0.1:7070/guildhall-evidence/evidence/0197/1?\
         response-cache-control=private%2C%20no-store&\
         response-content-disposition=attachment%3B%20filename%2A%3DUTF-8%27%27Lohn%2520%2522M%25C3%25A4rz%2522%253B%2520%25C3%25BC.pdf&\
         X-Amz-Algorithm=AWS4-HMAC-SHA256&\
         X-Amz-Credential=AKIDEXAMPLE%2F20300102%2Feu-central-1%2Fs3%2Faws4_request&\
         X-Amz-Date=20300102T030405Z&\
         X-Amz-Expires=900&\
         X-Amz-SignedHeaders=host&\
         X-Amz-Signature=206ae40c8db4237dab646ff950fdb67c09979c1fd9146b247fd439a49096e733";
}
