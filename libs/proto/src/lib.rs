#![doc = include_str!("../README.md")]

/// `guildhall.document`: uploads, verdicts, downloads.
pub mod document {
    /// Version 1.
    #[expect(
        clippy::allow_attributes,
        clippy::allow_attributes_without_reason,
        reason = "tonic's generator writes bare `allow`s"
    )]
    pub mod v1 {
        include!("gen/guildhall.document.v1.rs");
    }
}

/// `guildhall.notification`: recipients, feeds, deliveries.
pub mod notification {
    /// Version 1.
    #[expect(
        clippy::allow_attributes,
        clippy::allow_attributes_without_reason,
        reason = "tonic's generator writes bare `allow`s"
    )]
    pub mod v1 {
        include!("gen/guildhall.notification.v1.rs");
    }
}

/// `guildhall.payment`: bills, payments, the ledger.
pub mod payment {
    /// Version 1.
    #[expect(
        clippy::allow_attributes,
        clippy::allow_attributes_without_reason,
        reason = "tonic's generator writes bare `allow`s"
    )]
    pub mod v1 {
        include!("gen/guildhall.payment.v1.rs");
    }
}

/// `guildhall.verification`: cases, checks, reviews.
pub mod verification {
    /// Version 1.
    #[expect(
        clippy::allow_attributes,
        clippy::allow_attributes_without_reason,
        reason = "tonic's generator writes bare `allow`s"
    )]
    pub mod v1 {
        include!("gen/guildhall.verification.v1.rs");
    }
}

/// `guildhall.common`: what messages of several services are made of.
pub mod common {
    /// Version 1.
    pub mod v1 {
        include!("gen/guildhall.common.v1.rs");
    }
}

/// `guildhall.subject`: erasure.
pub mod subject {
    /// Version 1.
    pub mod v1 {
        include!("gen/guildhall.subject.v1.rs");
    }
}

/// `guildhall.operations`: dead letters, the same in every service.
pub mod operations {
    /// Version 1.
    #[expect(
        clippy::allow_attributes,
        clippy::allow_attributes_without_reason,
        reason = "tonic's generator writes bare `allow`s"
    )]
    pub mod v1 {
        include!("gen/guildhall.operations.v1.rs");
    }
}

mod operation {
    include!("gen/operation.rs");
}

pub use operation::Operation;

/// Every file of `proto/` and what it imports, as an encoded `google.protobuf.FileDescriptorSet`, for reflection.
pub const FILE_DESCRIPTOR_SET: &[u8] = include_bytes!("gen/descriptors.binpb");
