//! Where the objects of a version are. Every key there is, in one place: who compares the stores with the database, or
//! deletes a version, goes by this list.
//!
//! | bucket | key | what | deleted |
//! |---|---|---|---|
//! | intake | `intake/<document>/<version>` | the upload | after the verdict |
//! | evidence | `evidence/<document>/<version>` | the version itself | when it is erased |
//! | evidence | `preview/<document>/<version>/01.png` … `20.png`, `text.txt` | its preview | when it is erased |
//! | replica | `evidence/<document>/<version>` | a second copy of the version itself | when it is erased |
//! | exports | `<tenant>/<export>/<try>.zip` (`Export::object_key`) | a copy of a case, with what is ready of it | when something of it is erased, or after its time |
//!
//! No key continues another with `/`: some stores refuse that. Object versions behind any of them go too.

use super::Document;

impl Document {
    /// Key of the uploaded object in the intake bucket.
    #[must_use]
    pub fn intake_key(&self) -> String {
        format!("intake/{}/{}", self.id, self.version)
    }

    /// Key of the scanned copy in the evidence bucket.
    #[must_use]
    pub fn evidence_key(&self) -> String {
        format!("evidence/{}/{}", self.id, self.version)
    }

    /// What all keys of the version's preview begin with, in the evidence bucket.
    #[must_use]
    pub fn preview_prefix(&self) -> String {
        format!("preview/{}/{}/", self.id, self.version)
    }

    /// Key of a page's image, from 1; for 0 it is that of the text.
    #[must_use]
    pub fn preview_key(&self, number: i32) -> String {
        match number {
            0 => format!("{}text.txt", self.preview_prefix()),
            page => format!("{}{page:02}.png", self.preview_prefix()),
        }
    }
}
