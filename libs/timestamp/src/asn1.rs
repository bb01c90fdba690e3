//! The structures of RFC 3161 and the attribute of RFC 5035 as DER: what a client and an authority write and read. What
//! their fields mean is said there.

use der::asn1::{Any, BitString, Int, ObjectIdentifier, OctetString};
use der::{DecodeValue, EncodeValue, FixedTag, Header, Length, Reader, Sequence, Tag, Writer};
use time::{Date, Month, OffsetDateTime, Time};
use x509_cert::ext::Extension;
use x509_cert::spki::AlgorithmIdentifierOwned;

/// `id-signedData`: a CMS message that is signed.
pub const SIGNED_DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.2");
/// `id-ct-TSTInfo`: what a time-stamp signs.
pub const TST_INFO: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.1.4");
/// `id-contentType`, a signed attribute.
pub const CONTENT_TYPE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.3");
/// `id-messageDigest`, a signed attribute.
pub const MESSAGE_DIGEST: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.4");
/// `id-aa-signingCertificateV2`, a signed attribute.
pub const SIGNING_CERTIFICATE_V2: ObjectIdentifier =
    ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.2.47");
/// `id-sha256`.
pub const SHA_256: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.1");
/// `id-sha384`.
pub const SHA_384: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.2");
/// `id-sha512`.
pub const SHA_512: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.3");

/// The bits of `PKIFailureInfo` that RFC 3161 has, and their names.
pub const FAILURES: [(usize, &str); 8] = [
    (0, "badAlg"),
    (2, "badRequest"),
    (5, "badDataFormat"),
    (14, "timeNotAvailable"),
    (15, "unacceptedPolicy"),
    (16, "unacceptedExtension"),
    (17, "addInfoNotAvailable"),
    (25, "systemFailure"),
];

/// `TimeStampReq`.
#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
pub struct Request {
    /// 1.
    pub version: u8,
    /// What is to be stamped.
    pub imprint: Imprint,
    /// Under which policy; the authority's own without one.
    #[asn1(optional = "true")]
    pub policy: Option<ObjectIdentifier>,
    /// A number that the answer repeats.
    #[asn1(optional = "true")]
    pub nonce: Option<Int>,
    /// Whether the token is to hold the authority's certificates.
    #[asn1(default = "Default::default")]
    pub certificates: bool,
    /// `[0] IMPLICIT`.
    #[asn1(context_specific = "0", tag_mode = "IMPLICIT", optional = "true")]
    pub extensions: Option<Vec<Extension>>,
}

/// `MessageImprint`: a digest and how it was made.
#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
pub struct Imprint {
    /// The hash function.
    pub algorithm: AlgorithmIdentifierOwned,
    /// The digest.
    pub digest: OctetString,
}

/// `TimeStampResp`.
#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
pub struct Response {
    /// Whether there is a token, and why not.
    pub status: Status,
    /// The token, a CMS `ContentInfo`.
    #[asn1(optional = "true")]
    pub token: Option<Any>,
}

/// `PKIStatusInfo`.
#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
pub struct Status {
    /// 0 granted, 1 granted with modifications, 2 rejection, 3 waiting, 4 and 5 about revocation.
    pub status: u8,
    /// In words.
    #[asn1(optional = "true")]
    pub text: Option<Vec<String>>,
    /// Bits of [`FAILURES`].
    #[asn1(optional = "true")]
    pub failures: Option<BitString>,
}

/// `TSTInfo`.
#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
pub struct TstInfo {
    /// 1.
    pub version: u8,
    /// Under which policy it was stamped.
    pub policy: ObjectIdentifier,
    /// What was stamped.
    pub imprint: Imprint,
    /// Unique at its authority.
    pub serial: Int,
    /// When.
    pub gen_time: GenTime,
    /// How far that can be off.
    #[asn1(optional = "true")]
    pub accuracy: Option<Accuracy>,
    /// Whether stamps of this authority can be ordered by their times alone.
    #[asn1(default = "Default::default")]
    pub ordering: bool,
    /// The request's.
    #[asn1(optional = "true")]
    pub nonce: Option<Int>,
    /// The authority's name, a `GeneralName`: a hint, the certificate counts.
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", optional = "true")]
    pub tsa: Option<Any>,
    /// `[1] IMPLICIT`.
    #[asn1(context_specific = "1", tag_mode = "IMPLICIT", optional = "true")]
    pub extensions: Option<Vec<Extension>>,
}

