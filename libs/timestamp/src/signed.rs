//! What a time-stamp is made of: parts of CMS (RFC 5652) and of certificates (RFC 5280). Sets are read in the order in which they
//! were sent, and names not at all: the crates `cms` and `x509-cert` sort sets, names among them, in quadratic time, minutes for
//! 64 KiB of bad will. What is compared is compared byte by byte.

use cms::content_info::CmsVersion;
use cms::signed_data::EncapsulatedContentInfo;
use der::asn1::{Any, BitString, Int, ObjectIdentifier, OctetString};
use der::oid::AssociatedOid;
use der::{
    Decode, DecodeValue, Encode, EncodeValue, FixedTag, Header, Length, Reader, Sequence, Tag, Writer,
};
use x509_cert::ext::Extension;
use x509_cert::spki::AlgorithmIdentifierOwned;
use x509_cert::time::Validity;

/// `SignedData`.
#[derive(Debug, Sequence)]
pub(crate) struct SignedData {
    pub(crate) version: CmsVersion,
    pub(crate) digest_algorithms: Elements,
    pub(crate) content: EncapsulatedContentInfo,
    #[asn1(context_specific = "0", tag_mode = "IMPLICIT", optional = "true")]
    pub(crate) certificates: Option<Elements>,
    #[asn1(context_specific = "1", tag_mode = "IMPLICIT", optional = "true")]
    pub(crate) crls: Option<Elements>,
    pub(crate) signers: Elements,
}

/// `SignerInfo`.
#[derive(Debug, Sequence)]
pub(crate) struct Signer {
    pub(crate) version: CmsVersion,
    /// [`IssuerAndSerial`], or `[0] IMPLICIT` a key identifier.
    pub(crate) id: Any,
    pub(crate) digest_algorithm: AlgorithmIdentifierOwned,
    #[asn1(context_specific = "0", tag_mode = "IMPLICIT", optional = "true")]
    pub(crate) signed: Option<Elements>,
    pub(crate) signature_algorithm: AlgorithmIdentifierOwned,
    pub(crate) signature: OctetString,
    #[asn1(context_specific = "1", tag_mode = "IMPLICIT", optional = "true")]
    pub(crate) unsigned: Option<Elements>,
}

/// `IssuerAndSerialNumber`.
#[derive(Debug, Sequence)]
pub(crate) struct IssuerAndSerial {
    pub(crate) issuer: Any,
    pub(crate) serial: Int,
}

/// `Certificate`.
#[derive(Debug, Sequence)]
pub(crate) struct Certificate {
    pub(crate) tbs: TbsCertificate,
    pub(crate) signature_algorithm: Any,
    pub(crate) signature: BitString,
}

/// `TBSCertificate`.
#[derive(Debug, Sequence)]
pub(crate) struct TbsCertificate {
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", optional = "true")]
    pub(crate) version: Option<u8>,
    pub(crate) serial: Int,
    pub(crate) signature_algorithm: Any,
    pub(crate) issuer: Any,
    pub(crate) validity: Validity,
    pub(crate) subject: Any,
    pub(crate) key: Any,
    #[asn1(context_specific = "1", tag_mode = "IMPLICIT", optional = "true")]
    pub(crate) issuer_id: Option<BitString>,
    #[asn1(context_specific = "2", tag_mode = "IMPLICIT", optional = "true")]
    pub(crate) subject_id: Option<BitString>,
    #[asn1(context_specific = "3", tag_mode = "EXPLICIT", optional = "true")]
    pub(crate) extensions: Option<Vec<Extension>>,
}

impl TbsCertificate {
    /// An extension's value and whether it is critical; `None` also where it is there twice or cannot be read.
    pub(crate) fn extension<'a, T: Decode<'a> + AssociatedOid>(&'a self) -> Option<(bool, T)> {
        let mut found = self.extensions.iter().flatten().filter(|extension| extension.extn_id == T::OID);
        let (extension, None) = (found.next()?, found.next()) else { return None };
        Some((extension.critical, T::from_der(extension.extn_value.as_bytes()).ok()?))
    }

    /// Whether there is an extension of this kind.
    pub(crate) fn has<T: AssociatedOid>(&self) -> bool {
        self.extensions.iter().flatten().any(|extension| extension.extn_id == T::OID)
    }
}

/// `Attribute`.
#[derive(Debug, Sequence)]
pub(crate) struct Attribute {
    pub(crate) id: ObjectIdentifier,
    pub(crate) values: Elements,
}

/// `SET OF ANY`.
#[derive(Debug)]
pub(crate) struct Elements(pub(crate) Vec<Any>);

impl FixedTag for Elements {
    const TAG: Tag = Tag::Set;
}

impl<'a> DecodeValue<'a> for Elements {
    fn decode_value<R: Reader<'a>>(reader: &mut R, header: Header) -> der::Result<Self> {
        reader.read_nested(header.length, |reader| {
            let mut elements = Vec::new();
            while !reader.is_finished() {
                elements.push(Any::decode(reader)?);
            }
            Ok(Self(elements))
        })
    }
}

impl EncodeValue for Elements {
    fn value_len(&self) -> der::Result<Length> {
        self.0.iter().try_fold(Length::ZERO, |length, element| length + element.encoded_len()?)
    }

    fn encode_value(&self, writer: &mut impl Writer) -> der::Result<()> {
        self.0.iter().try_for_each(|element| element.encode(writer))
    }
}
