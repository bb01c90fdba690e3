//! The rules of a document's life. No IO and no waiting: everything here can be decided by looking.

pub mod case_ref;
pub mod declaration;
pub mod document;
pub mod export;
pub mod file_name;
pub mod grant;
pub mod hold;
pub mod integrity;
mod keys;
pub mod media_type;
pub mod objects;
pub mod parts;
pub mod policy;
pub mod preview;
pub mod quarantine;
pub mod sha256;
pub mod version;
pub mod viewer;

pub use ::grounds::Grounds;
pub use ::paging::PageToken;
pub use case_ref::CaseRef;
pub use declaration::{Declaration, FileSize, Violation};
pub use document::{
    Changed, Document, Event, InvalidTransition, Lifecycle, NoNextVersion, RejectionReason, Status,
    StoredObject, UploadClosed, Verdict,
};
pub use export::{Archive, Export, ExportFailure, ExportState};
pub use file_name::{FileName, SealedName};
pub use grant::{ClientId, Grant, Grantee, Target};
pub use hold::{Act, Hold, NotReleased, Release};
pub use integrity::Integrity;
pub use media_type::MediaType;
pub use objects::{ObjectKey, Stored};
pub use parts::Parts;
pub use policy::{
    AccessPolicy, AccessPurpose, ArchiveLimits, ClassName, Purpose, RetentionClass, RetentionPolicy,
    UploadPolicy,
};
pub use preview::{PreviewFailure, PreviewObject, PreviewOutcome, PreviewState};
pub use sha256::Sha256;
pub use version::Version;
pub use viewer::Viewer;