/// `Accuracy`: the sum of its fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Sequence)]
pub struct Accuracy {
    /// Seconds.
    #[asn1(optional = "true")]
    pub seconds: Option<u32>,
    /// 1 to 999.
    #[asn1(context_specific = "0", tag_mode = "IMPLICIT", optional = "true")]
    pub millis: Option<u16>,
    /// 1 to 999.
    #[asn1(context_specific = "1", tag_mode = "IMPLICIT", optional = "true")]
    pub micros: Option<u16>,
}

/// `SigningCertificateV2`.
#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
pub struct SigningCertificateV2 {
    /// The first is the signer's.
    pub certificates: Vec<EssCertIdV2>,
    /// Policies; not used.
    #[asn1(optional = "true")]
    pub policies: Option<Any>,
}

/// `ESSCertIDv2`: a certificate by its digest.
#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
pub struct EssCertIdV2 {
    /// The hash function, where it is not SHA-256.
    #[asn1(optional = "true")]
    pub algorithm: Option<AlgorithmIdentifierOwned>,
    /// The digest of the whole certificate.
    pub digest: OctetString,
    /// `IssuerSerial`; the digest says it already.
    #[asn1(optional = "true")]
    pub issuer_serial: Option<Any>,
}

/// SHA-256 without parameters.
#[must_use]
pub fn sha_256() -> AlgorithmIdentifierOwned {
    AlgorithmIdentifierOwned { oid: SHA_256, parameters: None }
}

/// `GeneralizedTime` as RFC 3161 has it: UTC, with seconds and, unlike in certificates, with up to nine digits after them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GenTime(pub OffsetDateTime);

impl GenTime {
    fn parse(text: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(text).ok()?.strip_suffix('Z')?;
        let (whole, fraction) = match text.split_once('.') {
            Some((whole, fraction)) => (whole, Some(fraction)),
            None => (text, None),
        };
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        if whole.len() != 14 || !digits(whole) {
            return None;
        }
        let nanos = match fraction {
            None => 0,
            // One spelling: no zero at the end, and no fraction that is none.
            Some(fraction) if !digits(fraction) || !(1..=9).contains(&fraction.len()) => return None,
            Some(fraction) if fraction.ends_with('0') => return None,
            Some(fraction) => format!("{fraction:0<9}").parse().ok()?,
        };
        let two = |at: usize| whole.get(at..at + 2)?.parse::<u8>().ok();
        let month = Month::try_from(two(4)?).ok()?;
        let date = Date::from_calendar_date(whole.get(..4)?.parse().ok()?, month, two(6)?).ok()?;
        let time = Time::from_hms_nano(two(8)?, two(10)?, two(12)?, nanos).ok()?;
        Some(Self(date.with_time(time).assume_utc()))
    }

    fn text(self) -> String {
        let at = self.0.to_offset(time::UtcOffset::UTC);
        let (date, time) = (at.date(), at.time());
        let mut text = format!(
            "{:04}{:02}{:02}{:02}{:02}{:02}.{:09}",
            date.year(),
            u8::from(date.month()),
            date.day(),
            time.hour(),
            time.minute(),
            time.second(),
            time.nanosecond()
        );
        let kept = text.trim_end_matches('0').trim_end_matches('.').len();
        // The seconds' own zeros stay.
        text.truncate(kept.max(14));
        text.push('Z');
        text
    }
}

impl FixedTag for GenTime {
    const TAG: Tag = Tag::GeneralizedTime;
}

impl<'a> DecodeValue<'a> for GenTime {
    fn decode_value<R: Reader<'a>>(reader: &mut R, header: Header) -> der::Result<Self> {
        let text = reader.read_vec(header.length)?;
        Self::parse(&text).ok_or_else(|| Self::TAG.value_error())
    }
}

impl EncodeValue for GenTime {
    fn value_len(&self) -> der::Result<Length> {
        Length::try_from(self.text().len())
    }

    fn encode_value(&self, writer: &mut impl Writer) -> der::Result<()> {
        writer.write(self.text().as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_has_one_spelling() {
        for text in ["20261128192030Z", "20261128192000Z", "20260101000000.5Z", "20260101000000.000000001Z"] {
            let time = GenTime::parse(text.as_bytes()).unwrap();
            assert_eq!(time.text(), text);
        }
        for text in [
            "20261128192030",
            "20261128192030.Z",
            "20261128192030.50Z",
            "20261128192030.0000000001Z",
            "202611281920Z",
            "20261328192030Z",
            "20261128192060Z",
            "20261128192030+0100",
            "2026112819203٣Z",
            "+0261128192030Z",
            "",
        ] {
            assert_eq!(GenTime::parse(text.as_bytes()), None, "{text}");
        }
    }
}
