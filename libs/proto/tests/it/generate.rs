//! Makes the contents of `src/gen` out of `proto/`, in memory.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use crate::operations;

/// File name to contents.
pub(crate) type Files = BTreeMap<String, Vec<u8>>;

/// Folder of the `.proto` files.
pub(crate) fn proto_dir() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../proto")
}

/// Folder of the committed generated code.
pub(crate) fn gen_dir() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src/gen")
}

/// Generates everything.
pub(crate) fn generate() -> Result<Files> {
    let protos = proto_files(&proto_dir())?;
    let mut compiler = protox::Compiler::new([proto_dir()])?;
    compiler.include_imports(true).include_source_info(true).open_files(&protos)?;
    let set = compiler.file_descriptor_set();

    let out = tempfile::tempdir()?;
    let mut config = tonic_prost_build::Config::new();
    config.enable_type_names().btree_map(["."]);
    tonic_prost_build::configure()
        .emit_rerun_if_changed(false)
        .out_dir(out.path())
        .compile_fds_with_config(set.clone(), config)?;

    let mut files = Files::new();
    for entry in fs::read_dir(out.path())? {
        let entry = entry?;
        let name = entry.file_name().into_string().ok().context("file name")?;
        if name.starts_with("guildhall.") {
            files.insert(name, fs::read(entry.path())?);
        }
    }
    files.insert("operation.rs".to_owned(), operations::render(&set)?.into_bytes());
    // Comments are for people; reflection answers with shapes.
    compiler.include_source_info(false);
    files.insert("descriptors.binpb".to_owned(), compiler.encode_file_descriptor_set());
    Ok(files)
}

/// All `.proto` files below a folder, sorted, so that output does not depend on the file system.
fn proto_files(dir: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut folders = vec![dir.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "proto") {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}
