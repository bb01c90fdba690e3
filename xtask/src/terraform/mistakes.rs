//! Whether the checks would notice: a mistake of each class is made in a copy, and has to be found.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use super::plan::Terraform;
use super::steps;
use crate::repository;

/// One mistake: what is replaced by what in which file, and a piece of what has to be said about it.
struct Mistake {
    class: &'static str,
    file: &'static str,
    from: &'static str,
    to: &'static str,
    said: &'static str,
}

/// What Terraform itself finds, in a module alone.
const INVALID: [Mistake; 4] = [
    Mistake {
        class: "unknown argument",
        file: "terraform/modules/sqs/main.tf",
        from: "visibility_timeout_seconds ",
        to: "visibility_timeout_second ",
        said: "An argument named \"visibility_timeout_second\" is not expected here",
    },
    Mistake {
        class: "missing argument",
        file: "terraform/modules/kms/main.tf",
        from: "  primary_key_arn         = aws_kms_key.this[each.key].arn\n",
        to: "",
        said: "The argument \"primary_key_arn\" is required",
    },
    Mistake {
        class: "wrong reference",
        file: "terraform/modules/s3/main.tf",
        from: "aws_s3_bucket.this.arn",
        to: "aws_s3_bucket.this.arm",
        said: "no argument, nested block, or exported attribute named \"arm\"",
    },
    Mistake {
        class: "module called without an input",
        file: "terraform/modules/platform/data.tf",
        from: "  queues           = module.topology.queues\n",
        to: "",
        said: "The argument \"queues\" is required",
    },
];

/// What is valid and must not be, all in one environment: each has to be named.
const WRONG: [Mistake; 6] = [
    Mistake {
        class: "open bucket",
        file: "terraform/modules/s3/main.tf",
        from: "block_public_policy     = true",
        to: "block_public_policy     = false",
        said: "must close every way to the public",
    },
    Mistake {
        class: "wildcard policy",
        file: "terraform/modules/access/main.tf",
        from: "Action   = [\"kafka-cluster:AlterGroup\", \"kafka-cluster:DescribeGroup\"]\n      Resource = [\"${local.kafka_group}${group}\"]",
        to: "Action   = [\"kafka-cluster:*\"]\n      Resource = [\"*\"]",
        said: "allows a wildcard of actions on everything: kafka-cluster:*",
    },
    Mistake {
        class: "unencrypted queue",
        file: "terraform/modules/sqs/main.tf",
        from: "  kms_master_key_id                 = var.kms_key_arn\n  kms_data_key_reuse_period_seconds = 300\n  tags ",
        to: "  tags ",
        said: "must be encrypted",
    },
    Mistake {
        class: "wrong region",
        file: "terraform/modules/elasticache/main.tf",
        from: "  region               = var.region",
        to: "  region               = \"us-east-1\"",
        said: "is in us-east-1, and data may be in",
    },
    Mistake {
        class: "unprotected database",
        file: "terraform/modules/rds/main.tf",
        from: "  deletion_protection       = var.deletion_protection",
        to: "  deletion_protection       = false",
        said: "must be protected from deletion",
    },
    Mistake {
        class: "no tags",
        file: "terraform/modules/msk/main.tf",
        from: "  tags = merge(var.tags, { Name = var.name, data-class = \"events\" })\n",
        to: "",
        said: "has no tag project",
    },
];

/// Mistakes that nothing has found.
pub(super) fn uncaught(root: &Path, terraform: &Terraform) -> Result<Vec<String>> {
    let mut faults = Vec::new();
    for mistake in &INVALID {
        let copy = copy(root)?;
        make(&copy, mistake)?;
        let folder = copy.join(mistake.file).parent().map(Path::to_owned).unwrap_or_default();
        let found = match terraform.init(&folder)? {
            Some(said) => Some(said),
            None => terraform.validate(&folder)?,
        };
        faults.extend(judge(mistake, &found.unwrap_or_default()));
    }
    let copy = copy(root)?;
    for mistake in &WRONG {
        make(&copy, mistake)?;
    }
    let folder = Path::new("terraform/envs/prod");
    let found = match terraform.init(&copy.join(folder))? {
        Some(said) => vec![said],
        None => steps::environment(&copy, terraform, folder)?.1,
    };
    let found = found.join("\n");
    faults.extend(WRONG.iter().filter_map(|mistake| judge(mistake, &found)));
    Ok(faults)
}

fn judge(mistake: &Mistake, found: &str) -> Option<String> {
    // Terraform breaks its lines where it likes.
    let found: String = found.split_whitespace().filter(|word| *word != "│").collect::<Vec<_>>().join(" ");
    let said = found.contains(mistake.said);
    (!said).then(|| format!("{} in {} was not found; what was: {found:.600}", mistake.class, mistake.file))
}

fn make(copy: &Path, mistake: &Mistake) -> Result<()> {
    let file = copy.join(mistake.file);
    let text = fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
    let wrong = text.replacen(mistake.from, mistake.to, 1);
    anyhow::ensure!(wrong != text, "{}: nothing to make the mistake {:?} of", mistake.file, mistake.class);
    fs::write(&file, wrong).with_context(|| format!("cannot write {}", file.display()))
}

/// What git knows of terraform/, and what the checks read beside it, below cargo's target.
fn copy(root: &Path) -> Result<std::path::PathBuf> {
    let to = crate::paths::target().join("terraform-mistakes");
    for file in repository::files(root)?
        .iter()
        .filter(|file| file.starts_with("terraform/") || *file == ".env.example")
    {
        let target = to.join(file);
        if let Some(parent) = target.parent() {
            fs::create_dir_all(parent).with_context(|| format!("cannot make {}", parent.display()))?;
        }
        fs::copy(root.join(file), &target).with_context(|| format!("cannot copy {file}"))?;
    }
    Ok(to)
}
