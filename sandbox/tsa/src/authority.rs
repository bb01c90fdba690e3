//! Keys, certificates, and tokens signed with them.

use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context as _, Result};
use clock::Clock;
use cms::cert::{CertificateChoices, IssuerAndSerialNumber};
use cms::content_info::{CmsVersion, ContentInfo};
use cms::signed_data::{
    CertificateSet, EncapsulatedContentInfo, SignedData, SignerIdentifier, SignerInfo, SignerInfos,
};
use der::asn1::{Any, Int, ObjectIdentifier, OctetString, SetOfVec};
use der::{Decode as _, Encode as _};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, CustomExtension, DnType, IsCa, KeyPair,
    KeyUsagePurpose, SigningKey as _,
};
use sha2::{Digest as _, Sha256};
use time::Duration;
use timestamp::asn1::{
    Accuracy, CONTENT_TYPE, EssCertIdV2, GenTime, Imprint, MESSAGE_DIGEST, Request, SIGNED_DATA,
    SIGNING_CERTIFICATE_V2, SigningCertificateV2, TST_INFO, TstInfo, sha_256,
};
use x509_cert::Certificate;
use x509_cert::attr::Attribute;
use x509_cert::spki::AlgorithmIdentifierOwned;

use crate::fault::TokenFault;

/// Under which policy it stamps.
pub(crate) const POLICY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.32473.1.1");
const OTHER_POLICY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.32473.1.2");
const ECDSA_WITH_SHA_256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.2");
/// `extendedKeyUsage`, and its values `timeStamping` and `clientAuth` in DER.
const PURPOSE: &[u64] = &[2, 5, 29, 37];
const TIME_STAMPING: [u8; 12] = [0x30, 10, 6, 8, 0x2b, 6, 1, 5, 5, 7, 3, 8];
const CLIENT: [u8; 12] = [0x30, 10, 6, 8, 0x2b, 6, 1, 5, 5, 7, 3, 2];

/// Who signs.
#[derive(Debug)]
pub struct Authority {
    clock: Clock,
    root_pem: String,
    serial: AtomicU64,
    good: Signer,
    purposeless: Signer,
    expired: Signer,
    stranger: Signer,
}

#[derive(Debug)]
struct Signer {
    key: KeyPair,
    certificate: Certificate,
}

impl Authority {
    /// An authority with keys of its own whose time is `clock`'s.
    ///
    /// # Errors
    /// When the machine has no randomness.
    pub fn new(clock: Clock) -> Result<Self> {
        let root = root(&clock, "Sandbox Root")?;
        let unknown = root_of_nobody(&clock)?;
        let day = Duration::DAY;
        Ok(Self {
            root_pem: root.pem(),
            serial: AtomicU64::new(1),
            good: Signer::new(&clock, &root, &TIME_STAMPING, day)?,
            purposeless: Signer::new(&clock, &root, &CLIENT, day)?,
            expired: Signer::new(&clock, &root, &TIME_STAMPING, -day)?,
            stranger: Signer::new(&clock, &unknown, &TIME_STAMPING, day)?,
            clock,
        })
    }

    /// The certificate to trust, in PEM.
    #[must_use]
    pub fn root_pem(&self) -> &str {
        &self.root_pem
    }

    /// A token that answers `request`, with what `fault` says being wrong.
    pub(crate) fn token(&self, request: &Request, fault: Option<TokenFault>) -> Result<ContentInfo> {
        let signer = match fault {
            Some(TokenFault::Purpose) => &self.purposeless,
            Some(TokenFault::Expired) => &self.expired,
            Some(TokenFault::Stranger) => &self.stranger,
            _ => &self.good,
        };
        let content = self.info(request, fault)?.to_der()?;
        signer.sign(&content, request.certificates, fault)
    }

    fn info(&self, request: &Request, fault: Option<TokenFault>) -> Result<TstInfo> {
        let mut info = TstInfo {
            version: 1,
            policy: request.policy.unwrap_or(POLICY),
            imprint: request.imprint.clone(),
            serial: Int::from_der(&self.serial.fetch_add(1, Ordering::Relaxed).to_der()?)?,
            gen_time: GenTime(self.clock.now()),
            accuracy: Some(Accuracy { seconds: Some(1), millis: Some(500), micros: None }),
            ordering: false,
            nonce: request.nonce.clone(),
            tsa: None,
            extensions: None,
        };
        match fault {
            Some(TokenFault::Nonce) => info.nonce = Some(Int::from_der(&1_u8.to_der()?)?),
            Some(TokenFault::Imprint) => info.imprint = imprint_of(b"something else")?,
            Some(TokenFault::Policy) => info.policy = OTHER_POLICY,
            Some(TokenFault::Time) => info.gen_time = GenTime(self.clock.now() - Duration::minutes(10)),
            _ => {}
        }
        Ok(info)
    }
}

