//! A time-stamp and whether it holds.

use std::time::Duration;

use cms::content_info::ContentInfo;
use der::asn1::{Any, ObjectIdentifier, OctetString};
use der::{Decode as _, Encode as _, Tag, TagNumber, Tagged as _};
use rustls_pki_types::{CertificateDer, SignatureVerificationAlgorithm, UnixTime};
use sha2::{Digest as _, Sha256, Sha384, Sha512};
use time::OffsetDateTime;
use webpki::aws_lc_rs as algorithms;
use webpki::{EndEntityCert, KeyUsage};
use x509_cert::ext::pkix::{ExtendedKeyUsage, KeyUsage as Usage, SubjectKeyIdentifier};
use x509_cert::name::Name;
use x509_cert::spki::AlgorithmIdentifierOwned;

use super::asn1::{
    Accuracy, CONTENT_TYPE, MESSAGE_DIGEST, SHA_256, SHA_384, SHA_512, SIGNED_DATA, SIGNING_CERTIFICATE_V2,
    SigningCertificateV2, TST_INFO, TstInfo,
};
use super::signed::{Attribute, Certificate, Elements, IssuerAndSerial, SignedData, Signer, TbsCertificate};
use super::trusted::Trusted;

/// Tokens have some 6 KiB; a larger one is not read.
pub(crate) const MAX_BYTES: usize = 64 * 1024;

/// What a time-stamp says, once verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// When what was stamped was there.
    pub at: OffsetDateTime,
    /// How far that can be off, where the authority says so.
    pub accuracy: Option<Duration>,
    /// The policy it was made under, as dotted numbers.
    pub policy: String,
    /// Its number at the authority, hexadecimal.
    pub serial: String,
    /// The name in the authority's certificate.
    pub authority: String,
}

