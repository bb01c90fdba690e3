//! Whose time-stamps are believed.

use std::sync::Arc;

use rustls_pki_types::pem::{self, PemObject as _};
use rustls_pki_types::{CertificateDer, TrustAnchor};

/// Certificates of authorities that are believed as they are. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Trusted(Arc<[TrustAnchor<'static>]>);

/// The text holds no certificates that can be trusted.
#[derive(Debug, thiserror::Error)]
pub enum NotTrusted {
    /// It is not PEM.
    #[error("must be PEM")]
    Pem(#[source] pem::Error),
    /// It has no certificate.
    #[error("must have a certificate")]
    Empty,
    /// One of them cannot be read.
    #[error("certificate {number} cannot be read")]
    Certificate {
        /// From 1, in the order of the text.
        number: usize,
        /// What is wrong with it.
        #[source]
        source: webpki::Error,
    },
}

impl Trusted {
    /// Reads certificates in PEM; whatever else is there is skipped.
    ///
    /// # Errors
    /// Where there is none, or one that cannot be read.
    pub fn from_pem(text: &[u8]) -> Result<Self, NotTrusted> {
        let mut anchors = Vec::new();
        for certificate in CertificateDer::pem_slice_iter(text) {
            let certificate = certificate.map_err(NotTrusted::Pem)?;
            let anchor = webpki::anchor_from_trusted_cert(&certificate);
            let number = anchors.len() + 1;
            anchors.push(anchor.map_err(|source| NotTrusted::Certificate { number, source })?.to_owned());
        }
        if anchors.is_empty() {
            return Err(NotTrusted::Empty);
        }
        Ok(Self(anchors.into()))
    }

    pub(crate) fn anchors(&self) -> &[TrustAnchor<'static>] {
        &self.0
    }
}