impl Signer {
    /// Certified by `root` for a purpose, until so long from now.
    fn new(
        clock: &Clock,
        root: &CertifiedIssuer<'static, KeyPair>,
        purpose: &[u8],
        until: Duration,
    ) -> Result<Self> {
        let key = KeyPair::generate()?;
        let mut params = CertificateParams::new(Vec::new())?;
        params.distinguished_name.push(DnType::CommonName, "Sandbox Time-Stamps");
        params.not_before = clock.now() - 2 * Duration::DAY;
        params.not_after = clock.now() + until;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        // What the crate itself writes is not critical.
        let mut purpose = CustomExtension::from_oid_content(PURPOSE, purpose.to_vec());
        purpose.set_criticality(true);
        params.custom_extensions.push(purpose);
        let certificate = params.signed_by(&key, root)?;
        Ok(Self { key, certificate: Certificate::from_der(certificate.der())? })
    }

    fn sign(&self, content: &[u8], with_certificate: bool, fault: Option<TokenFault>) -> Result<ContentInfo> {
        let mut named = self.certificate.to_der()?;
        if fault == Some(TokenFault::Certificate) {
            named.push(0);
        }
        let signed_content: &[u8] =
            if fault == Some(TokenFault::Digest) { b"something else" } else { content };
        let id = EssCertIdV2 { algorithm: None, digest: digest(&named)?, issuer_serial: None };
        let attributes = SetOfVec::try_from(vec![
            attribute(CONTENT_TYPE, &TST_INFO)?,
            attribute(MESSAGE_DIGEST, &digest(signed_content)?)?,
            attribute(
                SIGNING_CERTIFICATE_V2,
                &SigningCertificateV2 { certificates: vec![id], policies: None },
            )?,
        ])?;
        let mut signed = attributes.to_der()?;
        if fault == Some(TokenFault::Signature) {
            signed.push(0);
        }
        let tbs = &self.certificate.tbs_certificate;
        let signer = SignerInfo {
            version: CmsVersion::V1,
            sid: SignerIdentifier::IssuerAndSerialNumber(IssuerAndSerialNumber {
                issuer: tbs.issuer.clone(),
                serial_number: tbs.serial_number.clone(),
            }),
            digest_alg: sha_256(),
            signed_attrs: Some(attributes),
            signature_algorithm: AlgorithmIdentifierOwned { oid: ECDSA_WITH_SHA_256, parameters: None },
            signature: OctetString::new(self.key.sign(&signed)?)?,
            unsigned_attrs: None,
        };
        let certificate = CertificateChoices::Certificate(self.certificate.clone());
        let certificates = CertificateSet(SetOfVec::try_from(vec![certificate])?);
        let data = SignedData {
            version: CmsVersion::V3,
            digest_algorithms: SetOfVec::try_from(vec![sha_256()])?,
            encap_content_info: EncapsulatedContentInfo {
                econtent_type: TST_INFO,
                econtent: Some(Any::encode_from(&OctetString::new(content)?)?),
            },
            certificates: with_certificate.then_some(certificates),
            crls: None,
            signer_infos: SignerInfos(SetOfVec::try_from(vec![signer])?),
        };
        Ok(ContentInfo { content_type: SIGNED_DATA, content: Any::encode_from(&data)? })
    }
}

fn root(clock: &Clock, name: &str) -> Result<CertifiedIssuer<'static, KeyPair>> {
    let mut params = CertificateParams::new(Vec::new())?;
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.not_before = clock.now() - 30 * Duration::DAY;
    params.not_after = clock.now() + 30 * Duration::DAY;
    CertifiedIssuer::self_signed(params, KeyPair::generate()?).context("cannot certify a root")
}

/// Of the same name, and with another key.
fn root_of_nobody(clock: &Clock) -> Result<CertifiedIssuer<'static, KeyPair>> {
    root(clock, "Sandbox Root")
}

fn imprint_of(bytes: &[u8]) -> Result<Imprint> {
    Ok(Imprint { algorithm: sha_256(), digest: digest(bytes)? })
}

fn digest(bytes: &[u8]) -> Result<OctetString> {
    Ok(OctetString::new(Sha256::digest(bytes).to_vec())?)
}

fn attribute(oid: ObjectIdentifier, value: &(impl der::Tagged + der::EncodeValue)) -> Result<Attribute> {
    Ok(Attribute { oid, values: SetOfVec::try_from(vec![Any::encode_from(value)?])? })
}