/// The check that a token does not pass.
#[derive(Debug, thiserror::Error)]
pub enum Invalid {
    /// It is larger than 64 KiB.
    #[error("size: more than {MAX_BYTES} bytes")]
    Size,
    /// A part of it cannot be read.
    #[error("form: {part} is not as it should be")]
    Malformed {
        /// Which.
        part: &'static str,
        /// Why.
        #[source]
        source: der::Error,
    },
    /// It is CMS, and no time-stamp.
    #[error("content: not a time-stamp, but {0}")]
    Content(ObjectIdentifier),
    /// It has another version than 1.
    #[error("version: {0}")]
    Version(u8),
    /// An extension that must be understood is not.
    #[error("extension: {0} is critical and not known")]
    Extension(ObjectIdentifier),
    /// It is signed by nobody or by several.
    #[error("signers: {0} instead of one")]
    Signers(usize),
    /// It stamps something else.
    #[error("message imprint: of something else")]
    Imprint,
    /// A signed attribute is missing, is there twice or has not one value.
    #[error("signed attributes: not one {0}")]
    Attribute(&'static str),
    /// The signature is over another kind of content.
    #[error("signed attributes: contentType is {0}")]
    ContentType(ObjectIdentifier),
    /// The signature is over other content.
    #[error("signed attributes: messageDigest is of something else")]
    MessageDigest,
    /// The certificate of the signer is not in the token.
    #[error("certificates: the signer's is not there")]
    NoCertificate,
    /// The certificate in the token is not the one that was signed with.
    #[error("signed attributes: signingCertificateV2 names another certificate")]
    SigningCertificate,
    /// The certificate is not for time-stamping, or for other things too.
    #[error("purpose: extendedKeyUsage is not timeStamping alone and critical")]
    Purpose,
    /// The certificate's key is not for signing.
    #[error("purpose: keyUsage is not for signatures")]
    KeyUsage,
    /// A hash or signature algorithm that is not taken.
    #[error("algorithm: {0} is not supported")]
    Algorithm(ObjectIdentifier),
    /// The signature is not the certificate's.
    #[error("signature: does not verify")]
    Signature(#[source] webpki::Error),
    /// The signer's certificate had not begun or had ended when the token was made.
    #[error("validity: the certificate was not valid at {0}")]
    Expired(OffsetDateTime),
    /// The certificate does not lead to a trusted one.
    #[error("chain: leads to no trusted certificate")]
    Chain(#[source] webpki::Error),
}

/// Whether `token` proves that what has the SHA-256 `digest` was there at a time. Needs nothing but its arguments: no network
/// and no clock, since certificates are looked at as of that time.
///
/// # Errors
/// The first check that it does not pass.
pub fn verify(token: &[u8], digest: &[u8; 32], trusted: &Trusted) -> Result<Stamp, Invalid> {
    Token::read(token)?.verify(digest, trusted)
}

/// A token, read and not yet verified.
pub(crate) struct Token {
    pub(crate) info: TstInfo,
    /// `info` as it was signed.
    content: Vec<u8>,
    signer: Signer,
    certificates: Vec<CertificateDer<'static>>,
}

impl Token {
    pub(crate) fn read(token: &[u8]) -> Result<Self, Invalid> {
        if token.len() > MAX_BYTES {
            return Err(Invalid::Size);
        }
        let outer = ContentInfo::from_der(token).map_err(malformed("ContentInfo"))?;
        if outer.content_type != SIGNED_DATA {
            return Err(Invalid::Content(outer.content_type));
        }
        let data: SignedData = outer.content.decode_as().map_err(malformed("SignedData"))?;
        if data.content.econtent_type != TST_INFO {
            return Err(Invalid::Content(data.content.econtent_type));
        }
        let content = data.content.econtent.unwrap_or_else(Any::null);
        let content: OctetString = content.decode_as().map_err(malformed("eContent"))?;
        let content = content.into_bytes();
        let info = TstInfo::from_der(&content).map_err(malformed("TSTInfo"))?;
        if info.version != 1 {
            return Err(Invalid::Version(info.version));
        }
        if let Some(unknown) = info.extensions.iter().flatten().find(|extension| extension.critical) {
            return Err(Invalid::Extension(unknown.extn_id));
        }
        let [signer] = data.signers.0.as_slice() else { return Err(Invalid::Signers(data.signers.0.len())) };
        let signer = signer.decode_as().map_err(malformed("SignerInfo"))?;
        let certificates = data.certificates.iter().flat_map(|set| &set.0);
        // The others are certificates of attributes.
        let certificates = certificates.filter(|choice| choice.tag() == Tag::Sequence).map(Any::to_der);
        let certificates = certificates.map(|der| der.map(CertificateDer::from)).collect::<Result<_, _>>();
        let certificates = certificates.map_err(malformed("CertificateSet"))?;
        Ok(Self { info, content, signer, certificates })
    }

    pub(crate) fn verify(&self, digest: &[u8; 32], trusted: &Trusted) -> Result<Stamp, Invalid> {
        let imprint = &self.info.imprint;
        if imprint.algorithm.oid != SHA_256 || imprint.digest.as_bytes() != digest {
            return Err(Invalid::Imprint);
        }
        let signed = self.signed_attributes()?;
        let (raw, tbs) = self.signing_certificate()?;
        is_for_time_stamps(&tbs)?;
        let unreadable = malformed("the signing certificate");
        let entity = EndEntityCert::try_from(raw).map_err(|_| unreadable(Tag::Sequence.value_error()))?;
        verify_signature(&entity, &self.signer, &signed)?;
        self.verify_chain(&entity, &tbs, trusted)?;
        // Only now: names are read in quadratic time, and this one was certified.
        let authority: Name = tbs.subject.decode_as().map_err(malformed("subject"))?;
        Ok(Stamp {
            at: self.info.gen_time.0,
            accuracy: self.info.accuracy.map(duration),
            policy: self.info.policy.to_string(),
            serial: hex::encode(self.info.serial.as_bytes()),
            authority: authority.to_string(),
        })
    }

    /// What the signature is over, once its attributes are found to be about the content.
    fn signed_attributes(&self) -> Result<Vec<u8>, Invalid> {
        let content_type = self.attribute(CONTENT_TYPE, "contentType")?;
        let content_type = content_type.decode_as().map_err(malformed("contentType"))?;
        if content_type != TST_INFO {
            return Err(Invalid::ContentType(content_type));
        }
        let digest = self.attribute(MESSAGE_DIGEST, "messageDigest")?;
        let digest: OctetString = digest.decode_as().map_err(malformed("messageDigest"))?;
        if hash(self.signer.digest_algorithm.oid, &self.content)? != digest.as_bytes() {
            return Err(Invalid::MessageDigest);
        }
        let signed = self.signer.signed.as_ref().map(Elements::to_der).unwrap_or_else(|| Ok(Vec::new()));
        signed.map_err(malformed("signedAttrs"))
    }

    /// The certificate that the signer names, in both ways.
    fn signing_certificate(&self) -> Result<(&CertificateDer<'static>, TbsCertificate), Invalid> {
        // Others may be of kinds that are not read here.
        let readable =
            self.certificates.iter().filter_map(|raw| Some((raw, Certificate::from_der(raw).ok()?.tbs)));
        let mut named = readable.filter(|(_, tbs)| is_named(tbs, &self.signer.id));
        let (raw, tbs) = named.next().ok_or(Invalid::NoCertificate)?;
        let ids = self.attribute(SIGNING_CERTIFICATE_V2, "signingCertificateV2")?;
        let ids: SigningCertificateV2 = ids.decode_as().map_err(malformed("signingCertificateV2"))?;
        let id = ids.certificates.first().ok_or(Invalid::SigningCertificate)?;
        let algorithm = id.algorithm.as_ref().map_or(SHA_256, |algorithm| algorithm.oid);
        if hash(algorithm, raw)? != id.digest.as_bytes() {
            return Err(Invalid::SigningCertificate);
        }
        Ok((raw, tbs))
    }

    fn verify_chain(
        &self,
        entity: &EndEntityCert<'_>,
        tbs: &TbsCertificate,
        trusted: &Trusted,
    ) -> Result<(), Invalid> {
        let at = self.info.gen_time.0;
        let since = u64::try_from(at.unix_timestamp()).map_err(|_| Invalid::Expired(at))?;
        let since = Duration::from_secs(since);
        let (from, until) = (tbs.validity.not_before, tbs.validity.not_after);
        if since < from.to_unix_duration() || since > until.to_unix_duration() {
            return Err(Invalid::Expired(at));
        }
        let path = entity.verify_for_usage(
            ALGORITHMS,
            trusted.anchors(),
            &self.certificates,
            UnixTime::since_unix_epoch(since),
            // Certificates of authorities mostly name no purpose.
            KeyUsage::required_if_present(TIME_STAMPING_VALUE),
            None,
            None,
        );
        path.map(|_| ()).map_err(Invalid::Chain)
    }

    fn attribute(&self, id: ObjectIdentifier, name: &'static str) -> Result<Any, Invalid> {
        let mut found = None;
        for attribute in self.signer.signed.iter().flat_map(|set| &set.0) {
            let attribute: Attribute = attribute.decode_as().map_err(malformed("a signed attribute"))?;
            if attribute.id == id && found.replace(attribute.values).is_some() {
                return Err(Invalid::Attribute(name));
            }
        }
        let [value] = found
            .map_or_else(Vec::new, |values| values.0)
            .try_into()
            .map_err(|_| Invalid::Attribute(name))?;
        Ok(value)
    }
}

/// `id-kp-timeStamping`.
const TIME_STAMPING: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.8");
/// The same as the bytes of its DER value.
const TIME_STAMPING_VALUE: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 3, 8];
/// `rsaEncryption`: a signature whose hash is the signer's digest algorithm.
const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");

/// What certificates and tokens may be signed with: nothing over SHA-1, no RSA key below 2,048 bits.
const ALGORITHMS: &[&dyn SignatureVerificationAlgorithm] = &[
    algorithms::ECDSA_P256_SHA256,
    algorithms::ECDSA_P256_SHA384,
    algorithms::ECDSA_P256_SHA512,
    algorithms::ECDSA_P384_SHA256,
    algorithms::ECDSA_P384_SHA384,
    algorithms::ECDSA_P384_SHA512,
    algorithms::ECDSA_P521_SHA256,
    algorithms::ECDSA_P521_SHA384,
    algorithms::ECDSA_P521_SHA512,
    algorithms::ED25519,
    algorithms::RSA_PKCS1_2048_8192_SHA256,
    algorithms::RSA_PKCS1_2048_8192_SHA384,
    algorithms::RSA_PKCS1_2048_8192_SHA512,
    algorithms::RSA_PKCS1_2048_8192_SHA256_ABSENT_PARAMS,
    algorithms::RSA_PKCS1_2048_8192_SHA384_ABSENT_PARAMS,
    algorithms::RSA_PKCS1_2048_8192_SHA512_ABSENT_PARAMS,
    algorithms::RSA_PSS_2048_8192_SHA256_LEGACY_KEY,
    algorithms::RSA_PSS_2048_8192_SHA384_LEGACY_KEY,
    algorithms::RSA_PSS_2048_8192_SHA512_LEGACY_KEY,
];

fn malformed(part: &'static str) -> impl Fn(der::Error) -> Invalid {
    move |source| Invalid::Malformed { part, source }
}

fn is_named(tbs: &TbsCertificate, id: &Any) -> bool {
    const KEY: Tag = Tag::ContextSpecific { constructed: false, number: TagNumber::N0 };
    if id.tag() == KEY {
        let found = tbs.extension::<SubjectKeyIdentifier>();
        return found.is_some_and(|(_, found)| found.0.as_bytes() == id.value());
    }
    id.decode_as::<IssuerAndSerial>().is_ok_and(|id| id.issuer == tbs.issuer && id.serial == tbs.serial)
}

/// RFC 3161, section 2.3: for time-stamps alone, and whoever does not know what that means shall not use it.
fn is_for_time_stamps(tbs: &TbsCertificate) -> Result<(), Invalid> {
    match tbs.extension::<ExtendedKeyUsage>() {
        Some((true, purposes)) if purposes.0 == [TIME_STAMPING] => {}
        _ => return Err(Invalid::Purpose),
    }
    match tbs.extension::<Usage>() {
        None if !tbs.has::<Usage>() => Ok(()),
        Some((_, usage)) if usage.digital_signature() || usage.non_repudiation() => Ok(()),
        _ => Err(Invalid::KeyUsage),
    }
}

fn verify_signature(entity: &EndEntityCert<'_>, signer: &Signer, signed: &[u8]) -> Result<(), Invalid> {
    let named = &signer.signature_algorithm;
    // The value without the tag and the length of its sequence, as the algorithms have it.
    let encoded = Any::encode_from(named).map_err(malformed("signatureAlgorithm"))?;
    let mut verdict = Err(Invalid::Algorithm(named.oid));
    for algorithm in ALGORITHMS {
        let wanted = algorithm.signature_alg_id();
        let is_named = if named.oid == RSA {
            rsa(&signer.digest_algorithm)?.signature_alg_id() == wanted
        } else {
            wanted.as_ref() == encoded.value()
        };
        if !is_named {
            continue;
        }
        // A signature by an elliptic curve names the hash and not the curve.
        match entity.verify_signature(*algorithm, signed, signer.signature.as_bytes()) {
            Ok(()) => return Ok(()),
            Err(error) => verdict = Err(Invalid::Signature(error)),
        }
    }
    verdict
}

fn rsa(digest: &AlgorithmIdentifierOwned) -> Result<&'static dyn SignatureVerificationAlgorithm, Invalid> {
    match digest.oid {
        SHA_256 => Ok(algorithms::RSA_PKCS1_2048_8192_SHA256),
        SHA_384 => Ok(algorithms::RSA_PKCS1_2048_8192_SHA384),
        SHA_512 => Ok(algorithms::RSA_PKCS1_2048_8192_SHA512),
        other => Err(Invalid::Algorithm(other)),
    }
}

fn hash(algorithm: ObjectIdentifier, bytes: &[u8]) -> Result<Vec<u8>, Invalid> {
    match algorithm {
        SHA_256 => Ok(Sha256::digest(bytes).to_vec()),
        SHA_384 => Ok(Sha384::digest(bytes).to_vec()),
        SHA_512 => Ok(Sha512::digest(bytes).to_vec()),
        other => Err(Invalid::Algorithm(other)),
    }
}

fn duration(accuracy: Accuracy) -> Duration {
    Duration::from_secs(accuracy.seconds.unwrap_or_default().into())
        + Duration::from_millis(accuracy.millis.unwrap_or_default().into())
        + Duration::from_micros(accuracy.micros.unwrap_or_default().into())
}
