//! The rules of a document's life. No IO and no waiting: everything here can be decided by looking.

pub mod case_ref;
pub mod declaration;
pub mod document;
pub mod file_name;
pub mod grounds;
pub mod hold;
pub mod media_type;
pub mod page;
pub mod policy;
pub mod sha256;
pub mod version;
pub mod viewer;

pub use case_ref::CaseRef;
pub use declaration::{Declaration, FileSize, Violation};
pub use document::{
    Changed, Document, Event, InvalidTransition, Lifecycle, NoNextVersion, RejectionReason, Status,
    StoredObject, UploadClosed, Verdict,
};
pub use file_name::FileName;
pub use grounds::Grounds;
pub use hold::{Act, Hold, NotReleased, Release};
pub use media_type::MediaType;
pub use page::{PageSize, PageToken};
pub use policy::{ClassName, Purpose, RetentionClass, RetentionPolicy, UploadPolicy};
pub use sha256::Sha256;
pub use version::Version;
pub use viewer::Viewer;
