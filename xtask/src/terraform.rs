//! `cargo xtask terraform`: everything that must hold of `terraform/`, without an account and, given a `TF_CMD` that works
//! without a network, without one.

mod access;
mod contract;
mod costs;
mod generated;
mod mistakes;
mod plan;
mod policy;
mod readme;
mod steps;
mod tools;

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

use self::plan::Terraform;
use crate::checks::Checks;
use crate::paths;

pub(crate) use access::LOCAL;
pub(crate) use contract::outputs;
pub(crate) use generated::faults;

/// What `terraform` can be told.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Write what is generated (topology.json, the modules' READMEs) instead of checking anything.
    #[arg(long)]
    update: bool,
    /// Only checks whose name contains this, for example `modules/sqs` or `checkov`.
    only: Option<String>,
    /// Write what environments cost (terraform/COSTS.md) where it differs, instead of complaining.
    #[arg(long)]
    costs: bool,
    /// How many terraform processes at a time; as many as there are processors without it.
    #[arg(long)]
    jobs: Option<usize>,
    /// Leave out tflint, checkov and the mistakes.
    #[arg(long)]
    quick: bool,
}

/// What `tf-outputs` can be told.
#[derive(clap::Args)]
pub(crate) struct OutputArgs {
    /// The environment, a folder of terraform/envs.
    environment: String,
}

/// Checks, or renews what is generated.
pub(crate) fn run(args: &Args) -> Result<()> {
    let root = paths::root();
    if args.update {
        return generated::update(&root);
    }
    let terraform = Terraform::find()?;
    let jobs = args.jobs.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from));
    let mut checks = Checks::default();
    let wanted = |name: &str| args.only.as_deref().is_none_or(|only| name.contains(only));
    let mut check = |name: &str, faults: &mut dyn FnMut() -> Result<Vec<String>>| -> Result<()> {
        if wanted(name) { checks.make(name, faults) } else { Ok(()) }
    };
    check("generated files, access", &mut || generated::faults(&root))?;
    check("format", &mut || terraform.format(&root.join("terraform")))?;
    if !args.quick {
        check("tflint", &mut || tools::tflint(&root))?;
        check("checkov", &mut || tools::checkov(&root))?;
        check("mistakes are caught", &mut || mistakes::uncaught(&root, &terraform))?;
    }
    let folders = folders(&root)?;
    let folders: Vec<PathBuf> =
        folders.into_iter().filter(|folder| wanted(&folder.to_string_lossy())).collect();
    steps::run(&root, &terraform, &folders, jobs, args.costs, |done| checks.report(done))?;
    if checks.is_empty() {
        bail!("no check is called {:?}", args.only.as_deref().unwrap_or_default());
    }
    checks.finish("terraform/", "terraform/README.md")
}

/// Every folder with configuration of its own, relative to the root: modules without a provider first, roots last.
fn folders(root: &Path) -> Result<Vec<PathBuf>> {
    let mut folders = vec![PathBuf::from("terraform/bootstrap")];
    for group in ["terraform/modules", "terraform/envs"] {
        let mut of_group = Vec::new();
        for entry in std::fs::read_dir(root.join(group))? {
            let path = entry?.path();
            if path.join("main.tf").is_file() {
                of_group.push(path.strip_prefix(root)?.to_owned());
            }
        }
        of_group.sort();
        folders.extend(of_group);
    }
    Ok(folders)
}
