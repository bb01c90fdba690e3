//! Templates: those in the binary, and those that tenants have instead.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ids::Tenant;
use typst::foundations::Bytes;
use typst::syntax::{FileId, RootedPath, Source, VirtualPath, VirtualRoot};

use crate::LoadError;
use crate::document::Kind;

/// What every tenant has, and may have in its own way.
const BUILT_IN: [(&str, &str); 3] = [
    ("layout.typ", include_str!("../templates/layout.typ")),
    ("bill.typ", include_str!("../templates/bill.typ")),
    ("receipt.typ", include_str!("../templates/receipt.typ")),
];
/// Where a tenant's own layout finds the one that it is made from.
const BUILT_IN_FOLDER: &str = "default";
/// A picture of a letterhead has no reason to be larger, and would be in each document.
const LARGEST: u64 = 512 * 1024;

/// Files that templates are made of, by their path.
#[derive(Clone, Default)]
pub(crate) struct Files(HashMap<FileId, File>);

/// One of them.
#[derive(Clone)]
pub(crate) enum File {
    Template(Source),
    Picture(Bytes),
}

/// The templates of all tenants.
pub(crate) struct Templates {
    built_in: Arc<Files>,
    tenants: BTreeMap<Tenant, Arc<Files>>,
}

impl Templates {
    pub(crate) fn built_in() -> Self {
        let mut files = Files::default();
        for (name, text) in BUILT_IN {
            files.add_template(name, text);
            files.add_template(&format!("{BUILT_IN_FOLDER}/{name}"), text);
        }
        Self { built_in: Arc::new(files), tenants: BTreeMap::new() }
    }

    /// Reads `<folder>/<tenant>/<name>.typ`, and pictures beside it.
    pub(crate) fn read(folder: &Path) -> Result<Self, LoadError> {
        let mut templates = Self::built_in();
        for path in entries(folder)? {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            let tenant: Tenant = name.parse().map_err(|_| LoadError::Unexpected {
                path: path.clone(),
                rule: "is not named like a tenant: 1 to 63 of a-z, 0-9 and '-'",
            })?;
            let mut files = (*templates.built_in).clone();
            for file in entries(&path)? {
                files.read(&file)?;
            }
            templates.tenants.insert(tenant, Arc::new(files));
        }
        Ok(templates)
    }

    /// Those that have templates of their own.
    pub(crate) fn tenants(&self) -> impl Iterator<Item = &Tenant> {
        self.tenants.keys()
    }

    pub(crate) fn of(&self, tenant: &Tenant) -> &Arc<Files> {
        self.tenants.get(tenant).unwrap_or(&self.built_in)
    }

    /// What a file is called to people: below the folder of overrides, where the tenant has one.
    pub(crate) fn name(&self, tenant: &Tenant, file: FileId) -> String {
        let name = file.vpath().get_without_slash();
        let own = self.tenants.get(tenant).and_then(|files| files.0.get(&file));
        match (own, self.built_in.0.get(&file)) {
            (Some(File::Template(own)), Some(File::Template(other))) if own.text() == other.text() => {
                name.to_owned()
            }
            (Some(_), _) => format!("{tenant}/{name}"),
            (None, _) => name.to_owned(),
        }
    }
}

impl Files {
    pub(crate) fn get(&self, id: FileId) -> Option<&File> {
        self.0.get(&id)
    }

    fn add_template(&mut self, path: &str, text: &str) {
        let id = id(path);
        self.0.insert(id, File::Template(Source::new(id, text.to_owned())));
    }

    /// A file of a tenant's folder.
    fn read(&mut self, path: &PathBuf) -> Result<(), LoadError> {
        let failed = |source| LoadError::Read { path: path.clone(), source };
        let unexpected = |rule| LoadError::Unexpected { path: path.clone(), rule };
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let size = fs::metadata(path).map_err(failed)?.len();
        if size > LARGEST {
            return Err(unexpected("has more than 512 KiB"));
        }
        match path.extension().and_then(|end| end.to_str()) {
            Some("typ") if BUILT_IN.iter().any(|(known, _)| *known == name) => {
                self.add_template(&name, &fs::read_to_string(path).map_err(failed)?);
            }
            Some("typ") => return Err(unexpected("is none of layout.typ, bill.typ and receipt.typ")),
            Some("svg" | "png" | "jpg") => {
                let bytes = Bytes::new(fs::read(path).map_err(failed)?);
                self.0.insert(id(&name), File::Picture(bytes));
            }
            _ => return Err(unexpected("is neither a template nor a picture (.typ, .svg, .png, .jpg)")),
        }
        Ok(())
    }
}

/// The template of a document.
pub(crate) fn main(kind: Kind) -> FileId {
    id(&format!("{}.typ", kind.as_str()))
}

/// What the document is read from.
pub(crate) fn data() -> FileId {
    id("data.json")
}

fn id(path: &str) -> FileId {
    let path = VirtualPath::new(path).expect("a file's name has no parts that lead out of its folder");
    RootedPath::new(VirtualRoot::Project, path).intern()
}

/// What is in a folder, by name; what is hidden is not looked at, as mounted volumes have such.
fn entries(folder: &Path) -> Result<Vec<PathBuf>, LoadError> {
    let failed = |source| LoadError::Read { path: folder.to_path_buf(), source };
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        if !entry.file_name().to_string_lossy().starts_with('.') {
            paths.push(entry.path());
        }
    }
    paths.sort();
    Ok(paths)
}
